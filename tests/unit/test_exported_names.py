"""``import notify_grpc`` gives what it promises, and nothing starts by importing it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import notify_grpc


@pytest.mark.parametrize("name", notify_grpc.__all__)
def test_a_promised_name_is_there(name: str) -> None:
    assert getattr(notify_grpc, name).__name__ == name


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        notify_grpc.Nothing  # noqa: B018  # the access is the test


def test_importing_the_package_imports_no_part_of_it() -> None:
    program = "import sys, notify_grpc; print([m for m in sys.modules if m.startswith(('notify_grpc.', 'grpc'))])"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


async def test_in_process_use_needs_two_names() -> None:
    from notify_grpc import Content, MemoryStore, Notifier, NotifyCommand, UserKey

    async with Notifier(MemoryStore()) as notifier:
        await notifier.notify(NotifyCommand("acme", "n1", ["ada"], Content(title="Hello")))
        [item], _, unread = await notifier.inbox.page(UserKey("acme", "ada"))

    assert (item.content.title, unread) == ("Hello", 1)
