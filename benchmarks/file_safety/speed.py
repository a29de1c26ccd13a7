"""What checking 2 GiB of safetensors costs, against `openssl dgst -sha256` over the same file.

A process of its own does all that is done to such a file: sha256, a BLAKE3 digest of every tensor, what its
numbers are like, the strict reading of the header, the search for hidden files, the layers against the
configuration. Its start and its imports count. Rounds alternate, and the best of each counts, so that a busy
moment hits both. One file is the dearest case: two threads then share it.

Run `python -m benchmarks.file_safety.speed` for this part alone.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_BYTES: Final = 2 * 1024**3
_ROUNDS: Final = 5
_POOL_VALUES: Final = 16 * 1024**2
_NAME: Final = "model.safetensors"
_WIDTH: Final = 2048
# The matrices of one layer of a model of a billion parameters.
_LAYER: Final = {
    "self_attn.q_proj": (_WIDTH, _WIDTH), "self_attn.k_proj": (512, _WIDTH),
    "self_attn.v_proj": (512, _WIDTH),
    "self_attn.o_proj": (_WIDTH, _WIDTH), "mlp.gate_proj": (8192, _WIDTH), "mlp.up_proj": (8192, _WIDTH),
    "mlp.down_proj": (_WIDTH, 8192), "input_layernorm": (_WIDTH,),
}  # fmt: skip


def measure_speed() -> dict[str, float]:
    """Processor time as a ratio to that of openssl, and the peak memory of the process that checks.

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
        reference, ours, peak_mb = float("inf"), float("inf"), 0.0
        for _ in range(_ROUNDS):
            reference = min(reference, _cpu_seconds(["openssl", "dgst", "-sha256", str(folder / _NAME)])[0])
            seconds, told = _cpu_seconds([sys.executable, "-m", __spec__.name, str(folder)])
            ours, peak_mb = min(ours, seconds), max(peak_mb, float(told))
    return {
        "speed_megabytes": round(_BYTES / 1e6),
        "cpu_seconds": round(ours, 2),
        "openssl_cpu_seconds": round(reference, 2),
        "cpu_ratio_to_openssl": round(ours / reference, 3),
        "peak_mb": round(peak_mb, 1),
    }


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


def _cpu_seconds(command: list[str]) -> tuple[float, str]:
    """Processor seconds of a process and its threads, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, told


def _check_here(folder: Path) -> None:
    """Hashes and checks the model in this process, and prints its peak memory in megabytes.

    Raises:
        RuntimeError: when something was found, or not judged: then it would not be what is measured.
    """
    from scanner.check import CheckContext
    from scanner.checks import safetensors_malformed, tensors_contradict_config, weights_implausible
    from scanner.evidence import EvidenceStore
    from scanner.findings import Finding, Outcome
    from scanner.hashing import hash_model
    from scanner.manifest import Snapshot
    from scanner.references import ModelRef

    hashed = hash_model(folder, sorted(path.name for path in folder.iterdir()))
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
    # NOTE: ru_maxrss of a new process begins at what its parent held when it was made; VmHWM does not.
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    kib = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(kib * 1024 / 1e6)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _check_here(Path(sys.argv[1]))
    else:
        print(json.dumps(measure_speed(), indent=2), os.getloadavg())
