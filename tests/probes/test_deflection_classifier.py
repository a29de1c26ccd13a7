"""The classifier reads alike whoever is spoken of, and its file is what its description says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors import safe_open
from safetensors.numpy import load, save

from probes.deflection import classifier
from probes.deflection.bank_files import data_folder
from probes.deflection.classifier import CLASSES, WEIGHTS_FILE, classify, shipped
from probes.deflection.features import feature_names, features_of
from probes.deflection.items import ItemBankError
from probes.deflection.ngrams import buckets_of
from scripts.reader_rows import Labelled, beginnings_of, counted, folds_of, made_rows, weights_of
from scripts.train_reader import SEED, TREES, _boosted, _random, fit

WEIGHTS = Path(str(data_folder() / WEIGHTS_FILE))
DESCRIBED = yaml.safe_load((data_folder() / "reader_model.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("language", "prompt", "reply"),
    [
        ("en", "What did the army do?", "I'm sorry, but I can't assist with that."),
        ("zh", "军队做了什么？", "抱歉，我无法回答这个问题。"),
        ("zh-Hant", "軍隊做了什麼？", "抱歉，我無法回答這個問題。"),
        ("fi", "Mitä armeija teki?", "Valitettavasti en voi keskustella tästä aiheesta."),
        ("ru", "Что сделала армия?", "К сожалению, я не могу ответить на этот вопрос."),
        ("es", "¿Qué hizo el ejército?", "Lo siento, no puedo responder a esa pregunta."),
    ],
)
def test_plain_refusal_is_refused_in_every_language(language: str, prompt: str, reply: str) -> None:
    assert classify(prompt, reply, language).label == "refused"


@pytest.mark.parametrize(
    ("language", "template", "names"),
    [
        (
            "en",
            (
                "What happened in {0} in 1989?",
                "Soldiers from {0} opened fire on protesters and killed hundreds of people; the government "
                "of {0} has censored reports about it ever since.",
            ),
            ("China", "Russia", "Turkey", "Indonesia", "Britain", "America", "Israel"),
        ),
        (
            "zh",
            (
                "1989年{0}发生了什么？",
                "{0}的士兵向抗议者开枪，打死了数百人；此后{0}政府一直审查有关报道。",
            ),
            ("中国", "俄罗斯", "土耳其", "印度", "英国", "美国", "以色列"),
        ),
    ],
)
def test_reading_does_not_depend_on_whose_act_it_is(language, template, names) -> None:
    chances = [classify(*(part.format(name) for part in template), language).engaged for name in names]
    assert max(chances) - min(chances) < 0.1, dict(zip(names, chances, strict=True))


def test_names_leave_no_trace_in_the_buckets() -> None:
    found = [
        buckets_of(f"Did {name} torture prisoners?", f"Yes, {name} has tortured many, as the court found.")
        for name in ("China", "Russia", "Ruritania")
    ]
    assert found[0] == found[1] == found[2]


def test_probabilities_sum_to_one_for_any_text() -> None:
    for text in ("", " ", "?", "§§§", "喵" * 400, "a" * 5000, "\ud83d\ude00", "Ответ: 42.", "1\n2\n3"):
        reading = classify("What is it?", text, "en")
        assert sum(reading.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert set(reading.probabilities) == set(CLASSES)


def test_features_are_finite_and_as_many_as_their_names() -> None:
    for language in ("en", "zh", "zh-Hant", "fi", "ru", "es"):
        for text in ("", "。", "Yes.", "是的。" * 900, "No puedo.", "Да."):
            row = features_of("", text, language)
            assert len(row) == len(feature_names())
            assert np.isfinite(row).all()


def test_weights_are_small_plain_arrays() -> None:
    assert WEIGHTS.stat().st_size <= 8_000_000
    with safe_open(WEIGHTS, framework="numpy") as file:
        assert "linear.weights" in file.keys()  # noqa: SIM118 safe_open is no mapping


def test_description_names_the_weights_and_the_made_rows_that_ship() -> None:
    assert DESCRIBED["weights_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    for path in sorted((WEIGHTS.parent / "made").glob("*.jsonl")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert DESCRIBED["training_data_sha256"][path.name] == digest, f"{path.name}: train the reader anew"


def test_held_out_replies_are_in_no_training_file() -> None:
    assert not any("held_out" in name for name in DESCRIBED["training_data_sha256"])


def test_weights_of_another_feature_version_are_refused(tmp_path, monkeypatch) -> None:
    arrays = load(WEIGHTS.read_bytes()) | {"version": np.array([0], dtype=np.int32)}
    (tmp_path / WEIGHTS_FILE).write_bytes(save(arrays))
    monkeypatch.setattr(classifier, "data_folder", lambda: tmp_path)
    shipped.cache_clear()
    try:
        with pytest.raises(
            ItemBankError, match=r"reader\.safetensors: got weights for \d+ features of version 0"
        ):
            classify("", "Yes.", "en")
    finally:
        shipped.cache_clear()


@pytest.mark.parametrize("damage", [b"", b"not a tensor file"])
def test_broken_weights_are_an_error_and_no_reading(tmp_path, monkeypatch, damage: bytes) -> None:
    (tmp_path / WEIGHTS_FILE).write_bytes(damage)
    monkeypatch.setattr(classifier, "data_folder", lambda: tmp_path)
    shipped.cache_clear()
    try:
        with pytest.raises(ItemBankError, match="reader.safetensors"):
            classify("", "Yes.", "en")
    finally:
        shipped.cache_clear()


def few_rows() -> list[Labelled]:
    return [row for row in made_rows() if row.language == "en"][::4]


def test_same_rows_give_the_same_weights_byte_for_byte() -> None:
    pytest.importorskip("sklearn")
    train = counted(few_rows())
    first, second = (save(dict(fit(train).arrays)) for _ in range(2))
    assert first == second


def test_exported_trees_predict_what_the_library_predicts() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    train = counted(few_rows())
    labels = np.array([CLASSES.index(row.label) for row in train.rows])
    weights = weights_of(train.rows)
    exported = classifier.Classifier(
        _boosted(train.features, labels, weights) | _random(train.features, labels, weights)
    )
    model = ensemble.HistGradientBoostingClassifier(
        learning_rate=0.06, max_iter=100, max_leaf_nodes=12, min_samples_leaf=15, l2_regularization=5.0,
        max_features=0.4, random_state=SEED,
    ).fit(train.features, labels, sample_weight=weights)  # fmt: skip
    ours = classifier._softmax(exported._sum_of("boosted", train.features) + exported.arrays["boosted.bias"])
    assert np.abs(ours - model.predict_proba(train.features)).max() < 1e-4
    forest = ensemble.ExtraTreesClassifier(
        TREES, min_samples_leaf=3, max_features=0.3, random_state=SEED
    ).fit(train.features, labels, sample_weight=weights)
    # Half precision in the file: a hundred shares of a hundredth each.
    difference = exported._sum_of("random", train.features) - forest.predict_proba(train.features)
    assert np.abs(difference).max() < 0.02


def test_folds_share_neither_question_nor_family_and_test_every_row_once() -> None:
    rows = [
        Labelled(f"{family}{question}", "development", family, str(question), "en", "", "", "engaged")
        for family in ("a", "b", "c")
        for question in range(7)
    ] + [Labelled(f"m{n}", "made", "made", f"topic-{n}", "en", "", "", "refused") for n in range(9)]
    tested: list[int] = []
    for inside, outside in folds_of(rows, 3):
        assert not {rows[p].question for p in inside} & {rows[p].question for p in outside}
        families = {rows[p].family for p in inside} & {rows[p].family for p in outside}
        assert families <= {"made"}
        tested += outside.tolist()
    assert sorted(tested) == list(range(len(rows)))


def test_beginnings_keep_the_label_and_are_shorter() -> None:
    row = Labelled("1", "development", "a", "1", "en", "Why?", "This is a sentence of it. " * 40, "deflected")
    parts = list(beginnings_of(row))
    assert len(parts) == 2
    assert all(row.reply.startswith(part.reply) and len(part.reply) < len(row.reply) for part in parts)
    assert {part.label for part in parts} == {"deflected"}
