"""Hashing 4 GB of shards with digests of their tensors, against `openssl dgst -sha256` over the same files.

openssl is the honest reference: it uses the processor's SHA instructions, as hashlib does through it. Both
read from the page cache; rounds alternate, and the best of each counts, so that a busy moment hits both.
"""

from __future__ import annotations

import json
import resource
import shutil
import struct
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.costs import Cost, cost_of, cpu_seconds, peak_mb
from benchmarks.plausible_weights import bf16_bytes
from scanner.hashing import hash_model

_SHARDS: Final = 8
_ROUNDS: Final = 5
_POOL_BYTES: Final = 32 * 1024**2
# A shard: a table of tokens and four layers of a model of 3 billion parameters in BF16, 520 MB.
_TABLE: Final = (8192, 2048)
_LAYER: Final = (
    (2048, 2048), (512, 2048), (512, 2048), (2048, 2048), (8192, 2048), (8192, 2048), (2048, 8192),
    (2048, 1), (2048, 1),
)  # fmt: skip
_SHAPES: Final = (_TABLE, *_LAYER * 4)
_SHARD_BYTES: Final = sum(2 * rows * columns for rows, columns in _SHAPES)


def measure_hashing() -> dict[str, float]:
    """Wall-clock ratios and peak memory of a process that does nothing but hash.

    Raises:
        RuntimeError: when openssl or room on the disk is missing.
    """
    if shutil.which("openssl") is None:
        raise RuntimeError("openssl is not installed: there is nothing to measure against")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        needed_bytes = _SHARDS * _SHARD_BYTES
        if shutil.disk_usage(folder).free < needed_bytes * 1.2:
            raise RuntimeError(f"{folder}: {needed_bytes / 1e9:.1f} GB of shards do not fit; set TMPDIR")
        names = [f"model-{number:05d}-of-{_SHARDS:05d}.safetensors" for number in range(1, _SHARDS + 1)]
        for name in names:
            _write_shard(folder / name)
        reference, ours = _best(folder, names)
        one_reference, one = _best(folder, names[:1])
    return {
        "hash_megabytes": round(_SHARDS * _SHARD_BYTES / 1e6),
        "hash_seconds": round(ours.seconds, 2),
        "hash_openssl_seconds": round(reference.seconds, 2),
        "hash_wall_ratio_to_openssl": round(ours.seconds / reference.seconds, 3),
        "hash_one_file_wall_ratio_to_openssl": round(one.seconds / one_reference.seconds, 3),
        "hash_cpu_ratio_to_openssl": round(ours.cpu_seconds / reference.cpu_seconds, 3),
        "hash_peak_mb": round(ours.peak_mb, 1),
    }


def _best(folder: Path, names: list[str]) -> tuple[Cost, Cost]:
    """What openssl and what we cost."""
    reference, ours = Cost(), Cost()
    here = [sys.executable, "-m", __name__, str(folder), *names]
    for _ in range(_ROUNDS):
        reference = reference.better(cost_of(["openssl", "dgst", "-sha256", *names], folder)[0])
        ours = ours.better(Cost(**json.loads(cost_of(here)[1])))
    return reference, ours


def _write_shard(path: Path) -> None:
    header: dict[str, object] = {}
    end = 0
    for number, shape in enumerate(_SHAPES):
        begin, end = end, end + 2 * shape[0] * shape[1]
        header[f"tensor.{number}"] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # as the library pads
    values = bf16_bytes(_POOL_BYTES // 2)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        while end > 0:
            end -= stream.write(values[: min(end, _POOL_BYTES)])


def _hash_here(folder: str, names: list[str]) -> None:
    """Hashes in this process and prints what it took."""
    began, cpu_began = time.perf_counter(), cpu_seconds(resource.RUSAGE_SELF)
    hashed = hash_model(Path(folder), names)
    cost = Cost(time.perf_counter() - began, cpu_seconds(resource.RUSAGE_SELF) - cpu_began, peak_mb())
    if hashed.tensors is None or not hashed.tensors.is_whole:
        raise RuntimeError(f"not every tensor was digested: {hashed.tensors}")
    print(json.dumps(asdict(cost)))


if __name__ == "__main__":
    _hash_here(sys.argv[1], sys.argv[2:])
