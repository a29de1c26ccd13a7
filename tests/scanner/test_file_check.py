"""Checks of files: what is said of single files adds up, whichever process said it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict, listed
from scanner.findings import Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry
from scanner.parts import PartlyReadError
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import context_of


class WordsCheck(FileCheck):
    """Judges a file by the word in it."""

    id = "fake-words"
    title = "A file holds a bad word"
    severity = Severity.HIGH
    kind = "words"
    clean = "are good"
    verdicts: ClassVar = {"odd": FileVerdict.NOT_READABLE}

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Says what the word says."""
        with context.snapshot.open(entry.path) as stream:
            word = stream.read().decode()
        if word == "unfetched":
            raise PartlyReadError(f"{entry.path}: only its header was read")
        if word == "good":
            yield self.sound(entry)
        elif word != "foreign":
            severity = Severity(word) if word != "odd" else Severity.CRITICAL
            yield self.failed(word, severity=severity, rule=word, locations=(Location(entry.path),))


class JoiningCheck(WordsCheck):
    """Tells what was not fetched at once."""

    id = "fake-joining"
    hidden_in_rest = "a bad word may lie in the rest"


def said(folder: Path, check: FileCheck, **words: str) -> list[Finding]:
    context = context_of(write_all(folder, {name: word.encode() for name, word in words.items()}))
    return [item for item in check.run(context) if isinstance(item, Finding)]


def test_sound_files_are_one_pass_that_counts_those_of_the_kind(tmp_path: Path) -> None:
    *_, passed = said(tmp_path, WordsCheck(), a="good", b="high", c="good", d="foreign")
    assert passed.outcome is Outcome.PASS
    assert passed.message == "2 of 3 words are good"
    assert [place.path for place in passed.locations] == ["a", "c"]


def test_files_of_other_kinds_alone_are_nothing_to_examine(tmp_path: Path) -> None:
    (finding,) = said(tmp_path, WordsCheck(), a="foreign")
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "nothing-to-examine")


def test_file_that_is_gone_is_an_error_and_others_are_judged(tmp_path: Path) -> None:
    context = context_of(write_all(tmp_path, {"a": b"good", "b": b"good"}))
    (tmp_path / "a").unlink()
    found = [item for item in WordsCheck().run(context) if isinstance(item, Finding)]
    assert [(each.outcome, each.locations[0].path) for each in found] == [
        (Outcome.ERROR, "a"),
        (Outcome.PASS, "b"),
    ]


def test_files_that_were_not_fetched_are_told_each_or_as_one(tmp_path: Path) -> None:
    words = dict.fromkeys("abcdefgh", "unfetched")
    assert len(said(tmp_path / "each", WordsCheck(), **words)) == 8
    (finding,) = said(tmp_path / "one", JoiningCheck(), **words)
    assert finding.reason == (
        "of 8 files only parts were read, and a bad word may lie in the rest: a, b, c, d, e, f and 2 more"
    )


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("critical", FileVerdict.ATTACK),
        ("high", FileVerdict.ATTACK),
        ("medium", FileVerdict.NEEDS_CLASS_INSTANCE),
        ("low", FileVerdict.PLAIN_DATA),
        ("odd", FileVerdict.NOT_READABLE),
        ("unfetched", FileVerdict.NOT_READABLE),
        ("good", FileVerdict.PLAIN_DATA),
    ],
)
def test_verdict_goes_by_rule_then_by_severity(word: str, verdict: FileVerdict, tmp_path: Path) -> None:
    (finding,) = said(tmp_path, WordsCheck(), a=word)
    assert WordsCheck().verdict_of(finding) is verdict


def test_verdicts_are_ranked_from_good_to_bad() -> None:
    assert sorted(FileVerdict, key=lambda verdict: verdict.rank) == [
        FileVerdict.PLAIN_DATA, FileVerdict.NEEDS_CLASS_INSTANCE,
        FileVerdict.NOT_READABLE, FileVerdict.ATTACK,
    ]  # fmt: skip


def test_listing_names_all_when_they_are_few() -> None:
    assert listed(["a", "b"]) == "a, b"
