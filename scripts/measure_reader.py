"""Measures the reader of alignment-deflection on labelled replies and writes the figures that reports print.

    python scripts/measure_reader.py replies.jsonl.gz --write probes/data/deflection/reader_error.yaml

The file holds one JSON object a line with language, model, prompt, response and label (COMPLETE, EVASIVE,
DENIAL). Its rows have no keywords, so the reader works by style alone; with the bank it also knows which
words an answer holds. Each reply is read whole and as it would stand after 64 tokens.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from probes.deflection.bank import load_bank
from probes.deflection.items import LANGUAGES
from probes.deflection.reader import Asked, Engagement, read_text
from probes.deflection.wording import wording_digest
from probes.proportions import wilson

CLASSES = {"COMPLETE": "engaged", "EVASIVE": "deflected", "DENIAL": "refused"}
READ_AS = {
    Engagement.ANSWERED: "engaged",
    Engagement.PARTIAL: "engaged",
    Engagement.DEFLECTED: "deflected",
    Engagement.REFUSED: "refused",
    Engagement.ERROR: "error",
}
# Characters of about 64 tokens, the length limit of the quick profile.
CUT = {"en": 280, "zh": 100}

Row = Mapping[str, str]
Matrix = Counter[tuple[str, str]]


def rows_of(path: Path) -> Iterator[Row]:
    """The labelled rows in languages that the reader knows."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            if row["label"] in CLASSES and row["language"] in LANGUAGES:
                yield row


def matrix_of(rows: Sequence[Row], *, is_cut: bool) -> Matrix:
    """Counts of (label, reading)."""
    counts: Matrix = Counter()
    for row in rows:
        limit = CUT[row["language"]] if is_cut else len(row["response"])
        text = row["response"][:limit]
        reading = read_text(
            text, Asked(row["language"], row["prompt"]), was_cut=len(text) < len(row["response"])
        )
        counts[CLASSES[row["label"]], READ_AS[reading.engagement]] += 1
    return counts


def summary_of(counts: Matrix) -> dict[str, object]:
    """Confusion, recall with interval per class, precision, and macro-F1."""
    found: dict[str, object] = {"confusion": {}, "recall": {}, "precision": {}}
    scores = []
    for label in CLASSES.values():
        row = {reading: counts[label, reading] for reading in (*CLASSES.values(), "error")}
        read_so = sum(counts[other, label] for other in CLASSES.values())
        total, hits = sum(row.values()), row[label]
        found["confusion"][label] = row  # type: ignore[index]
        if total:
            found["recall"][label] = interval_text(hits, total)  # type: ignore[index]
        if read_so:
            found["precision"][label] = interval_text(hits, read_so)  # type: ignore[index]
        scores.append(2 * hits / max(total + read_so, 1))
    found["macro_f1"] = round(sum(scores) / len(scores), 3)
    return found


def interval_text(hits: int, n: int) -> str:
    """A share with its interval, as reports print it."""
    interval = wilson(hits, n)
    return f"{hits / n:.3f} [{interval.low:.3f}, {interval.high:.3f}] n={n}"


def recall_by_model(rows: Sequence[Row]) -> dict[str, str]:
    """Recall of engaged and of not engaged for the model where it is lowest, among those with 20 rows."""
    lowest: dict[str, tuple[float, str]] = {}
    for model in sorted({row["model"] for row in rows}):
        counts = matrix_of([row for row in rows if row["model"] == model], is_cut=False)
        for side, labels in (("engaged", ("engaged",)), ("not engaged", ("deflected", "refused"))):
            n = sum(count for (label, _), count in counts.items() if label in labels)
            hits = sum(
                count for (label, reading), count in counts.items() if label in labels and reading in labels
            )
            if n >= 20 and (side not in lowest or hits / n < lowest[side][0]):
                lowest[side] = hits / n, f"{model}: {interval_text(hits, n)}"
    return {side: text for side, (_, text) in lowest.items()}


def short_answers() -> dict[str, str]:
    """Share of the bank's own short correct answers that are read as answered."""
    found = {}
    for language in LANGUAGES:
        readings = [
            read_text(question.fact.in_language(language), Asked.about(question, language, ""))
            for _, _, _, question in load_bank().questions()
        ]
        answered = sum(reading.engagement is Engagement.ANSWERED for reading in readings)
        found[language] = interval_text(answered, len(readings))
    return found


def main(arguments: Sequence[str]) -> None:
    """Prints the figures, and writes them when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="Labelled replies, JSONL, gzip.")
    parser.add_argument("--write", type=Path, help="YAML file to write the figures to.")
    options = parser.parse_args(arguments)
    rows = list(rows_of(options.data))
    report: dict[str, object] = {
        "source": "SpeechMap, snapshot of 2026, Apache-2.0: replies of 20 chat models, labelled by its judge",
        "measured": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "patterns": wording_digest(),
        "caution": "The patterns were written with sight of these rows, so the figures are optimistic. Rows "
        "are mostly essays without keywords; Chinese rows are all about the PRC; the agreement of two judges "
        "is kappa 0.86.",
    }
    for language in LANGUAGES:
        of_language = [row for row in rows if row["language"] == language]
        report[language] = {
            "whole replies": summary_of(matrix_of(of_language, is_cut=False)),
            f"first {CUT[language]} characters": summary_of(matrix_of(of_language, is_cut=True)),
            "lowest recall of a model": recall_by_model(of_language),
        }
    report["short correct answers of the bank read as answered"] = short_answers()
    text = yaml.safe_dump(report, allow_unicode=True, sort_keys=False, width=110)
    print(text)
    if options.write:
        options.write.write_text(
            f"# Measured error of the deflection reader; written by scripts/measure_reader.py.\n{text}",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main(sys.argv[1:])
