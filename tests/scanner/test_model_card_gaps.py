"""model-card-gaps: counts what is public, names what is not, and no card is nought of all."""

from __future__ import annotations

import json
from pathlib import Path

from scanner.checks.model_card_gaps import CHECK
from scanner.findings import Outcome, Severity
from tests.scanner.check_runs import context_of, findings_of, measurements_of
from tests.scanner.model_folders import write_card, write_gguf

WHOLE = """# Parcel 1B

A decoder-only transformer with 1B parameters, released in May 2026, available on our hub and hosted by us.
It is a language model for text generation, intended for chatbots; the chat template is in the tokenizer.

## Acceptable use
Do not use it to weigh people against their will.

## How to use
```python
from transformers import pipeline
```
Runs on 8 GB of GPU memory; needs transformers >= 5.1; context length 8192 tokens.

## Training
Pre-trained on 2T tokens of publicly available web data, filtered and deduplicated, then fine-tuned.
Biased and toxic sources were removed. It is optimized for short answers.
Hardware: 300 H100 hours. Energy consumption: 12 MWh.

## Licence
Apache 2.0, see the file.
"""


def test_whole_card_passes_both_annexes(tmp_path: Path) -> None:
    write_card(tmp_path, WHOLE, license="apache-2.0")
    assert [finding.outcome for finding in findings_of(CHECK, tmp_path)] == [Outcome.PASS, Outcome.PASS]
    assert [(item.value, item.n) for item in measurements_of(CHECK, tmp_path)] == [(11, 11), (11, 11)]


def test_card_without_one_item_fails_and_names_it(tmp_path: Path) -> None:
    write_card(tmp_path, WHOLE.replace(" Energy consumption: 12 MWh.", ""), license="apache-2.0")
    of_xi, of_xii = findings_of(CHECK, tmp_path)
    assert (of_xi.outcome, of_xi.severity) == (Outcome.FAIL, Severity.MEDIUM)
    assert of_xi.message.startswith("10 of 11 items")
    assert "2(e) energy consumption" in of_xi.message
    assert of_xii.outcome is Outcome.PASS


def test_no_card_is_nought_of_all_even_with_metadata(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", {"general.license": "mit"})
    assert all(finding.outcome is Outcome.FAIL for finding in findings_of(CHECK, tmp_path))
    for item in measurements_of(CHECK, tmp_path):
        assert (item.value, item.n, item.interval.low, item.interval.high) == (0, 11, 0, 0)


def test_thin_card_counts_what_the_files_show(tmp_path: Path) -> None:
    write_card(tmp_path, "# Model\n")
    bare = [item.value for item in measurements_of(CHECK, tmp_path)]
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 2048}')
    (tmp_path / "LICENSE").write_text("text")
    assert bare == [0, 0]
    assert [item.value for item in measurements_of(CHECK, tmp_path)] == [1, 2]


def test_evidence_lists_every_item_with_its_place(tmp_path: Path) -> None:
    write_card(tmp_path, WHOLE)
    context = context_of(tmp_path)
    of_xi = next(item for item in CHECK.run(context) if hasattr(item, "outcome"))
    listing = json.loads(context.evidence.get(of_xi.evidence[0].sha256))
    assert len(listing) == 11
    assert listing[1]["parts"]["the acceptable use policy"]["path"] == "README.md"


def test_unreadable_card_is_an_error_not_a_count(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\n: [\n---\n")
    assert [finding.outcome for finding in findings_of(CHECK, tmp_path)] == [Outcome.ERROR]
    assert measurements_of(CHECK, tmp_path) == []


def test_broken_config_is_an_error_beside_the_count(tmp_path: Path) -> None:
    write_card(tmp_path, WHOLE)
    (tmp_path / "config.json").write_text("{")
    assert findings_of(CHECK, tmp_path)[0].outcome is Outcome.ERROR
    assert len(measurements_of(CHECK, tmp_path)) == 2
