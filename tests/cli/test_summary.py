"""What the terminal says at the end: stale packs, gaps that others owe, and what is only proposed."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import pytest
from rich.console import Console

from cli import summary
from policies.assess import assess
from policies.assessment import Assessment
from policies.packs import load_packs
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, failed, measured, passed, record, scan_of
from tests.policies.pack_files import answers, policy

COMPUTE, CARD = "training-compute", "model-card-gaps"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(summary, "stdout", lambda: Console(file=written, width=400))
    return written


def bare_card() -> Scan:
    """A general-purpose model whose card says almost nothing."""
    items = [measured(CARD, f"card.annex_{which}_items", 1.0, n=9) for which in ("xi", "xii")]
    flop = measured(COMPUTE, "compute.training_flop", 1.8e24, n=1)
    return scan_of(None, record(CARD, failed(CARD), *items), record(COMPUTE, passed(COMPUTE), flop))


def judged(folder: Path, as_of: datetime.date = AS_OF) -> Assessment:
    own = policy(folder, organisation=answers())
    return assess(bare_card(), load_packs(["eu-ai-act"], CHECKS), own, as_of=as_of, assessed_at=NOW)


def test_pack_past_its_review_date_prints_a_banner(terminal: io.StringIO, tmp_path: Path) -> None:
    due = load_packs(["eu-ai-act"], CHECKS)[0].review_due
    summary.print_scan(bare_card(), judged(tmp_path, due))
    assert "Attention" not in terminal.getvalue()
    summary.print_scan(bare_card(), judged(tmp_path, due + datetime.timedelta(days=1)))
    assert f"Attention: EU AI Act 2026.11.2 was due for review on {due}." in terminal.getvalue()


def test_day_before_the_text_that_a_pack_reads_prints_a_banner(terminal: io.StringIO, tmp_path: Path) -> None:
    """Regulation (EU) 2026/1744 has been in force since 27 July 2026."""
    summary.print_scan(bare_card(), judged(tmp_path, datetime.date(2026, 7, 27)))
    assert "Attention" not in terminal.getvalue()
    summary.print_scan(bare_card(), judged(tmp_path, datetime.date(2026, 7, 26)))
    assert "EU AI Act 2026.11.2 reads the law as it is since 2026-07-27" in terminal.getvalue()
    early = summary.summary_document(bare_card(), judged(tmp_path, datetime.date(2026, 7, 26)))
    assert "pack-later-text" in {reason["rule"] for reason in early["reasons"]}


def test_gaps_that_others_owe_are_counted_apart(terminal: io.StringIO, tmp_path: Path) -> None:
    assessment = judged(tmp_path)
    others = [one.control_id for one in assessment.controls if one.is_gap_of_others]
    assert "euaia-art53-1-b" in others
    summary.print_scan(bare_card(), assessment)
    assert f"{len(others)} of the not supported owed by others, on whom you rely" in terminal.getvalue()


def test_json_names_stale_packs_and_counts_gaps_of_others(tmp_path: Path) -> None:
    due = load_packs(["eu-ai-act"], CHECKS)[0].review_due
    late = summary.summary_document(bare_card(), judged(tmp_path, due + datetime.timedelta(days=1)))
    assert late["stale_packs"] == ["eu-ai-act"]
    assert late["gaps_of_others"]["eu-ai-act"] >= 2
    assert "pack-stale" in {reason["rule"] for reason in late["reasons"]}
    assert summary.summary_document(bare_card(), judged(tmp_path, due))["stale_packs"] == []


def test_controls_of_a_proposal_are_counted_as_no_law(terminal: io.StringIO, tmp_path: Path) -> None:
    packs = load_packs(["hipaa-security", "hipaa-nprm"], CHECKS)
    found = assess(scan_of(), packs, policy(tmp_path), as_of=AS_OF, assessed_at=NOW)
    summary.print_scan(scan_of(), found)
    shown = " ".join(terminal.getvalue().split())
    assert f"hipaa-nprm {packs[1].version} proposed, not law: " in shown
    assert shown.count("proposed, not law") == 1
