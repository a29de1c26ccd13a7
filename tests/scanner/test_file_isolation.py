"""One hostile file costs its own verdict and nothing else, whatever it does to the process that reads it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from scanner.check import CheckContext
from scanner.errors import ScanError
from scanner.evidence import EvidenceStore
from scanner.file_check import FileCheck
from scanner.file_isolation import run_files_isolated
from scanner.findings import Finding, Outcome
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from tests.fake_file_checks import ImpatientFileCheck, ObedientFileCheck


def context_of(*paths: str, seconds: float = 60.0, settings: Mapping[str, str] | None = None) -> CheckContext:
    files = tuple(FileEntry(path, 1, "0" * 64) for path in paths)
    snapshot = Snapshot(ModelRef.parse("demo"), None, "/models", files)
    deadline = time.monotonic() + seconds
    return CheckContext(snapshot, EvidenceStore("/nowhere"), deadline=deadline, settings=settings or {})


def findings(context: CheckContext, check: FileCheck | None = None) -> list[Finding]:
    items = run_files_isolated(check or ObedientFileCheck(), context)
    return [item for item in items if isinstance(item, Finding)]


def told(found: list[Finding]) -> list[tuple[str, Outcome, str]]:
    return [(each.locations[0].path, each.outcome, each.rule) for each in found if each.locations]


@pytest.mark.parametrize(
    ("word", "rule", "reason"),
    [
        ("exit", "process-died", "its process died with exit code 3"),
        ("crash", "process-died", "its process died with SIGSEGV"),
        ("eat", "took-too-much-memory", "took more than 256 MB of memory"),
        ("raise", "check-failed", "RuntimeError: header of \\udcff is nonsense (fake_file_checks.py:"),
    ],
)
def test_file_that_breaks_its_check_is_an_error_and_its_neighbours_are_judged(
    word: str, rule: str, reason: str
) -> None:
    found = findings(context_of("bad.1", f"{word}.2", "bad.3", "sound.4"))
    assert told(found) == [
        ("bad.1", Outcome.FAIL, "bad"),
        (f"{word}.2", Outcome.FAIL, "bad"),  # found before it broke
        (f"{word}.2", Outcome.ERROR, rule),
        ("bad.3", Outcome.FAIL, "bad"),
        ("sound.4", Outcome.PASS, "sound"),
    ]
    assert reason in found[2].reason
    assert f"{word}.2" in found[2].reason


@pytest.mark.parametrize("word", ["hang", "slow"])
def test_file_that_takes_too_long_is_an_error_and_its_neighbours_are_judged(word: str) -> None:
    context = context_of("sound.1", f"{word}.2", "bad.3", settings={"files.seconds": "0.5"})
    found = findings(context)
    assert told(found)[:3] == [
        (f"{word}.2", Outcome.FAIL, "bad"),
        (f"{word}.2", Outcome.ERROR, "took-too-long"),
        ("bad.3", Outcome.FAIL, "bad"),
    ]
    assert "not judged within 0.5 s" in found[1].reason


def test_files_after_the_whole_time_is_up_are_not_run_each_by_name() -> None:
    began = time.monotonic()
    check = ImpatientFileCheck()
    found = findings(context_of(*(f"hang.{number}" for number in range(200)), seconds=3.0), check)
    assert time.monotonic() - began < 10
    assert found[-1].outcome is Outcome.NOT_RUN
    assert "the time of this check for all files, 3 s, was up" in found[-1].reason
    errors = {each.locations[0].path for each in found if each.outcome is Outcome.ERROR}
    left = {place.path for place in found[-1].locations}
    assert errors | left == {f"hang.{number}" for number in range(200)}
    assert not errors & left


def test_many_crashing_files_each_get_their_error() -> None:
    paths = [f"crash.{number}" for number in range(8)]
    found = findings(context_of(*paths))
    assert [each.locations[0].path for each in found if each.outcome is Outcome.ERROR] == paths


def test_memory_that_an_earlier_file_left_behind_is_not_held_against_a_later_one() -> None:
    found = findings(context_of("leak.1", "leak.2", "need.3"))
    assert told(found) == [(path, Outcome.FAIL, "bad") for path in ("leak.1", "leak.2", "need.3")]


def test_memory_limit_is_a_setting() -> None:
    found = findings(context_of("need.1", settings={"files.data_mb": "96"}))
    assert [each.rule for each in found] == ["bad", "took-too-much-memory"]


@pytest.mark.parametrize(
    "settings", [{"files.seconds": "soon"}, {"files.seconds": "nan"}, {"files.data_mb": "1"}]
)
def test_setting_that_is_no_limit_is_refused(settings: Mapping[str, str]) -> None:
    (key,) = settings
    with pytest.raises(ScanError, match=key):
        findings(context_of("sound.1", settings=settings))


def test_files_of_one_child_share_a_process() -> None:
    found = findings(context_of("bad.1", "bad.2"))
    assert len({each.message for each in found}) == 1


def test_what_is_said_is_what_the_check_says_in_this_process() -> None:
    context = context_of("sound.1", "foreign.2", "sound.3", "foreign.4")
    assert findings(context) == list(ObedientFileCheck().run(context))


@pytest.mark.parametrize("paths", [(), ("foreign.1",)])
def test_model_without_files_of_the_kind_is_not_judged(paths: tuple[str, ...]) -> None:
    (found,) = findings(context_of(*paths))
    assert (found.outcome, found.rule) == (Outcome.NOT_RUN, "nothing-to-examine")


def test_child_that_skips_files_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner import file_isolation
    from scanner.isolation import IsolatedCheckError

    monkeypatch.setattr(file_isolation, "_work", _skip_to_the_end)
    with pytest.raises(IsolatedCheckError, match="claims to be done with files after number 0"):
        findings(context_of("bad.1", "bad.2", "bad.3"))


def _skip_to_the_end(*arguments: object) -> None:
    from scanner.isolation import Said, SaidKind, say

    sender = arguments[-1]
    say(sender, Said(SaidKind.FILE, number=0))  # type: ignore[arg-type]
    say(sender, Said(SaidKind.DONE))  # type: ignore[arg-type]


def test_findings_arrive_before_the_check_is_done() -> None:
    listening = run_files_isolated(ObedientFileCheck(), context_of("bad.1", "sound.2", "hang.3"))
    first = next(listening)
    assert isinstance(first, Finding)
    assert first.locations[0].path == "bad.1"
    listening.close()  # type: ignore[attr-defined]
