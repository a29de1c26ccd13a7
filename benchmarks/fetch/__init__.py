"""What fetching costs: hashing every byte with all tensors, and a verdict without fetching the weights."""

from __future__ import annotations

import importlib
import importlib.util

from benchmarks.fetch.hashing import measure_hashing

_INSPECTING = "benchmarks.fetch.inspecting"


def measure() -> list[dict[str, float]]:
    """The figures of hashing, and of `weighbridge inspect` where there is one."""
    figures = measure_hashing()
    if importlib.util.find_spec(_INSPECTING) is not None:
        figures |= importlib.import_module(_INSPECTING).measure_inspect()
    for name, value in figures.items():
        print(f"{name} {value:g}")
    return [figures]
