"""What one engine is sent to do in a process of its own, and what it comes back with.

`python -m benchmarks.garak.errand ERRAND.json RESULT.json` carries it out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.conversation import Conversation, Sampling
from scanner.records import decode, encode

GARAK = "garak huggingface.Model"


@dataclass(frozen=True)
class Errand:
    """One engine, one model, some prompts.

    Attributes:
        engine: Name of a backend, or `GARAK`.
        model: Folder or file.
        conversations: What to ask.
        tokens: Longest reply.
        batch_size: Most in one batch; 0 lets the engine choose.
        dtype: As `--dtype`.
        is_fast: As `--fast`.
    """

    engine: str
    model: str
    conversations: tuple[Conversation, ...]
    tokens: int
    batch_size: int = 0
    dtype: str = "auto"
    is_fast: bool = False


@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        texts: One per conversation, in order.
        wall_seconds: Asking only: loading and a first question are left out.
        cpu_seconds: Of all threads and children, asking only.
        engine: What answered, with version, dtype and batch.
    """

    texts: tuple[str, ...]
    wall_seconds: float
    cpu_seconds: float
    engine: str


def carry_out(errand: Errand) -> Result:
    """Loads, asks one question to warm up, then asks all and measures that."""
    run = _through_garak if errand.engine == GARAK else _through_weighbridge
    return run(errand)


def _through_weighbridge(errand: Errand) -> Result:
    from cli.libraries import settle
    from probes.backend import BackendOptions
    from probes.questioning import open_questioner
    from scanner.fetching import fetch
    from scanner.journal import Journal
    from scanner.references import ModelRef
    from scanner.source import FetchOptions

    settle()
    options = BackendOptions(
        device="cpu", dtype=errand.dtype, batch_size=errand.batch_size, is_fast=errand.is_fast
    )
    with tempfile.TemporaryDirectory() as folder:
        snapshot = fetch(ModelRef.parse(errand.model), FetchOptions(Path(folder), offline=True))
        with (
            Journal(Path(folder) / "journal.jsonl") as journal,
            open_questioner(snapshot, backend=errand.engine, options=options, journal=journal) as questioner,
        ):
            questioner.ask([Conversation.of("Hi")], Sampling(1), purpose="warming up")
            replies, wall, cpu = _timed(
                lambda: questioner.ask(errand.conversations, Sampling(errand.tokens), purpose="benchmark")
            )
            said = questioner.engine
    engine = f"{said.version}, {said.dtype}, batches of {said.batch_size}, {said.threads} threads"
    return Result(tuple(reply.text for reply in replies), wall, cpu, engine)


def _through_garak(errand: Errand) -> Result:
    """One prompt at a time through garak's generator, greedily; nothing of garak is changed."""
    import garak._config
    from garak.attempt import Conversation as GarakConversation
    from garak.attempt import Message, Turn
    from garak.generators.huggingface import Model

    garak._config.load_config(site_config_filename="no-site-settings.yaml")
    settings = {"hf_args": {"device": "cpu", "do_sample": False}, "max_tokens": errand.tokens}
    generator = Model(errand.model, config_root={"generators": {"huggingface": {"Model": settings}}})
    generator.temperature = generator.top_k = None

    def ask(conversations: Sequence[Conversation]) -> list[str]:
        prompts = [
            GarakConversation([Turn(turn.role, Message(turn.content)) for turn in each.messages])
            for each in conversations
        ]
        return [generator.generate(prompt, 1)[0].text for prompt in prompts]

    ask([Conversation.of("Hi")])
    texts, wall, cpu = _timed(lambda: ask(errand.conversations))
    return Result(tuple(texts), wall, cpu, "garak huggingface.Model, one prompt at a time")


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.monotonic(), _cpu_seconds()
    found = work()
    return found, time.monotonic() - wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """Of this process and all that it started: some engines compute in a process of their own."""
    import psutil

    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    ended = own.cpu_times()
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system


if __name__ == "__main__":
    result = carry_out(decode(Path(sys.argv[1]).read_bytes(), Errand))
    Path(sys.argv[2]).write_bytes(encode(result))
