"""What checking 2 GiB of safetensors costs, against `openssl dgst -sha256` over the same file.

A process of its own does all that is done to such a file: sha256, a BLAKE3 digest of every tensor, what its
numbers are like, the strict reading of the header, the search for hidden files, the layers against the
configuration. Its start and its imports count. Rounds alternate, and the best of each counts, so that a busy
moment hits both. Larger files are shared by two threads where a core is idle: what that costs and spares is
measured on the same file.

Run `python -m benchmarks.file_safety.speed` for this part alone.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.costs import Cost, cost_of, peak_mb

_BYTES: Final = 2 * 1024**3
_ROUNDS: Final = 5
_POOL_VALUES: Final = 16 * 1024**2
_NAME: Final = "model.safetensors"
_SHARED: Final = "shared"
_WIDTH: Final = 2048
# The matrices of one layer of a model of a billion parameters.
_LAYER: Final = {
    "self_attn.q_proj": (_WIDTH, _WIDTH), "self_attn.k_proj": (512, _WIDTH),
    "self_attn.v_proj": (512, _WIDTH),
    "self_attn.o_proj": (_WIDTH, _WIDTH), "mlp.gate_proj": (8192, _WIDTH), "mlp.up_proj": (8192, _WIDTH),
    "mlp.down_proj": (_WIDTH, 8192), "input_layernorm": (_WIDTH,),
}  # fmt: skip


def measure_speed() -> dict[str, float]:
    """Time as a ratio to that of openssl, and the peak memory of the process that checks.

    Beside the ratios of processor time stand those by the wall clock, and both with a second thread.

    Raises:
        RuntimeError: when openssl or room on the disk is missing.
    """
    if shutil.which("openssl") is None:
        raise RuntimeError("openssl is not installed: there is nothing to measure against")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if shutil.disk_usage(folder).free < _BYTES * 1.2:
            raise RuntimeError(f"{folder}: {_BYTES / 1e9:.1f} GB do not fit; set TMPDIR")
        _write_model(folder)
        here = [sys.executable, "-m", __spec__.name, str(folder)]
        reference, ours, shared = Cost(), Cost(), Cost()
        for _ in range(_ROUNDS):
            reference = reference.better(cost_of(["openssl", "dgst", "-sha256", str(folder / _NAME)])[0])
            ours = ours.better(_checked(here))
            shared = shared.better(_checked([*here, _SHARED]))
    return {
        "speed_megabytes": round(_BYTES / 1e6),
        "cpu_seconds": round(ours.cpu_seconds, 2),
        "openssl_cpu_seconds": round(reference.cpu_seconds, 2),
        "cpu_ratio_to_openssl": round(ours.cpu_seconds / reference.cpu_seconds, 3),
        "wall_ratio_to_openssl": round(ours.seconds / reference.seconds, 3),
        "second_thread_cpu_ratio_to_openssl": round(shared.cpu_seconds / reference.cpu_seconds, 3),
        "second_thread_wall_ratio_to_openssl": round(shared.seconds / reference.seconds, 3),
        "peak_mb": round(max(ours.peak_mb, shared.peak_mb), 1),
    }


def _checked(command: list[str]) -> Cost:
    cost, told = cost_of(command)
    return replace(cost, peak_mb=float(told))


def _write_model(folder: Path) -> None:
    """Layers of normally distributed numbers in BF16, as many as fit into 2 GiB."""
    from benchmarks.plausible_weights import bf16_bytes

    values = bf16_bytes(_POOL_VALUES)
    header: dict[str, object] = {}
    end = number = 0
    while end < _BYTES - 2 * sum(map(math.prod, _LAYER.values())):
        for part, shape in _LAYER.items():
            begin, end = end, end + 2 * math.prod(shape)
            name = f"model.layers.{number}.{part}.weight"
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
        number += 1
    # A table of tokens takes what is left.
    rows = (_BYTES - end) // (2 * _WIDTH)
    table = [end, end + rows * 2 * _WIDTH]
    header["model.embed_tokens.weight"] = {"dtype": "BF16", "shape": [rows, _WIDTH], "data_offsets": table}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # as the library pads
    with (folder / _NAME).open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        left = table[1]
        while left:
            left -= stream.write(values[: min(left, len(values))])
    (folder / "config.json").write_text(json.dumps({"num_hidden_layers": number, "vocab_size": rows}))


def _check_here(folder: Path, how: str = "") -> None:
    """Hashes and checks the model in this process, and prints its peak memory in megabytes.

    Args:
        folder: Of the model.
        how: `_SHARED` to give its file to two threads although it is small, on a busy machine too.

    Raises:
        RuntimeError: when something was found, or not judged: then it would not be what is measured.
    """
    from scanner import hashing
    from scanner.check import CheckContext
    from scanner.checks import safetensors_malformed, tensors_contradict_config, weights_implausible
    from scanner.evidence import EvidenceStore
    from scanner.findings import Finding, Outcome
    from scanner.manifest import Snapshot
    from scanner.references import ModelRef

    always = {"_SECOND_THREAD_BYTES": 0, "_has_idle_core": lambda: True} if how == _SHARED else {}
    for name, value in always.items():  # this process does nothing else
        setattr(hashing, name, value)
    hashed = hashing.hash_model(folder, sorted(path.name for path in folder.iterdir()))
    snapshot = Snapshot(
        ModelRef.parse(str(folder)),
        None,
        str(folder),
        hashed.files,
        tensors=hashed.tensors,
        weights=hashed.weights,
    )
    context = CheckContext(snapshot, EvidenceStore(folder / "evidence"))
    for module in (safetensors_malformed, weights_implausible, tensors_contradict_config):
        for item in module.CHECK.run(context):
            if isinstance(item, Finding) and item.outcome is not Outcome.PASS:
                raise RuntimeError(f"{item.check_id}: {item.message} {item.reason}")
    print(peak_mb())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _check_here(Path(sys.argv[1]), *sys.argv[2:])
    else:
        print(json.dumps(measure_speed(), indent=2), os.getloadavg())
