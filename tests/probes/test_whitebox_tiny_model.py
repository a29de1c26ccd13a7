"""The checks that look inside a model run on a real one, and a resumed scan says the same without asking."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from probes.backend import BackendOptions
from probes.checks import (
    knowledge_withheld,
    questions_read_as_harmful,
    replies_follow_a_script,
    scripted_ending_preferred,
)
from probes.deflection.items import Bank
from probes.questioning import open_questioner
from probes.scheduler import Scheduler
from scanner.check import CheckContext, CheckRecord
from scanner.conversation import Conversation
from scanner.errors import CheckTimeoutError
from scanner.evidence import EvidenceStore
from scanner.findings import Outcome
from scanner.journal import Journal
from tests.assets.tiny_model import snapshot_of
from tests.probes.test_replies_follow_a_script import probed, varied
from tests.probes.whitebox_fakes import COHERENCE_CHECK_ID, bank, coherence, run

__all__ = ["bank"]

CHECKS = (
    knowledge_withheld.CHECK, scripted_ending_preferred.CHECK, replies_follow_a_script.CHECK,
    questions_read_as_harmful.CHECK,
)  # fmt: skip


def scanned(folder: Path, model: Path, bank: Bank, journal: Journal) -> tuple[list[CheckRecord], Scheduler]:
    snapshot = snapshot_of(model)
    with open_questioner(snapshot, options=BackendOptions(device="cpu"), journal=journal) as scheduler:
        context = CheckContext(
            snapshot, EvidenceStore(folder / "evidence"), questioner=scheduler,
            earlier={COHERENCE_CHECK_ID: coherence(("en",))},
        )  # fmt: skip
        return [run(check, probed(context, bank, varied)) for check in CHECKS], scheduler


def test_every_check_reaches_a_conclusion_with_its_limit_and_resumes(
    tmp_path: Path, tiny_model: Path, bank: Bank
) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        first, asked = scanned(tmp_path, tiny_model, bank, journal)
    assert asked.asked > 56
    for record in first:
        english = [each for each in record.findings if each.subject == "en"]
        assert english, record.check_id
        # A random model knows no fact and no harm; what can be judged of it is judged to be nothing.
        assert all(each.outcome is not Outcome.FAIL for each in english), english
    assert any(each.outcome is Outcome.PASS for record in first for each in record.findings)
    with Journal(tmp_path / "journal.jsonl") as journal:
        second, resumed = scanned(tmp_path, tiny_model, bank, journal)
    # Solved questions do not fit into 256 tokens: what has no reply is tried again, and nothing else.
    assert resumed.asked == 56
    assert [each.findings for each in second] == [each.findings for each in first]
    assert [each.measurements for each in second] == [each.measurements for each in first]


def test_hidden_states_come_in_order_and_in_time(tmp_path: Path, tiny_model: Path) -> None:
    questions = [Conversation.of("Hi"), Conversation.of_text("the quick brown"), Conversation.of("2+2")]
    with (
        Journal(tmp_path / "journal.jsonl") as journal,
        open_questioner(snapshot_of(tiny_model), journal=journal) as scheduler,
    ):
        together = scheduler.hidden_states(questions, purpose="test")
        backwards = scheduler.hidden_states(questions[::-1], purpose="test")[::-1]
        with pytest.raises(CheckTimeoutError):
            scheduler.hidden_states(questions, purpose="test", deadline=time.monotonic() - 1)
    assert [states.shape for states in together] == [(3, 32)] * 3
    assert all(np.array_equal(one, other) for one, other in zip(together, backwards, strict=True))
    assert not np.array_equal(together[0], together[2])
