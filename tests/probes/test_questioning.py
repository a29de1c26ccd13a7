"""Opening a questioner: backends by name, and what a reply depends on."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import pytest

from probes.backend import BackendError, BackendOptions
from probes.questioning import backend_names, model_digest, open_questioner
from scanner.conversation import Conversation, FinishReason, Sampling
from scanner.journal import Journal
from scanner.registry import RegistryError
from tests.assets.tiny_model import snapshot_of

ON_CPU = BackendOptions(device="cpu")


def test_every_backend_is_listed() -> None:
    assert "transformers" in backend_names()


@pytest.mark.parametrize("name", ["auto", "transformers"])
def test_a_model_is_opened_asked_and_closed(tiny_model: Path, tmp_path: Path, name: str) -> None:
    with (
        Journal(tmp_path / "journal") as journal,
        open_questioner(snapshot_of(tiny_model), backend=name, options=ON_CPU, journal=journal) as asked,
    ):
        (reply,) = asked.ask([Conversation.of("Hi")], Sampling(4), purpose="test")
        assert reply.finish is not FinishReason.ERROR
        assert asked.engine.backend == "transformers"
    assert asked._backend._model is None  # type: ignore[attr-defined]


def test_a_journalled_scan_never_loads_the_weights(tiny_model: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(tiny_model)
    replies = []
    for _ in range(2):
        with (
            Journal(tmp_path / "journal") as journal,
            open_questioner(snapshot, options=ON_CPU, journal=journal) as asked,
        ):
            replies.append(asked.ask([Conversation.of("Hi")], Sampling(4), purpose="test"))
            counts = (asked.asked, asked.recalled)
            is_loaded = asked._backend._model is not None  # type: ignore[attr-defined]
    assert replies[0] == replies[1]
    assert counts == (0, 1)
    assert not is_loaded


def test_an_unknown_backend_is_an_error_with_the_nearest_name(tiny_model: Path, tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "journal") as journal,
        pytest.raises(BackendError, match="did you mean 'transformers'"),
        open_questioner(snapshot_of(tiny_model), backend="transformer", journal=journal),
    ):
        pass


def test_a_backend_module_without_a_backend_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "scanner.registry.modules_of", lambda package: iter([ModuleType("probes.backends.x")])
    )
    with pytest.raises(RegistryError, match=r"probes\.backends\.x: defines no BACKEND"):
        backend_names()


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"]
)
def test_a_changed_file_that_replies_depend_on_changes_the_digest(
    tiny_model: Path, tmp_path: Path, name: str
) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    with (copy / name).open("ab") as stream:
        stream.write(b" ")
    assert model_digest(snapshot_of(copy)) != model_digest(snapshot_of(tiny_model))


def test_a_readme_and_another_place_do_not_change_the_digest(tiny_model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    (copy / "README.md").write_text("# A model")
    assert model_digest(snapshot_of(copy)) == model_digest(snapshot_of(tiny_model))
