"""What questioning costs with the number and the length of prompts, and what the scheduler adds to it.

`python -m benchmarks.scaling` also draws docs/inference-cost.svg. CPU time counts all threads; the overhead
is that of an engine which answers at once: rendering, planning, journalling with fsync, and bookkeeping.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.garak.comparison import make_model, run
from benchmarks.garak.errand import Errand
from benchmarks.garak.prompts import mixed_prompts
from probes.backend import Backend, BackendOptions
from probes.scheduler import Scheduler
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling
from scanner.journal import Journal
from scanner.manifest import Snapshot

_MODEL: Final = Path("build/bench-model")
_PLOT: Final = Path("docs/inference-cost.svg")
_COUNTS: Final = (16, 32, 64, 128)
_LENGTHS: Final = (32, 64, 128, 256)
_ROWS: Final = 16
_TOKENS: Final = 32
_OUTPUTS: Final = 3000


class _AtOnce(Backend):
    """Answers everything at once, so that what is measured is everybody else."""

    name = "at-once"

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> Backend:
        raise NotImplementedError("made by hand")

    @property
    def is_exact(self) -> bool:
        return True

    def describe(self) -> EngineDescription:
        return EngineDescription(self.name, "1", "cpu", "cpu", "float32", 64)

    def render(self, conversation: Conversation) -> str:
        return conversation.messages[-1].content

    def count_tokens(self, prompt: str) -> int:
        return len(prompt) // 4

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        return [Reply("word " * 48, FinishReason.LENGTH, 40, 64) for _ in prompts]

    def close(self) -> None:
        """Nothing to give back."""


def measure() -> list[dict[str, object]]:
    """CPU seconds by number and by length of prompts, and milliseconds of overhead an output."""
    overhead = scheduler_overhead()
    print(f"scheduler_overhead_ms_per_output: {overhead['wall_ms']}  cpu: {overhead['cpu_ms']}")
    model = str(make_model(_MODEL))
    prompts = [prompt.conversation for prompt in mixed_prompts(max(_COUNTS))]
    by_count = {count: _cpu_seconds(model, prompts[:count]) for count in _COUNTS}
    by_length = {length: _cpu_seconds(model, _of_length(length)) for length in _LENGTHS}
    figures: list[dict[str, object]] = [{"scheduler_overhead": overhead}]
    for name, costs in (("prompts", by_count), ("prompt_words", by_length)):
        fit = _line(costs)
        figures.append({"by": name, "cpu_seconds": costs, **fit})
        print(f"cpu_seconds by {name}: {costs}  linear fit: {fit}", flush=True)
    _draw(by_count, by_length)
    return figures


def scheduler_overhead() -> dict[str, float]:
    """Milliseconds an output, by the wall and of the CPU."""
    questions = [Conversation.of(f"{number} " + "word " * (number % 50)) for number in range(_OUTPUTS)]
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.jsonl") as journal:
        scheduler = Scheduler(_AtOnce(), model_digest="none", journal=journal)
        wall, cpu = time.monotonic(), time.process_time()
        scheduler.ask(questions, Sampling(64), purpose="overhead")
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return {"wall_ms": round(1000 * wall / _OUTPUTS, 3), "cpu_ms": round(1000 * cpu / _OUTPUTS, 3)}


def _of_length(words: int) -> list[Conversation]:
    return [Conversation.of(f"Question {row}: " + "word " * words) for row in range(_ROWS)]


def _cpu_seconds(model: str, conversations: Sequence[Conversation]) -> float:
    found = run(Errand("transformers", model, tuple(conversations), _TOKENS), sys.executable)
    return round(found.cpu_seconds, 2)


def _line(costs: Mapping[int, float]) -> dict[str, float]:
    """Least squares, and how much of the variation a straight line explains."""
    from scipy.stats import linregress

    fit = linregress(list(costs), list(costs.values()))
    return {
        "slope": round(float(fit.slope), 5),
        "intercept": round(float(fit.intercept), 2),
        "r2": round(float(fit.rvalue) ** 2, 4),
    }


def _draw(by_count: Mapping[int, float], by_length: Mapping[int, float]) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "weighbridge"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    panels = ((by_count, "prompts", "prompts of garak"), (by_length, "words in each", f"{_ROWS} prompts"))
    for axis, (costs, label, title) in zip(axes, panels, strict=True):
        axis.plot(list(costs), list(costs.values()), "o-", color="#1f5f8b")
        axis.set_xlabel(label)
        axis.set_ylabel("CPU seconds")
        axis.set_title(f"{title}, {_TOKENS} new tokens each")
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    figure.savefig(_PLOT, metadata={"Date": None})
    print(f"wrote {_PLOT}")


if __name__ == "__main__":
    measure()
