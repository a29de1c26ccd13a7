"""How a conversation becomes the text a model is given: its own chat template, or plain text without one.

Templates are programs from the model's repository. transformers runs them in Jinja's immutable sandbox;
here they are also given a limit of steps and of output, and a fixed date, so that a hostile one cannot
hang a scan and an honest one writes the same prompt tomorrow.
"""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from probes.backend import BackendError
from scanner.conversation import Conversation

PLAIN_FORMAT: Final = "plain text (the model has no chat template)"
PLAIN_STOPS: Final = ("\nUser:",)
_PLAIN_NAMES: Final = {"system": "System", "user": "User", "assistant": "Assistant"}
# Given to templates that ask for today's date.
_FIXED_DATE: Final = datetime.datetime(2026, 1, 1)
# Compiling a dense template of 10 kB takes 1.5 million steps, running it some thousand.
_MOST_STEPS: Final = 20_000_000
_MOST_CHARACTERS: Final = 1_000_000
_OPEN_THINKING: Final = re.compile(r"<think>\s*\Z")
_MARKER: Final = "weighbridge"


def turns_of(conversation: Conversation) -> list[dict[str, str]]:
    """The conversation as templates and servers take it.

    Raises:
        BackendError: when it has no turns.
    """
    if not conversation.messages:
        raise BackendError("the conversation has no turns")
    return [{"role": turn.role, "content": turn.content} for turn in conversation.messages]


def plain_text(conversation: Conversation) -> str:
    """The text that a model without a chat template is given.

    Raises:
        BackendError: when the conversation has no turns.
    """
    turns = turns_of(conversation)
    lines = [f"{_PLAIN_NAMES.get(turn['role'], turn['role'])}: {turn['content']}" for turn in turns]
    if turns[-1]["role"] != "assistant":
        lines.append("Assistant:")
    return "\n".join(lines)


class _EndlessTemplateError(BackendError):
    """The template used up its steps."""


class ChatFormat:
    """Renders conversations for one tokenizer.

    Attributes:
        name: For `EngineDescription.prompt_format`.
        notes: What an auditor should know about it.
        stops: Strings that end a reply in this format.
        has_template: Whether the model brings a chat template.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - transformers is not typed
        self._tokenizer = tokenizer
        self._endless: BackendError | None = None
        template = tokenizer.chat_template
        self.has_template = bool(template)
        self.name = "chat template" if template else PLAIN_FORMAT
        self.stops: tuple[str, ...] = () if template else PLAIN_STOPS
        self.notes: tuple[str, ...] = tuple(_notes(str(template))) if template else PLAIN_NOTES

    def render(self, conversation: Conversation) -> str:
        """The exact text the model is given.

        Raises:
            BackendError: when the template raises, does not end, or writes without end.
        """
        if conversation.text is not None:
            return self.verbatim(conversation.text)
        if not self.has_template:
            return plain_text(conversation)
        turns = turns_of(conversation)
        is_begun = turns[-1]["role"] == "assistant"
        text = self._apply(turns, add_generation_prompt=not is_begun, continue_final_message=is_begun)
        return _OPEN_THINKING.sub("<think>\n\n</think>\n\n", text)

    def verbatim(self, text: str) -> str:
        """A text that no template is applied to, with the BOS that a template would have written."""
        # Where there is no template the tokenizer puts BOS before plain text itself (`ModelText.encode`).
        tokenizer = self._tokenizer
        if not self.has_template or tokenizer.bos_token is None or text.startswith(tokenizer.bos_token):
            return text
        wants_bos = tokenizer("?").input_ids[0] == tokenizer.bos_token_id
        return f"{tokenizer.bos_token}{text}" if wants_bos else text

    def end_of_turn(self) -> int | None:
        """The added token that the template writes after an assistant's turn, None without one.

        A tokenizer's EOS is often another one ("<|endoftext|>"), and replies would run on past their end.
        """
        if not self.has_template:
            return None
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARKER}]
        try:
            tail = self._apply(turns).rpartition(_MARKER)[2].lstrip()
        except BackendError:  # a template that takes no assistant turn; the tokenizer's EOS remains
            return None
        ids = self._tokenizer.encode(tail, add_special_tokens=False)
        return int(ids[0]) if ids and ids[0] in self._tokenizer.added_tokens_decoder else None

    def _apply(self, turns: list[dict[str, str]], **how: bool) -> str:
        if self._endless is not None:
            raise self._endless
        try:
            with _steps_limited():
                text = self._tokenizer.apply_chat_template(
                    turns, tokenize=False, enable_thinking=False, strftime_now=_FIXED_DATE.strftime, **how
                )
        except _EndlessTemplateError as error:
            self._endless = error
            raise
        except Exception as error:  # a template raises whatever it likes; nothing is swallowed
            raise BackendError(
                f"the chat template refused the conversation: {type(error).__name__}: {str(error)[:300]}"
            ) from error
        if len(text) > _MOST_CHARACTERS:
            raise BackendError(f"the chat template wrote {len(text)} characters for one conversation")
        return str(text)


PLAIN_NOTES: Final = (
    "The model has no chat template: conversations were written as 'User: ...' and 'Assistant:', and a "
    "reply ends where the model begins a new 'User:' turn.",
)


def _notes(template: str) -> Iterator[str]:
    if "strftime_now" in template:
        yield f"The chat template asks for today's date; it was always given {_FIXED_DATE.date()}."
    if "enable_thinking" in template or "<think>" in template:
        yield "The model can think before it answers; that was switched off, its replies begin at the answer."


@contextmanager
def _steps_limited() -> Iterator[None]:
    """Ends Python code that runs for more than `_MOST_STEPS` lines, in this thread only.

    NOTE: counts by `sys.settrace`, since nothing else stops a loop inside a library call in every
    thread and on every system; a debugger or coverage tool sees nothing meanwhile.
    """
    count = 0

    def step(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal count
        count += 1
        if count > _MOST_STEPS:
            raise _EndlessTemplateError(f"the chat template did not end within {_MOST_STEPS} steps")
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        yield
    finally:
        sys.settrace(before)
