"""Which GGUF file of a model is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.backend import BackendError
from probes.gguf_weights import gguf_file_of
from tests.scanner.check_runs import snapshot_of


def with_files(folder: Path, *names: str) -> Path | None:
    for name in names:
        (folder / name).write_bytes(b"GGUF")
    return gguf_file_of(snapshot_of(folder))


@pytest.mark.parametrize("projector", ["mmproj.gguf", "mmproj-model-f16.gguf", "MMPROJ-x.gguf"])
def test_projector_of_images_is_no_second_model(tmp_path: Path, projector: str) -> None:
    assert with_files(tmp_path, "model.gguf", projector) == tmp_path / "model.gguf"


def test_adapter_makes_it_unclear_what_answers(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="2 GGUF files"):
        with_files(tmp_path, "model.gguf", "adapter.gguf")


def test_projector_alone_is_no_model(tmp_path: Path) -> None:
    assert with_files(tmp_path, "mmproj.gguf") is None
