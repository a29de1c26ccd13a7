"""The repository check counts identifiers by kind, never shows them, and says what it did not read."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
from pathlib import Path

import pyrage

from probes.checks.personal_data_in_repository import CHECK
from probes.repository_texts import FILE_LIMIT_BYTES
from scanner.check import CheckContext, CheckRecord
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from scanner.runner import run_check

CARD = "# Model\n\nQuestions: ottilie@marsh-bakery.org\n\nThe model has 7241732096 parameters.\n"
RECORDS = "name,ssn,mrn\nA,536-22-1234,MRN: 00451239\nB,536-22-1235,MRN: 00451240\n"


def scan(
    folder: Path,
    files: dict[str, bytes | str],
    *,
    isolated: bool = False,
    settings: dict[str, str] | None = None,
) -> tuple[CheckRecord, EvidenceStore]:
    root = folder / "model"
    entries = []
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        entries.append(FileEntry(path, len(data), hashlib.sha256(data).hexdigest()))
    store = EvidenceStore(folder / "evidence")
    snapshot = Snapshot(ModelRef.parse(str(root)), None, str(root), tuple(entries))
    context = CheckContext(snapshot, store, settings=settings or {})
    if isolated:
        return run_check(CHECK, context), store
    said = list(CHECK.run(context))
    findings = tuple(item for item in said if isinstance(item, Finding))
    measurements = tuple(item for item in said if isinstance(item, Measurement))
    return CheckRecord(CHECK.id, findings, measurements, datetime.datetime.now(datetime.UTC), 0.0), store


def test_sample_records_are_found_by_kind_and_line(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"data/sample.csv": RECORDS})
    found = {finding.subject: finding for finding in record.findings}
    assert set(found) == {"US social security number", "medical record number"}
    ssn = found["US social security number"]
    assert (ssn.outcome, ssn.severity, ssn.rule) == (Outcome.FAIL, Severity.HIGH, "G")
    assert [(place.path, place.line) for place in ssn.locations] == [
        ("data/sample.csv", 2),
        ("data/sample.csv", 3),
    ]
    assert ssn.message.startswith("2 values")


def test_check_works_in_a_process_of_its_own(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"data/sample.csv": RECORDS}, isolated=True)
    assert {finding.rule for finding in record.findings} == {"G", "H"}
    assert record.wall_seconds < 60


def test_values_are_in_no_finding_and_no_evidence(tmp_path: Path) -> None:
    record, store = scan(tmp_path, {"data/sample.csv": RECORDS, "README.md": CARD})
    told = " ".join(finding.message for finding in record.findings)
    kept = b"".join(store.get(ref.sha256) for finding in record.findings for ref in finding.evidence).decode()
    for value in ("536-22-1234", "00451239", "ottilie@marsh-bakery.org"):
        assert value not in told
        assert value not in kept


def test_maintainers_address_is_of_low_severity(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"README.md": CARD})
    (finding,) = [f for f in record.findings if f.rule == "F"]
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.LOW)


def test_card_config_and_licence_without_persons_pass(tmp_path: Path) -> None:
    record, _ = scan(
        tmp_path,
        {
            "README.md": "# A model\n\nTrained on 2024-03-07 for 10000000 steps. See https://example.org/paper.\n",
            "config.json": json.dumps(
                {"hidden_size": 4096, "vocab_size": 151936, "eos_token_id": 6502530000}
            ),
            "LICENSE": "Permission is granted, free of charge, to anyone. Contact: legal@example.com\n",
        },
    )
    (finding,) = record.findings
    assert finding.outcome is Outcome.PASS
    assert "3 text files" in finding.message
    assert "not tested: P, Q; in part: A, B, C" in finding.message
    (measurement,) = record.measurements
    assert "not tested: P, Q" in measurement.method
    assert (measurement.value, measurement.interval.high) == (3, 3)


def test_names_alone_are_only_information(tmp_path: Path) -> None:
    text = "Yesterday Jane Smith and Robert Miller travelled to Boston together with their friends.\n"
    record, _ = scan(tmp_path, {"README.md": text})
    outcomes = {finding.rule: (finding.outcome, finding.severity) for finding in record.findings}
    assert outcomes["A"] == (Outcome.FAIL, Severity.INFO)
    assert outcomes[""][0] is Outcome.PASS


def test_names_are_not_looked_for_in_configuration(tmp_path: Path) -> None:
    record, _ = scan(
        tmp_path, {"config.json": json.dumps({"author": "Jane Smith met Robert Miller in Boston."})}
    )
    assert [finding.outcome for finding in record.findings] == [Outcome.PASS]


def test_file_above_the_limit_is_read_at_its_beginning_and_that_is_said(tmp_path: Path) -> None:
    big = RECORDS + "x\n" * FILE_LIMIT_BYTES + "C,536-22-1236,MRN: 00451241\n"
    record, _ = scan(tmp_path, {"README.md": CARD, "big.csv": big})
    found = {finding.rule: finding for finding in record.findings}
    assert found["G"].message.startswith("2 values")
    assert json.loads(store_of(tmp_path, record))["read_in_part"] == ["big.csv"]


def test_pass_over_a_file_read_in_part_names_it(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"big.csv": "x\n" * FILE_LIMIT_BYTES})
    (finding,) = record.findings
    assert "1 of them read at their beginning: big.csv" in finding.message


def test_identifiers_in_a_notebook_are_found_at_their_line(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": ["x = 1\n", "# MRN: 00451239\n"], "outputs": []}]
    picture = {"cell_type": "code", "outputs": [{"data": {"image/png": "iVBOR" + "A1b2" * 5000}}]}
    record, _ = scan(tmp_path, {"train.ipynb": json.dumps({"cells": [picture, *cells]}, indent=1)})
    (finding,) = record.findings
    line = json.dumps({"cells": [picture, *cells]}, indent=1).split("MRN")[0].count("\n") + 1
    assert (finding.rule, finding.locations[0].line) == ("H", line)


def test_escaped_json_lines_hide_nothing(tmp_path: Path) -> None:
    rows = [{"text": "Seen today.\nMRN: 00451239"}, {"text": "联系电话：13912340987"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    assert "\\u8054" in lines
    record, _ = scan(tmp_path, {"sample.jsonl": lines})
    assert {finding.rule: finding.locations[0].line for finding in record.findings} == {"H": 1, "D": 2}


def test_compressed_sample_is_unpacked_within_the_limit(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"sample.csv.gz": gzip.compress(RECORDS.encode())})
    assert {finding.rule for finding in record.findings} == {"G", "H"}
    bomb = gzip.compress(b"x\n" * 20_000_000)
    record, _ = scan(tmp_path / "bomb", {"sample.csv.gz": bomb, "broken.txt.gz": b"\x1f\x8b no more"})
    (finding,) = record.findings
    assert finding.outcome is Outcome.PASS
    assert "sample.csv.gz" in finding.message
    assert "broken.txt.gz (not text)" in finding.message


def test_added_tokens_are_read_and_the_vocabulary_is_not(tmp_path: Path) -> None:
    tokenizer = {
        "added_tokens": [{"id": 5, "content": "ada@stmary-clinic.org"}, {"id": 6}, 7],
        "model": {"vocab": {"bob@stmary-clinic.org": 1}},
    }
    record, _ = scan(tmp_path, {"tokenizer.json": json.dumps(tokenizer)})
    (finding,) = record.findings
    assert (finding.rule, finding.locations[0].line) == ("F", None)
    assert finding.message.startswith("1 values")


def test_data_set_in_a_format_that_is_not_read_is_said(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"README.md": "Nothing here.", "data/train.parquet": b"PAR1"})
    (finding,) = record.findings
    assert "data/train.parquet (a format that is not read)" in finding.message
    assert record.measurements[0].interval.high == 2


def test_raw_values_go_to_the_quarantine_alone(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    folder = tmp_path / "q"
    settings = {"quarantine.to": str(folder), "quarantine.recipient": str(identity.to_public())}
    scan(tmp_path, {"data/sample.csv": RECORDS}, isolated=True, settings=settings)
    (file,) = folder.iterdir()
    rows = [json.loads(line) for line in pyrage.decrypt(file.read_bytes(), [identity]).splitlines()]
    assert {"place": "data/sample.csv:2", "kind": "US_SSN", "value": "536-22-1234"}.items() <= rows[0].items()
    assert len(rows) == 4


def store_of(folder: Path, record: CheckRecord) -> bytes:
    return EvidenceStore(folder / "evidence").get(record.findings[0].evidence[0].sha256)


def test_evidence_tells_how_each_of_18_letters_was_tested(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"data/sample.csv": RECORDS})
    letters = json.loads(store_of(tmp_path, record))["letters"]
    assert len(letters) == 18
    assert letters["G"]["found"] == 2
    assert letters["Q"]["tested"] == "no"


def test_broken_text_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"README.md": b"\xff\xfe broken \xc3( bytes, SSN 536-22-1234 \xf0\x28"})
    assert "G" in {finding.rule for finding in record.findings}


def test_binary_file_with_a_text_name_is_left_out(tmp_path: Path) -> None:
    record, _ = scan(tmp_path, {"README.md": b"\0\1\2SSN 536-22-1234", "NOTICE": "Nothing here."})
    assert [finding.outcome for finding in record.findings] == [Outcome.PASS]
    assert "README.md (not text)" in record.findings[0].message


def test_snapshot_without_texts_is_not_run(tmp_path: Path) -> None:
    record, _ = scan(
        tmp_path, {"model.safetensors": b"\0" * 64, "tokenizer.json": '{"a@marsh-bakery.org": 1}'}
    )
    (finding,) = record.findings
    assert finding.outcome is Outcome.NOT_RUN
    assert not record.measurements


def test_long_text_keeps_its_line_numbers(tmp_path: Path) -> None:
    text = "An ordinary line of a card.\n" * 3000 + "SSN 536-22-1234\n"
    record, _ = scan(tmp_path, {"README.md": text})
    (finding,) = [f for f in record.findings if f.rule == "G"]
    assert finding.locations[0].line == 3001
