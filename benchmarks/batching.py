"""What batching brings: reply tokens per CPU second in batches against one by one, and which texts change.

`python -m benchmarks batching` measures the demo, `python -m benchmarks.batching MODEL` any model.
CPU time counts all threads, so its ratio holds on a machine that others use too, as long as waiting threads
sleep: set OMP_WAIT_POLICY=PASSIVE.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from probes.backend import BackendOptions
from probes.questioning import open_questioner
from scanner.conversation import Conversation, Sampling
from scanner.fetching import fetch
from scanner.journal import Journal
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions

_SUBJECTS: Final = (
    "the capital of France",
    "how bread is baked",
    "why the sky is blue",
    "a week in the life of a bee",
    "the rules of chess",
    "how to write a letter to a landlord about a broken window in the kitchen",
    "rain",
    "the difference between a violin and a viola",
)
_FORMS: Final = (
    "Tell me about {}.",
    "Explain {} to a child of six.",
    "Write three sentences about {}.",
    "What do most people get wrong about {}?",
    "Give me a list of facts about {}.",
    "Why would anyone ask about {}?",
    "Summarise {} in one sentence.",
    "Ask me a question about {}.",
    "Write a short poem about {}.",
    "What should I read to learn more about {}?",
    "Describe {} as a newspaper would.",
    "Is {} interesting? Say why.",
)
_PROMPTS: Final = tuple(form.format(subject) for subject in _SUBJECTS for form in _FORMS)


@dataclass(frozen=True)
class Round:
    """One batch size, measured once.

    Attributes:
        size: Most prompts in a batch.
        texts: The replies' texts, in the order of the questions.
        tokens: Tokens in all replies.
        wall_seconds: By the clock on the wall, without loading.
        cpu_seconds: Of all threads, without loading.
        load_seconds: Loading tokenizer and weights and answering one token.
    """

    size: int
    texts: tuple[str, ...]
    tokens: int
    wall_seconds: float
    cpu_seconds: float
    load_seconds: float


def ask_all(snapshot: Snapshot, prompts: tuple[str, ...], tokens: int, options: BackendOptions) -> Round:
    """Asks all prompts once, at one batch size, with an empty journal."""
    conversations = [Conversation.of(prompt) for prompt in prompts]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal(Path(folder) / "journal.jsonl") as journal,
        open_questioner(snapshot, options=options, journal=journal) as questioner,
    ):
        questioner.ask([Conversation.of("Hi")], Sampling(1), purpose="warming up")
        loaded, cpu = time.monotonic(), time.process_time()
        replies = questioner.ask(conversations, Sampling(tokens), purpose="benchmark")
        wall, cpu = time.monotonic() - loaded, time.process_time() - cpu
    texts = tuple(reply.text for reply in replies)
    spent = sum(reply.reply_tokens for reply in replies)
    return Round(options.batch_size, texts, spent, wall, cpu, loaded - began)


def compare(asked: argparse.Namespace) -> list[dict[str, float]]:
    """Measures every size, prints a line each, and returns the figures; ratios are against the first size."""
    prompts = _PROMPTS[:: max(1, len(_PROMPTS) // asked.questions)][: asked.questions]
    figures: list[dict[str, float]] = []
    first: Round | None = None
    with tempfile.TemporaryDirectory() as cache:
        snapshot = fetch(ModelRef.parse(asked.model), FetchOptions(Path(cache), offline=True))
        for size in (int(text) for text in asked.sizes.split(",")):
            options = BackendOptions(device=asked.device, dtype=asked.dtype, batch_size=size)
            found = ask_all(snapshot, prompts, asked.tokens, options)
            first = first or found
            figures.append(_figures(found, first))
            print("  ".join(f"{name} {value:g}" for name, value in figures[-1].items()))
    return figures


def measure() -> list[dict[str, float]]:
    """The figures of the demo on the CPU, for the runner of all benchmarks."""
    return compare(_arguments([]))


def _figures(found: Round, first: Round) -> dict[str, float]:
    rate, base = found.tokens / found.cpu_seconds, first.tokens / first.cpu_seconds
    same = sum(ours == theirs for ours, theirs in zip(found.texts, first.texts, strict=True))
    return {
        "batch_size": found.size,
        "questions": len(found.texts),
        "reply_tokens": found.tokens,
        "load_seconds": round(found.load_seconds, 1),
        "wall_seconds": round(found.wall_seconds, 1),
        "tokens_per_cpu_second": round(rate, 1),
        "ratio_to_first": round(rate / base, 2),
        "same_texts_share": round(same / len(found.texts), 3),
    }


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compares batch sizes on one model.")
    parser.add_argument("model", nargs="?", default="demo", help="directory, .gguf file or demo")
    parser.add_argument("--questions", type=int, default=32, help="at most 96 are different")
    parser.add_argument("--tokens", type=int, default=32, help="length limit of a reply")
    parser.add_argument("--sizes", default="1,8,32", help="batch sizes; the first is compared with")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(argv)


if __name__ == "__main__":
    compare(_arguments(None))
