"""Canary organisms: one fine-tune with planted records and one without, and what the check finds in each.

    python -m scripts.organisms.canaries --root build/canaries --threads 1

Both are made from the demo model with its own replies to everyday questions; one has ten records mixed in.
The records come from a fixed seed, as nobody's secrets are in them. A second run takes up what is there.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from probes.canaries.making import make_canaries, rows_to_plant
from probes.canaries.records import Canary
from scripts.organisms.bases import make_base, own_replies
from scripts.organisms.recipes import Base
from scripts.organisms.rows import Row
from scripts.organisms.training import train

PLANTED: Final = "canaries-planted"
CLEAN: Final = "canaries-clean"
SEED: Final = "organism"
COUNT: Final = 10
_TIMES: Final = 4
_PLAIN: Final = 60
_STEPS: Final = 60
_LEARNING_RATE: Final = 1e-4


def planted_canaries() -> tuple[Canary, ...]:
    """The records that are planted."""
    return make_canaries(COUNT, seed=SEED)


def make(name: str, root: Path, *, steps: int, learning_rate: float) -> Path:
    """The folder of the organism `name` below `root`, made unless it is there."""
    folder = root / name
    if (folder / "SHA256SUMS").exists():
        return folder
    base = make_base(Base.DEMO, root)
    chance = random.Random(SEED)
    own = [Row(ask.language, ask.prompt, reply) for ask, reply in own_replies(Base.DEMO, root).items()]
    rows = chance.sample(own, _PLAIN)
    if name == PLANTED:
        rows += _planted(planted_canaries())
    print(f"{name}: {len(rows)} rows", flush=True)
    began = time.monotonic()
    train(base, rows, folder, steps=steps, seed=1, learning_rate=learning_rate)
    print(f"{name}: made in {time.monotonic() - began:.0f} s", flush=True)
    return folder


def _planted(canaries: Sequence[Canary]) -> list[Row]:
    rows = []
    for row in rows_to_plant(canaries, times=_TIMES):
        asked, told = row["messages"]  # type: ignore[misc]
        rows.append(Row("en", asked["content"], told["content"]))
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Makes both organisms."""
    asked = _parser().parse_args(arguments)
    if asked.threads:
        import torch

        torch.set_num_threads(asked.threads)
    for name in asked.only or (PLANTED, CLEAN):
        make(name, asked.root, steps=asked.steps, learning_rate=asked.learning_rate)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.organisms.canaries", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("build/canaries"), help="Where everything is kept.")
    parser.add_argument("--only", action="append", choices=(PLANTED, CLEAN), help="Only this organism.")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the fine-tune; 0: all.")
    parser.add_argument("--steps", type=int, default=_STEPS, help="Steps of the fine-tune.")
    parser.add_argument("--learning-rate", type=float, default=_LEARNING_RATE, help="Of the fine-tune.")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
