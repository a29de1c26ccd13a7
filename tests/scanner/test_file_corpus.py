"""The corpus of hostile and honest files, judged by the command that people run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.file_safety.ours import Verdicts, verdicts_of
from benchmarks.file_safety.scoring import Score, score
from tests.assets.file_corpus.files import MARKER, PLAIN, Case, Technique
from tests.assets.file_corpus.writing import (
    FILES,
    LEAST_HONEST,
    LEAST_HOSTILE,
    MANIFEST,
    made_corpus,
    quick_corpus,
    thinned,
    write_corpus,
)

# The issue's own figures.
LEAST_DETECTED = 99.0
MOST_BLOCKED = 1.0
MOST_REVIEWED = 5.0
EVERY = 4


@pytest.fixture(scope="module")
def corpus() -> list[Case]:
    """Every case, made once; not those by Keras itself."""
    return list(quick_corpus())


@pytest.fixture(scope="module")
def judged(
    corpus: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[Case], Verdicts]]:
    """A quarter of every technique, and what we say of it."""
    folder, some = tmp_path_factory.mktemp("corpus"), thinned(corpus, EVERY)
    write_corpus(folder, some)
    yield some, verdicts_of(folder / FILES)
    assert not Path(MARKER).exists(), "a payload was run"


def _require(total: Score, verdicts: Verdicts) -> None:
    figures = total.figures()
    wrong = {
        "silent": total.silent,
        "missed": total.missed,
        "blocked": total.blocked,
        "reviewed": total.reviewed,
        "unseen": total.unseen,
    }
    told = "\n".join(f"{name} {path} {verdicts.of(path)}" for name in wrong for path in wrong[name])
    assert figures["detected_percent"] >= LEAST_DETECTED, told
    assert figures["benign_blocked_percent"] <= MOST_BLOCKED, told
    assert figures["benign_review_percent"] <= MOST_REVIEWED, told
    assert figures["silent_passes"] == 0, told


@pytest.mark.timeout(600)
def test_hostile_files_are_found_and_honest_ones_let_through(judged: tuple[list[Case], Verdicts]) -> None:
    written, verdicts = judged
    _require(score(written, lambda case: verdicts.of(case.path)), verdicts)


@pytest.mark.timeout(600)
def test_every_file_gets_a_verdict(judged: tuple[list[Case], Verdicts]) -> None:
    written, verdicts = judged
    names = {
        f"{case.path}/{name}" if name else case.path
        for case in written
        for name in ([""] if isinstance(case.content, bytes) else case.content)
    }
    assert set(verdicts.by_path) == names


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_whole_corpus(tmp_path: Path) -> None:
    made, left_out = made_corpus(is_thorough=True)
    assert not left_out, "install the dev and train extras"
    write_corpus(tmp_path, made)
    verdicts = verdicts_of(tmp_path / FILES)
    _require(score(made, lambda case: verdicts.of(case.path)), verdicts)


def test_corpus_holds_what_it_promises_and_names_no_path_twice(corpus: list[Case]) -> None:
    hostile = [case for case in corpus if case.label in ("malicious", "malformed")]
    honest = [case for case in corpus if case.label == "benign"]
    assert len(hostile) >= LEAST_HOSTILE
    assert len(honest) >= LEAST_HONEST
    assert len({case.path for case in corpus}) == len(corpus)
    assert all(PLAIN not in case.verdicts for case in hostile)


def test_thinned_corpus_keeps_every_technique_and_its_manifest(corpus: list[Case], tmp_path: Path) -> None:
    some = thinned(corpus, 1000)
    write_corpus(tmp_path, some)
    assert {case.technique for case in some} == {case.technique for case in corpus}
    rows = [json.loads(line) for line in (tmp_path / MANIFEST).read_text().splitlines()]
    assert all((tmp_path / FILES / row["path"]).exists() for row in rows)


def test_score_counts_silence_blocking_and_review_apart() -> None:
    technique = Technique("t", "t")
    verdicts = {
        technique.attack("a", b"x"): "plain_data",
        technique.malformed("b", b"x"): "needs_class_instance",
        technique.hidden("c", b"x"): "not_readable",
        technique.plain("d", b"x"): "attack",
        technique.plain("e", b"x"): "needs_class_instance",
        technique.review("f", b"x"): "needs_class_instance",
        technique.review("g", b"x"): "plain_data",
    }
    by_path = {case.path: verdict for case, verdict in verdicts.items()}
    total = score(list(verdicts), lambda case: (by_path[case.path], ""))
    assert (total.silent, total.missed) == (["t/a"], ["t/a", "t/b"])
    assert (total.blocked, total.reviewed, total.unread) == (["t/d"], ["t/e"], ["t/g"])
    assert total.figures()["detected_percent"] == pytest.approx(33.33)
