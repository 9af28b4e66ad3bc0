"""Following a page: what it says happens, in order, or it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.page_runner import follow
from tests.support.pages import blocks

PAGE = """
<!-- as greeting -->
```text
hello
```

<!-- keeps running -->
```console
$ trap 'echo bye > left; exit' INT; echo ready; while :; do sleep 0.01; done
ready
```

```console
$ cat greeting
hello
```

## Next

```sh
test "$(cat left)" = bye
test 127.0.0.1:8081 = "127.0.0.1:$NOTIFY_INTERNAL_PORT"
```
"""
ENV = dict(os.environ) | {"NOTIFY_INTERNAL_PORT": "4711"}


async def test_files_terminals_and_commands_as_the_page_has_them(tmp_path: Path) -> None:
    """A terminal ends by Ctrl-C where its section does; ports are the test's own."""
    await follow(blocks(PAGE), tmp_path, ENV)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("\nhello\n```\n\n##", "\nhi\n```\n\n##"),
        ("while :; do sleep 0.01; done\nready", "exit\nready\nsteady"),
        ("= bye", "= so-long"),
    ],
)
async def test_a_page_that_is_wrong_is_noticed(tmp_path: Path, true: str, false: str) -> None:
    before, found, after = PAGE.rpartition(true)
    assert found
    with pytest.raises(AssertionError, match="line "):
        await follow(blocks(f"{before}{false}{after}"), tmp_path, ENV)
