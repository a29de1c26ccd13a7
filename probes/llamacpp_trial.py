"""Loads one GGUF file with llama.cpp and computes one token: `python -m probes.llamacpp_trial FILE`.

Run in a process of its own, because llama.cpp aborts over some broken files. Prints why it cannot, if it can
say so, and ends with 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from probes.backend import BackendError
from probes.llamacpp_engine import EngineOptions, Feed, LlamaEngine
from probes.llamacpp_library import LlamaDevice


def main(path: Path) -> str:
    """What went wrong, "" when nothing did."""
    processor = LlamaDevice("cpu", 0, "processor", 0)
    try:
        engine = LlamaEngine(path, EngineOptions(processor, threads=1, is_exact_attention=True))
        engine.open(1, 8)
        engine.decode([Feed(0, 0, [0, engine.vocabulary_rows - 1])])
    except BackendError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    trouble = main(Path(sys.argv[1]))
    sys.stdout.write(trouble)
    sys.exit(1 if trouble else 0)
