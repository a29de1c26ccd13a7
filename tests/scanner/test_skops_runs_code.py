"""skops-runs-code: every way to a function is told, and models are what skops says they are."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from scanner.checks.skops_runs_code import CHECK
from scanner.file_check import FileVerdict, is_sound
from scanner.findings import Finding, Outcome
from scanner.skops.trusted import is_trusted
from tests.assets import skops_cases as cases
from tests.assets.archive_cases import zipped
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import context_of, findings_of

ATTACKS, BROKEN = cases.attack_cases(), cases.broken_cases()


def said_of(name: str, data: bytes, folder: Path) -> list[Finding]:
    context = context_of(write_all(folder, {name: data}))
    said = CHECK.examine_safely(context, context.snapshot.files[0])
    return [item for item in said if isinstance(item, Finding)]


def verdict_of(said: list[Finding]) -> FileVerdict:
    return max((CHECK.verdict_of(item) for item in said), key=lambda each: each.rank)


@pytest.mark.parametrize("case", ATTACKS)
@pytest.mark.parametrize("name", ["m.skops", "m.zip"])
def test_function_that_no_model_needs_is_told(case: str, name: str, tmp_path: Path) -> None:
    rule, schema = ATTACKS[case]
    said = said_of(name, cases.skops_file(schema), tmp_path / "m")
    assert rule in {item.rule for item in said}
    assert verdict_of(said) is FileVerdict.ATTACK
    assert all(item.message.isprintable() for item in said)


@pytest.mark.parametrize("case", BROKEN)
def test_broken_schema_is_not_passed(case: str, tmp_path: Path) -> None:
    said = said_of("m.skops", cases.skops_file(BROKEN[case]), tmp_path / "m")
    assert verdict_of(said) is FileVerdict.NOT_READABLE


def test_skops_file_that_is_something_else_is_not_passed(tmp_path: Path) -> None:
    for index, data in enumerate((pickle.dumps({}), b"", zipped([("a", b"1")]), zipped([("a", b"1")])[:-9])):
        said = said_of("m.skops", data, tmp_path / str(index))
        assert verdict_of(said) is FileVerdict.NOT_READABLE


def test_wrong_checksum_does_not_hide_the_schema(tmp_path: Path) -> None:
    data = cases.skops_file(ATTACKS["function"][1])
    changed = data.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")
    assert changed != data
    assert verdict_of(said_of("m.skops", changed, tmp_path / "m")) is FileVerdict.ATTACK


@pytest.mark.parametrize("kind", ["FunctionNode", "Other{}"])
def test_many_different_names_take_no_time_that_hides_an_attack(kind: str, tmp_path: Path) -> None:
    nodes = [cases.node("os", f"name{number}", kind.format(number)) for number in range(40_000)]
    schema = cases.node("builtins", "list", "ListNode", content=nodes)
    started = time.process_time()
    assert verdict_of(said_of("m.skops", cases.skops_file(schema), tmp_path / "m")) is FileVerdict.ATTACK
    assert time.process_time() - started < 5


def test_class_of_another_library_is_for_a_person_to_read(tmp_path: Path) -> None:
    schema = cases.node("my_package", "Model", "ObjectNode")
    (finding,) = said_of("m.skops", cases.skops_file(schema), tmp_path / "m")
    assert CHECK.verdict_of(finding) is FileVerdict.NEEDS_CLASS_INSTANCE
    assert "my_package.Model" in finding.message


@pytest.mark.slow  # skops imports all of scikit-learn
def test_what_skops_itself_trusts_is_sound_and_the_rest_is_as_skops_says(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    import numpy as np
    import scipy.sparse
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    numbers, labels = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    models = {
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, labels),
        "forest": RandomForestClassifier(n_estimators=2).fit(numbers, labels),
        "sgd": SGDClassifier().fit(numbers, labels),
        "log": FunctionTransformer(np.log),
        "method": LogisticRegression().fit,
        "generator": np.random.default_rng(1),
        "state": np.random.RandomState(1),
        "sparse": scipy.sparse.csr_matrix(numbers),
        "values": {"a": numbers, "b": [1, "x", None], "c": (1.5, {True})},
    }
    for name, model in models.items():
        data = skops.dumps(model)
        said = said_of(f"{name}.skops", data, tmp_path / name)
        untrusted = [each for each in skops.get_untrusted_types(data=data) if not is_trusted(each)]
        expected = FileVerdict.NEEDS_CLASS_INSTANCE if untrusted else FileVerdict.PLAIN_DATA
        assert (name, verdict_of(said)) == (name, expected)


def test_pipeline_as_skops_writes_it_is_sound(tmp_path: Path) -> None:
    model = ("sklearn.linear_model._logistic", "LogisticRegression")
    numbers = cases.node("numpy", "ndarray", "NdArrayNode", type="numpy", file="a.npy")
    inner = cases.node("builtins", "dict", "DictNode", content={"coef_": numbers}, key_types=None)
    fitted = cases.node(*model, "ObjectNode", content=inner)
    inherited = ("sklearn.linear_model._base", model[1], "MethodNode")
    method = cases.node(*inherited, content={"func": "predict", "obj": fitted})
    (sound,) = said_of("m.skops", cases.skops_file(fitted), tmp_path / "m")
    assert is_sound(sound)
    read = said_of("m.skops", cases.skops_file(method), tmp_path / "n")
    assert verdict_of(read) is FileVerdict.NEEDS_CLASS_INSTANCE


def test_other_archives_are_no_skops_files(tmp_path: Path) -> None:
    files = {"a.zip": zipped([("schema.json", b'{"type": "object"}')]), "b.zip": zipped([("a", b"1")])}
    (not_run,) = findings_of(CHECK, write_all(tmp_path / "m", files))
    assert not_run.outcome is Outcome.NOT_RUN
    sound = cases.skops_file(cases.node("builtins", "str", "JsonNode", content="1"))
    assert all(is_sound(item) for item in said_of("c.skops", sound, tmp_path / "n"))
