"""The options that say what questions the model, how, and what that may cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scanner.scan import Budget

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from probes.backend import BackendOptions

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class EngineChoice:
    """The options of one call that decide what questions the model."""

    backend: str
    device: str
    dtype: str
    batch_size: int
    threads: int
    is_fast: bool
    max_tokens: int
    max_minutes: float
    server_url: str
    server_model: str
    server_key: str
    allowed_hosts: tuple[str, ...]
    concurrency: int
    server_timeout: float
    transcripts: tuple[str, ...]

    @property
    def budget(self) -> Budget:
        """What questioning may cost."""
        return Budget(self.max_tokens, self.max_minutes)

    @property
    def named_backend(self) -> str:
        """The backend that was named, or that the other options can only mean."""
        if self.backend != "auto":
            return self.backend
        if self.server_url:
            return "endpoint"
        return "replay" if self.transcripts else "auto"

    def options(self, workplace: Workplace) -> BackendOptions:
        """The same for a backend; transcripts of stored scans are looked up in the workplace.

        Raises:
            ScanError: when a transcript is neither a file, a folder nor a stored scan.
        """
        from cli.transcripts import transcript_paths
        from probes.backend import BackendOptions, ServerOptions

        server = ServerOptions(
            self.server_url,
            self.server_model,
            self.server_key,
            self.allowed_hosts,
            self.concurrency,
            self.server_timeout,
        )
        return BackendOptions(
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            threads=self.threads,
            is_fast=self.is_fast,
            server=server,
            transcripts=transcript_paths(self.transcripts, workplace),
            cache_folder=workplace.root / "engines",
        )

    def options_beside(self, workplace: Workplace) -> BackendOptions:
        """The same machine for a second model, which no server and no recording of the first answers for."""
        from probes.backend import BackendOptions

        return BackendOptions(
            device=self.device,
            dtype=self.dtype,
            threads=self.threads,
            is_fast=self.is_fast,
            cache_folder=workplace.root / "engines",
        )

    def require_sense(self) -> None:
        """Refuses what would silently have no effect, or another than the user thinks.

        Raises:
            click.BadParameter: for an unknown backend.
            click.UsageError: for options of one backend with another.
        """
        from probes.questioning import backend_names
        from scanner.registry import nearest

        known = ["auto", *backend_names()]
        if self.backend not in known:
            raise click.BadParameter(
                f"unknown backend '{self.backend}'{nearest(self.backend, known) or '.'} "
                f"Known: {', '.join(known)}."
            )
        chosen = self.named_backend
        if chosen == "endpoint" and not self.server_url:
            raise click.UsageError(
                "--backend endpoint needs --server-url, for instance http://127.0.0.1:8000/v1"
            )
        if chosen == "replay" and not self.transcripts:
            raise click.UsageError(
                "--backend replay needs --transcript: a .jsonl file, a folder or a scan id"
            )
        for owner, option, is_given in (
            ("endpoint", "--server-url", bool(self.server_url)),
            ("endpoint", "--server-model", bool(self.server_model)),
            ("endpoint", "--allow-host", bool(self.allowed_hosts)),
            ("endpoint", "--concurrency", bool(self.concurrency)),
            ("endpoint", "--server-timeout", bool(self.server_timeout)),
            ("replay", "--transcript", bool(self.transcripts)),
        ):
            if is_given and chosen != owner:
                raise click.UsageError(f"{option} is for --backend {owner}, and the backend is {chosen}")


def engine(command: Command) -> Command:
    """Every option of `EngineChoice`, for a command that takes them by name."""
    for option in reversed((*_engine_options(), *_cost_options(), *_server_options())):
        command = option(command)
    return command


def engine_without_budget(command: Command) -> Command:
    """The same for a command that asks a model once for all it wants."""
    for option in reversed((*_engine_options(), *_server_options())):
        command = option(command)
    return command


def _engine_options() -> Sequence[Callable[[Command], Command]]:
    return (
        click.option(
            "--backend",
            default="auto",
            show_default=True,
            help="Inference engine to question the model with; `weighbridge doctor` lists them.",
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="Device to run the model on: auto, cpu, cuda[:i], npu[:i] (Ascend), xpu[:i], mps; openvino "
            "also gpu[:i] and intel-npu. A device that is asked for and absent is an error.",
        ),
        click.option(
            "--dtype",
            type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
            default="auto",
            show_default=True,
            help="Number format; auto is float32 on the CPU, so that texts do not depend on batching, and "
            "the model's own elsewhere.",
        ),
        click.option(
            "--batch-size",
            type=click.IntRange(0),
            default=0,
            show_default="chosen by the engine",
            help="Most questions in one batch.",
        ),
        click.option(
            "--threads",
            type=click.IntRange(0),
            default=0,
            show_default="chosen by the engine",
            help="CPU threads.",
        ),
        click.option(
            "--fast",
            "is_fast",
            is_flag=True,
            help="Let speed cost exactness: reduced precision on the CPU, quantised activations.",
        ),
    )


def _cost_options() -> Sequence[Callable[[Command], Command]]:
    return (
        click.option(
            "--max-tokens",
            type=click.IntRange(0),
            default=0,
            show_default="no limit",
            help="Most reply tokens of the whole scan; what they do not reach for is not run, and says so.",
        ),
        click.option(
            "--max-minutes",
            type=click.FloatRange(0),
            default=0.0,
            show_default="no limit",
            help="Most minutes of questioning; what they do not reach for is not run, and says so.",
        ),
    )


def _server_options() -> Sequence[Callable[[Command], Command]]:
    return (
        click.option(
            "--server-url",
            default="",
            metavar="URL",
            envvar="WEIGHBRIDGE_SERVER_URL",
            show_default="none",
            help="OpenAI-compatible server that serves the model, such as http://127.0.0.1:8000/v1.",
        ),
        click.option(
            "--server-model",
            default="",
            metavar="NAME",
            show_default="the only one it lists",
            help="Name under which the server knows the model.",
        ),
        click.option(
            "--server-key",
            default="",
            metavar="KEY",
            envvar="WEIGHBRIDGE_SERVER_KEY",
            show_default="none",
            help="Key that the server wants; better in WEIGHBRIDGE_SERVER_KEY. Never stored.",
        ),
        click.option(
            "--allow-host",
            "allowed_hosts",
            multiple=True,
            metavar="HOST",
            help="Host beyond this machine that the server may be on; may be repeated.",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(0),
            default=0,
            show_default="chosen by the backend",
            help="Requests that the server is sent at once.",
        ),
        click.option(
            "--server-timeout",
            type=click.FloatRange(0),
            default=0.0,
            show_default="chosen by the backend",
            help="Seconds that one answer of the server may take.",
        ),
        click.option(
            "--transcript",
            "transcripts",
            multiple=True,
            metavar="FILE|FOLDER|SCAN_ID",
            help="Recorded replies to score again instead of asking the model; may be repeated.",
        ),
    )
