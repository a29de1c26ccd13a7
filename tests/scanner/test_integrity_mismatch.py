"""The check integrity-mismatch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from scanner.check import CheckContext
from scanner.checks.integrity_mismatch import CHECK
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, LeftOut, Snapshot, SourceDigest, TensorIdentity
from scanner.references import ModelRef
from scanner.runner import run_check
from scanner.sources.directory import DirectorySource

DIGEST = hashlib.sha256(b"weights").hexdigest()
OTHER = hashlib.sha256(b"weighty").hexdigest()


def entry(path: str, recorded: str | None = DIGEST, *, algorithm: str = "sha256") -> FileEntry:
    source = SourceDigest(algorithm, recorded, "hub tree at 0123") if recorded else None
    return FileEntry(path, 7, DIGEST, "a" * 40 if algorithm == "git-sha1" else None, source)


def snapshot(*files: FileEntry, **facts: object) -> Snapshot:
    return dataclasses.replace(
        Snapshot(ModelRef.parse("hf://org/tiny"), "0" * 40, "/models/tiny", files),
        **facts,  # type: ignore[arg-type]
    )


def run(tmp_path: Path, given: Snapshot) -> tuple[list[Finding], list[Measurement]]:
    items = list(CHECK.run(CheckContext(given, EvidenceStore(tmp_path))))
    return (
        [item for item in items if isinstance(item, Finding)],
        [item for item in items if isinstance(item, Measurement)],
    )


def test_flipped_byte_fails_integrity(tmp_path: Path) -> None:
    findings, (measured,) = run(tmp_path, snapshot(entry("a.bin", OTHER), entry("b.bin")))
    (failed,) = findings
    assert (failed.outcome, failed.severity) == (Outcome.FAIL, Severity.CRITICAL)
    assert "a.bin" in failed.message
    assert DIGEST in failed.message
    assert OTHER in failed.message
    assert failed.locations[0].path == "a.bin"
    assert (measured.value, measured.n) == (1.0, 2)


def test_git_ids_are_held_against_git_ids(tmp_path: Path) -> None:
    good, bad = entry("a", "a" * 40, algorithm="git-sha1"), entry("b", "b" * 40, algorithm="git-sha1")
    assert [f.outcome for f in run(tmp_path, snapshot(good))[0]] == [Outcome.PASS]
    assert [f.outcome for f in run(tmp_path, snapshot(bad))[0]] == [Outcome.FAIL]


def test_all_files_on_record_pass_with_an_exact_count(tmp_path: Path) -> None:
    (passed,), (measured,) = run(tmp_path, snapshot(entry("a"), entry("b")))
    assert passed.outcome is Outcome.PASS
    assert (measured.name, measured.unit) == ("integrity.files_verified", "files")
    assert (measured.value, measured.n) == (2.0, 2)
    assert (measured.interval.low, measured.interval.high, measured.interval.level) == (2.0, 2.0, None)


def test_no_record_at_all_is_not_run_and_not_a_number(tmp_path: Path) -> None:
    (finding,), measurements = run(tmp_path, snapshot(entry("a", None), entry("b", None)))
    assert finding.outcome is Outcome.NOT_RUN
    assert "nobody recorded" in finding.reason
    assert measurements == []


def test_file_without_a_record_is_told_beside_the_pass(tmp_path: Path) -> None:
    findings, (measured,) = run(tmp_path, snapshot(entry("a"), entry("new.py", None)))
    assert [f.outcome for f in findings] == [Outcome.PASS, Outcome.NOT_RUN]
    assert "new.py" in findings[1].reason
    assert (measured.value, measured.n) == (1.0, 2)


def test_missing_file_fails_high(tmp_path: Path) -> None:
    (failed,), _ = run(tmp_path, snapshot(entry("a"), missing=("b.safetensors",)))
    assert (failed.outcome, failed.severity) == (Outcome.FAIL, Severity.HIGH)
    assert "b.safetensors" in failed.message


def test_missing_file_fails_even_without_any_digest(tmp_path: Path) -> None:
    findings, _ = run(tmp_path, snapshot(entry("a", None), missing=("b",)))
    assert [f.outcome for f in findings] == [Outcome.FAIL, Outcome.NOT_RUN]


@pytest.mark.parametrize(
    ("fact", "outcome", "rule"),
    [
        (("link_outside", "notes -> /etc/passwd"), Outcome.FAIL, "LINK-OUT"),
        (("commits_mixed", "a, b"), Outcome.FAIL, "MIXED"),
        (("extra_file", "modeling.py"), Outcome.FAIL, "EXTRA"),
        (("extra_file_more", "12"), Outcome.FAIL, "EXTRA"),
        (("branch_went_back", "main is a, and was b"), Outcome.FAIL, "OLDER"),
        (("digest_unreadable", "SHA256SUMS, line 1: not a sha256"), Outcome.ERROR, ""),
    ],
)
def test_what_the_source_found_strange_is_told(
    tmp_path: Path, fact: tuple[str, str], outcome: Outcome, rule: str
) -> None:
    findings, _ = run(tmp_path, snapshot(entry("a"), source=(fact, ("gated", "false"))))
    assert (findings[0].outcome, findings[0].rule) == (outcome, rule)


def test_evidence_holds_every_digest(tmp_path: Path) -> None:
    (failed,), _ = run(tmp_path, snapshot(entry("a.bin", OTHER)))
    table = json.loads(EvidenceStore(tmp_path).get(failed.evidence[0].sha256))
    assert table["files"][0]["sha256"] == DIGEST
    assert table["files"][0]["source_digest"]["value"] == OTHER


def test_wrong_bytes_of_another_commit_are_named(tmp_path: Path) -> None:
    facts = (("bytes_of_commit", f"{'1' * 40} a b.bin"), ("bytes_of_commit", f"{'2' * 40} other"))
    (failed,), _ = run(tmp_path, snapshot(entry("a b.bin", OTHER), source=facts))
    assert failed.message.endswith(f"; these are the bytes of commit {'1' * 40}")
    assert failed.rule == "DIFFERS"


def test_identity_of_the_weights_is_told_and_kept(tmp_path: Path) -> None:
    tensors = TensorIdentity("weighbridge-tensors/1", "ab" * 32, 3, 48, (LeftOut("x.onnx", "unknown"),))
    (passed,), _ = run(tmp_path, snapshot(entry("a"), tensors=tensors))
    assert f"3 tensors are weighbridge-tensors/1 {'ab' * 32}" in passed.message
    assert "no digest of the tensors in x.onnx" in passed.message
    table = json.loads(EvidenceStore(tmp_path).get(passed.evidence[0].sha256))
    assert table["tensors"]["digest"] == "ab" * 32


def test_sums_file_itself_needs_no_record(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "SHA256SUMS").write_text(f"{DIGEST}  model.safetensors\n")
    from scanner.source import FetchOptions

    given = DirectorySource().fetch(ModelRef.parse(str(model)), FetchOptions(tmp_path))
    assert [f.outcome for f in run(tmp_path, given)[0]] == [Outcome.PASS]


def test_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    context = CheckContext(snapshot(entry("a.bin", OTHER)), EvidenceStore(tmp_path))
    record = run_check(CHECK, context)
    assert [f.outcome for f in record.findings] == [Outcome.FAIL]
    assert [m.name for m in record.measurements] == ["integrity.files_verified"]


def test_extra_file_and_other_commit_than_locked_fail(tmp_path: Path) -> None:
    facts = (("lock", "model.lock.json"), ("lock_extra", "evil.py"), ("lock_commit", "the commit is x"))
    findings, _ = run(tmp_path, snapshot(entry("a"), entry("evil.py", None), source=facts))
    failed = {each.rule: each for each in findings if each.outcome is Outcome.FAIL}
    assert set(failed) == {"EXTRA", "LOCK-COMMIT"}
    assert failed["EXTRA"].locations[0].path == "evil.py"
    assert not [each for each in findings if each.outcome is Outcome.PASS]


def test_lock_that_holds_is_said_and_one_that_does_not_is_no_pass(tmp_path: Path) -> None:
    held = (("lock", "model.lock.json"),)
    findings, _ = run(tmp_path, snapshot(entry("a"), source=held))
    assert [each.rule for each in findings] == ["", "LOCK"]
    findings, _ = run(tmp_path, snapshot(entry("a", OTHER), source=held))
    assert "LOCK" not in [each.rule for each in findings]


def test_lock_of_files_of_which_parts_were_read_is_not_judged(tmp_path: Path) -> None:
    parts = FileEntry("a", 7, "", None, SourceDigest("sha256", DIGEST, "hub tree at 0123"))
    findings, _ = run(tmp_path, snapshot(parts, source=(("lock", "model.lock.json"),)))
    assert [each.outcome for each in findings if each.subject == "lock"] == [Outcome.NOT_RUN]


def test_same_weights_in_other_files_are_a_fact_beside_the_failure(tmp_path: Path) -> None:
    facts = (("lock", "model.lock.json"), ("lock_extra", "b"), ("lock_same_tensors", "3 tensors"))
    findings, _ = run(tmp_path, snapshot(entry("b"), source=facts))
    assert {each.rule: each.outcome for each in findings} == {
        "EXTRA": Outcome.FAIL,
        "LOCK-TENSORS": Outcome.PASS,
    }


def test_part_of_a_model_says_what_was_left_out_and_a_tool_folder_does_not(tmp_path: Path) -> None:
    facts = (("left_out", "x.bin"), ("left_out", "y.bin"), ("ignore", "*.bin"))
    findings, _ = run(tmp_path, snapshot(entry("a"), source=facts))
    (left_out,) = [each for each in findings if each.subject == "files left out"]
    assert left_out.outcome is Outcome.NOT_RUN
    assert left_out.reason == "2 files were left out (ignore *.bin): x.bin, y.bin"
    findings, _ = run(tmp_path, snapshot(entry("a"), source=(("left_out", ".git/ (3 files)"),)))
    assert [each.subject for each in findings] == [""]
