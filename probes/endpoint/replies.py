"""Makes a Reply of what a server answered, or an ERROR with the reason why that is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from probes.decoding import cut_at
from probes.endpoint.failures import RequestError
from probes.endpoint.prompts import ScannedText
from probes.endpoint.wire import ChatMessage, Choice, Completion, safe_line
from scanner.conversation import FinishReason, Reply, Sampling

_CUT: Final = frozenset({"length", "max_tokens"})
# These end a reply that is not the model's own answer to the question.
_SPOILED: Final = {
    "content_filter": "a filter of the server withheld the reply",
    "tool_calls": "the model called a tool instead of answering",
    "function_call": "the model called a function instead of answering",
    "abort": "the server gave the reply up",
    "error": "the server gave the reply up",
}


def no_reply(error: object, *, prompt_tokens: int = 0) -> Reply:
    """The reply that is none, for this reason."""
    return Reply("", FinishReason.ERROR, prompt_tokens=prompt_tokens, error=str(error))


def make_reply(
    answer: Completion, prompt: str, sampling: Sampling, stops: Sequence[str], scanned: ScannedText
) -> Reply:
    """The reply in an answer, cut at stop strings, its tokens counted by the server where it does so.

    Args:
        answer: What came back, with one choice.
        prompt: What was asked.
        sampling: How it was asked.
        stops: Every string that ends a reply; servers differ in leaving them in.
        scanned: Counts where the server does not.

    Raises:
        RequestError: when the choice holds no reply of the model.
    """
    choice = answer.choices[0]
    if choice.finish_reason in _SPOILED:
        raise RequestError(_SPOILED[str(choice.finish_reason)])
    text, is_cut = cut_at(_text_of(choice), stops)
    counted = answer.counted("completion_tokens")
    reply_tokens = scanned.estimate(text) if counted is None or is_cut else counted
    prompt_tokens = answer.counted("prompt_tokens")
    return Reply(
        text,
        FinishReason.LENGTH if _is_length(choice, counted, sampling) and not is_cut else FinishReason.STOP,
        prompt_tokens=scanned.count(prompt) if prompt_tokens is None else prompt_tokens,
        # Servers that count the text over again arrive at a few more than they drew.
        reply_tokens=min(reply_tokens, sampling.max_tokens),
    )


def _text_of(choice: Choice) -> str:
    if choice.message is None and choice.text is None:
        raise RequestError("the answer holds neither a message nor a text")
    if choice.message is None:
        return choice.text or ""
    message = choice.message
    if message.tool_calls and not message.content:
        raise RequestError("the model called a tool instead of answering")
    return _content(message.content) or _thought(message)


def _content(content: str | list[dict[str, Any]] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = [part.get("text") for part in content]
    if not all(isinstance(text, str) for text in texts):
        kinds = ", ".join(sorted({safe_line(part.get("type", "?"), 40) for part in content}))
        raise RequestError(f"the reply is made of parts that are no text: {kinds}")
    return "".join(str(text) for text in texts)


def _thought(message: ChatMessage) -> str:
    """A model that never came to its answer: marked as in models that think within the reply."""
    thought = message.reasoning_content or message.reasoning
    return f"<think>{thought}" if thought else ""


def _is_length(choice: Choice, counted: int | None, sampling: Sampling) -> bool:
    if choice.finish_reason is None:
        return counted is not None and counted >= sampling.max_tokens
    return choice.finish_reason in _CUT
