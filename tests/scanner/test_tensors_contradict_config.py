"""tensors-contradict-config: what is missing or added is named, and known designs pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.checks.tensors_contradict_config import CHECK
from scanner.findings import Finding, Outcome, Severity
from tests.assets import related_models as made
from tests.assets.tensor_files import Weights, write_gguf_file
from tests.scanner.check_runs import findings_of

BASE = made.as_floats(made.base_tensors())


def judged(tmp_path: Path, tensors: dict[str, Weights], **config: object) -> list[Finding]:
    folder = made.write_model(tmp_path / "m", tensors)
    (folder / "config.json").write_text(
        json.dumps({"num_hidden_layers": made.LAYERS, "vocab_size": made.TOKENS, **config})
    )
    return findings_of(CHECK, folder)


def without(pattern: str) -> dict[str, Weights]:
    return {name: each for name, each in BASE.items() if pattern not in name}


def test_a_model_as_its_configuration_has_it_passes(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, BASE)
    assert (finding.outcome, finding.message) == (
        Outcome.PASS,
        "37 tensors agree with one another (6 model.layers) and those of its configuration",
    )


EXTRA = Weights("F32", (4, 4), bytes(64))


@pytest.mark.parametrize(
    ("tensors", "config", "rule", "words"),
    [
        (without("layers.3."), {}, "TC-GAP", "of 6 model.layers number 3 is missing"),
        (without("layers.2.mlp.up"), {}, "TC-LACKS", "layers.2 lacks mlp.up_proj.weight, which 5 other"),
        ({**BASE, "model.layers.4.hook.weight": EXTRA}, {}, "TC-ADDS", "layers.4 has hook.weight"),
        (BASE, {"num_hidden_layers": 8}, "TC-LAYERS", "says 8 layers, and there are 6 model.layers"),
        (without("layers.5."), {}, "TC-LAYERS", "says 6 layers, and there are 5"),
        (BASE, {"vocab_size": 201}, "TC-VOCABULARY", "has 200 rows, and config.json a vocabulary of 201"),
        ({**BASE, "extra": Weights("U8", (70_000,), bytes(70_000))}, {}, "TC-STRAY", "70000 bytes as U8"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_named(
    tmp_path: Path, tensors: dict[str, Weights], config: dict[str, object], rule: str, words: str
) -> None:
    (finding,) = judged(tmp_path, tensors, **config)
    assert (finding.outcome, finding.rule) == (Outcome.FAIL, rule)
    assert words in finding.message
    assert finding.severity is (Severity.LOW if rule == "TC-STRAY" else Severity.MEDIUM)


def dense_first(number: int) -> str:
    return "mlp.up_proj" if number == 0 else "mlp.experts.0.up_proj"


def alternating(number: int) -> str:
    return "mamba.in_proj" if number % 2 else "attention.q_proj"


def further_tokens(number: int) -> str:
    return "eh_proj" if number == 6 else "mlp.up_proj"


@pytest.mark.parametrize(
    ("kind", "layers", "config"),
    [
        (dense_first, 6, {}),
        (alternating, 6, {}),
        (further_tokens, 7, {"num_nextn_predict_layers": 1}),
        (lambda _: "mlp.up_proj", 6, {"num_hidden_layers": 99, "text_config": {"num_hidden_layers": 6}}),
    ],
)  # fmt: skip
def test_known_designs_are_no_contradiction(
    tmp_path: Path, kind: Callable[[int], str], layers: int, config: dict[str, object]
) -> None:
    tensors = {
        f"model.layers.{number}.{part}.weight": EXTRA
        for number in range(layers)
        for part in ("norm", "self_attn.o_proj", kind(number))
    }
    (finding,) = judged(tmp_path, tensors, **config)
    assert finding.outcome is Outcome.PASS, finding.message


def test_a_gguf_file_is_held_against_its_own_header(tmp_path: Path) -> None:
    parts = ("attn_norm", "attn_q", "ffn_up")
    tensors = {f"blk.{n}.{part}.weight": EXTRA for n in (0, 1, 3, 4) for part in parts}
    write_gguf_file(tmp_path / "m.gguf", tensors)
    (finding,) = findings_of(CHECK, tmp_path)
    assert finding.rule == "TC-GAP"


def test_a_broken_header_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    (finding,) = findings_of(CHECK, tmp_path)
    assert finding.outcome is Outcome.NOT_RUN


def test_a_model_without_weights_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    (finding,) = findings_of(CHECK, tmp_path)
    assert finding.outcome is Outcome.NOT_RUN
