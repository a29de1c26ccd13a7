"""The openvino backend on small real models, converted here and run on the CPU."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes import openvino_engine
from probes.backend import (
    BackendError,
    BackendOptions,
    DeviceError,
    EngineAbsentError,
    OutOfMemoryError,
)
from probes.backends.openvino import OpenVinoBackend
from probes.backends.transformers import TransformersBackend
from probes.openvino_engine import (
    Request,
    SingleEngine,
    openvino_call,
    openvino_devices,
    resolve_openvino_device,
)
from probes.openvino_ir import IrCopy, Yardstick, copy_key
from scanner.conversation import FinishReason, Sampling
from scanner.errors import NotAvailableError
from scanner.records import decode, encode
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, Conformance, Subject, rendered


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where converted copies are kept, so that the tiny model is converted once."""
    return tmp_path_factory.mktemp("cache")


def _load(folder: Path, cache: Path | None, **options: Any) -> OpenVinoBackend:  # noqa: ANN401
    chosen = BackendOptions(device="cpu", cache_folder=cache, **options)
    return OpenVinoBackend.load(snapshot_of(folder), chosen)


def _kept(backend: OpenVinoBackend, cache: Path, place: Path) -> Path:
    """A copy to spoil of the cache in which `backend` keeps its converted model."""
    backend.generate(["Hi"], GREEDY)
    return Path(shutil.copytree(cache, place / "kept"))


def _reference(folder: Path) -> list[str]:
    loaded = TransformersBackend.load(snapshot_of(folder), BackendOptions(device="cpu"))
    try:
        return [reply.text for reply in loaded.generate(rendered(loaded), GREEDY)]
    finally:
        loaded.close()


class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tiny_model: Path, cache: Path) -> Iterator[Subject]:
        loaded = _load(tiny_model, cache)
        yield Subject(
            loaded, lambda: _load(tiny_model, cache), builder.CONTEXT_TOKENS, reference=_reference(tiny_model)
        )
        loaded.close()


