"""The reader of documentation pages: a page that lies or breaks is noticed."""

from __future__ import annotations

import pytest

from tests.support.pages import Block, blocks, same, within

PAGE = """# Title

```sh
first
```

<!-- run by make cluster, exits with 1 -->
```sh
second
```

## Section

<!-- keeps running -->
```console
$ serve
  listening
```

```python
not a script
```

<!-- as script.py -->
```python
print()
```

<!-- exits with 2 -->
```console
$ one \\
>     more
$ two
out of two
```
"""


def test_blocks_are_found_with_their_notes() -> None:
    assert list(blocks(PAGE)) == [
        Block(3, "", "sh", "first"),
        Block(8, "", "sh", "second", "run by make cluster, exits with 1"),
        Block(15, "## Section", "console", "$ serve\n  listening", "keeps running"),
        Block(25, "## Section", "python", "print()", "as script.py"),
        Block(30, "## Section", "console", "$ one \\\n>     more\n$ two\nout of two", "exits with 2"),
    ]


def test_commands_and_what_they_print() -> None:
    first, apart, serving, script, last = blocks(PAGE)
    assert first.commands() == [("first", [])]
    assert (first.target, apart.target, apart.exit_code) == ("", "cluster", 1)
    assert (serving.keeps_running, serving.commands()) == (True, [("serve", ["  listening"])])
    assert (script.file, last.file) == ("script.py", "")
    assert (last.exit_code, last.commands()) == (2, [("one \\\n    more", []), ("two", ["out of two"])])


@pytest.mark.parametrize(
    ("expected", "printed", "true"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a"], "a\nb\n", False),
        (["a", "b"], "a\n", False),
        (["a", "..."], "a\nb\nc\n", True),
        (["...", "c"], "a\nb\nc\n", True),
        (["...", "d"], "a\nb\nc\n", False),
        ([], "anything", True),
        (["id 0198f000-0000-7000-8000-000000000000"], "id 0198ffff-0000-7000-8000-ffffffffffff\n", True),
        (["x on 127.0.0.1:8080"], "x on 127.0.0.1:40321\n", True),
        (["x 2026-01-01 10:00:00"], "x 2027-02-02 11:11:11\n", True),
        (["1 unread"], "2 unread\n", False),
    ],
)
def test_what_is_printed_is_compared(expected: list[str], printed: str, true: bool) -> None:
    assert same(expected, printed) is true


def test_lines_within_a_log_keep_their_order() -> None:
    assert within(["a", "", "b"], "log\na\nlog\nb\n")
    assert not within(["b", "a"], "a\nb\n")
