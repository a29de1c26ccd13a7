"""The words in which a model is questioned, shared by checks and inference backends.

>>> conversation = Conversation.of("What is the capital of France?")
>>> conversation.messages[0].role
'user'
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The role of a text that is no turn of a chat.
TEXT_ROLE: Final = "text"


@dataclass(frozen=True)
class Message:
    """One turn: `role` is "system", "user" or "assistant", or "text" for what is no turn (see `of_text`)."""

    role: str
    content: str


@dataclass(frozen=True)
class Conversation:
    """The turns a model is given; the last is usually the user's."""

    messages: tuple[Message, ...]

    @classmethod
    def of(cls, prompt: str, *, system: str = "") -> Self:
        """A conversation of one user prompt, after a system prompt if there is one."""
        head = (Message("system", system),) if system else ()
        return cls((*head, Message("user", prompt)))

    @classmethod
    def of_text(cls, text: str) -> Self:
        """A text that the model goes on with as it stands: no chat template is applied to it."""
        return cls((Message(TEXT_ROLE, text),))

    @classmethod
    def begun(cls, prompt: str, answer: str) -> Self:
        """A conversation of one user prompt, and the beginning of the answer that the model goes on with."""
        return cls((Message("user", prompt), Message("assistant", answer)))

    @property
    def text(self) -> str | None:
        """The text of a conversation made by `of_text`, None for a chat."""
        is_text = len(self.messages) == 1 and self.messages[0].role == TEXT_ROLE
        return self.messages[0].content if is_text else None


@dataclass(frozen=True)
class Sampling:
    """How replies are drawn.

    Attributes:
        max_tokens: Length limit of one reply, in the model's tokens.
        temperature: 0 is greedy.
        seed: Seed of the draw; without effect at temperature 0.
        stop: Strings that end a reply; not part of it.
    """

    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()


class FinishReason(enum.Enum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    ERROR = "error"


@dataclass(frozen=True)
class Reply:
    """What the model answered. Hostile input: escape it wherever it is shown.

    Attributes:
        text: The reply without special tokens.
        finish: STOP, LENGTH (cut at max_tokens) or ERROR (there is no reply; see `error`).
        prompt_tokens: Length of the rendered prompt in tokens.
        reply_tokens: Length of the reply in tokens.
        error: Why there is no reply, "" otherwise.
        key: Digest of everything the reply depends on; its name in the journal.
    """

    text: str
    finish: FinishReason
    prompt_tokens: int = 0
    reply_tokens: int = 0
    error: str = ""
    key: str = ""


@dataclass(frozen=True)
class TokenScores:
    """How likely a model holds a text, token by token.

    Attributes:
        tokens: Ids of the text's tokens in the model's vocabulary; empty where the engine hides them.
        logprobs: Natural log-probability of each token given all before it; at most 0.
        top_logprobs: Log-probability of the likeliest token at the same places; empty where not given.
        entropies: Entropy of the whole distribution at the same places, in nats; empty where not given.
        error: Why there are none, "" otherwise.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    top_logprobs: tuple[float, ...] = ()
    entropies: tuple[float, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class EngineDescription:
    """What answered: enough to ask again in the same way.

    Attributes:
        backend: "transformers", "replay", ...
        version: Version of the engine and what lies under it: "transformers 5.19.0, torch 2.13.0+cpu".
        device_asked: As the user wrote it, "auto" by default.
        device: As resolved: "cpu", "cuda:0", "npu:0", "xpu:0", "mps".
        dtype: "float32", "bfloat16", ...
        batch_size: Most prompts in one batch.
        threads: CPU threads, 0 where they mean nothing.
        prompt_format: "chat template" or "plain text (the model has no chat template)".
        capabilities: Some of "generate", "logprobs", "hidden_states".
        notes: Anything an auditor should know, one sentence each.
        settings: What else decides the replies, key to value.
        is_exact: Whether replies were measured not to depend on the batch they were in.
        order: In which order questions were asked.
        repeats: How many times each was asked.
    """

    backend: str
    version: str
    device_asked: str
    device: str
    dtype: str
    batch_size: int
    threads: int = 0
    prompt_format: str = "chat template"
    capabilities: tuple[str, ...] = ("generate",)
    notes: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    is_exact: bool = False
    order: str = ""
    repeats: int = 1

    def conditions(self, seed: int) -> Mapping[str, str]:
        """What a measurement says of how it came about, key to plain text."""
        return {
            "engine": self.backend,
            "version": self.version,
            "device": self.device,
            "device_asked": self.device_asked,
            "dtype": self.dtype,
            "batch_size": str(self.batch_size),
            "threads": str(self.threads),
            "order": self.order,
            "seed": str(seed),
            "repeats": str(self.repeats),
            "exact": "yes" if self.is_exact else "no",
        }


class Questioner(Protocol):
    """Answers conversations; the scheduler of `probes` implements it. Stable interface."""

    @property
    def engine(self) -> EngineDescription:
        """What answers, and how."""

    def ask(
        self,
        conversations: Sequence[Conversation],
        sampling: Sampling,
        *,
        purpose: str,
        deadline: float = float("inf"),
    ) -> list[Reply]:
        """One reply per conversation, in the same order; `deadline` is a `time.monotonic()` value.

        A conversation that could not be answered yields a Reply with finish ERROR, never "".

        Raises:
            BudgetSpentError: when the user's budget is spent; answers so far stay journalled.
            CheckTimeoutError: when `deadline` passes; answers so far stay journalled.
        """

    def score(
        self, pairs: Sequence[tuple[Conversation, str]], *, purpose: str, deadline: float = float("inf")
    ) -> list[TokenScores]:
        """How likely the model holds each text as the reply to its conversation, in the same order.

        Raises:
            NotAvailableError: when the engine gives no log-probabilities.
            CheckTimeoutError: when `deadline` passes.
        """

    def hidden_states(
        self, conversations: Sequence[Conversation], *, purpose: str, deadline: float = float("inf")
    ) -> list[npt.NDArray[np.float32]]:
        """Per conversation float32 (layers + 1, width): the states at its last token, embeddings first.

        Raises:
            NotAvailableError: when the engine shows no hidden states.
            CheckTimeoutError: when `deadline` passes.
        """


@dataclass(frozen=True)
class Judge:
    """Another model, which reads replies of the one under test.

    Attributes:
        questioner: Puts questions to it.
        model: As the user named it.
        commit: Commit of its repository, "" for a source without commits.
        digest: sha256 of its files.
    """

    questioner: Questioner
    model: str
    commit: str
    digest: str
