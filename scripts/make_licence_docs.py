"""Writes docs/licences-table.md: what is known of every licence, one line each, from the data alone."""

from __future__ import annotations

from typing import Final

from scanner.licensing.licence import Grade, Licence
from scanner.licensing.situation import Situation
from scanner.licensing.table import LicenceTable, licence_table
from scanner.licensing.terms import Duty, DutyKind, Terms, licence_terms

_HEAD: Final = """\
# What licences ask for

Written by `make docs` from `scanner/data/licences.yaml` and `scanner/data/licence_terms/`, table {version}.

{total} rows; {own} are licences made for models. How they are known: {grades}.

A row is a reading aid in our own words, no legal advice: the text in the pinned commit decides. What is only
quoted or named should be read before anybody relies on it.

- **commerce**: allowed, conditional, forbidden or unclear
- **limits**: thresholds, and what there are no rights for, or none before an agreement or a registration
- **show or name**: the exact words to display, or for the name of a model made from it to begin with
- **not in**: territories without rights for anybody
- **trained on outputs**: what it says of models trained on the model's outputs: free, to be named (naming),
  counted as made from it (derivative), forbidden, or unclear
- **inherits**: what binds the users of models made from it
- **free and open-source**: a reading of section 4.2 of the Commission's GPAI Guidelines, C(2025) 7719

{table}

What each duty says, when it applies and where in the text it stands is in the data files, whose conditions
are held against the answers of a policy file ([policy-file](policy-file.md)).
"""
_COLUMNS: Final = (
    "licence", "commerce", "limits", "show or name", "not in", "trained on outputs", "inherits",
    "free and open-source", "source", "grade", "checked",
)  # fmt: skip
_GATES: Final = (DutyKind.FORBIDDEN, DutyKind.PERMISSION, DutyKind.REGISTRATION)
_SHOWN: Final = (DutyKind.DISPLAY, DutyKind.NAMING)


def licences_page() -> str:
    """The page as Markdown."""
    table, terms = licence_table(), licence_terms()
    rows = sorted(table.licences, key=lambda row: row.title.casefold())
    lines = [_COLUMNS, ("---",) * len(_COLUMNS), *(_cells(row, terms[row.id]) for row in rows)]
    return _HEAD.format(
        version=table.version,
        total=len(rows),
        own=sum(row.spdx.startswith("LicenseRef") for row in rows),
        grades=", ".join(_count(table, grade) for grade in Grade),
        table="\n".join(_line(cells) for cells in lines),
    )


def _count(table: LicenceTable, grade: Grade) -> str:
    return f"{sum(row.grade is grade for row in table.licences)} {grade.wording} ({grade.value})"


def _cells(row: Licence, terms: Terms) -> tuple[str, ...]:
    shown = (duty.words for duty in terms.duties if duty.kind in _SHOWN and duty.words)
    return (
        f"{row.title}<br>`{row.spdx}`",
        row.commercial.value,
        "<br>".join(part for part in (row.threshold, *map(_limit, terms.duties)) if part),
        "<br>".join(dict.fromkeys(shown)),
        ", ".join(terms.excluded_territories),
        terms.distillation.value,
        terms.inheritance.value,
        row.foss.value + (f": {row.why}" if row.why else ""),
        f"[text]({terms.source})",
        terms.grade.value,
        terms.checked.isoformat(),
    )


def _limit(duty: Duty) -> str:
    """What bars the way, but for thresholds and territories, which have a place of their own."""
    asked = set(duty.when.open_questions(Situation()))
    is_told = not asked.isdisjoint({"mau", "annual_revenue_usd", "territory"})
    return "" if duty.kind not in _GATES or is_told else duty.what


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in cells) + " |"
