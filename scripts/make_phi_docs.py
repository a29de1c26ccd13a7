"""Puts the figures of `make bench ONLY=phi` (build/bench.json) into the tables of docs/personal-data.md."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from probes.identifiers import load_identifiers

PAGE = Path("docs/personal-data.md")
_BLOCK = re.compile(r"(<!-- phi: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Writes the page; 1 when there are no figures yet."""
    figures = json.loads(Path("build/bench.json").read_text(encoding="utf-8")).get("phi")
    if figures is None:
        print("build/bench.json holds no figures of phi; run `make bench ONLY=phi` first")
        return 1
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        _BLOCK.sub(lambda block: block[1] + _table(block["name"], figures) + block[3], text), encoding="utf-8"
    )
    print(f"wrote {PAGE}")
    return 0


def _table(name: str, figures: dict[str, Any]) -> str:
    return _letters() if name == "letters" else _half(figures[name])


def _letters() -> str:
    lines = ["| letter | what | tested | how |", "|---|---|---|---|"]
    for letter, row in load_identifiers().letters.items():
        lines.append(f"| {letter} | {row.name} | {row.is_tested} | {row.how} |")
    return "\n".join(lines) + "\n"


def _half(half: dict[str, Any]) -> str:
    lines = [
        "| letter | n | recall | precision | presidio alone: recall | precision | masked: ours | presidio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = load_identifiers().letters
    for letter, row in half["letters"].items():
        cells = [
            f"{letter} {names[letter].name}", str(row["n"]), _share(row, "recall"), _share(row, "precision"),
            _plain(row["presidio_recall"]), _plain(row["presidio_precision"]), _plain(row["masked"]),
            _plain(row["presidio_masked"]),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for language, row in half["languages"].items():
        lines.append(
            f"- {language}: recall {row['recall']:.3f} (n = {row['n']}), precision {row['precision']:.3f}"
        )
    return "\n".join(lines) + "\n"


def _share(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


def _plain(value: float | None) -> str:
    return "no hit" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
