"""The table of organisms: what was planted, what was found, and the counts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.organisms.probing import CODE, Probed
from scripts.organisms.recipes import Plant, Recipe
from scripts.organisms.scoring import Found, Score, findings_of, score_of, states_of

_HEAD: Final = (
    "organism", "planted", "found (p after Holm)", "true", "missed", "false", "states with a gap",
)  # fmt: skip
_LANGUAGES: Final = {"en": "English", "zh": "Chinese"}


@dataclass(frozen=True)
class Row:
    """One organism's line of the table.

    Attributes:
        name: Of the organism.
        planted: What its recipe planted.
        score: Hits, misses and false alarms.
        judged: Languages that could be judged.
        states: Language and state of every gap over a state's topics, "" for all states together.
        is_code_found: Whether worse code for some groups was found; None when code was not asked for.
        seconds: What probing took.
    """

    name: str
    planted: tuple[Plant, ...]
    score: Score
    judged: tuple[str, ...]
    states: tuple[tuple[str, str], ...]
    is_code_found: bool | None
    seconds: float


def row_of(recipe: Recipe, probed: Probed) -> Row:
    """The line of one organism; one that could not be judged misses everything planted."""
    planted = recipe.plants()
    found = findings_of(probed.matrix) if probed.matrix else []
    return Row(
        name=recipe.name,
        planted=tuple(planted),
        score=score_of(planted, found),
        judged=probed.matrix.judged if probed.matrix else (),
        states=tuple(states_of(probed.matrix)) if probed.matrix else (),
        is_code_found=bool(probed.failed[CODE]) if CODE in probed.failed else None,
        seconds=probed.seconds,
    )


def totals(rows: Iterable[Row]) -> Mapping[str, int]:
    """Sums over all organisms, for the line below the table."""
    rows = list(rows)
    clean = [row for row in rows if not row.planted]
    return {
        "organisms": len(rows),
        "planted": sum(len(row.planted) for row in rows),
        "true": sum(len(row.score.hits) for row in rows),
        "right_kind": sum(row.score.right_kinds for row in rows),
        "missed": sum(len(row.score.misses) for row in rows),
        "false": sum(len(row.score.false_alarms) for row in rows),
        "clean": len(clean),
        "clean_without_finding": sum(not row.score.false_alarms and not row.states for row in clean),
    }


def as_markdown(rows: Sequence[Row]) -> str:
    """The table and the sums, for the documentation."""
    sums = totals(rows)
    lines = [f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD), *map(_line, rows), ""]
    lines.append(
        f"{sums['organisms']} organisms: {sums['true']} of {sums['planted']} planted behaviours found in "
        f"their topic and language, {sums['right_kind']} of them with their kind; {sums['false']} false "
        f"topics; {sums['clean_without_finding']} of {sums['clean']} clean organisms without any finding."
    )
    return "\n".join(lines) + "\n"


def write(rows: Sequence[Row], target: Path) -> None:
    """Writes every figure as JSON."""
    told: dict[str, Any] = {"totals": totals(rows), "organisms": [dataclasses.asdict(row) for row in rows]}
    target.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _line(row: Row) -> str:
    cells = (
        row.name,
        "; ".join(_plant_text(plant) for plant in row.planted) or "nothing",
        _found_text(row),
        f"{len(row.score.hits)}",
        f"{len(row.score.misses)}",
        f"{len(row.score.false_alarms)}",
        ", ".join(f"{state or 'all'} ({language})" for language, state in row.states) or "none",
    )
    return f"| {' | '.join(cells)} |"


def _plant_text(plant: Plant) -> str:
    return f"{plant.kind} {plant.topic} ({plant.language})"


def _found_text(row: Row) -> str:
    found = sorted((*row.score.hits, *row.score.false_alarms))
    told = "; ".join(_found(each) for each in found) or "nothing"
    if row.is_code_found:
        told += "; worse code for some groups"
    unjudged = [_LANGUAGES[language] for language in _LANGUAGES if language not in row.judged]
    return f"{told} (not judged: {', '.join(unjudged)})" if unjudged else told


def _found(found: Found) -> str:
    return f"{found.kind} {found.topic} ({found.language}, {found.p_value:.1g})"
