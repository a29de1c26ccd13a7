"""From arguments to a sealed file: the raw values of a scan are in it and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage

from cli.main import run
from tests.e2e import variants


def test_raw_values_of_a_scan_are_in_the_sealed_file_and_nowhere_else(
    tiny_model: Path, tmp_path: Path
) -> None:
    model = variants.copy_with_sums(tiny_model, tmp_path / "model")
    (model / "sample.csv").write_text("name,ssn\nA,536-22-1234\n", encoding="utf-8")
    identity = pyrage.x25519.Identity.generate()
    arguments = [
        "scan", str(model), "--static-only", "--check", "personal-data-in-repository", "--report", "json",
        "--data-dir", str(tmp_path / "data"), "--output", str(tmp_path / "out"), "-q",
        "--quarantine-to", str(tmp_path / "sealed"), "--quarantine-recipient", str(identity.to_public()),
    ]  # fmt: skip
    assert run(arguments) in (0, 1, 3, 4)
    (file,) = (tmp_path / "sealed").iterdir()
    rows = [json.loads(line) for line in pyrage.decrypt(file.read_bytes(), [identity]).splitlines()]
    assert [(row["place"], row["value"]) for row in rows] == [("sample.csv:2", "536-22-1234")]
    written = [path for folder in ("data", "out", "sealed") for path in (tmp_path / folder).rglob("*")]
    told = [path for path in written if path.is_file() and b"536-22-1234" in path.read_bytes()]
    assert told == []
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert report["scan"]["request"]["settings"]["quarantine.recipient"] == str(identity.to_public())
