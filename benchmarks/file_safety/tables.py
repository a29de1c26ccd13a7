"""The tables of docs/file-safety.md, put between two marks that nobody edits between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.file_safety.scoring import HOSTILE, by_technique
from tests.assets.file_corpus.files import Case

_BEGIN: Final = "<!-- begin: measured by python -m benchmarks.file_safety --write -->"
_END: Final = "<!-- end: measured -->"


@dataclass(frozen=True)
class Column:
    """What one scanner says of every case.

    Attributes:
        name: Of the scanner.
        flagged: Path to whether it found something (ours: attack or not readable).
        not_judged: Path to whether it said nothing but that it could not, was killed, or skipped it.
        cpu_seconds: Over the whole corpus.
    """

    name: str
    flagged: Mapping[str, bool]
    not_judged: Mapping[str, bool]
    cpu_seconds: float

    def summary(self, made: Sequence[Case]) -> str:
        """Found and falsely flagged, in words."""
        hostile = [case for case in made if case.label in HOSTILE]
        honest = [case for case in made if case.label == "benign"]
        found = sum(self.flagged[case.path] for case in hostile)
        open_ = sum(self.not_judged[case.path] for case in hostile)
        false = sum(self.flagged[case.path] for case in honest)
        return (
            f"{found} of {len(hostile)} hostile flagged, {open_} not judged; {false} of {len(honest)} honest "
            f"flagged; {self.cpu_seconds:.0f} CPU s"
        )


def write_tables(
    page: Path, made: Sequence[Case], columns: Sequence[Column], figures: Mapping[str, object]
) -> None:
    """Replaces what stands between the marks of the page.

    Raises:
        ValueError: when the page has no marks.
    """
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, mark, after = rest.partition(_END)
    if not mark:
        raise ValueError(f"{page} has no '{_BEGIN}' ... '{_END}'")
    body = "\n".join(_lines(made, columns, figures))
    page.write_text(f"{before}{_BEGIN}\n{body}\n{_END}{after}", encoding="utf-8")


def _lines(made: Sequence[Case], columns: Sequence[Column], figures: Mapping[str, object]) -> list[str]:
    hostile = [case for case in made if case.label in HOSTILE]
    honest = [case for case in made if case.label == "benign"]
    lines = ["Our own figures:", "", "| Figure | Value |", "|---|---|"]
    lines += [f"| `{name}` | {value} |" for name, value in figures.items()]
    lines += [
        "",
        "Hostile cases flagged, and after the plus those that the scanner says it did not judge:",
        "",
    ]
    lines += _table("Technique", hostile, columns, with_open=True)
    lines += ["", "Honest cases flagged (false alarms):", ""]
    lines += _table("Kind", honest, columns, with_open=False)
    return lines


def _table(title: str, cases: Sequence[Case], columns: Sequence[Column], *, with_open: bool) -> list[str]:
    lines = [f"| {title} | n | " + " | ".join(column.name for column in columns) + " |"]
    lines.append("|---|---|" + "---|" * len(columns))
    flagged = [by_technique(cases, column.flagged) for column in columns]
    open_ = [by_technique(cases, column.not_judged) for column in columns]
    rows = [(name, count) for name, (_, count) in flagged[0].items()]
    for name, count in rows:
        cells = [
            _cell(found[name][0], left[name][0] if with_open else 0)
            for found, left in zip(flagged, open_, strict=True)
        ]
        lines.append(f"| {name} | {count} | " + " | ".join(cells) + " |")
    sums = [
        _cell(sum(each[0] for each in found.values()), sum(e[0] for e in left.values()) if with_open else 0)
        for found, left in zip(flagged, open_, strict=True)
    ]
    lines.append(f"| **all** | {len(cases)} | " + " | ".join(sums) + " |")
    return lines


def _cell(found: int, left: int) -> str:
    return f"{found}+{left}" if left else str(found)
