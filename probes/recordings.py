"""Reads recorded replies: transcripts in our own evidence format, or plain question-and-answer lines.

Two forms of line are understood, one JSON object each; a file holds one form or both:

- ours: `{"id": ..., "conversation": {"messages": [...]}, "reply": {"text": ..., "finish": ...}, ...}`
- generic: `{"messages": [{"role": "user", "content": "..."}], "reply": "..."}`, or `{"prompt": "...",
  "reply": "..."}` for a single user turn; optional are "system", "finish" ("stop" or "length"),
  "reply_tokens" and "prompt_tokens".

>>> line = b'{"prompt": "2+2?", "reply": "4"}'
>>> recording_of(line, "answers.jsonl", 1).reply.text
'4'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from probes.backend import AnswererError
from scanner.conversation import Conversation, FinishReason, Message, Reply
from scanner.transcripts import Exchange

_SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
_SHOWN: Final = 80


@dataclass(frozen=True)
class Recording:
    """One question and the reply that somebody recorded."""

    conversation: Conversation
    reply: Reply


@dataclass(frozen=True)
class Recordings:
    """What a set of files holds.

    Attributes:
        recordings: In the order of the files and their lines.
        digests: sha256 (hex) by name of file.
    """

    recordings: tuple[Recording, ...]
    digests: dict[str, str]


class _Generic(msgspec.Struct, forbid_unknown_fields=False):
    """One line of the generic form."""

    reply: str
    messages: tuple[Message, ...] = ()
    prompt: str = ""
    system: str = ""
    finish: FinishReason = FinishReason.STOP
    reply_tokens: int = 0
    prompt_tokens: int = 0

    def recording(self) -> Recording:
        """The same in our words."""
        asked = Conversation(self.messages) if self.messages else Conversation.of(self.prompt)
        if self.system:
            asked = Conversation((Message("system", self.system), *asked.messages))
        return Recording(asked, Reply(self.reply, self.finish, self.prompt_tokens, self.reply_tokens))


def read_recordings(paths: Sequence[Path]) -> Recordings:
    """Every recording of these files, and of the .jsonl and .ndjson files in these folders.

    Raises:
        AnswererError: when a file cannot be read, or a line is no recording; says which.
    """
    found: list[Recording] = []
    digests: dict[str, str] = {}
    for path in _files(paths):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise AnswererError(f"{path}: {error.strerror or error}") from error
        digests[path.name] = hashlib.sha256(data).hexdigest()
        found += [
            recording_of(line, path.name, number)
            for number, line in enumerate(data.splitlines(), start=1)
            if line.strip()
        ]
    if not found:
        raise AnswererError(
            "the transcripts hold no replies",
            hint="name .jsonl files, folders of them, or a stored scan that questioned its model",
        )
    return Recordings(tuple(found), digests)


def recording_of(line: bytes, name: str, number: int) -> Recording:
    """The recording that a line of either form holds.

    Raises:
        AnswererError: when it holds none.
    """
    try:
        fields = msgspec.json.decode(line)
        if isinstance(fields, dict) and "conversation" in fields:
            exchange = msgspec.convert(fields, Exchange)
            return Recording(exchange.conversation, exchange.reply)
        generic = msgspec.convert(fields, _Generic)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_a_recording(name, number, line, str(error)) from error
    if not generic.messages and not generic.prompt:
        raise _not_a_recording(name, number, line, "it has neither messages nor a prompt")
    return generic.recording()


def _not_a_recording(name: str, number: int, line: bytes, why: str) -> AnswererError:
    shown = line[:_SHOWN].decode("utf-8", "replace")
    return AnswererError(
        f"{name}, line {number}: not a recorded reply ({why}): {shown!r}",
        hint='a line is {"messages": [...], "reply": "..."}, or one of a transcript that Weighbridge kept',
    )


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix.lower() in _SUFFIXES)
        else:
            yield path
