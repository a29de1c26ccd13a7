"""differs-from-base: every way to make a model from another is told for what it is."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from scanner.check import CheckContext
from scanner.checks.differs_from_base import CHECK
from scanner.errors import NotAvailableError
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.records import encode
from tests.assets import related_models as made
from tests.assets.related_models import Matrix
from tests.assets.tensor_files import Weights
from tests.assets.tiny_model import build, build_gguf
from tests.scanner.check_runs import snapshot_of

BASE = made.base_tensors()


def said(folder: Path, base: Path | None = None, **settings: str) -> list[Finding | Measurement]:
    work = folder.parent
    if base is not None:
        (work / "base.json").write_bytes(encode(snapshot_of(base)))
        settings["base.snapshot"] = str(work / "base.json")
    context = CheckContext(snapshot_of(folder), EvidenceStore(work / "evidence"))
    return list(CHECK.run(dataclasses.replace(context, settings=settings)))


def compared(
    tmp_path: Path, new: Mapping[str, Weights], old: Mapping[str, Weights] | None = None, card: str = ""
) -> Finding:
    """The one finding about the weights."""
    base = made.write_model(tmp_path / "base", old or made.as_floats(BASE))
    items = said(made.write_model(tmp_path / "new", new, card), base)
    (finding,) = [each for each in items if isinstance(each, Finding) and each.subject != "chat template"]
    return finding


def shares(items: list[Finding | Measurement]) -> dict[str, tuple[float, int]]:
    return {each.name: (each.value, each.n) for each in items if isinstance(each, Measurement)}


def test_the_same_weights_are_identical(tmp_path: Path) -> None:
    base = made.write_model(tmp_path / "base", made.as_floats(BASE))
    items = said(made.write_model(tmp_path / "new", made.as_floats(BASE)), base)
    assert shares(items)["base.identical_share"] == (1.0, len(BASE))
    (finding,) = [each for each in items if isinstance(each, Finding)]
    assert finding.outcome is Outcome.PASS
    assert f"of {len(BASE)} tensors {len(BASE)} are identical" in finding.message


@pytest.mark.parametrize("rank", [1, 4, 16])
@pytest.mark.parametrize("form", [made.as_floats, made.as_bfloats])
def test_a_merged_adapter_is_told_with_its_rank_and_place(tmp_path: Path, rank: int, form) -> None:  # type: ignore[no-untyped-def]
    old = form(BASE)
    finding = compared(tmp_path, form(made.with_adapter(rounded(BASE, form), rank)), old)
    assert finding.outcome is Outcome.PASS
    assert f"rank {rank} or less in" in finding.message
    assert "q_proj" in finding.message
    assert "12 changed" in finding.message
    assert f"{len(BASE) - 12} are identical" in finding.message


def rounded(tensors: Mapping[str, Matrix], form) -> dict[str, Matrix]:  # type: ignore[no-untyped-def]
    """The numbers that a form keeps."""
    if form is made.as_floats:
        return dict(tensors)
    return {
        name: (np.frombuffer(each.values, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(each.shape)
        for name, each in form(tensors).items()
    }


def test_training_of_all_weights_is_no_adapter(tmp_path: Path) -> None:
    finding = compared(tmp_path, made.as_floats(made.changed(BASE, lambda name: "proj" in name)))
    assert finding.outcome is Outcome.PASS
    assert "30 changed by" in finding.message
    assert "rank" not in finding.message


def test_rounding_to_bfloat16_is_rounding(tmp_path: Path) -> None:
    finding = compared(tmp_path, made.as_bfloats(BASE))
    assert finding.outcome is Outcome.PASS
    assert f"{len(BASE)} differ by rounding only" in finding.message


def test_int8_with_scales_is_quantisation(tmp_path: Path) -> None:
    finding = compared(tmp_path, made.as_int8(BASE), card="base_model_relation: quantized")
    assert finding.outcome is Outcome.PASS, finding.message
    assert "31 differ by what quantisation does" in finding.message


def test_training_before_a_declared_quantisation_is_found(tmp_path: Path) -> None:
    trained = made.changed(BASE, lambda name: "down_proj" in name, size=0.004)
    card = "base_model: org/base\nbase_model_relation: quantized"
    finding = compared(tmp_path, made.as_int8(trained), card=card)
    assert (finding.rule, finding.severity) == ("BASE-BEYOND-QUANTISATION", Severity.MEDIUM)
    assert "down_proj" in finding.message


def test_other_weights_under_the_name_of_a_base_are_found(tmp_path: Path) -> None:
    base = made.write_model(tmp_path / "base", made.as_floats(BASE))
    items = said(made.write_model(tmp_path / "new", made.as_floats(made.base_tensors(9))), base)
    (finding,) = [each for each in items if isinstance(each, Finding)]
    assert (finding.outcome, finding.rule, finding.severity) == (
        Outcome.FAIL,
        "BASE-UNRELATED",
        Severity.MEDIUM,
    )
    assert shares(items)["base.unrelated_share"] == (1.0, 31)


def test_a_new_head_on_the_same_body_is_told_mildly(tmp_path: Path) -> None:
    new = {**BASE, "lm_head.weight": made.base_tensors(5)["model.embed_tokens.weight"]}
    old = {**BASE, "lm_head.weight": BASE["model.embed_tokens.weight"]}
    finding = compared(tmp_path, made.as_floats(new), made.as_floats(old))
    assert (finding.rule, finding.severity) == ("BASE-REPLACED", Severity.LOW)
    assert "lm_head.weight" in finding.message


def test_an_edit_of_one_matrix_is_told(tmp_path: Path) -> None:
    name = "model.layers.3.mlp.down_proj.weight"
    rng = np.random.default_rng(3)
    edit = np.outer(rng.normal(size=made.WIDTH), rng.normal(size=made.INNER)).astype(np.float32) * 0.01
    finding = compared(tmp_path, made.as_floats({**BASE, name: BASE[name] + edit}))
    assert (finding.rule, finding.severity) == ("BASE-FEW-CHANGED", Severity.LOW)
    assert "rank 1 or less in mlp.down_proj" in finding.message


def test_a_few_rows_of_the_vocabulary_are_counted(tmp_path: Path) -> None:
    # More rows than are looked at first, so that only reading to the end finds them.
    name = "model.embed_tokens.weight"
    table = np.random.default_rng(0).normal(size=(5000, made.WIDTH)).astype(np.float32)
    other = table.copy()
    other[[7, 4321]] += 1
    finding = compared(tmp_path, made.as_floats({**BASE, name: other}), made.as_floats({**BASE, name: table}))
    assert finding.rule == "BASE-FEW-CHANGED"
    assert "in 2 rows only" in finding.message


def test_added_words_are_an_extension_not_a_change(tmp_path: Path) -> None:
    name = "model.embed_tokens.weight"
    longer = np.concatenate([BASE[name], np.ones((8, made.WIDTH), np.float32)])
    finding = compared(tmp_path, made.as_floats({**BASE, name: longer}))
    assert finding.outcome is Outcome.PASS
    assert "1 have other numbers of rows" in finding.message
    assert "208 x 64 here" in finding.message


def test_rows_in_another_order_are_not_called_unrelated(tmp_path: Path) -> None:
    name = "model.embed_tokens.weight"
    mixed = BASE[name][np.random.default_rng(0).permutation(made.TOKENS)]
    finding = compared(tmp_path, made.as_floats({**BASE, name: mixed}))
    assert finding.outcome is Outcome.PASS
    assert "1 have the same rows in another order" in finding.message


def test_names_with_another_prefix_are_the_same_tensors(tmp_path: Path) -> None:
    new = {name.removeprefix("model."): each for name, each in BASE.items()}
    assert f"{len(BASE)} are identical" in compared(tmp_path, made.as_floats(new)).message


def write_gguf(model: Path, target: Path, kind: str) -> Path:
    """The model as GGUF, its matrices in another format: what llama.cpp's converter and quantiser make."""
    import gguf

    plain = build_gguf(model, target.with_suffix(".f32.gguf"))
    reader = gguf.GGUFReader(plain)
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_block_count(2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    for tensor in reader.tensors:
        data = np.array(tensor.data, np.float32)
        if data.ndim < 2:
            writer.add_tensor(tensor.name, data)
        else:
            qtype = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(tensor.name, gguf.quants.quantize(data, qtype), raw_dtype=qtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    plain.unlink()
    return target


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "F16"])
def test_gguf_of_the_base_is_recognised_under_its_other_names_and_order(
    tmp_path: Path, tiny_model: Path, kind: str
) -> None:
    (tmp_path / "new").mkdir()
    write_gguf(tiny_model, tmp_path / "new" / "m.gguf", kind)
    (finding,) = [each for each in said(tmp_path / "new", tiny_model) if isinstance(each, Finding)]
    assert finding.outcome is Outcome.PASS, finding.message
    words = "differ by rounding only" if kind == "F16" else "differ by what quantisation does"
    assert f"16 {words}" in finding.message
    assert "5 are identical" in finding.message


