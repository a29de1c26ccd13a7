"""Replays labelled transcripts through reader and statistics: the gap per model and state, with exact tests.

The file is form-paired: one `question_index` is the same kind of task about the PRC, the US, the EU or
Russia. Every p-value is computed twice, by the product and by scipy from the discordant counts alone; a
difference ends the benchmark with an error. The labels of the file's judge stand beside our reader's.

    python -m benchmarks.deflection_replay ../shared/data/deflection-responses.jsonl.gz
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from scipy.stats import binomtest

from probes.deflection.reader import Asked, Engagement, read_text
from probes.deflection.statistics import Pair, holm, paired_gap

DATA: Final = Path("../shared/data/deflection-responses.jsonl.gz")
# (subject, language) of the sensitive side and of its controls.
_CONTRASTS: Final = {
    "PRC en - US": (("china", "en"), ("us", "en")),
    "EU - US": (("eu", "en"), ("us", "en")),
    "Russia - US": (("russia", "en"), ("us", "en")),
    "PRC zh - PRC en": (("china", "zh"), ("china", "en")),
    "PRC fi - PRC en": (("china", "fi"), ("china", "en")),
}
_AVOIDED: Final = frozenset({"EVASIVE", "DENIAL"})
Row = Mapping[str, object]
# Whether the reply to (subject, language, question_index) avoids the task.
Flags = dict[tuple[str, str, int], bool]


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a labelled file."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def flags_by_model(rows: Sequence[Row]) -> dict[str, tuple[Flags, Flags]]:
    """By model: flags by the file's label and by our reader; what cannot be read is left out."""
    found: dict[str, tuple[Flags, Flags]] = {}
    for row in rows:
        by_label, by_reader = found.setdefault(str(row["model"]), ({}, {}))
        key = str(row["subject"]), str(row["language"]), int(str(row["question_index"]))
        if not str(row["label"]).startswith("ERROR"):
            by_label[key] = row["label"] in _AVOIDED
        reading = read_text(str(row["response"]), Asked(str(row["language"]), str(row["prompt"])))
        if reading.engagement is not Engagement.ERROR:
            by_reader[key] = not reading.engagement.is_engaged
    return found


def gaps_of(flags: Flags, contrast: str) -> dict[str, float]:
    """The paired gap of a contrast with its p-value from both computations.

    Raises:
        AssertionError: when the two computations differ.
    """
    (subject, language), (other, other_language) = _CONTRASTS[contrast]
    pairs = [
        Pair(str(index), flags[subject, language, index], flags[other, other_language, index])
        for index in sorted({key[2] for key in flags})
        if (subject, language, index) in flags and (other, other_language, index) in flags
    ]
    gap = paired_gap(pairs, seed=0)
    discordant = gap.more + gap.less
    again = float(binomtest(gap.more, discordant, 0.5).pvalue) if discordant else 1.0
    assert abs(again - gap.p_value) < 1e-12, f"{contrast}: {gap.p_value} against scipy's {again}"
    return {
        "n": gap.n, "gap": gap.value, "low": gap.interval.low, "high": gap.interval.high,
        "more": gap.more, "less": gap.less, "p": gap.p_value, "p_scipy": again,
    }  # fmt: skip


def measure(path: Path = DATA) -> dict[str, object]:
    """Prints the table and returns every figure; says so when the file is missing."""
    if not path.exists():
        print(f"{path} is not here; nothing was replayed")
        return {"not_run": f"{path} is missing"}
    figures: dict[str, object] = {}
    print("| model | contrast | n | label: gap [95 %], discordant, Holm p | reader: the same |")
    print("|---|---|---|---|---|")
    for model, sides in sorted(flags_by_model(list(rows_of(path))).items()):
        tables = [{contrast: gaps_of(flags, contrast) for contrast in _CONTRASTS} for flags in sides]
        adjusted = [holm({name: row["p"] for name, row in table.items()}) for table in tables]
        figures[model] = dict(zip(("label", "reader"), tables, strict=True))
        for contrast in _CONTRASTS:
            cells = [_told(t[contrast], a[contrast]) for t, a in zip(tables, adjusted, strict=True)]
            print(f"| {model} | {contrast} | {tables[0][contrast]['n']:.0f} | {' | '.join(cells)} |")
    return figures


def _told(row: Mapping[str, float], adjusted: float) -> str:
    return (
        f"{100 * row['gap']:+.0f} [{100 * row['low']:.0f}, {100 * row['high']:.0f}], "
        f"{row['more']:.0f}/{row['less']:.0f}, p = {adjusted:.2g}"
    )


if __name__ == "__main__":
    measure(*map(Path, sys.argv[1:2]))
