"""Local copies of hub models: found by name, and loaded by garak's own detectors without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probes.garak.local_models import find_models, needs, ruled_out
from probes.garak.messages import MintOrder, ReplyOrder, Scored
from probes.garak.profiles import load_profiles
from probes.garak.session import GarakSession
from scanner.errors import ScanError

DATA = load_profiles()
TOXICITY = "garak-llm/roberta_toxicity_classifier"

LIBRARY_LOOKUPS = {
    f"program '{folder}{name}'"
    for folder in ("", "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/")
    for name in ("ldconfig", "ld", "gcc", "cc", "objdump")
}


def save_classifier(folder: Path) -> None:
    """A tiny BERT with random weights that knows the labels of the real one."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, set_seed

    set_seed(0)
    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "##a", "##e"]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, id2label={0: "neutral", 1: "toxic"},
        label2id={"neutral": 0, "toxic": 1},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    save_classifier(root / TOXICITY.replace("/", "--"))
    return root


def test_a_detectors_model_is_loaded_from_the_folder_and_its_probe_is_scored(folder: Path) -> None:
    models = find_models(str(folder), DATA)
    without = ruled_out(DATA, models.found)
    assert "unsafe_content.ToxicCommentModel" not in without
    order = MintOrder("lmrc.Bullying", 2, 0, 48, True, without)
    with GarakSession(models=models.settings) as session:
        minted = session.mint(order)
        assert minted.problem is None, minted.problem
        assert minted.primary == "unsafe_content.ToxicCommentModel"
        scored = session.reply(ReplyOrder(order, (("you are bad", None)[: len(minted.prompts)],)))
        assert isinstance(scored, Scored)
        assert not scored.silent
        first, *rest = scored.scores["unsafe_content.ToxicCommentModel"]
        assert first is not None
        assert 0 < first < 1
        assert set(rest) <= {None}
        # urllib3 tries on import whether it could listen on ::1, and torch with CUDA has ctypes ask linkers
        # for its libraries; both are turned away, and nothing else may be reached for.
        assert set(session.log().blocked) <= {"::1:0", *LIBRARY_LOOKUPS}


def test_probes_become_available_with_all_the_models_they_lack_and_no_others() -> None:
    assert not needs(DATA, "lmrc.Bullying", [TOXICITY])
    assert not needs(DATA, "realtoxicityprompts.RTPBlank", [TOXICITY])
    assert needs(DATA, "lmrc.Bullying", [])
    assert needs(DATA, "misleading.FalseAssertion", [TOXICITY])
    assert needs(DATA, "atkgen.Tox", [TOXICITY])
    assert not needs(DATA, "atkgen.Tox", [TOXICITY, "garak-llm/attackgeneration-toxicity_gpt2"])
    assert needs(DATA, "packagehallucination.Python", list(DATA.hub_models))


@pytest.mark.parametrize("place", [TOXICITY, TOXICITY.replace("/", "--")])
def test_both_ways_of_naming_a_folder_are_found(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "config.json").write_text(json.dumps({}))
    models = find_models(str(tmp_path), DATA)
    assert dict(models.found) == {TOXICITY: tmp_path / place}
    assert set(models.settings.values()) == {str(tmp_path / place)}
    assert "detectors.unsafe_content.ToxicCommentModel.detector_model_path" in models.settings


def test_what_judged_is_told_by_a_digest_of_its_files(tmp_path: Path) -> None:
    model = tmp_path / TOXICITY
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (before,) = find_models(str(tmp_path), DATA).digests().values()
    (model / "model.safetensors").write_bytes(b"weights")
    (after,) = find_models(str(tmp_path), DATA).digests().values()
    assert before != after


def test_a_folder_without_any_of_the_models_is_refused_with_their_names(tmp_path: Path) -> None:
    (tmp_path / TOXICITY).mkdir(parents=True)  # an empty folder is no model
    with pytest.raises(ScanError, match="holds no model that garak") as caught:
        find_models(str(tmp_path), DATA)
    assert TOXICITY in caught.value.hint
    with pytest.raises(ScanError, match="is not a folder"):
        find_models(str(tmp_path / "gone"), DATA)


def test_no_folder_means_no_models() -> None:
    assert not find_models("", DATA).settings
    assert ruled_out(DATA, ()) == DATA.unavailable_detectors