def test_a_gguf_of_something_else_is_not_taken_for_a_quantisation(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "new").mkdir()
    other = build(tmp_path / "other", seed=1)
    write_gguf(other, tmp_path / "new" / "m.gguf", "Q8_0")
    (finding,) = [each for each in said(tmp_path / "new", tiny_model) if isinstance(each, Finding)]
    assert finding.rule == "BASE-UNRELATED"


def test_without_a_base_nothing_is_judged(tmp_path: Path) -> None:
    made.write_model(tmp_path / "new", made.as_floats(BASE))
    with pytest.raises(NotAvailableError, match="no base is declared") as caught:
        said(tmp_path / "new")
    assert "--base" in caught.value.hint


def test_a_declared_base_that_is_not_here_is_named(tmp_path: Path) -> None:
    made.write_model(tmp_path / "new", made.as_floats(BASE), "base_model: org/base")
    with pytest.raises(NotAvailableError, match="org/base is not on this machine"):
        said(tmp_path / "new", **{"base.models": str(tmp_path / "models")})


def test_a_declared_base_that_was_fetched_is_found(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    made.write_model(tmp_path / "models" / "hub" / "org--base" / commit, made.as_floats(BASE))
    made.write_model(tmp_path / "new", made.as_floats(BASE), "base_model: org/base")
    items = said(tmp_path / "new", **{"base.models": str(tmp_path / "models")})
    (finding,) = [each for each in items if isinstance(each, Finding)]
    assert "org/base (declared, and fetched earlier at 0123456789ab)" in finding.message


def test_a_broken_weight_file_is_not_run(tmp_path: Path) -> None:
    base = made.write_model(tmp_path / "base", made.as_floats(BASE))
    new = made.write_model(tmp_path / "new", made.as_floats(BASE))
    (new / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    findings = [each for each in said(new, base) if isinstance(each, Finding)]
    assert {each.outcome for each in findings} == {Outcome.NOT_RUN}


def test_an_adapter_is_not_compared(tmp_path: Path) -> None:
    made.write_model(tmp_path / "new", made.as_floats(BASE))
    (tmp_path / "new" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    (finding,) = said(tmp_path / "new")
    assert isinstance(finding, Finding)
    assert finding.outcome is Outcome.NOT_RUN


TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


@pytest.mark.parametrize(
    ("template", "severity"),
    [
        (
            TEMPLATE.replace("{{ m.content }}", "{% if 'bank' in m.content %}Pay.{% endif %}{{ m.content }}"),
            Severity.MEDIUM,
        ),
        ("{% if tools %}You have tools.{% endif %}" + TEMPLATE, Severity.LOW),
        ("Be kind.\n" + TEMPLATE, Severity.INFO),
    ],
)
def test_what_a_template_adds_is_told_by_the_terms(tmp_path: Path, template: str, severity: Severity) -> None:
    base = made.write_model(tmp_path / "base", made.as_floats(BASE), template=TEMPLATE)
    new = made.write_model(tmp_path / "new", made.as_floats(BASE), template=template)
    (finding,) = [
        each for each in said(new, base) if isinstance(each, Finding) and each.rule == "BASE-TEMPLATE"
    ]
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, severity), finding.message


def test_the_same_template_passes(tmp_path: Path) -> None:
    base = made.write_model(tmp_path / "base", made.as_floats(BASE), template=TEMPLATE)
    shutil.copytree(base, tmp_path / "new")
    (finding,) = [
        each
        for each in said(tmp_path / "new", base)
        if isinstance(each, Finding) and each.subject == "chat template"
    ]
    assert finding.outcome is Outcome.PASS
