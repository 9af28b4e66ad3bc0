"""``python -m docs.reference``: writes the generated parts of the pages (``make docs``)."""

from __future__ import annotations

from docs.reference.pages import DOCS, PAGES, replaced


def main() -> None:
    for name, generate in PAGES.items():
        page = DOCS / name
        page.write_text(replaced(page.read_text(encoding="utf-8"), generate()), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
