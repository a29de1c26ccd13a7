"""Builds small model folders: cards, licence texts of installed distributions, weight files of any shape."""

from __future__ import annotations

import importlib.metadata
import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.assets import make_file_assets as assets


def licence_text(distribution: str) -> str:
    """The licence file that an installed distribution brings."""
    for file in importlib.metadata.files(distribution) or ():
        if file.name.upper().startswith("LICENSE") and ".dist-info" in str(file):
            return Path(str(file.locate())).read_text(encoding="utf-8")
    raise AssertionError(f"{distribution} brings no licence file")


def write_card(folder: Path, text: str = "# Model\n", **front_matter: object) -> None:
    """A README.md with this front matter (written as JSON, which is YAML)."""
    folder.mkdir(parents=True, exist_ok=True)
    head = f"---\n{json.dumps(front_matter)}\n---\n" if front_matter else ""
    (folder / "README.md").write_text(head + text, encoding="utf-8")


def write_safetensors(path: Path, shapes: Mapping[str, Sequence[int]], dtype: str = "F16") -> None:
    """A sparse safetensors file whose header claims these shapes; its data are zeros."""
    width = {"F32": 4, "F16": 2, "U8": 1, "I32": 4}[dtype]
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + math.prod(shape) * width
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)


def write_gguf(
    path: Path, keys: Mapping[str, str | int], shapes: Mapping[str, Sequence[int]] | None = None
) -> None:
    """A GGUF file of architecture llama with these keys and tensors of zeros."""
    tensors, size = [], 0
    for name, shape in (shapes or {}).items():
        tensors.append(assets.gguf_tensor(name, list(shape), size))
        size += -(-math.prod(shape) * 4 // 32) * 32
    written = [assets.GGUF_ARCHITECTURE, *(_gguf_pair(key, value) for key, value in keys.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(assets.gguf_bytes(written, tensors, bytes(size)))


def _gguf_pair(key: str, value: str | int) -> bytes:
    if isinstance(value, int):
        return assets.gguf_key(key, 4, struct.pack("<I", value))
    return assets.gguf_key(key, 8, assets.gguf_string(value))
