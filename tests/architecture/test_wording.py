"""Names say what a thing is, exceptions say why, and the repository carries only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT
from tests.architecture.wording import (
    MAX_BYTES,
    meaningless_names,
    oversized,
    tied_to_a_place,
    tracked_files,
    unexplained_ignores,
)


def test_names_say_something() -> None:
    assert meaningless_names(PACKAGE) == []


@pytest.mark.parametrize("name", ["core/utils.py", "helpers/thing.py", "stores/base.py", "common.py"])
def test_a_meaningless_name_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (tmp_path / "database.py").touch()
    assert [violation.split(":")[0] for violation in meaningless_names(tmp_path)] == [name]


@pytest.mark.parametrize("folder", ["notify_grpc", "tests", "benchmarks", "examples"])
def test_every_ignore_has_a_reason(folder: str) -> None:
    assert unexplained_ignores(ROOT / folder) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# type: ignore",
        "# type: ignore[arg-type]",
        "# noqa",
        "# noqa: BLE001",
        "# noqa: BLE001 - why",
        "# pragma: no cover",
    ],
)
def test_an_unexplained_ignore_is_found(tmp_path: Path, comment: str) -> None:
    (tmp_path / "module.py").write_text(f"first = 1\nsecond = 2  {comment}\n")
    assert unexplained_ignores(tmp_path) == [f"module.py:2 {comment}"]


@pytest.mark.parametrize(
    "line",
    [
        "a = 1  # type: ignore[arg-type]  # the stubs say str, the library takes bytes",
        "a = 1  # noqa: BLE001 - the last line of defence",
        "a = '# noqa'",
    ],
)
def test_an_explained_ignore_is_fine(tmp_path: Path, line: str) -> None:
    (tmp_path / "module.py").write_text(f"{line}\n")
    assert unexplained_ignores(tmp_path) == []


def test_no_tracked_file_is_large() -> None:
    files = tracked_files(ROOT)
    assert files
    assert oversized(files) == []


def test_a_large_file_is_found(tmp_path: Path) -> None:
    at_most, too_large = tmp_path / "fine", tmp_path / "large"
    at_most.write_bytes(bytes(MAX_BYTES))
    too_large.write_bytes(bytes(MAX_BYTES + 1))
    assert oversized([at_most, too_large]) == [f"{too_large} has {MAX_BYTES + 1} bytes"]


def test_tracked_files_fit_any_machine() -> None:
    assert list(tied_to_a_place(tracked_files(ROOT))) == []


@pytest.mark.parametrize(
    "line", ["https://py" + "pi.org/simple", "cd /ho" + "me/somebody/notify", "ls /ro" + "ot/.cache"]
)
def test_a_line_tied_to_a_place_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "script").write_text(f"first\n{line}\n")
    (tmp_path / "fine").write_text("see docs/root/x, http://a.example/home/user/ and NOTIFY_HOME\n")
    (tmp_path / "picture").write_bytes(b"\xff\x00")
    assert list(tied_to_a_place(tmp_path.iterdir())) == [f"{tmp_path / 'script'}:2 {line}"]
