"""Reads what OpenAI-compatible servers write: every field may be missing, and all of it is hostile input.

>>> read_models(b'{"object": "list", "data": [{"id": "tiny", "max_model_len": 256}]}')
(ListedModel(id='tiny', max_model_len=256, owned_by=''),)
>>> read_refusal(b'{"error": {"message": "too long"}}')
'too long'
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from probes.endpoint.failures import RequestError

T = TypeVar("T")

_MOST_CHARACTERS: Final = 300


@dataclass(frozen=True)
class ListedModel:
    """One entry of `GET /v1/models`.

    Attributes:
        id: The name to ask for.
        max_model_len: Its context in tokens, None where the server does not say (only vLLM and SGLang do).
        owned_by: "vllm", "sglang", "library" (Ollama): tells engines apart.
    """

    id: str
    max_model_len: int | None = None
    owned_by: str = ""


@dataclass(frozen=True)
class _Models:
    data: tuple[ListedModel, ...] = ()


@dataclass(frozen=True)
class ChatMessage:
    """The message of a chat answer.

    Attributes:
        content: The reply; None or parts where servers write so.
        reasoning_content: What a model thought, where the server keeps it apart (SGLang, llama-server).
        reasoning: The same in newer vLLM and Ollama.
        tool_calls: Anything but nothing means that the model called a tool.
    """

    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Any] | None = None


@dataclass(frozen=True)
class EchoedLogprobs:
    """Log-probabilities of `POST /v1/completions`, token by token; the first has none."""

    tokens: tuple[str, ...] = ()
    token_logprobs: tuple[float | None, ...] = ()
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None


@dataclass(frozen=True)
class Choice:
    """One choice of an answer; `message` in chats, `text` in completions."""

    message: ChatMessage | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: EchoedLogprobs | None = None


@dataclass(frozen=True)
class Completion:
    """The answer to a chat or a completion.

    Attributes:
        choices: One, where all is well.
        usage: Token counts; not typed, since a wrong count is no reason to drop a reply.
    """

    choices: tuple[Choice, ...]
    usage: dict[str, Any] | None = field(default=None)

    def counted(self, name: str) -> int | None:
        """A count of `usage`, None where it is missing or no number of tokens."""
        found = (self.usage or {}).get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def read_completion(body: bytes) -> Completion:
    """The one choice of an answer and its counts.

    Raises:
        RequestError: when the answer is no JSON, or does not hold exactly one choice.
    """
    found = _decode(body, Completion)
    if len(found.choices) != 1:
        raise RequestError(f"the answer holds {len(found.choices)} choices where one was asked for")
    return found


def read_models(body: bytes) -> tuple[ListedModel, ...]:
    """What `GET /v1/models` lists.

    Raises:
        RequestError: when the answer is no such list.
    """
    return _decode(body, _Models).data


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        RequestError: when the answer is none.
    """
    return _decode(body, dict[str, Any])


def read_refusal(body: bytes) -> str:
    """The reason in an error answer, in one safe line; "" where there is none.

    Servers write {"error": {"message": ...}}, {"error": ...}, {"message": ...}, {"detail": ...} or text.
    """
    try:
        found = read_object(body)
    except RequestError:
        text = body[: 4 * _MOST_CHARACTERS].decode(errors="replace")
        return "" if "<html" in text.lower() else safe_line(text)
    reason = found.get("error") or found.get("message") or found.get("detail") or ""
    return safe_line(reason.get("message", "") if isinstance(reason, dict) else reason)


def safe_line(told: object, most: int = _MOST_CHARACTERS) -> str:
    """Foreign text in one line without control characters: nothing that could drive a terminal."""
    kept = "".join(
        " " if character.isspace() else character
        for character in str(told)[: 8 * most]
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    return " ".join(kept.split())[:most]


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"the answer is not of the form that was asked for: {safe_line(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"the answer is no JSON ({_looks_like(body)}): {safe_line(error)}") from error
    except RecursionError as error:
        raise RequestError("the answer is nested too deeply to be read") from error


def _looks_like(body: bytes) -> str:
    begin = body[:200].lstrip().lower()
    if not body:
        return "it is empty"
    if begin.startswith((b"<!doctype", b"<html")):
        return "it is a web page"
    return f"{len(body)} bytes"
