"""Writes the pages of docs/ that come from the checks, the packs, the licences, garak and the item bank."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from make_control_docs import control_pages
from make_deflection_docs import deflection_page
from make_garak_docs import garak_page
from make_licence_docs import licences_page

from cli.checks import known_checks
from policies.packs import available_packs, load_packs
from scanner.check import Check
from scanner.runner import in_order

DOCS = Path("docs")


def main() -> int:
    """Writes the pages; 1 with `--check` when they are not what the code says."""
    checks = known_checks()
    packs = load_packs(list(available_packs()), checks)
    pages = {
        DOCS / "checks.md": "\n".join(_checks_page(in_order(list(checks.values())))),
        DOCS / "garak.md": garak_page(),
        DOCS / "deflection-items.md": deflection_page(),
        DOCS / "licences-table.md": licences_page(),
        **{DOCS / name: text for name, text in control_pages(packs, checks).items()},
    }
    if "--check" in sys.argv[1:]:
        stale = [
            path
            for path, text in pages.items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        ]
        stale += set((DOCS / "controls").glob("*.md")) - set(pages)
        for path in stale:
            print(f"{path} is not what the code says; run `make docs`")
        return 1 if stale else 0
    for path, text in pages.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _checks_page(checks: list[Check]) -> list[str]:
    lines = ["# Checks", "", "Written by `make docs` from the checks themselves.", ""]
    for check in checks:
        page = inspect.cleandoc(sys.modules[type(check).__module__].__doc__ or "")
        lines += [f"## {check.id}", "", f"**{check.title}.** Severity {check.severity.value}, ", ""]
        lines[-2] += f"needs {check.needs.value}."
        lines += [page, ""]
        lines += [f"- measures `{each.name}` [{each.unit}]: {each.title}" for each in check.measures]
        lines += [""] if check.measures else []
    return lines


if __name__ == "__main__":
    sys.exit(main())
