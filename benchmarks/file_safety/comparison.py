"""Makes the corpus, judges it with our command and with the others, and says who found what."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.file_safety.ours import Verdicts, verdicts_of
from benchmarks.file_safety.rivals import RIVALS, Answers, environment, judged
from benchmarks.file_safety.scoring import BLOCKED, Score, score
from benchmarks.file_safety.tables import Column, write_tables
from tests.assets.file_corpus.files import Case
from tests.assets.file_corpus.writing import FILES, made_corpus, write_corpus

_MIXED_FILES: Final = 200
_PAGE: Final = Path("docs/file-safety.md")


def measure_corpus(*, with_rivals: bool = True, writes: bool = False) -> Mapping[str, object]:
    """The figures of our scan, and a table by technique beside those of the others.

    Args:
        with_rivals: Also install and run the other scanners, which takes minutes.
        writes: Put the tables into the docs.
    """
    made, left_out = made_corpus(is_thorough=True)
    for reason in left_out:
        print(f"left out of the corpus: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_corpus(root, made)
        ours = verdicts_of(root / FILES, counts_cpu=True)
        total = score(made, lambda case: ours.of(case.path))
        _print_wrong(total, ours)
        figures: dict[str, object] = {
            **total.figures(),
            "corpus_seconds": round(ours.wall_seconds, 1),
            "corpus_cpu_seconds": round(ours.cpu_seconds, 1),
        }
        columns = [_our_column(made, ours)]
        if with_rivals:
            paths = [root / FILES / case.path for case in made]
            pythons = {tool: python for tool in RIVALS if (python := environment(tool)) is not None}
            answers = {tool: judged(tool, python, paths) for tool, python in pythons.items()}
            columns += [_column(tool, made, root / FILES, said) for tool, said in answers.items()]
            if "modelaudit" in pythons:
                figures |= _cpu_beside_modelaudit(made, pythons["modelaudit"])
    for column in columns:
        print(f"{column.name}: {column.summary(made)}")
    if writes:
        write_tables(_PAGE, made, columns, figures)
        print(f"wrote {_PAGE}")
    return figures


def _our_column(made: Sequence[Case], ours: Verdicts) -> Column:
    verdicts = {case.path: ours.of(case.path)[0] for case in made}
    flagged = {path: verdict in BLOCKED for path, verdict in verdicts.items()}
    return Column("weighbridge", flagged, dict.fromkeys(flagged, False), ours.cpu_seconds)


def _column(tool: str, made: Sequence[Case], root: Path, said: Answers) -> Column:
    answers = {case.path: said.by_path[root / case.path] for case in made}
    flagged = {path: answer.said == "flagged" for path, answer in answers.items()}
    not_judged = {path: answer.said in ("not judged", "killed") for path, answer in answers.items()}
    return Column(tool, flagged, not_judged, said.cpu_seconds)


def _cpu_beside_modelaudit(made: Sequence[Case], python: Path) -> Mapping[str, object]:
    """CPU seconds of both over the same small files, one after the other; each with its start."""
    files = [case for case in made if isinstance(case.content, bytes) and not case.holes]
    mixed = random.Random(1).sample(files, _MIXED_FILES)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_corpus(root, mixed)
        ours = verdicts_of(root / FILES, counts_cpu=True).cpu_seconds
        paths = [root / FILES / case.path for case in mixed]
        theirs = judged("modelaudit", python, paths, is_afresh=True)
    used = theirs.cpu_seconds
    killed = sum(answer.said == "killed" for answer in theirs.by_path.values())
    return {
        "mixed_files_cpu_seconds": round(ours, 1),
        "mixed_files_modelaudit_cpu_seconds": round(used, 1),
        "mixed_files_modelaudit_killed": killed,
        "modelaudit_cpu_ratio": round(used / ours, 1) if ours else 0.0,
    }


def _print_wrong(total: Score, ours: Verdicts) -> None:
    for name, paths in (
        ("silent", total.silent),
        ("missed", total.missed),
        ("blocked", total.blocked),
        ("reviewed", total.reviewed),
    ):
        for path in paths:
            verdict, why = ours.of(path)
            print(f"{name:<9}{path}: {verdict} {why[:160]}")
