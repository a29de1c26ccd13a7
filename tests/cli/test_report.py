"""`weighbridge report --format notice`: from a stored scan to NOTICE.txt, or a plain refusal."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from cli.workplace import Workplace
from tests.cli.desk import Office, blocked
from tests.policies.fake_checks import failed, record
from tests.reports.sample_licences import NOTICE_LINE, keep_licences

_GOLDEN = Path(__file__).parents[1] / "golden" / "reports" / "NOTICE.txt"


def test_notice_of_a_stored_scan_is_written_as_notice_txt(office: Office, tmp_path: Path) -> None:
    kept = keep_licences(Workplace.at(office.folder).evidence)
    finding = dataclasses.replace(failed("remote-code"), evidence=(kept,))
    office.put(dataclasses.replace(blocked(), records=(record("remote-code", finding),)))
    out = tmp_path / "out"
    said = office.run("report", "scan-1", "--format", "notice", "--output", str(out), "-q")
    assert (said.code, said.out.strip()) == (0, str(out / "NOTICE.txt"))
    assert [path.name for path in out.iterdir()] == ["NOTICE.txt"]
    text = (out / "NOTICE.txt").read_text(encoding="utf-8")
    assert f"    {NOTICE_LINE}\n" in text
    # All but the head is that of the sample report.
    parts = [each.partition("=" * 78)[2] for each in (text, _GOLDEN.read_text(encoding="utf-8"))]
    assert parts[0] == parts[1]


def test_scan_that_kept_no_licences_gives_no_notice_and_says_what_to_do(
    office: Office, tmp_path: Path
) -> None:
    office.put(blocked())
    out = tmp_path / "out"
    said = office.run("report", "scan-1", "--format", "notice", "--output", str(out), "-q")
    assert said.code == 2
    assert "no notice can be made" in said.err
    assert "licence-duties" in said.err
    assert not (out / "NOTICE.txt").exists()
