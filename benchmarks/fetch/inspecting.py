"""What inspecting a repository of a thousand shards and a terabyte costs: seconds, and megabytes sent.

The whole command is timed, from its start to its verdict, with the hub beside it on the same cores, and with
the byte code of its modules at hand, as the installed package has it.
"""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.fetch.terabyte_hub import REPOSITORY, SHARDS, terabyte_hub

_TREE: Final = Path(__file__).resolve().parent.parent.parent
_PACKAGES: Final = ("cli", "db", "policies", "probes", "reports", "scanner")


def measure_inspect() -> dict[str, float]:
    """`inspect_1tb_seconds` and `inspect_1tb_megabytes`, with what they were measured on."""
    for package in _PACKAGES:
        compileall.compile_dir(_TREE / package, quiet=1)
    with terabyte_hub() as (address, counter), tempfile.TemporaryDirectory() as data:
        words = [
            "inspect",
            f"hf://{REPOSITORY}",
            "--endpoint",
            address,
            "--data-dir",
            data,
            "--format",
            "json",
        ]
        before = os.times()
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "cli", *words], capture_output=True, check=False)
        seconds = time.perf_counter() - began
        after = os.times()
        counter.send("how many bytes")
        sent_bytes = counter.recv()
    if done.returncode != 3:  # INCOMPLETE: the weights were not read
        raise RuntimeError(f"inspect ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    result = json.loads(done.stdout)
    assert result["facts"]["tensors"] == SHARDS * 119, result["facts"]
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "inspect_1tb_seconds": round(seconds, 2),
        "inspect_1tb_megabytes": round(sent_bytes / 1e6, 1),
        "inspect_1tb_cpu_seconds": round(cpu, 2),
        "inspect_1tb_repository_gigabytes": round(result["read"]["total_bytes"] / 1e9),
    }
