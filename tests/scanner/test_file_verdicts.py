"""One verdict a file: the worst of all checks, and never good because nobody looked."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from scanner.check import Check, CheckRecord
from scanner.checks.file_kind_unclear import CHECK as KINDS
from scanner.checks.file_kind_unclear import LEFT_TO_OTHERS
from scanner.checks.pickle_runs_code import CHECK as PICKLES
from scanner.checks.safetensors_malformed import CHECK as SAFETENSORS
from scanner.file_check import FileVerdict
from scanner.file_verdicts import FileJudgement, Gate, file_verdicts
from scanner.findings import Finding, Location, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.parts import Parts
from scanner.references import ModelRef
from tests.fakes import FakeCheck

STARTED = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)


class WholeModelCheck(FakeCheck):
    """Judges files, but all of a model at once."""

    id = "remote-code"

    def verdict_of(self, finding: Finding) -> FileVerdict | None:
        """Everything it says is an attack."""
        return FileVerdict.ATTACK if finding.outcome is Outcome.FAIL else FileVerdict.NOT_READABLE


CHECKS: tuple[Check, ...] = (KINDS, PICKLES, SAFETENSORS, WholeModelCheck(), FakeCheck())


def judged(
    *findings: Finding, paths: tuple[str, ...] = ("a.bin",), also: tuple[str, ...] = ()
) -> FileJudgement:
    """The verdict on the first path; `also` are checks that ran and said something else."""
    files = tuple(FileEntry(path, 1, "0" * 64) for path in paths)
    snapshot = Snapshot(ModelRef.parse("demo"), None, "/models", files)
    ids = dict.fromkeys([*(finding.check_id for finding in findings), *also])
    records = [
        CheckRecord(id_, tuple(each for each in findings if each.check_id == id_), (), STARTED, 0.0)
        for id_ in ids
    ]
    return file_verdicts(snapshot, records, CHECKS)[0]


def place(path: str = "a.bin", detail: str = "") -> tuple[Location, ...]:
    return (Location(path, detail=detail),)


ATTACK = PICKLES.failed("runs os.system", rule="known-attack", locations=place(detail="byte 1"))
INSTANCE = PICKLES.failed("needs SVC", severity=Severity.MEDIUM, rule="class-instance", locations=place())
BROKEN = PICKLES.errored("the pickle is broken", rule="unreadable", locations=place())
MALFORMED = SAFETENSORS.failed("a hole", rule="ST-LAYOUT", locations=place())
CLEAN = PICKLES.passed("1 of 1", rule="tensor-plumbing", locations=place())
REMARK = KINDS.failed(
    "junk behind", severity=Severity.LOW, rule="appended", locations=place(detail="PNG image")
)
LEFT = KINDS.passed("1 file", rule=LEFT_TO_OTHERS, locations=place(detail="pickle"))
PLAIN = KINDS.passed("1 file", rule="plain-data", locations=place(detail="text"))


@pytest.mark.parametrize(
    ("findings", "verdict", "gate"),
    [
        ([PLAIN], FileVerdict.PLAIN_DATA, Gate.PASS),
        ([LEFT, CLEAN], FileVerdict.PLAIN_DATA, Gate.PASS),
        ([LEFT, INSTANCE], FileVerdict.NEEDS_CLASS_INSTANCE, Gate.REVIEW),
        ([LEFT, BROKEN], FileVerdict.NOT_READABLE, Gate.INCOMPLETE),
        ([PLAIN, MALFORMED], FileVerdict.NOT_READABLE, Gate.BLOCK),
        ([PLAIN, MALFORMED, BROKEN], FileVerdict.NOT_READABLE, Gate.BLOCK),
        ([PLAIN, MALFORMED, INSTANCE, ATTACK, BROKEN], FileVerdict.ATTACK, Gate.BLOCK),
        ([CLEAN, INSTANCE, REMARK], FileVerdict.NEEDS_CLASS_INSTANCE, Gate.REVIEW),
        ([REMARK], FileVerdict.PLAIN_DATA, Gate.PASS),
    ],
)
def test_worst_verdict_counts(findings: list[Finding], verdict: FileVerdict, gate: Gate) -> None:
    judgement = judged(*findings)
    assert (judgement.verdict, judgement.gate) == (verdict, gate)


def test_reasons_are_worst_first_and_say_where() -> None:
    judgement = judged(PLAIN, REMARK, INSTANCE, ATTACK)
    assert [(each.check_id, each.rule, each.place) for each in judgement.reasons] == [
        ("pickle-runs-code", "known-attack", "byte 1"),
        ("pickle-runs-code", "class-instance", ""),
        ("file-kind-unclear", "appended", "PNG image"),
    ]
    assert judgement.looked_at_by == ("file-kind-unclear", "pickle-runs-code")
    assert judgement.kind == "text"


def test_file_that_nobody_looked_at_is_not_readable() -> None:
    judgement = judged(PLAIN, paths=("b.bin", "a.bin"))
    assert (judgement.verdict, judgement.gate) == (FileVerdict.NOT_READABLE, Gate.INCOMPLETE)
    assert [each.message for each in judgement.reasons] == ["b.bin: no check reads this kind of file"]


def test_file_left_to_a_check_that_says_nothing_is_not_readable() -> None:
    judgement = judged(LEFT)
    assert judgement.verdict is FileVerdict.NOT_READABLE
    assert "is pickle, and pickle-runs-code did not look at it" in judgement.reasons[0].message


def test_remark_of_another_check_does_not_stand_for_the_reader() -> None:
    remark = SAFETENSORS.passed("1 of 1", locations=place())
    assert judged(LEFT, remark).verdict is FileVerdict.NOT_READABLE
    assert judged(LEFT, REMARK).verdict is FileVerdict.NOT_READABLE


def test_fault_of_one_file_leaves_others_alone() -> None:
    both = (*place("b.bin"), *place("a.bin"))
    fault = PICKLES.failed("b.bin names a.bin", rule="known-attack", locations=both)
    assert judged(LEFT, CLEAN, fault, paths=("a.bin", "b.bin")).verdict is FileVerdict.PLAIN_DATA


def test_check_that_broke_as_a_whole_is_held_against_every_file_it_said_nothing_of() -> None:
    died = PICKLES.errored("the check's process died with exit code -9")
    assert judged(PLAIN, died).gate is Gate.INCOMPLETE
    assert judged(PLAIN, CLEAN, died).gate is Gate.PASS


def test_check_without_files_of_its_kind_is_held_against_nobody() -> None:
    assert judged(PLAIN, PICKLES.not_run("no pickles", rule="nothing-to-examine")).gate is Gate.PASS


def test_files_that_were_not_reached_are_not_readable() -> None:
    left = PICKLES.not_run("time was up", rule="not-reached", locations=(*place("b.bin"), *place("a.bin")))
    assert judged(PLAIN, left).gate is Gate.INCOMPLETE


def test_finding_that_names_its_file_as_subject_is_about_it() -> None:
    fetched = SAFETENSORS.not_run("its header was not read", subject="a.bin", rule="not-fetched")
    assert judged(PLAIN, fetched).gate is Gate.INCOMPLETE
    assert judged(PLAIN, fetched, paths=("b.bin", "a.bin")).reasons[0].check_id == ""


def test_check_of_the_whole_model_reads_what_it_does_not_name() -> None:
    code = KINDS.passed("1 file", rule=LEFT_TO_OTHERS, locations=place(detail="Python source"))
    assert judged(code).verdict is FileVerdict.NOT_READABLE
    assert judged(code, also=("remote-code",)).verdict is FileVerdict.PLAIN_DATA
    assert judged(code, WholeModelCheck().errored("it broke")).verdict is FileVerdict.NOT_READABLE


def test_checks_that_judge_no_files_are_left_aside() -> None:
    finding = FakeCheck().failed("bad", severity=Severity.CRITICAL, locations=place())
    assert judged(PLAIN, finding).verdict is FileVerdict.PLAIN_DATA


def test_file_that_was_read_in_part_is_incomplete_with_the_reason() -> None:
    entry = FileEntry("a.bin", 9, "", parts=Parts((), "0" * 64, "only its header was read"))
    snapshot = Snapshot(ModelRef.parse("demo"), None, "/models", (entry,))
    record = CheckRecord(PLAIN.check_id, (PLAIN,), (), STARTED, 0.0)
    (judgement,) = file_verdicts(snapshot, [record], CHECKS)
    assert judgement.gate is Gate.INCOMPLETE
    assert judgement.reasons[0].message == "a.bin: only its header was read"


def test_reason_of_an_unjudged_finding_is_its_message() -> None:
    assert judged(BROKEN).reasons[0].message == "the pickle is broken"
    assert dataclasses.asdict(judged(BROKEN).reasons[0])["outcome"] is Outcome.ERROR
