"""Models that Keras kept as YAML: judged as those in JSON are, whatever YAML lets a text look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.checks.keras_runs_code import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome
from scanner.keras.json_text import JsonTextError
from scanner.keras.yaml_text import read_yaml
from tests.assets.keras_cases import CODE
from tests.scanner.check_runs import findings_of

FUNCTION = f"function: !!python/tuple ['{CODE}', null, null], function_type: lambda"
LAMBDA = f"{{class_name: Lambda, config: {{name: l, {FUNCTION}}}}}"
BASE = f"keras_version: 2\nbase: &l {LAMBDA}\n"
DENSE = "{class_name: Dense, config: {name: d, units: 2, activation: relu, use_bias: true}}"


def model(layer: str, *, head: str = "backend: tensorflow\n", tail: str = "keras_version: 2.4.0\n") -> str:
    return f"{head}class_name: Sequential\nconfig:\n  name: m\n  layers:\n  - {layer}\n{tail}"


def judged(tmp_path: Path, data: bytes, name: str = "model.yaml") -> list[Finding]:
    (tmp_path / name).write_bytes(data)
    return findings_of(CHECK, tmp_path)


ATTACKS = {
    "block": model(LAMBDA),
    "without_keras_signs": model(LAMBDA, head="", tail=""),
    "keras_1_list": f"backend: tensorflow\nclass_name: Sequential\nconfig:\n- {LAMBDA}\n",
    "bare_layer": LAMBDA,
    "flow": "{backend: t, class_name: Sequential, config: {layers: [" + LAMBDA + "]}}",
    "quoted_keys": model(LAMBDA).replace("class_name", '"class\\u005fname"'),
    "alias": f"{BASE}class_name: Sequential\nconfig: {{layers: [*l]}}\n",
    "merge": f"{BASE}class_name: Sequential\nconfig: {{layers: [{{<<: *l, x: 1}}]}}\n",
    "merge_list": f"{BASE}class_name: Model\nconfig: {{layers: [{{<<: [*l, {{a: 1}}]}}]}}\n",
    "second_document": f"a: 1\n---\n{model(LAMBDA)}",
    "hidden_by_a_key_written_twice": model(LAMBDA) + "class_name: Sequential\nconfig: {layers: []}\n",
    "folded_text": model(LAMBDA.replace(CODE[:8], CODE[:8] + "\n    ")),
    "loss_of_python": model(DENSE) + "training_config: {loss: os.system}\n",
}


@pytest.mark.parametrize("case", ATTACKS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_code_in_yaml_is_an_attack(case: str, encoding: str, tmp_path: Path) -> None:
    found = judged(tmp_path, ATTACKS[case].encode(encoding))
    assert FileVerdict.ATTACK in {CHECK.verdict_of(finding) for finding in found}


def test_class_of_others_is_for_review(tmp_path: Path) -> None:
    found = judged(tmp_path, model("{class_name: MyLayer, config: {}}").encode(), "model.yml")
    assert {CHECK.verdict_of(finding) for finding in found} == {FileVerdict.NEEDS_CLASS_INSTANCE}


@pytest.mark.parametrize(
    "text",
    [
        model(DENSE),
        f"backend: t\nclass_name: Sequential\nconfig: {{layers: [&d {DENSE}, *d]}}\nkeras_version: 2.4.0\n",
    ],
)
def test_plain_model_is_plain(text: str, tmp_path: Path) -> None:
    [finding] = judged(tmp_path, text.encode())
    assert CHECK.verdict_of(finding) is FileVerdict.PLAIN_DATA


@pytest.mark.parametrize(
    "text",
    [
        "class_name: my.data.Loader\nconfig: {path: a}\n",  # another package's way of saying which class
        "class_name: Lambda\n",
        "- class_name: Sequential\n",
        "class_name: [broken",
        "a: \\class_name",
        "",
    ],
)
def test_yaml_of_others_is_left_to_others(text: str, tmp_path: Path) -> None:
    [finding] = judged(tmp_path, text.encode())
    assert finding.outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    "text",
    [
        model("*nothing"),
        model(DENSE) + "  broken: [\n",
        "keras_version: 2\na0: &a0 [x, x]\n"
        + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 24))
        + model(DENSE),
    ],
)
def test_what_cannot_be_read_is_told(text: str, tmp_path: Path) -> None:
    [finding] = judged(tmp_path, text.encode())
    assert CHECK.verdict_of(finding) is FileVerdict.NOT_READABLE
    assert finding.message.isprintable()


def test_table_that_holds_itself_is_not_read() -> None:
    with pytest.raises(JsonTextError, match="stands for nothing"):
        read_yaml(b"a: &a {b: *a}")


def test_values_are_those_of_yaml() -> None:
    [document] = read_yaml(b"a: null\nb: 'null'\nc: yes\nd: 12\n1: [~]\na: {x: y}\n? [1, 2]\n: e\n")
    assert document.value == {
        "a": {"x": "y"}, "b": "null", "c": True, "d": "12", "1": [None], "['1', '2']": "e",
    }  # fmt: skip
    assert document.duplicates == ("a",)
