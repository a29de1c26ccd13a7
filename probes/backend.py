"""The interface of inference backends. Stable: one file in `probes/backends/` per engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from scanner.conversation import Conversation, EngineDescription, Reply, Sampling
from scanner.errors import ScanError
from scanner.manifest import Snapshot


class BackendError(ScanError):
    """The model cannot be loaded or asked."""


class DeviceError(BackendError):
    """The device or dtype that the user asked for is not to be had: the scan stops, it never falls back."""


class OutOfMemoryError(BackendError):
    """A batch did not fit; the scheduler halves it and tries again."""


@dataclass(frozen=True)
class BackendOptions:
    """How to load a model.

    Attributes:
        device: "auto", "cpu", "cuda[:i]", "npu[:i]" (Ascend), "xpu[:i]", "mps". A named device that
            is absent is an error, never a silent fall-back.
        dtype: "auto" (float32 on CPU, the model's own elsewhere), "float32", "bfloat16", "float16".
        batch_size: Most prompts in one batch; 0 lets the backend choose.
        threads: CPU threads; 0 lets the engine choose.
    """

    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 0
    threads: int = 0


class Backend(ABC):
    """A loaded model that answers batches of rendered prompts.

    Attributes:
        name: Name of the backend, as in `--backend`.
    """

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> Backend:
        """The model of this snapshot, ready to answer, without running code from it.

        Raises:
            DeviceError: when the device or dtype asked for is not to be had.
            BackendError: when the files are no model of this engine.
        """

    @abstractmethod
    def describe(self) -> EngineDescription:
        """What answers, for the evidence."""

    @abstractmethod
    def render(self, conversation: Conversation) -> str:
        """The exact text the model is given: its chat template applied, or plain text without one.

        Raises:
            BackendError: when the template raises.
        """

    @abstractmethod
    def count_tokens(self, prompt: str) -> int:
        """Length of a rendered prompt in tokens."""

    @abstractmethod
    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """One reply per rendered prompt, in order, as one batch.

        Raises:
            OutOfMemoryError: when the batch does not fit.
            BackendError: when the engine failed.
        """

    @abstractmethod
    def close(self) -> None:
        """Gives the memory back."""
