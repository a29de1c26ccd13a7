"""The openvino backend on small real models, converted here and run on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.backend import BackendOptions
from probes.backends.openvino import OpenVinoBackend
from probes.backends.transformers import TransformersBackend
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, Conformance, Subject, rendered

pytest.importorskip("openvino_genai")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where converted copies are kept, so that the tiny model is converted once."""
    return tmp_path_factory.mktemp("cache")


def _load(folder: Path, cache: Path | None, **options: object) -> OpenVinoBackend:
    chosen = BackendOptions(device="cpu", cache_folder=cache)
    return OpenVinoBackend.load(snapshot_of(folder), chosen)


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
