"""Asks a backend what the checks want to know: in batches, each question once, never again after a crash.

Every reply is journalled before anyone sees it, under a key that names all it depends on. A killed scan
therefore takes up at the first question without a reply.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.backend import Backend, BackendError, OutOfMemoryError
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling
from scanner.errors import CheckTimeoutError
from scanner.journal import Journal
from scanner.progress import Progress, SilentProgress
from scanner.records import decode, digest, encode

JOURNAL_KIND: Final = "reply"
# Prompts and longest replies of one batch: bounds the key-value cache, to 8 GB for a 7B model in float32.
MAX_BATCH_TOKENS: Final = 8192
# Most of a batch that may be padding: a short prompt beside a long one costs as much as a long one.
MAX_PADDING: Final = 0.25
# How many questions are asked again alone, where a reply may depend on its batch.
_ASKED_AGAIN: Final = 3


@dataclass(frozen=True)
class _Question:
    """A rendered prompt, the key of its reply, and its length in tokens."""

    key: str
    prompt: str
    tokens: int


class Scheduler:
    """A `scanner.conversation.Questioner` over one backend and one journal.

    Attributes:
        asked: Questions that the model was asked in this process.
        recalled: Questions that the journal answered instead.
    """

    def __init__(
        self, backend: Backend, *, model_digest: str, journal: Journal, progress: Progress | None = None
    ) -> None:
        self.asked = 0
        self.recalled = 0
        self._backend = backend
        self._journal = journal
        self._progress = progress or SilentProgress()
        described = backend.describe()
        self._identity = (
            model_digest,
            described.backend,
            described.version,
            described.dtype,
            described.device,
        )
        self._batch_size = max(1, described.batch_size)
        self._is_exact = backend.is_exact
        self._batching_note = (
            ""
            if self._is_exact
            else f"In {described.dtype} on {described.device} a reply may depend on its batch."
        )

    @property
    def engine(self) -> EngineDescription:
        """What answers, and how; complete once the last question was asked."""
        described = self._backend.describe()
        notes = (*described.notes, *((self._batching_note,) if self._batching_note else ()))
        return dataclasses.replace(described, notes=notes)

    def ask(
        self,
        conversations: Sequence[Conversation],
        sampling: Sampling,
        *,
        purpose: str,
        deadline: float = float("inf"),
    ) -> list[Reply]:
        """One reply per conversation, in the same order; equal conversations share one reply.

        A conversation that could not be answered yields a Reply with finish ERROR. Those are not
        journalled, so that a later run tries again.

        Raises:
            CheckTimeoutError: when `deadline` passes; answers so far stay journalled.
            BackendError: when the engine fails in the same way for every question.
            JournalError: when replies cannot be journalled.
        """
        if sampling.temperature == 0:
            sampling = dataclasses.replace(sampling, seed=0)
        replies: dict[str, Reply] = {}
        prompts: dict[str, str] = {}
        keys = [self._look_up(conversation, sampling, replies, prompts) for conversation in conversations]
        uses = Counter(keys)
        with self._progress.task(purpose, len(keys), "questions") as task:
            task.advance(sum(uses[key] for key in replies))
            waiting = self._in_order(prompts)
            while waiting:
                _require_time(deadline, purpose, done=len(replies), total=len(uses))
                for reply in self._ask_batch(self._take(waiting, sampling), sampling):
                    replies[reply.key] = reply
                    task.advance(uses[reply.key])
        return [replies[key] for key in keys]

    def _look_up(
        self,
        conversation: Conversation,
        sampling: Sampling,
        replies: dict[str, Reply],
        prompts: dict[str, str],
    ) -> str:
        """The reply's key; files the conversation under answered or to be asked."""
        try:
            prompt = self._backend.render(conversation)
        except BackendError as error:
            key = digest((self._identity, "not rendered", conversation))
            replies[key] = _no_reply(key, str(error))
            return key
        key = digest((self._identity, prompt, sampling))
        if key in replies or key in prompts:
            return key
        known = self._journal.get(JOURNAL_KIND, key)
        if known is None:
            prompts[key] = prompt
        else:
            replies[key] = decode(encode(known), Reply)
            self.recalled += 1
        return key

    def _in_order(self, prompts: dict[str, str]) -> deque[_Question]:
        """Longest first, so that a batch is even and a prompt too big for the memory shows up early."""
        questions = [_Question(key, text, self._backend.count_tokens(text)) for key, text in prompts.items()]
        return deque(sorted(questions, key=lambda question: (-question.tokens, question.prompt)))

    def _take(self, waiting: deque[_Question], sampling: Sampling) -> list[_Question]:
        """The next batch, removed from `waiting`."""
        batch = [waiting.popleft()]
        width = batch[0].tokens + sampling.max_tokens
        used = width
        while waiting and len(batch) < self._batch_size:
            area = width * (len(batch) + 1)
            used += waiting[0].tokens + sampling.max_tokens
            if area > MAX_BATCH_TOKENS or area - used > MAX_PADDING * area:
                break
            batch.append(waiting.popleft())
        return batch

    def _ask_batch(self, batch: list[_Question], sampling: Sampling) -> list[Reply]:
        """Keyed replies, journalled before they are returned."""
        answers = self._generate(batch, sampling)
        self._compare_alone(batch, answers, sampling)
        replies = [
            dataclasses.replace(answer, key=question.key)
            for question, answer in zip(batch, answers, strict=True)
        ]
        good = [reply for reply in replies if reply.finish is not FinishReason.ERROR]
        self._journal.extend([(JOURNAL_KIND, reply.key, reply) for reply in good])
        self.asked += len(batch)
        return replies

    def _generate(self, batch: list[_Question], sampling: Sampling) -> list[Reply]:
        try:
            return self._backend.generate([question.prompt for question in batch], sampling)
        except OutOfMemoryError as error:
            if len(batch) == 1:
                return [_no_reply(batch[0].key, str(error))]
            middle = len(batch) // 2
            self._batch_size = max(1, min(self._batch_size, middle))
            return self._generate(batch[:middle], sampling) + self._generate(batch[middle:], sampling)
        except BackendError as error:
            if len(batch) == 1:
                return [_no_reply(batch[0].key, str(error))]
            return self._generate_singly(batch, sampling, error)

    def _generate_singly(
        self, batch: list[_Question], sampling: Sampling, failure: BackendError
    ) -> list[Reply]:
        """Tells one bad prompt from a broken engine: the latter fails alike for all."""
        replies = [self._generate([question], sampling)[0] for question in batch]
        if all(reply.error == str(failure) for reply in replies):
            raise failure
        return replies

    def _compare_alone(self, batch: list[_Question], answers: list[Reply], sampling: Sampling) -> None:
        """Once, where a reply may depend on its batch: asks a few again alone, and says how many changed."""
        if self._is_exact or len(batch) < 2 or "asked again" in self._batching_note:
            return
        picked = list(zip(batch, answers, strict=True))[:_ASKED_AGAIN]
        changed = sum(
            self._generate([question], sampling)[0].text != answer.text for question, answer in picked
        )
        self._batching_note += f" {changed} of {len(picked)} texts changed when asked again alone."


def _no_reply(key: str, why: str) -> Reply:
    return Reply("", FinishReason.ERROR, error=why, key=key)


def _require_time(deadline: float, purpose: str, *, done: int, total: int) -> None:
    if time.monotonic() > deadline:
        raise CheckTimeoutError(
            f"{purpose}: {done} of {total} questions answered when the time was up",
            hint="run the same command again: it takes up where it stopped",
        )
