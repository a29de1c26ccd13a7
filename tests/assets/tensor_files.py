"""The same tensors in safetensors shards, in the zip that torch writes, and in GGUF."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.assets.gguf_cases import GGUF_ARCHITECTURE, gguf_bytes, gguf_tensor
from tests.assets.safetensors_cases import safetensors_bytes

GGML_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "I8": 24, "I16": 25, "I32": 26, "I64": 27, "F64": 28, "BF16": 30}
TORCH_TYPES = {
    "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32", "I16": "int16",
    "I8": "int8", "U8": "uint8", "F8_E4M3": "float8_e4m3fn", "F64": "float64",
}  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """A tensor: its number format, its shape (outermost dimension first) and its bytes."""

    dtype: str
    shape: tuple[int, ...]
    values: bytes


def write_safetensors_file(
    path: Path, tensors: Mapping[str, Weights], *, metadata: Mapping[str, str] | None = None, pad: int = 0
) -> None:
    """One safetensors file; tensors in the order given."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    data = b""
    for name, each in tensors.items():
        header[name] = {
            "dtype": each.dtype,
            "shape": each.shape,
            "data_offsets": [len(data), len(data) + len(each.values)],
        }
        data += each.values
    path.write_bytes(safetensors_bytes(header, data, pad=b" " * pad))


def write_torch_file(path: Path, tensors: Mapping[str, Weights], wrap: Sequence[str] = ()) -> None:
    """What torch.save writes for these tensors, in tables of tables with the keys `wrap`."""
    import torch

    value: object = {name: torch_tensor(each) for name, each in tensors.items()}
    for key in reversed(wrap):
        value = {key: value}
    torch.save(value, path)


def torch_tensor(each: Weights):  # type: ignore[no-untyped-def]  # noqa: ANN201 - torch is not typed
    """The tensor in torch."""
    import torch

    dtype = getattr(torch, TORCH_TYPES[each.dtype])
    if not each.values:
        return torch.zeros(each.shape, dtype=dtype)
    return torch.frombuffer(bytearray(each.values), dtype=dtype).reshape(each.shape)


def write_gguf_file(path: Path, tensors: Mapping[str, Weights]) -> None:
    """One GGUF file; tensors in the order given."""
    entries, data = [], b""
    for name, each in tensors.items():
        entries.append(gguf_tensor(name, list(each.shape[::-1]), len(data), GGML_TYPES[each.dtype]))
        data += each.values + bytes(-len(each.values) % 32)
    path.write_bytes(gguf_bytes([GGUF_ARCHITECTURE], entries, data))


def numbers(*values: float) -> bytes:
    """32-bit floats."""
    return struct.pack(f"<{len(values)}f", *values)


def header_of(path: Path) -> dict[str, object]:
    """The header of a safetensors file."""
    data = path.read_bytes()
    header: dict[str, object] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header
