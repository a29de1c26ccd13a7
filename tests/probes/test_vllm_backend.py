"""The vllm backend on a small real model."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.backend import BackendOptions
from probes.backends.transformers import TransformersBackend
from probes.backends.vllm import VllmBackend
from scanner.conversation import Conversation
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
    """The tiny model with heads of 32: vLLM's kernels for the CPU know none of 8."""
    return builder.build(tmp_path_factory.mktemp("vllm") / "tiny", width=128)


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
