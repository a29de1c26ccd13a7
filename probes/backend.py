"""The interface of inference backends. Stable: one file in `probes/backends/` per engine.

A backend takes batches of rendered prompts and answers them; what every probe needs beyond that (batching,
caching, journalling, budgets) belongs to the scheduler above it. tests/probes/conformance.py says what every
backend is held to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from scanner.conversation import Conversation, EngineDescription, Reply, Sampling, TokenScores
from scanner.errors import NotAvailableError, ScanError
from scanner.manifest import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Where a backend knows no better: 8 GB of keys and values for a 7B model in float32.
MAX_BATCH_TOKENS: Final = 8192


class BackendError(ScanError):
    """The model cannot be loaded or asked."""


class ChoiceError(BackendError):
    """What the user asked for is not to be had: the scan stops, it never falls back to something else."""


class DeviceError(ChoiceError):
    """The device or dtype that the user asked for is not here."""


class EngineAbsentError(DeviceError):
    """The engine that the user asked for is not installed."""


class AnswererError(ChoiceError):
    """The server or the recordings that the user named cannot answer for the model."""


class NoPlainTextError(BackendError, NotAvailableError):
    """The engine applies a chat template to whatever it is given: a text as it stands cannot be asked."""


class OutOfMemoryError(BackendError):
    """A batch did not fit; the scheduler halves it and tries again."""


class EngineLostError(BackendError):
    """The engine is gone (a server that died, a device that fell off): nothing more can be answered.

    The scan stops; the same command takes it up at the first question without a reply.
    """

    stops_midway = True


@dataclass(frozen=True)
class ServerOptions:
    """Where an OpenAI-compatible server listens, and how hard to lean on it; for the backend `endpoint`.

    Attributes:
        url: Base address, "http://127.0.0.1:8000/v1".
        model: Name under which the server knows the model; "" takes the only one it lists.
        api_key: Sent as a bearer token, never stored.
        allowed_hosts: Hosts beyond loopback that the user allows to be asked.
        concurrency: Requests in flight at once; 0 lets the backend choose.
        timeout_seconds: How long one request may take; 0 lets the backend choose.
        patience_seconds: How long a server that turns requests down (429, 503) or cannot be reached is
            tried again; 0 lets the backend choose.
    """

    url: str = ""
    model: str = ""
    api_key: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()
    concurrency: int = 0
    timeout_seconds: float = 0.0
    patience_seconds: float = 0.0


@dataclass(frozen=True)
class BackendOptions:
    """How to load a model.

    Attributes:
        device: "auto", "cpu", "cuda[:i]", "npu[:i]" (Ascend), "xpu[:i]", "mps"; engines with devices of
            their own add to these. A named device that is absent is an error, never a silent fall-back.
        dtype: "auto" (float32 on CPU, the model's own elsewhere), "float32", "bfloat16", "float16".
        batch_size: Most prompts in one batch; 0 lets the backend choose.
        threads: CPU threads; 0 lets the engine choose.
        is_fast: Whether speed may cost exactness: reduced precision on the CPU, quantised activations,
            batches of any composition.
        server: For the backend `endpoint`.
        transcripts: Recorded replies, for the backend `replay`: .jsonl files or folders of them.
        cache_folder: Where a backend may keep what it derives from a model (a converted copy); None for
            a temporary place that goes with the process.
    """

    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 0
    threads: int = 0
    is_fast: bool = False
    server: ServerOptions = field(default_factory=ServerOptions)
    transcripts: tuple[Path, ...] = ()
    cache_folder: Path | None = None


@dataclass(frozen=True)
class Availability:
    """Whether a backend can be used on this machine, for `weighbridge doctor`.

    Attributes:
        is_present: Whether its engine is installed.
        detail: Version and devices when present, else what is missing.
        fix: The command that would install it, "" when present.
    """

    is_present: bool
    detail: str
    fix: str = ""


class Backend(ABC):
    """A loaded model that answers batches of rendered prompts.

    Attributes:
        name: Name of the backend, as in `--backend`.
        title: What it is, in a few words, for `doctor` and the docs.
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> Backend:
        """The model of this snapshot, ready to answer, without running code from it.

        Raises:
            EngineAbsentError: when the engine is not installed.
            DeviceError: when the device or dtype asked for is not to be had.
            BackendError: when the files are no model of this engine.
        """

    @classmethod
    def availability(cls) -> Availability:
        """Whether the engine is here, for `weighbridge doctor`; never raises."""
        return Availability(True, "part of Weighbridge")

    @abstractmethod
    def describe(self) -> EngineDescription:
        """What answers, for the evidence."""

    @property
    def is_exact(self) -> bool:
        """Whether a reply is known not to depend on the batch it was in; False where nobody measured it."""
        return False

    @property
    def batch_tokens(self) -> int:
        """Most tokens of one batch, prompts and longest replies with their padding; bounds its memory."""
        return MAX_BATCH_TOKENS

    @abstractmethod
    def render(self, conversation: Conversation) -> str:
        """The exact text the model is given: its chat template applied, or plain text without one.

        A conversation made by `Conversation.of_text` is given as it stands.

        Raises:
            NoPlainTextError: when such a text cannot be given as it stands.
            BackendError: when the template raises.
        """

    @abstractmethod
    def count_tokens(self, prompt: str) -> int:
        """Length of a rendered prompt in tokens; an estimate where the engine hides its tokenizer."""

    @abstractmethod
    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """One reply per rendered prompt, in order, as one batch.

        A prompt that cannot be answered (too long for the context) yields a Reply with finish ERROR.

        Raises:
            OutOfMemoryError: when the batch does not fit.
            EngineLostError: when the engine is gone for good.
            BackendError: when the engine failed.
        """

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        """How likely the model holds each continuation after its prompt: one TokenScores per pair, in order.

        Args:
            pairs: Rendered prompt and the text that follows it.

        Raises:
            NotAvailableError: when this engine gives no log-probabilities.
            BackendError: when the engine failed.
        """
        raise NotAvailableError(f"the backend {self.name} gives no log-probabilities")

    def hidden_states(self, prompts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Per prompt float32 (layers + 1, width): the states at its last token, embeddings first.

        Raises:
            NotAvailableError: when this engine shows no hidden states.
            BackendError: when the engine failed.
        """
        raise NotAvailableError(f"the backend {self.name} shows no hidden states")

    @abstractmethod
    def close(self) -> None:
        """Gives the memory back."""
