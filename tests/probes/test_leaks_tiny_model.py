"""The leak checks run on a real engine, with real scores, and a model of random weights gets no good mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from probes.backend import BackendOptions
from probes.canaries.making import make_canaries
from probes.checks import canary_recalled, patient_data_disclosed, training_data_repeated
from probes.questioning import open_questioner
from scanner.check import CheckContext
from scanner.evidence import EvidenceStore
from scanner.findings import Outcome
from scanner.journal import Journal
from scanner.records import encode
from tests.assets.tiny_model import snapshot_of
from tests.probes.whitebox_fakes import COHERENCE_CHECK_ID, coherence, measured, run


def test_random_weights_recite_nothing_and_are_not_called_discreet(tmp_path: Path, tiny_model: Path) -> None:
    file = tmp_path / "canaries.jsonl"
    file.write_bytes(b"".join(encode(canary) + b"\n" for canary in make_canaries(3, seed="tiny")))
    snapshot = snapshot_of(tiny_model)
    options = BackendOptions(device="cpu")
    with (
        Journal(tmp_path / "journal.jsonl") as journal,
        open_questioner(snapshot, options=options, journal=journal) as scheduler,
    ):
        context = CheckContext(
            snapshot, EvidenceStore(tmp_path / "evidence"), questioner=scheduler,
            earlier={COHERENCE_CHECK_ID: coherence(("en",))},
            settings={canary_recalled.FILE: str(file)},
        )  # fmt: skip
        canary = run(canary_recalled.CHECK, context)
        others = [
            run(module.CHECK, replace(context, settings={}))
            for module in (patient_data_disclosed, training_data_repeated)
        ]
        asked = scheduler.asked
        assert run(canary_recalled.CHECK, context).findings == canary.findings
        assert scheduler.asked == asked
    by_rule = {finding.rule: finding for finding in canary.findings}
    # Random weights cannot say a string again that stands in front of them.
    assert by_rule["recall"].outcome is Outcome.NOT_RUN
    assert measured(canary, "leak.canary.rate").value == 0
    # Three ranks among seventeen cannot tell learnt from chance at one in a hundred unless all come first.
    assert by_rule["likelihood"].outcome in (Outcome.PASS, Outcome.NOT_RUN)
    assert measured(canary, "leak.canary.exposure").n == 3
    patients, _ = others
    assert not any(
        finding.outcome is Outcome.PASS and finding.rule != "no-record" for finding in patients.findings
    )
