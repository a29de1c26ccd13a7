"""Sends every engine on the same errand and sets their figures side by side."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.garak.errand import GARAK, Errand, Result
from benchmarks.garak.prompts import mixed_prompts
from probes.questioning import load_backends
from scanner.records import decode, encode

# What no local model stands behind.
_NOT_LOCAL: Final = ("endpoint", "replay")
_MODEL: Final = Path("build/bench-model")


@dataclass(frozen=True)
class Contender:
    """One way to ask: a label, and the fields of an errand that make it."""

    label: str
    engine: str
    is_fast: bool = False
    takes_gguf: bool = False


def parser() -> argparse.ArgumentParser:
    """The choices of `python -m benchmarks.garak`."""
    found = argparse.ArgumentParser(description="garak's prompts through garak and through us.")
    found.add_argument("--prompts", type=int, default=300)
    found.add_argument("--tokens", type=int, default=64, help="length limit of a reply")
    found.add_argument("--only", default="", help="contenders, such as transformers,openvino,openvino-fast")
    found.add_argument("--batch-size", type=int, default=0)
    found.add_argument(
        "--python", action="append", default=[], metavar="BACKEND=PATH",
        help="interpreter of an environment that has this backend's engine; may be repeated",
    )  # fmt: skip
    return found


def measure() -> list[dict[str, object]]:
    """The figures of every engine that is installed, for the runner of all benchmarks."""
    return compare(parser().parse_args([]))


def compare(asked: argparse.Namespace) -> list[dict[str, object]]:
    """Runs garak's own generator, then each contender; prints a line each and returns the figures."""
    conversations = [prompt.conversation for prompt in mixed_prompts(asked.prompts)]
    pythons = dict(pair.split("=", 1) for pair in asked.python)
    model = make_model(_MODEL)
    base = run(Errand(GARAK, str(model), tuple(conversations), asked.tokens), sys.executable)
    figures = [figures_of(GARAK, base, base)]
    _say(figures[0])
    for contender in contenders(pythons, asked.only):
        errand = Errand(
            contender.engine, _model_for(contender, model), tuple(conversations), asked.tokens,
            asked.batch_size, "auto", contender.is_fast,
        )  # fmt: skip
        found = run(errand, pythons.get(contender.engine, sys.executable))
        figures.append(figures_of(contender.label, found, base))
        _say(figures[-1])
    return figures


def contenders(pythons: Mapping[str, str], only: str) -> Iterator[Contender]:
    """Every installed local engine, exact and fast."""
    wanted = [name for name in only.split(",") if name]
    for name, backend in load_backends().items():
        is_here = name in pythons or backend.availability().is_present
        if name in _NOT_LOCAL or not is_here:
            continue
        for label, is_fast in ((name, False), (f"{name}-fast", True)):
            if not wanted or label in wanted:
                yield Contender(label, name, is_fast, takes_gguf=name == "llamacpp")


def make_model(folder: Path) -> Path:
    """The demo model as a Hugging Face directory, made once: garak's own generator reads no GGUF."""
    from scripts.make_demo_variants import make_layout

    if not (folder / "model.safetensors").exists():
        make_layout(folder)
    return folder.absolute()


def _model_for(contender: Contender, folder: Path) -> str:
    return "demo" if contender.takes_gguf else str(folder)


def run(errand: Errand, python: str) -> Result:
    """Sends an engine on its errand in a process of its own.

    Raises:
        RuntimeError: when the process fails; what it said is in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        order, answer = Path(folder) / "errand.json", Path(folder) / "result.json"
        order.write_bytes(encode(errand))
        done = subprocess.run(
            [python, "-m", "benchmarks.garak.errand", str(order), str(answer)],
            env={**os.environ, **_environment(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not answer.exists():
            raise RuntimeError(f"{errand.engine} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return decode(answer.read_bytes(), Result)


def _environment(folder: str) -> Mapping[str, str]:
    """Threads that sleep while they wait, no network, and nothing of garak in the user's home."""
    places = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HF_HOME")
    return {
        **dict.fromkeys(places, folder),
        "GARAK_LOG_FILE": str(Path(folder) / "garak.log"),
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "PYTHONPATH": str(Path.cwd()),
    }


def figures_of(label: str, found: Result, base: Result) -> dict[str, object]:
    """One line of the table; ratios are against `base`."""
    count = len(found.texts)
    # garak strips its texts.
    same = sum(ours.strip() == theirs.strip() for ours, theirs in zip(found.texts, base.texts, strict=True))
    return {
        "backend": label,
        "engine": found.engine,
        "outputs": count,
        "cpu_seconds": round(found.cpu_seconds, 1),
        "wall_seconds": round(found.wall_seconds, 1),
        "outputs_per_cpu_second": round(count / found.cpu_seconds, 3),
        "ratio": round(base.cpu_seconds / found.cpu_seconds, 2),
        "identical_texts_share": round(same / count, 4),
    }


def _say(figures: Mapping[str, object]) -> None:
    label = figures["backend"]
    print(f"garak_outputs_per_cpu_second_ratio {label}: {figures['ratio']}")
    rest = {name: value for name, value in figures.items() if name not in ("backend", "ratio")}
    print("   " + "  ".join(f"{name} {value}" for name, value in rest.items()), flush=True)
