"""Every language sees the same: the clients say step by step what came back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from notify_grpc.client import InboxClient
from tests.acceptance.process import Server, serving

STUBS = Path(__file__).resolve().parents[2] / "examples" / "stubs"
_RUN_S = 50.0


class Built(NamedTuple):
    """One client: what has to be here to run it, what ``make stubs`` builds, and who it signs in as."""

    tool: str
    program: Path
    user: str
    unauthenticated: str = "UNAUTHENTICATED"

    @property
    def command(self) -> list[str]:
        if self.tool == "java":
            return ["java", "-cp", f"{self.program}/classes:{self.program}/lib/*", "example.Client"]
        return ["node", str(self.program)] if self.tool == "node" else [str(self.program)]

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty when it can."""
        if shutil.which(self.tool) is None:
            return f"no {self.tool} here"
        return "" if self.program.exists() else f"{self.program.name} is not built: `make stubs` does it"


CLIENTS = {
    "go": Built("go", STUBS / "go/bin/client", "gopher", "Unauthenticated"),
    "typescript": Built("node", STUBS / "typescript/dist/notify.v1/client.js", "node", "Unauthenticated"),
    # Made from the public contract, as its existing clients are.
    "typescript as elloloop.notify.v1": Built(
        "node", STUBS / "typescript/dist/elloloop.notify.v1/client.js", "node", "Unauthenticated"
    ),
    "java": Built("java", STUBS / "java/target", "duke"),
}
SAID = """\
heartbeat
caught up unread=0
notify delivered=1
notification First read=false unread=1
notify duplicates=0
notify duplicates=1
heartbeat
notification Second read=false unread=2
caught up unread=2
page Second unread=2
page First unread=2
notification First read=true unread=1
wrong token {unauthenticated}
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as server:
        yield server


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Built:
    """Each of them; left out, with the reason, where it cannot run."""
    built = CLIENTS[request.param]
    if built.missing:
        pytest.skip(f"not run: {built.missing}")
    return built


async def test_notify_stream_resume_page_read_and_a_wrong_token(server: Server, client: Built) -> None:
    ports = server.ports
    process = await asyncio.create_subprocess_exec(
        *client.command,
        f"127.0.0.1:{ports.client}",
        f"127.0.0.1:{ports.internal}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), _RUN_S)
    assert out.decode() == SAID.format(unauthenticated=client.unauthenticated), err.decode()
    assert process.returncode == 0

    async with InboxClient(f"127.0.0.1:{ports.client}", token=f"dev:{client.user}:demo") as inbox:
        page = await inbox.page()
    assert [(n.title, n.read_at_ms > 0) for n in page.notifications] == [("Second", False), ("First", True)]
