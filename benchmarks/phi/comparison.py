"""Runs both on the made set and prints the figures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.phi import presidio_alone
from benchmarks.phi.made_set import MadeSentence, make_set
from benchmarks.phi.scoring import Found, LetterScore, score
from probes.identifiers import load_identifiers
from probes.personal_data import open_analyser
from scanner.findings import Interval

_MISTAKES: Final = Path("build/phi-mistakes.jsonl")


def measure() -> dict[str, object]:
    """Prints a line per letter and half, and the lowest figures of the half that is held out."""
    sentences = make_set()
    open_analyser()  # also keeps presidio from fetching the list of public suffixes
    found, seconds = _timed(find, sentences)
    alone, seconds_alone = _timed(presidio_alone.find, sentences)
    figures: dict[str, object] = {}
    for half, wanted in (("development", (False,)), ("held out", (True,)), ("both", (False, True))):
        chosen = [index for index, each in enumerate(sentences) if each.held_out in wanted]
        figures[half] = _half(
            half, [sentences[index] for index in chosen], [found[index] for index in chosen],
            [alone[index] for index in chosen],
        )  # fmt: skip
    _write_mistakes(sentences, found)
    print(f"\n{len(sentences)} sentences: {seconds:.0f} s of CPU, presidio alone {seconds_alone:.0f} s")
    # The half that nobody tuned on is what these figures are worth.
    unseen = figures["held out"]
    assert isinstance(unseen, dict)
    for name in ("phi_recall_min", "phi_precision_min"):
        figures[name] = unseen[name]
        print(f"{name}: {unseen[name]:.3f}")
    return figures | {
        "sentences": len(sentences),
        "cpu_seconds": seconds,
        "cpu_seconds_presidio_alone": seconds_alone,
    }


def find(texts: Sequence[str]) -> list[list[Found]]:
    """The hits of our recognisers in each text."""
    return [
        [Found(hit.start, hit.end, frozenset(hit.row.letter)) for hit in hits]
        for hits in open_analyser().find(texts, names=True)
    ]


def lowest(scores: Mapping[str, LetterScore]) -> tuple[float, float]:
    """The lowest recall and the lowest precision of any letter; a letter without hits has precision 0."""
    return (
        min(each.recall or 0.0 for each in scores.values() if each.labelled),
        min(each.precision or 0.0 for each in scores.values()),
    )


def _timed(
    read: Callable[[Sequence[str]], list[list[Found]]], sentences: Sequence[MadeSentence]
) -> tuple[list[list[Found]], float]:
    began = time.process_time()  # other programs on the machine do not count
    return read([each.text for each in sentences]), time.process_time() - began


def _half(
    name: str, sentences: Sequence[MadeSentence], found: Sequence[list[Found]], alone: Sequence[list[Found]]
) -> dict[str, object]:
    ours, theirs = score(sentences, found), score(sentences, alone)
    recall, precision = lowest(ours)
    print(f"\n{name}: {len(sentences)} sentences, {sum(not each.spans for each in sentences)} without any")
    print("letter                                   n  recall               masked  precision            | "
          "presidio: recall  masked  precision")  # fmt: skip
    letters = load_identifiers().letters
    for letter, counts in ours.items():
        other = theirs.get(letter, LetterScore())
        print(
            f"{letter} {letters[letter].name:34} {counts.labelled:5}  "
            f"{_share(counts.recall, counts.recall_interval)}  {counts.masked / counts.labelled:6.3f}  "
            f"{_share(counts.precision, counts.precision_interval)} | "
            f"{other.recall or 0:16.3f}  {other.masked / max(1, other.labelled):6.3f}  "
            f"{'   none' if other.precision is None else f'{other.precision:7.3f}'}"
        )
    rows = {letter: _row(counts, theirs.get(letter, LetterScore())) for letter, counts in ours.items()}
    languages = {
        language: _overall(score(*_of_language(language, sentences, found)))
        for language in dict.fromkeys(each.language for each in sentences)
    }
    for language, row in languages.items():
        print(f"{language}: recall {row['recall']:.3f} of {row['n']}, precision {row['precision']:.3f}")
    return {
        "phi_recall_min": recall, "phi_precision_min": precision, "letters": rows, "languages": languages,
    }  # fmt: skip


def _of_language(
    language: str, sentences: Sequence[MadeSentence], found: Sequence[list[Found]]
) -> tuple[list[MadeSentence], list[list[Found]]]:
    chosen = [index for index, each in enumerate(sentences) if each.language == language]
    return [sentences[index] for index in chosen], [found[index] for index in chosen]


def _overall(scores: Mapping[str, LetterScore]) -> dict[str, float]:
    labelled = sum(each.labelled for each in scores.values())
    return {
        "n": labelled,
        "recall": sum(each.found for each in scores.values()) / labelled,
        "precision": sum(each.right for each in scores.values()) / sum(each.hits for each in scores.values()),
    }


def _row(ours: LetterScore, theirs: LetterScore) -> dict[str, object]:
    return {
        "n": ours.labelled, "hits": ours.hits,
        "recall": ours.recall, "recall_interval": _pair(ours.recall_interval),
        "precision": ours.precision, "precision_interval": _pair(ours.precision_interval),
        "masked": ours.masked / max(1, ours.labelled),
        "presidio_recall": theirs.recall, "presidio_precision": theirs.precision,
        "presidio_masked": theirs.masked / max(1, theirs.labelled),
    }  # fmt: skip


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _share(value: float | None, interval: Interval) -> str:
    return f"{value or 0:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _write_mistakes(sentences: Sequence[MadeSentence], found: Sequence[list[Found]]) -> None:
    """What to look at next, of the development half only: the other one stays unseen."""
    chosen = [index for index, each in enumerate(sentences) if not each.held_out]
    scores = score([sentences[index] for index in chosen], [found[index] for index in chosen])
    rows = [
        {"letter": letter, "mistake": mistake, "template": template, "text": text}
        for letter, counts in scores.items()
        for mistake, cases in (("missed", counts.missed), ("wrong", counts.wrong))
        for template, text in cases
    ]
    _MISTAKES.parent.mkdir(exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    _MISTAKES.write_text("".join(lines), encoding="utf-8")
    print(f"\n{len(rows)} mistakes on the development half: {_MISTAKES}")
