"""Tables."""

from __future__ import annotations

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; what would be taken for its syntax, or for HTML, is escaped."""
    lines = [" | ".join(map(escaped, row)) for row in (heads, *rows)]
    return "\n".join([f"| {lines[0]} |", f"|{'---|' * len(heads)}", *(f"| {line} |" for line in lines[1:])])


def escaped(text: str) -> str:
    """Text that shows as it is."""
    return text.replace("|", "&#124;").replace("<", "&lt;")
