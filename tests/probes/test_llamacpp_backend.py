"""The llamacpp backend on small real GGUF files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.backend import BackendOptions
from scanner.conversation import Conversation
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, QUESTIONS, Conformance, Subject

pytest.importorskip("llama_cpp", reason="llama-cpp-python, the extra 'llamacpp', is not installed")

from probes.backends.llamacpp import LlamaCppBackend
from probes.backends.transformers import TransformersBackend


def _load(path: Path, options: BackendOptions | None = None) -> LlamaCppBackend:
    return LlamaCppBackend.load(snapshot_of(path), options or BackendOptions(device="cpu", threads=1))


@pytest.fixture(scope="module")
def gguf(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as one float32 GGUF file."""
    return builder.build_gguf(tiny_model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def reference(gguf: Path) -> list[str]:
    """What transformers answers from the same file."""
    backend = TransformersBackend.load(snapshot_of(gguf), BackendOptions(device="cpu"))
    prompts = [backend.render(Conversation.of(question)) for question in QUESTIONS]
    texts = [reply.text for reply in backend.generate(prompts, GREEDY)]
    backend.close()
    return texts


class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, gguf: Path, reference: list[str]) -> Iterator[Subject]:
        loaded = _load(gguf)
        yield Subject(loaded, lambda: _load(gguf), builder.CONTEXT_TOKENS, reference=reference)
        loaded.close()


class TestConformanceInAHurry(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, gguf: Path) -> Iterator[Subject]:
        options = BackendOptions(device="cpu", threads=1, is_fast=True)
        loaded = _load(gguf, options)
        yield Subject(loaded, lambda: _load(gguf, options), builder.CONTEXT_TOKENS)
        loaded.close()
