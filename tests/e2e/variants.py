"""Variants of a small model that a scan must tell apart, like those of scripts/make_demo_variants.py."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType


def _script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "make_demo_variants.py"
    spec = importlib.util.spec_from_file_location("make_demo_variants", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = _script()


def copy_with_sums(model: Path, target: Path) -> Path:
    """A copy of the model with its digests recorded."""
    shutil.copytree(model, target)
    script.write_sums(target)
    return target


def with_flipped_byte(model: Path, target: Path) -> Path:
    """One byte of the weights differs from the recorded digest."""
    copy = copy_with_sums(model, target)
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-10] ^= 1
    weights.write_bytes(data)
    return copy


def with_attack_pickle(model: Path, target: Path) -> Path:
    """A pickle that would call os.system lies beside the weights."""
    copy = copy_with_sums(model, target)
    (copy / "training_state.bin").write_bytes(script.HARMLESS_PICKLE)
    return copy


def with_remote_code(model: Path, target: Path) -> Path:
    """The configuration names a module of the repository that calls subprocess.run."""
    copy = copy_with_sums(model, target)
    script.add_remote_code(copy)
    return copy