@pytest.fixture(scope="module")
def backend(tiny_model: Path, cache: Path) -> Iterator[OpenVinoBackend]:
    """The tiny model, loaded once."""
    loaded = _load(tiny_model, cache)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def counterpart(tiny_model: Path) -> Iterator[TransformersBackend]:
    """The same model in transformers."""
    loaded = TransformersBackend.load(snapshot_of(tiny_model), BackendOptions(device="cpu"))
    yield loaded
    loaded.close()


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to spoil."""
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def test_replies_are_those_of_transformers_token_for_token(
    backend: OpenVinoBackend, counterpart: TransformersBackend
) -> None:
    prompts, long = rendered(backend), Sampling(max_tokens=64)
    assert backend.is_exact
    assert backend.generate(prompts, long) == counterpart.generate(prompts, long)


def test_scores_are_those_of_transformers(backend: OpenVinoBackend, counterpart: TransformersBackend) -> None:
    pairs = [(prompt, " the lazy dog, paris") for prompt in rendered(backend)]
    for ours, theirs in zip(backend.score(pairs), counterpart.score(pairs), strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)


def test_a_continuation_within_a_token_is_not_scored(backend: OpenVinoBackend) -> None:
    assert "token boundary" in backend.score([("the qui", "")])[0].error


def test_the_settings_that_make_it_exact_are_told(backend: OpenVinoBackend) -> None:
    backend.generate(["Hi"], GREEDY)
    described = backend.describe()
    told = {name: described.settings[name] for name in described.settings if name.isupper()}
    assert told == {
        "INFERENCE_PRECISION_HINT": "f32",
        "KV_CACHE_PRECISION": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
    }
    assert f"openvino {importlib.metadata.version('openvino')}" in described.version
    assert any("differ from those of transformers by up to" in note for note in described.notes)


def test_speed_is_never_called_exact_and_its_settings_are_told(tiny_model: Path, cache: Path) -> None:
    loaded = _load(tiny_model, cache, is_fast=True, threads=1)
    settings = loaded.describe().settings
    assert not loaded.is_exact
    assert settings["KV_CACHE_PRECISION"] == "u8"
    assert settings["INFERENCE_NUM_THREADS"] == "1"
    assert len(loaded.generate(rendered(loaded), GREEDY)) == 8
    loaded.close()


def test_a_stop_string_ends_the_work_not_only_the_text(backend: OpenVinoBackend) -> None:
    prompt = rendered(backend)[0]
    ids = backend._text.encode(prompt)
    engine = backend._loaded
    assert len(engine.answer([Request(ids, 12)], lambda reply: len(reply) == 3)[0]) == 3
    assert len(engine.answer([Request(ids, 12)])[0]) == 12


def test_a_gguf_file_answers_as_the_directory_it_was_made_from(
    backend: OpenVinoBackend, tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = _load(builder.build_gguf(tiny_model, tmp_path / "tiny.gguf"), None)
    prompts = rendered(backend)
    assert loaded.generate(prompts, GREEDY) == backend.generate(prompts, GREEDY)
    assert loaded.describe().settings["weights"] == "tiny.gguf"
    loaded.close()
    assert capfd.readouterr() == ("", "")


class TestTheKeptCopy:
    def test_it_is_used_again_without_the_weights(
        self, backend: OpenVinoBackend, copy: Path, cache: Path
    ) -> None:
        prompts = rendered(backend)
        replies, snapshot = backend.generate(prompts, GREEDY), snapshot_of(copy)
        (copy / "model.safetensors").unlink()
        again = OpenVinoBackend.load(snapshot, BackendOptions(device="cpu", cache_folder=cache))
        assert again.generate(prompts, GREEDY) == replies
        again.close()
        assert [path.name for path in (cache / "openvino").iterdir() if path.name.startswith(".")] == []

    def test_a_copy_that_was_changed_is_made_anew(
        self, backend: OpenVinoBackend, tiny_model: Path, cache: Path, tmp_path: Path
    ) -> None:
        kept = _kept(backend, cache, tmp_path)
        for weights in kept.glob("openvino/*/openvino_model.bin"):
            weights.write_bytes(bytes(weights.stat().st_size))
        again = _load(tiny_model, kept)
        prompts = rendered(again)
        assert again.generate(prompts, GREEDY) == backend.generate(prompts, GREEDY)
        again.close()

    def test_one_that_says_something_else_than_transformers_is_refused(
        self, backend: OpenVinoBackend, tiny_model: Path, cache: Path, tmp_path: Path
    ) -> None:
        kept = _kept(backend, cache, tmp_path)
        for manifest in kept.glob("openvino/*/weighbridge.json"):
            found = decode(manifest.read_bytes(), IrCopy)
            logprobs = (*found.yardstick.logprobs[:-1], found.yardstick.logprobs[-1] - 0.5)
            other = dataclasses.replace(found.yardstick, logprobs=logprobs)
            manifest.write_bytes(encode(dataclasses.replace(found, yardstick=other)))
        again = _load(tiny_model, kept)
        for _ in range(2):
            with pytest.raises(BackendError, match="it is another model") as caught:
                again.generate(["Hi"], GREEDY)
            assert "--backend transformers" in caught.value.hint

    def test_none_is_left_where_none_was_asked_for(
        self, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        loaded = _load(tiny_model, None)
        loaded.generate(["Hi"], Sampling(1))
        assert len(list(tmp_path.rglob("openvino_model.bin"))) == 1
        loaded.close()
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be_written_is_an_error(self, tiny_model: Path, tmp_path: Path) -> None:
        (tmp_path / "openvino").write_text("a file where the folder should be")
        with pytest.raises(BackendError, match="cannot be kept"):
            _load(tiny_model, tmp_path).generate(["Hi"], GREEDY)

    @pytest.mark.parametrize("told", [float("nan"), -1.5, 0.0])
    def test_the_yardstick_sees_what_is_off(self, told: float) -> None:
        yardstick = Yardstick(ids=(1, 2), reply=(3,), logprobs=(-1.0, -2.0))
        assert yardstick.distance([1, 2, 3], [-1.0, -2.0]) == 0
        assert yardstick.distance([1, 2, 3], [-1.0, told]) > 0.1
        assert yardstick.distance([1, 2, 4], [-1.0, told]) > 0.1
        assert yardstick.distance([], []) == float("inf")


class TestDevices:
    def test_those_that_are_here_have_our_names(self) -> None:
        assert openvino_devices()["cpu"] == "CPU"
        assert resolve_openvino_device("cpu") == ("cpu", "CPU")

    @pytest.mark.parametrize(
        ("present", "asked", "meant"),
        [
            (["CPU"], "auto", ("cpu", "CPU")),
            (["CPU", "GPU", "NPU"], "auto", ("gpu:0", "GPU")),
            (["CPU", "NPU"], "auto", ("cpu", "CPU")),
            (["CPU", "GPU"], "gpu", ("gpu:0", "GPU")),
            (["CPU", "GPU.0", "GPU.1"], "gpu", ("gpu:0", "GPU.0")),
            (["CPU", "GPU.0", "GPU.1"], "gpu:1", ("gpu:1", "GPU.1")),
            (["CPU", "NPU"], "intel-npu", ("intel-npu", "NPU")),
        ],
    )
    def test_a_name_means_one_device(
        self, present: list[str], asked: str, meant: tuple[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _pretend(present, monkeypatch)
        assert resolve_openvino_device(asked) == meant

    @pytest.mark.parametrize(
        ("asked", "says", "advises"),
        [
            ("gpu", "OpenVINO finds cpu", "driver"),
            ("gpu:3", "OpenVINO finds cpu", "driver"),
            ("intel-npu", "OpenVINO finds cpu", "driver"),
            ("cpu:1", "OpenVINO finds cpu", ""),
            ("npu", "Ascend", "intel-npu"),
            ("npu:0", "Ascend", "intel-npu"),
            ("xpu", "Intel GPU", "write gpu"),
            ("cuda", "none of OpenVINO's", "--backend"),
            ("AUTO:GPU,CPU", "none of OpenVINO's", "name auto"),
        ],
    )
    def test_an_absent_or_unknown_one_is_an_error_never_another(
        self, asked: str, says: str, advises: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _pretend(["CPU"], monkeypatch)
        with pytest.raises(DeviceError, match=says) as caught:
            OpenVinoBackend.load(snapshot_of(tiny_model), BackendOptions(device=asked))
        assert advises in caught.value.hint

    def test_an_unknown_dtype_is_an_error(self, tiny_model: Path) -> None:
        with pytest.raises(DeviceError, match="did you mean 'float16'"):
            _load(tiny_model, None, dtype="floot16")

    def test_one_row_after_the_other_gives_the_same(self, backend: OpenVinoBackend) -> None:
        """The engine for the NPU, on the CPU: there is no NPU here."""
        rows = [backend._text.encode(prompt) for prompt in rendered(backend)]
        requests = [Request(row, 12, backend._text.end_ids) for row in rows]
        together = backend._loaded.answer(requests)
        assert backend._store is not None
        folder = backend._store.folder(copy_key(backend._snapshot, is_half=False))
        single = SingleEngine(folder, "CPU", {**backend._settings, "ATTENTION_BACKEND": "SDPA"})
        cut = [backend._text.reply(ids, 0, GREEDY).text for ids in together]
        assert [backend._text.reply(ids, 0, GREEDY).text for ids in single.answer(requests)] == cut
        with pytest.raises(NotAvailableError):
            single.score(rows[0])


def test_openvino_that_is_not_installed_is_an_error_with_its_cure(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino_genai", None)
    with pytest.raises(EngineAbsentError) as caught:
        _load(tiny_model, None)
    assert caught.value.hint == "pip install 'weighbridge[openvino]'"


def test_doctor_learns_that_openvino_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    found = OpenVinoBackend.availability()
    assert not found.is_present
    assert found.fix == "pip install 'weighbridge[openvino]'"


def test_an_architecture_that_cannot_be_converted_is_an_error_with_its_folder(copy: Path) -> None:
    import transformers

    (copy / "generation_config.json").unlink()
    config = transformers.MambaConfig(
        vocab_size=builder.VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=4, eos_token_id=2
    )
    transformers.MambaForCausalLM(config).save_pretrained(copy)
    loaded = _load(copy, None)
    with pytest.raises(BackendError, match=f"{copy}: a mamba model cannot be converted") as caught:
        loaded.generate(["Hi"], GREEDY)
    assert caught.value.hint == "choose --backend transformers"


def test_a_failed_conversion_is_an_error_with_its_reason(copy: Path) -> None:
    import transformers

    config = json.loads((copy / "config.json").read_text())
    for name in ("model_type", "architectures"):
        config.pop(name)
    experts = transformers.MixtralConfig(**config, num_local_experts=4, num_experts_per_tok=2)
    transformers.MixtralForCausalLM(experts).save_pretrained(copy)
    with pytest.raises(BackendError, match=f"{copy}: a mixtral model cannot be converted") as caught:
        _load(copy, None).generate(["Hi"], GREEDY)
    assert "aten::" in str(caught.value)
    assert "/src/" not in str(caught.value)


def test_prompts_beyond_a_sliding_window_are_refused(copy: Path) -> None:
    import transformers

    config = json.loads((copy / "config.json").read_text()) | {"sliding_window": 24}
    for name in ("model_type", "architectures"):
        config.pop(name)
    transformers.MistralForCausalLM(transformers.MistralConfig(**config)).save_pretrained(copy)
    loaded = _load(copy, None)
    replies = loaded.generate(["fox " * 4, "fox " * 24], Sampling(max_tokens=4))
    assert replies[0].finish is not FinishReason.ERROR
    assert "context of 24 tokens" in replies[1].error
    assert loaded.describe().settings["context_tokens"] == "24"
    assert any("within 24 tokens only" in note for note in loaded.describe().notes)
    loaded.close()


def test_an_error_says_what_openvino_says_not_where() -> None:
    with pytest.raises(BackendError) as caught, openvino_call("/models/x: cannot be converted"):
        raise RuntimeError(
            "Check 'false' failed at src/frontends/report.cpp:151:\nNo conversion of aten::mystery\n"
        )
    assert str(caught.value) == "/models/x: cannot be converted: No conversion of aten::mystery"
    with pytest.raises(OutOfMemoryError), openvino_call("the engine failed"):
        raise RuntimeError("Exception from src/plugin.cpp:9:\n[GPU] out of memory\n")


def test_nothing_is_reported_and_nothing_written_at_home(tiny_model: Path, tmp_path: Path) -> None:
    """In a process of its own: there openvino is not imported yet, and no CI keeps it from reporting."""
    program = (
        "import socket, sys\n"
        "def refuse(*_, **__): print('reached', file=sys.stderr); raise OSError\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from probes.backend import BackendOptions\n"
        "from probes.backends.openvino import OpenVinoBackend\n"
        "from scanner.conversation import Sampling\n"
        "from tests.assets.tiny_model import snapshot_of\n"
        "loaded = OpenVinoBackend.load(snapshot_of(Path(sys.argv[1])), BackendOptions(device='cpu'))\n"
        "print(loaded.generate(['Hi'], Sampling(1))[0].reply_tokens)\n"
        "loaded.close()\n"
        "print('openvino_telemetry.main' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny_model)],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "False"], done.stderr
    assert "reached" not in done.stderr
    assert not any(path.name in {"intel", "openvino_telemetry"} for path in tmp_path.rglob("*"))


@pytest.mark.slow
def test_the_demo_gives_the_replies_of_transformers_in_every_batch(demo_model: Path) -> None:
    theirs = TransformersBackend.load(snapshot_of(demo_model), BackendOptions(device="cpu"))
    ours = _load(demo_model, None)
    prompts = rendered(theirs)
    expected = theirs.generate(prompts, Sampling(32))
    assert ours.generate(prompts, Sampling(32)) == expected
    assert [ours.generate([prompt], Sampling(32))[0] for prompt in prompts] == expected
    ours.close()


def _pretend(present: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets OpenVINO find these devices; none of them is loaded."""
    core = type("Core", (), {"available_devices": present})
    monkeypatch.setattr(
        openvino_engine, "import_engine", lambda name="openvino": types.SimpleNamespace(Core=core)
    )
