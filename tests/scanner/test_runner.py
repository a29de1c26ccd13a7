"""The runner: one record per check whatever the check does, and nothing is done twice."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.check import Check, CheckContext, CheckRecord, Needs, Profile
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome
from scanner.journal import Journal, JournalError
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from scanner.runner import JOURNAL_KIND, in_order, run_check, run_checks, run_side_by_side
from tests import fakes


@pytest.fixture
def context(tmp_path: Path) -> CheckContext:
    snapshot = Snapshot(ModelRef.parse("demo"), None, str(tmp_path), (FileEntry("a.bin", 1, "0" * 64),))
    return CheckContext(snapshot, EvidenceStore(tmp_path / "evidence"))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as opened:
        yield opened


def outcomes(record: CheckRecord) -> list[Outcome]:
    return [finding.outcome for finding in record.findings]


def test_record_holds_what_the_check_said(context: CheckContext) -> None:
    record = run_check(fakes.FakeCheck(), context)
    assert record.check_id == "fake-check"
    assert outcomes(record) == [Outcome.PASS]
    assert [(m.name, m.value, m.check_id) for m in record.measurements] == [("fake.files", 1.0, "fake-check")]
    assert record.wall_seconds > 0
    assert record.started_at.tzinfo is not None


@pytest.mark.parametrize(
    ("check", "expected", "reason"),
    [
        (fakes.CrashingCheck(), [Outcome.FAIL, Outcome.ERROR], "RuntimeError"),
        (fakes.HangingCheck(), [Outcome.PASS, Outcome.ERROR], "time limit"),
        (fakes.PoliteSlowCheck(), [Outcome.ERROR], "time limit"),
        (fakes.DyingCheck(), [Outcome.PASS, Outcome.ERROR], "exit code 3"),
        (fakes.ExitingCheck(), [Outcome.PASS, Outcome.ERROR], "exit code 0"),
        (fakes.SilentCheck(), [Outcome.ERROR], "said nothing"),
        (fakes.MemoryEatingCheck(), [Outcome.ERROR], "MemoryError"),
        (fakes.UndeclaredCheck(), [Outcome.PASS, Outcome.ERROR], "fake.secret"),
        (fakes.WronglyTypedCheck(), [Outcome.ERROR], "yielded a str"),
        (fakes.UnavailableCheck(), [Outcome.NOT_RUN], "install one"),
    ],
    ids=lambda value: value.id if isinstance(value, Check) else None,
)
def test_misbehaving_check_is_never_a_pass(
    context: CheckContext, check: Check, expected: list[Outcome], reason: str
) -> None:
    record = run_check(check, context)
    assert outcomes(record) == expected
    assert reason in record.findings[-1].reason
    assert record.measurements == ()


def test_scan_goes_on_after_every_kind_of_trouble(context: CheckContext, journal: Journal) -> None:
    checks = [fakes.CrashingCheck(), fakes.DyingCheck(), fakes.SilentCheck(), fakes.WhereCheck()]
    records = list(run_checks(checks, context, journal))
    assert [record.check_id for record in records] == [
        "fake-crashes", "fake-dies", "fake-silent", "fake-where",
    ]  # fmt: skip
    assert outcomes(records[-1]) == [Outcome.PASS]


def test_static_checks_run_side_by_side_and_are_told_in_order(
    context: CheckContext, journal: Journal
) -> None:
    checks = [fakes.HangingCheck(), fakes.WhereCheck()]
    records = list(run_checks(checks, context, journal))
    assert [record.check_id for record in records] == [check.id for check in in_order(checks)]
    hanging, where = records
    assert where.started_at < hanging.started_at + datetime.timedelta(seconds=hanging.wall_seconds)


def test_records_without_a_journal_come_in_order_too(context: CheckContext) -> None:
    checks = [fakes.HangingCheck(), fakes.WhereCheck(), fakes.CrashingCheck()]
    records = run_side_by_side(checks, context, 3)
    assert [record.check_id for record in records] == [check.id for check in in_order(checks)]
    assert outcomes(records[-1]) == [Outcome.PASS]  # it was done long before the one that hangs


class Patient(fakes.HangingCheck):
    """May hang for as long as no test should last."""

    timeout_seconds = 300.0


def test_leaving_a_scan_midway_ends_the_checks_that_run(context: CheckContext, journal: Journal) -> None:
    began = time.monotonic()
    running = run_checks([fakes.FakeCheck(), Patient()], context, journal)
    next(running)
    running.close()
    assert time.monotonic() - began < 60


def test_journalled_check_is_not_run_again(context: CheckContext, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    checks = [fakes.WhereCheck(), fakes.CrashingCheck()]
    with Journal(path) as journal:
        first = list(run_checks(checks, context, journal))
    with Journal(path) as journal:
        second = list(run_checks(checks, context, journal))
    assert second == first  # the process id in the message is the first one's
    assert path.read_bytes().count(b"\n") == 2


def test_killed_scan_takes_up_at_the_first_missing_check(context: CheckContext, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    checks = [fakes.CrashingCheck(), fakes.WhereCheck()]
    with Journal(path) as journal:
        before = next(run_checks(checks, context, journal))
    with Journal(path) as journal:
        assert list(journal.keys(JOURNAL_KIND)) == ["fake-crashes"]
        after = list(run_checks(checks, context, journal))
    assert after[0] == before
    assert outcomes(after[1]) == [Outcome.PASS]


def test_journal_that_takes_nothing_stops_the_scan(context: CheckContext) -> None:
    class FullJournal:
        def get(self, kind: str, key: str) -> None:
            return None

        def append(self, kind: str, key: str, value: object) -> None:
            raise JournalError("journal: No space left on device")

    with pytest.raises(JournalError, match="No space"):
        list(run_checks([fakes.FakeCheck()], context, FullJournal()))  # type: ignore[arg-type]


def test_reply_that_cannot_be_journalled_stops_the_scan(context: CheckContext) -> None:
    class FullQuestioner(fakes.FakeQuestioner):
        def ask(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
            raise JournalError("journal: No space left on device")

    with pytest.raises(JournalError):
        run_check(fakes.FakeProbe(), dataclasses.replace(context, questioner=FullQuestioner()))


def test_probe_without_a_model_is_not_run_with_the_scans_reason(context: CheckContext) -> None:
    record = run_check(fakes.FakeProbe(), dataclasses.replace(context, silence="--no-questions was given"))
    assert outcomes(record) == [Outcome.NOT_RUN]
    assert record.findings[0].reason == "--no-questions was given"


def test_probe_asks_within_this_process(context: CheckContext) -> None:
    questioner = fakes.FakeQuestioner()
    record = run_check(fakes.FakeProbe(), dataclasses.replace(context, questioner=questioner))
    assert [finding.message for finding in record.findings] == ["answered ONE", "answered TWO"]
    assert [purpose for purpose, _ in questioner.asked] == ["fake-probe"]


class CuriousProbe(fakes.FakeProbe):
    """Tells which checks finished before it, and when it must stop."""

    id = "fake-curious"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed(",".join(context.earlier))
        yield self.passed(f"{context.deadline - time.monotonic():.0f}")


def test_probe_sees_the_records_before_it(context: CheckContext, journal: Journal) -> None:
    asking = dataclasses.replace(context, questioner=fakes.FakeQuestioner())
    *_, last = run_checks([CuriousProbe(), fakes.FakeCheck(), fakes.SilentCheck()], asking, journal)
    assert last.findings[0].message == "fake-check,fake-silent"


@pytest.mark.parametrize(
    ("profile", "seconds"), [(Profile.QUICK, 300), (Profile.STANDARD, 3000), (Profile.DEEP, 15000)]
)
def test_thorough_scans_have_more_time(context: CheckContext, profile: Profile, seconds: int) -> None:
    asking = dataclasses.replace(context, questioner=fakes.FakeQuestioner(), profile=profile)
    assert abs(int(run_check(CuriousProbe(), asking).findings[1].message) - seconds) <= 1


def test_static_checks_run_first_then_by_order_then_by_id() -> None:
    def named(name: str, of: Needs, place: int) -> Check:
        kind = type(name, (fakes.FakeCheck,), {"id": name, "needs": of, "order": place})
        made: Check = kind()
        return made

    checks = [
        named("d", Needs.LOGPROBS, 1), named("c", Needs.GENERATE, 900), named("b", Needs.GENERATE, 10),
        named("z", Needs.STATIC, 100), named("a", Needs.STATIC, 100), named("y", Needs.STATIC, 5),
    ]  # fmt: skip
    assert [check.id for check in in_order(checks)] == ["y", "a", "z", "b", "c", "d"]


def test_progress_counts_the_checks(context: CheckContext, journal: Journal) -> None:
    progress = fakes.RecordingProgress()
    checks = [fakes.FakeCheck(), fakes.SilentCheck()]
    list(run_checks(checks, dataclasses.replace(context, progress=progress), journal))
    (job,) = progress.jobs
    assert (job.total, job.done, job.notes) == (2, 2, ["fake-check", "fake-silent"])
