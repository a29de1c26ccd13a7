"""What a server is given: a conversation as canonical JSON, or plain text where it has no chat template.

The scanned tokenizer, where it loads, counts prompts and writes what the chat template makes of them;
nothing else here looks at the files under test.

>>> write_prompt(Conversation.of("Hi"))
'{"messages":[{"content":"Hi","role":"user"}]}'
>>> read_prompt('{"messages":[{"content":"Hi","role":"user"}]}') == Conversation.of("Hi")
True
>>> read_prompt("User: Hi") is None
True
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from probes.backend import BackendError
from probes.chat_format import turns_of
from probes.model_text import ModelText
from scanner.conversation import Conversation, Message
from scanner.errors import InvalidValueError
from scanner.manifest import Snapshot
from scanner.records import decode

_OPENING: Final = '{"messages":['
# Bytes of UTF-8 per token, low on purpose: about 4 in English, 3 in Chinese.
_BYTES_PER_TOKEN: Final = 3


@dataclass(frozen=True)
class _Turns:
    messages: tuple[Message, ...]


def write_prompt(conversation: Conversation) -> str:
    """The messages of a request as JSON with sorted keys.

    Raises:
        BackendError: when the conversation has no turns.
    """
    turns = {"messages": turns_of(conversation)}
    return json.dumps(turns, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read_prompt(prompt: str) -> Conversation | None:
    """The conversation that `write_prompt` wrote, None for plain text."""
    if not prompt.startswith(_OPENING):
        return None
    try:
        return Conversation(decode(prompt, _Turns).messages)
    except InvalidValueError:
        return None


def is_begun(conversation: Conversation) -> bool:
    """Whether the last turn is an answer to go on with."""
    return conversation.messages[-1].role == "assistant"


class ScannedText:
    """Counts and writes prompts by the files under test, as far as these can be read.

    Attributes:
        text: Tokenizer and chat format; None where transformers cannot read them.
        reason: Why it is None.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.text: ModelText | None = None
        self.reason = ""
        try:
            self.text = ModelText(snapshot)
        except BackendError as error:
            self.reason = str(error)

    @property
    def has_template(self) -> bool | None:
        """Whether the scanned model brings a chat template, None where that is not known."""
        return self.text.format.has_template if self.text else None

    @property
    def can_think(self) -> bool:
        """Whether its chat template can be told not to have the model think aloud."""
        return bool(self.text) and "enable_thinking" in str(self.text and self.text.tokenizer.chat_template)

    def written(self, prompt: str) -> str | None:
        """The text that the scanned chat template makes of a prompt; None where it makes none."""
        conversation = read_prompt(prompt)
        if conversation is None:
            return prompt
        if self.text is None:
            return None
        try:
            return self.text.format.render(conversation)
        except BackendError:
            return None

    def count(self, prompt: str) -> int:
        """Tokens of a prompt by the scanned tokenizer, else an estimate by its bytes."""
        written = self.written(prompt)
        if self.text is None or written is None:
            return self.estimate(prompt)
        return len(self.text.encode(written))

    def estimate(self, text: str) -> int:
        """About how many tokens a text has: by the scanned tokenizer, else by its bytes."""
        if self.text is None:
            return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)
        return len(self.text.tokenizer.encode(text, add_special_tokens=False))

    def refusal(self, prompt: str, max_tokens: int, limit: int | None) -> str:
        """Why a prompt cannot be asked, "" when it can or nobody here can tell.

        Some servers cut a prompt that is too long, and answer a question that nobody asked.
        """
        written = self.written(prompt)
        if self.text is None or written is None:
            return ""
        return self.text.refusal(self.text.encode(written), max_tokens, limit)
