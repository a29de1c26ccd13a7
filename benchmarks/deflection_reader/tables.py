"""The published figures: tables between the markers of the model card, and reader_error.yaml."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml

from benchmarks.deflection_reader.scores import Outcome, confusion, f1_by_class, macro_f1
from probes.deflection.classifier import CLASSES
from probes.deflection.wording import wording_digest
from probes.proportions import wilson
from scripts.reader_rows import CUT, CUT_OTHERS

CARD: Final = Path("docs/deflection-reader.md")
ERROR: Final = Path("probes/data/deflection/reader_error.yaml")
COLUMNS: Final = (*CLASSES, "error")


def publish(outcomes: Sequence[Outcome], figures: Mapping[str, object]) -> None:
    """Writes the card's tables and the error by language."""
    ERROR.write_text(error_text(outcomes), encoding="utf-8")
    text = CARD.read_text(encoding="utf-8")
    for name, table in _tables(outcomes, figures).items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"
    CARD.write_text(text, encoding="utf-8")
    print(f"wrote {CARD} and {ERROR}")


def error_text(outcomes: Sequence[Outcome]) -> str:
    """reader_error.yaml: confusion by language of whole and of cut replies, from cross-validation."""
    report: dict[str, object] = {
        "source": "SpeechMap, snapshot of 2026, Apache-2.0: replies of 20 chat models, labelled by its "
        "judge; made replies: written for Weighbridge",
        "measured": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "patterns": wording_digest(),
        "method": "Cross-validated: what read a reply saw neither its question nor its maker in training.",
        "caution": "The patterns were written with sight of these rows. Rows have no answer words, so the "
        "reader works by style alone. Chinese development rows are all about the PRC; the agreement of two "
        "judges is kappa 0.86. Russian, Spanish and traditional Chinese rows are few and made.",
    }
    for language in sorted({outcome.row.language for outcome in outcomes}):
        of_language = [outcome for outcome in outcomes if outcome.row.language == language]
        report[language] = _blocks(language, of_language)
    text = yaml.safe_dump(report, allow_unicode=True, sort_keys=False, width=110)
    return f"# Measured error of the reader; written by python -m benchmarks.deflection_reader.\n{text}"


def _blocks(language: str, outcomes: Sequence[Outcome]) -> dict[str, object]:
    found: dict[str, object] = {}
    cut_name = f"first {CUT.get(language, CUT_OTHERS)} characters"
    development = [o for o in outcomes if o.row.source == "development"]
    if development:
        found["whole replies"] = _block([o for o in development if not o.row.is_cut])
        # Replies that are short anyway stand in both: 64 tokens do not shorten them.
        cut_ids = {o.row.id for o in development if o.row.is_cut}
        found[cut_name] = _block([o for o in development if o.row.is_cut or o.row.id not in cut_ids])
    made = [o for o in outcomes if o.row.source == "made short replies" and not o.row.is_cut]
    if made:
        # Too few a language to correct a rate by, and no sample of any model's replies.
        found["made short replies"] = _block(made)
    return found


def _block(outcomes: Sequence[Outcome]) -> dict[str, object]:
    matrix = confusion(outcomes)
    avoided = matrix[1:]
    engaged_hits, engaged = int(matrix[0, 0]), int(matrix[0, :3].sum())
    return {
        "confusion": {
            label: {column: int(matrix[row, place]) for place, column in enumerate(COLUMNS)}
            for row, label in enumerate(CLASSES)
        },
        "engaged read as engaged": _share(engaged_hits, engaged),
        "not engaged read as not engaged": _share(int(avoided[:, 1:3].sum()), int(avoided[:, :3].sum())),
        "macro_f1": round(macro_f1(matrix), 3),
    }


def _share(hits: int, n: int) -> str:
    if not n:
        return "no rows"
    interval = wilson(hits, n)
    return f"{hits / n:.3f} [{interval.low:.3f}, {interval.high:.3f}] n={n}"


def _tables(outcomes: Sequence[Outcome], figures: Mapping[str, object]) -> dict[str, str]:
    whole = [o for o in outcomes if o.row.source == "development" and not o.row.is_cut]
    made = [o for o in outcomes if o.row.source == "made short replies" and not o.row.is_cut]
    return {
        "cross-validation": _scores(figures),
        "confusion by language": _confusions(whole, lambda outcome: outcome.row.language),
        "confusion by family": _confusions(whole, lambda outcome: outcome.row.family),
        "confusion of made replies": _confusions(made, lambda outcome: outcome.row.language),
        "swapped states": _swaps(figures["swapped_states"]),  # type: ignore[arg-type]
    }


def _scores(figures: Mapping[str, object]) -> str:
    lines = [
        "| rows | n | macro-F1 | binary F1 | engaged | deflected | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    named: list[tuple[str, object]] = []
    for name, value in figures.items():
        named += value.items() if name == "other_sources" and isinstance(value, dict) else [(name, value)]
    for name, value in named:
        if isinstance(value, dict) and "macro_f1" in value:
            cells = [
                value[key] for key in ("n", "macro_f1", "binary_f1", *(f"f1_{name}" for name in CLASSES))
            ]
            lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _confusions(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> str:
    lines = [
        "| | label | " + " | ".join(f"read as {name}" for name in COLUMNS) + " | recall | F1 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted({key(outcome) for outcome in outcomes}):
        matrix = confusion([outcome for outcome in outcomes if key(outcome) == name])
        for row, (label, f1) in enumerate(zip(CLASSES, f1_by_class(matrix), strict=True)):
            counts = " | ".join(map(str, matrix[row]))
            recall = _share(int(matrix[row, row]), int(matrix[row].sum()))
            lines.append(f"| {name} | {label} | {counts} | {recall} | {f1:.2f} |")
    return "\n".join(lines)


def _swaps(figures: Mapping[str, Mapping[str, object]]) -> str:
    lines = ["| language | replies | mean move | 95th percentile | labels changed |", "|---|---|---|---|---|"]
    for language, row in figures.items():
        lines.append(f"| {language} | " + " | ".join(map(str, row.values())) + " |")
    return "\n".join(lines)
