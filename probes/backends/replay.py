"""The backend `replay`: answers from recorded transcripts, without any model.

An auditor scores an old run again with it, or answers that were produced elsewhere. A question that nobody
recorded, or whose recorded reply was made under another length limit, has no reply: an error, never "".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from probes.backend import AnswererError, Backend, BackendError, BackendOptions
from probes.recordings import Recordings, read_recordings
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling
from scanner.manifest import Snapshot
from scanner.records import decode, digest, encode

_VERSION: Final = "1"
_BATCH_SIZE: Final = 1024
_CHARACTERS_PER_TOKEN: Final = 4


class ReplayBackend(Backend):
    """Recorded replies by conversation."""

    name = "replay"
    title = "recorded transcripts, without a model"

    def __init__(self, recordings: Recordings, options: BackendOptions) -> None:
        self._digests = recordings.digests
        self._count = len(recordings.recordings)
        self._asked_device = options.device
        self._replies: dict[str, list[Reply]] = {}
        for recording in recordings.recordings:
            known = self._replies.setdefault(digest(recording.conversation), [])
            # Two checks may have recorded one reply, each under a key of its own.
            reply = dataclasses.replace(recording.reply, key="")
            if reply not in known:
                known.append(reply)
        self._missing = 0

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> ReplayBackend:
        """The replies of `options.transcripts`; the snapshot's files are not opened.

        Raises:
            AnswererError: when there are none, or a line cannot be read.
        """
        if not options.transcripts:
            raise AnswererError(
                "the backend replay has no transcript",
                hint="name one with --transcript: a .jsonl file, a folder or a scan id",
            )
        return cls(read_recordings(options.transcripts), options)

    def describe(self) -> EngineDescription:
        """What is replayed: the digest of every file is part of the version."""
        sources = sorted(self._digests.items())
        notes = ["Replies were recorded elsewhere or earlier; no model was asked."]
        if self._missing:
            notes.append(f"{self._missing} questions had no recorded reply.")
        return EngineDescription(
            backend=self.name,
            version=f"{_VERSION}, transcripts sha256:{digest(sources)[:16]}",
            device_asked=self._asked_device,
            device="none, recorded",
            dtype="as recorded",
            batch_size=_BATCH_SIZE,
            prompt_format="as recorded",
            notes=tuple(notes),
            settings={
                "recorded_replies": str(self._count),
                **{f"sha256 of {name}": value for name, value in sources},
            },
        )

    @property
    def is_exact(self) -> bool:
        """A recorded reply is what it is."""
        return True

    def render(self, conversation: Conversation) -> str:
        """The conversation as JSON: recordings are found by it.

        Raises:
            BackendError: when the conversation has no turns.
        """
        if not conversation.messages:
            raise BackendError("the conversation has no turns")
        return encode(conversation).decode()

    def count_tokens(self, prompt: str) -> int:
        """An estimate; there is no tokenizer."""
        return max(1, len(prompt) // _CHARACTERS_PER_TOKEN)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """The recorded reply of each prompt, or an ERROR that says why there is none."""
        return [self._recorded(prompt, sampling) for prompt in prompts]

    def close(self) -> None:
        """Forgets the replies."""
        self._replies = {}

    def _recorded(self, prompt: str, sampling: Sampling) -> Reply:
        known = self._replies.get(digest(decode(prompt, Conversation)), [])
        fitting = [reply for reply in known if _fits(reply, sampling)]
        if len(fitting) == 1:
            return fitting[0]
        failed = [reply for reply in known if reply.finish is FinishReason.ERROR]
        if failed and not fitting:
            return failed[0]
        self._missing += 1
        if not known:
            return _none("no reply to this question was recorded")
        if not fitting:
            lengths = ", ".join(str(reply.reply_tokens) for reply in known)
            return _none(
                f"the recorded reply has {lengths} tokens and was made under another length limit than "
                f"{sampling.max_tokens}"
            )
        return _none(f"{len(fitting)} different replies to this question were recorded")


def _fits(reply: Reply, sampling: Sampling) -> bool:
    """Whether this reply can have come about under this length limit; unknown lengths are believed."""
    if reply.finish is FinishReason.ERROR:
        return False
    if not reply.reply_tokens:
        return True
    if reply.finish is FinishReason.LENGTH:
        return reply.reply_tokens == sampling.max_tokens
    return reply.reply_tokens <= sampling.max_tokens


def _none(why: str) -> Reply:
    return Reply("", FinishReason.ERROR, error=why)


BACKEND = ReplayBackend
