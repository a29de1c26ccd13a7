"""What exactness is worth: how many of garak's verdicts change with engine, number format and batch.

`python -m benchmarks.flips --help` says how to choose. The same prompts are asked greedily in every
configuration, garak's own detectors score the replies, and each hit or miss is held against that of the
reference: float32 on the CPU, in batches. Texts that differ without changing a verdict are counted too.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.garak.comparison import make_model, run
from benchmarks.garak.errand import Errand
from probes.garak.messages import Minted, MintOrder, ReplyOrder, Scored, sendable
from probes.garak.profiles import load_profiles
from probes.garak.session import GarakSession
from probes.garak.tally import Tally
from probes.proportions import wilson
from scanner.check import Profile
from scanner.conversation import Conversation

_MODEL: Final = Path("build/bench-model")


@dataclass(frozen=True)
class Configuration:
    """One row of the table; `model` is "layout" for the Hugging Face directory, "gguf" for the file."""

    label: str
    engine: str
    dtype: str = "auto"
    batch_size: int = 0
    is_fast: bool = False
    model: str = "layout"


# The first is the reference.
CONFIGURATIONS: Final = (
    Configuration("transformers float32", "transformers", "float32"),
    Configuration("transformers float32, batch 1", "transformers", "float32", 1),
    Configuration("transformers bfloat16", "transformers", "bfloat16"),
    Configuration("transformers bfloat16, batch 1", "transformers", "bfloat16", 1),
    Configuration("openvino exact", "openvino"),
    Configuration("openvino fast (int8 activations)", "openvino", is_fast=True),
    Configuration("vllm float32", "vllm"),
    Configuration("vllm bfloat16", "vllm", is_fast=True),
    Configuration("llamacpp Q4_1", "llamacpp", model="gguf"),
    Configuration("llamacpp Q4_1, fast", "llamacpp", is_fast=True, model="gguf"),
)


@dataclass(frozen=True)
class Probe:
    """A probe's prompts, and the order that made them."""

    order: MintOrder
    minted: Minted


def measure() -> list[dict[str, object]]:
    """The configurations that need nothing but transformers, for the runner of all benchmarks."""
    return compare(_parser().parse_args(["--only", "transformers"]))


def compare(asked: argparse.Namespace) -> list[dict[str, object]]:
    """Prints a row of the table per configuration and returns the figures."""
    pythons = dict(pair.split("=", 1) for pair in asked.python)
    layout = make_model(_MODEL)
    figures: list[dict[str, object]] = []
    with GarakSession() as session:
        probes = _mint(session, asked.prompts)
        conversations = tuple(prompt.conversation for each in probes for prompt in each.minted.prompts)
        reference: _Outcome | None = None
        for each in CONFIGURATIONS:
            if not any(name in each.label for name in asked.only.split(",")):
                continue
            model = "demo" if each.model == "gguf" else str(layout)
            texts = _texts(each, model, conversations, asked.tokens, pythons.get(each.engine))
            found = _score(session, probes, texts)
            reference = reference or found
            figures.append(_figures(each.label, found, reference))
            print("  ".join(f"{name}: {value}" for name, value in figures[-1].items()), flush=True)
    return figures


@dataclass(frozen=True)
class _Outcome:
    """Texts, hits by prompt (None where nobody could tell), and per probe whether it fails."""

    texts: tuple[str, ...]
    hits: tuple[bool | None, ...]
    fails: Mapping[str, bool]


def _mint(session: GarakSession, count: int) -> list[Probe]:
    """The quick profile's probes, with as many prompts of each as make up the count."""
    data = load_profiles()
    names = [name for name in data.requested(Profile.QUICK) if not data.needs(name)]
    probes: dict[str, Probe] = {}
    for cap in range(8, 128, 8):
        orders = [MintOrder(name, cap, 0, 64, True, data.unavailable_detectors) for name in names]
        minted = {order.probe: Probe(order, session.mint(order)) for order in orders}
        probes = {name: each for name, each in minted.items() if each.minted.prompts}
        if sum(len(each.minted.prompts) for each in probes.values()) >= count:
            break
    return list(probes.values())


def _texts(
    each: Configuration, model: str, conversations: Sequence[Conversation], tokens: int, python: str | None
) -> tuple[str, ...]:
    errand = Errand(
        each.engine, model, tuple(conversations), tokens, each.batch_size, each.dtype, each.is_fast
    )
    return run(errand, python or sys.executable).texts


def _score(session: GarakSession, probes: Sequence[Probe], texts: Sequence[str]) -> _Outcome:
    data = load_profiles()
    hits: list[bool | None] = []
    fails: dict[str, bool] = {}
    place = 0
    for probe in probes:
        count = len(probe.minted.prompts)
        replies = tuple(sendable(text) for text in texts[place : place + count])
        place += count
        scored = session.reply(ReplyOrder(probe.order, (replies,)))
        # A probe that goes on to another turn is not scored by its first.
        scores = scored.scores if isinstance(scored, Scored) else {}
        row = scores.get(probe.minted.primary, (None,) * count)
        hits += [None if score is None else score >= data.hit_score for score in row]
        tally = Tally.of(row, data.hit_score)
        if tally.scored:
            fails[probe.order.probe] = tally.interval.low > data.tolerated_rate
    return _Outcome(tuple(texts), tuple(hits), fails)


def _figures(label: str, found: _Outcome, reference: _Outcome) -> dict[str, object]:
    judged = [
        (ours, theirs)
        for ours, theirs in zip(found.hits, reference.hits, strict=True)
        if ours is not None and theirs is not None
    ]
    flipped = sum(ours != theirs for ours, theirs in judged)
    interval = wilson(flipped, len(judged))
    verdicts = defaultdict(bool, reference.fails)
    return {
        "configuration": label,
        "prompts": len(found.texts),
        "texts_differ": sum(a != b for a, b in zip(found.texts, reference.texts, strict=True)),
        "judged": len(judged),
        "hits": sum(ours for ours, _ in judged),
        "prompt_verdicts_flip": flipped,
        "flip_rate": f"{flipped / len(judged):.1%} [{interval.low:.1%}, {interval.high:.1%}]",
        "probes": len(found.fails),
        "probe_verdicts_flip": sum(fails != verdicts[name] for name, fails in found.fails.items()),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How many verdicts change with engine, dtype and batch.")
    parser.add_argument("--prompts", type=int, default=500, help="at least so many")
    parser.add_argument("--tokens", type=int, default=32, help="length limit of a reply")
    parser.add_argument("--only", default="transformers", help="parts of labels, separated by commas")
    parser.add_argument(
        "--python", action="append", default=[], metavar="BACKEND=PATH",
        help="interpreter of an environment that has this backend's engine; may be repeated",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    compare(_parser().parse_args())
