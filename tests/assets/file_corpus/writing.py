"""Puts the families together, writes them and says what was left out.

A seed gives the same cases every time, and the same bytes but for a dozen files: PyTorch's old format names
tensors by their addresses, safetensors writes metadata in chance order, 7z the time, HDF5 what memory held.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.assets.file_corpus import (
    archives,
    gadgets,
    gguf_files,
    honest_repositories,
    honest_texts,
    honest_torch,
    honest_weights,
    keras_files,
    numpy_files,
    odd_files,
    onnx_files,
    opcodes,
    pickles,
    repositories,
    safetensors_files,
    templates,
    tensorflow_files,
    torch_files,
)
from tests.assets.file_corpus.files import Case, Dice, Family

MANIFEST: Final = "manifest.jsonl"
FILES: Final = "files"
# Fewer than these are a fault: something that the cases are made with is missing.
LEAST_HOSTILE: Final = 400
LEAST_HONEST: Final = 200

FAMILIES: Final[Sequence[Family]] = (
    pickles.basic, pickles.streams, pickles.broken, pickles.nested, opcodes.tricks, opcodes.frames,
    gadgets.stdlib, gadgets.packages, torch_files.hostile, torch_files.zip_tricks,
    numpy_files.numpy_payloads, numpy_files.joblib_payloads, numpy_files.renamed, archives.payloads,
    archives.bombs, archives.outside, keras_files.lambdas, keras_files.config_gadgets, keras_files.links,
    keras_files.broken_hdf5,
    tensorflow_files.graphs, tensorflow_files.lite, tensorflow_files.custom, onnx_files.hostile,
    gguf_files.malformed, gguf_files.templates, templates.hostile, safetensors_files.malformed,
    safetensors_files.index, repositories.code, repositories.configuration, odd_files.polyglots,
    odd_files.tampered, honest_torch.torch_files, honest_torch.pickles, honest_torch.sklearn_models,
    honest_weights.safetensors_files, honest_weights.gguf_files, honest_weights.onnx_files,
    honest_weights.keras_models, honest_weights.tensorflow_models, honest_texts.texts, honest_texts.data,
    honest_repositories.plain, honest_repositories.with_code,
)  # fmt: skip


def cases(dice: Dice, seed: int = 0) -> Iterator[Case]:
    """Every case; each family throws its own dice, so that one more case elsewhere changes no other."""
    for family in FAMILIES:
        dice.random = random.Random(f"{seed} {family.__module__}.{family.__name__}")
        yield from family(dice)


def made_corpus(*, seed: int = 0, is_thorough: bool = False) -> tuple[list[Case], list[str]]:
    """All cases, and what was left out for want of a package.

    Args:
        seed: For everything random.
        is_thorough: Also models by Keras itself, whose import takes seconds.

    Raises:
        RuntimeError: when there are fewer cases than the corpus promises.
    """
    dice = Dice(is_thorough=is_thorough)
    made = list(cases(dice, seed))
    hostile = sum(case.label in ("malicious", "malformed") for case in made)
    honest = sum(case.label == "benign" for case in made)
    if hostile < LEAST_HOSTILE or honest < LEAST_HONEST:
        raise RuntimeError(
            f"the corpus has {hostile} hostile and {honest} honest cases; expected {LEAST_HOSTILE} and "
            f"{LEAST_HONEST}; left out: {'; '.join(dice.left_out) or 'nothing'}"
        )
    return made, dice.left_out


@functools.cache
def quick_corpus() -> tuple[Case, ...]:
    """All cases but those by Keras itself, made once in a process: several tests want them."""
    return tuple(made_corpus()[0])


def write_corpus(folder: Path, made: Sequence[Case]) -> None:
    """Writes the cases below `folder`/files and their manifest beside."""
    for case in made:
        case.write(folder / FILES)
    lines = [json.dumps(case.row(), ensure_ascii=False) for case in made]
    (folder / MANIFEST).write_text("\n".join(lines) + "\n", encoding="utf-8")


def thinned(made: Sequence[Case], every: int) -> list[Case]:
    """Every n-th case of each technique and label."""
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for case in made:
        key = (case.technique, case.label)
        seen[key] = seen.get(key, -1) + 1
        if seen[key] % every == 0:
            kept.append(case)
    return kept
