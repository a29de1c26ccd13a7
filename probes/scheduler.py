"""Asks a backend what the checks want to know: in batches, each question once, never again after a crash.

Every reply is journalled before anyone sees it, under a key that names all it depends on. A killed scan
therefore takes up at the first question without a reply. Where a reply may depend on its batch, the batches
themselves are journalled before they are asked, so that taking up a scan changes none of them.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from probes.allowance import Allowance
from probes.backend import Backend, BackendError, EngineLostError, OutOfMemoryError
from probes.batches import Limits, Question, plan
from probes.self_check import SelfCheck
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling, TokenScores
from scanner.errors import CheckTimeoutError
from scanner.journal import Journal
from scanner.progress import Progress, SilentProgress
from scanner.records import decode, digest, encode
from scanner.scan import Budget

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

JOURNAL_KIND: Final = "reply"
_SCORE_KIND: Final = "score"
_PLAN_KIND: Final = "batches"


@dataclass
class _Sheet:
    """The questions of one call: which are answered, and the rendered prompt of every other.

    Attributes:
        keys: One per conversation, in order.
        replies: By key, as far as there are any.
        prompts: By key, of every question that could be rendered.
    """

    keys: list[str] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)


class Scheduler:
    """A `scanner.conversation.Questioner` over one backend and one journal.

    Attributes:
        asked: Questions that the model was asked in this process.
        recalled: Questions that the journal answered instead.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        model_digest: str,
        journal: Journal,
        progress: Progress | None = None,
        budget: Budget | None = None,
        is_fast: bool = False,
    ) -> None:
        self.asked = 0
        self.recalled = 0
        self._backend = backend
        self._journal = journal
        self._progress = progress or SilentProgress()
        self._allowance = Allowance(budget or Budget())
        described = backend.describe()
        self._identity = (
            model_digest,
            described.backend,
            described.version,
            described.dtype,
            described.device,
        )
        self._rows = max(1, described.batch_size)
        self._splits = 0
        # Batches are kept as they were planned unless the user said that speed is worth more.
        self._keeps_batches = not backend.is_exact and not is_fast
        self._self_check = SelfCheck(backend, journal, self._identity)

    @property
    def engine(self) -> EngineDescription:
        """What answers, and how; complete once the last question was asked."""
        described = self._backend.describe()
        notes = [*described.notes, *self._self_check.notes()]
        if self._splits:
            notes.append(f"{self._splits} batches did not fit into memory and were asked in parts.")
        return dataclasses.replace(
            described,
            notes=tuple(notes),
            is_exact=self._backend.is_exact,
            order="longest prompt first",
        )

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
            BudgetSpentError: when the budget does not reach for all; answers so far stay journalled.
            CheckTimeoutError: when `deadline` passes; answers so far stay journalled.
            BackendError: when the engine fails in the same way for every question.
            EngineLostError: when the engine is gone.
            JournalError: when replies cannot be journalled.
        """
        if sampling.temperature == 0:
            sampling = dataclasses.replace(sampling, seed=0)
        sheet = self._look_up(conversations, sampling)
        uses = Counter(sheet.keys)
        with self._progress.task(purpose, len(sheet.keys), "questions") as task:
            task.advance(sum(uses[key] for key in sheet.replies))
            for batch in self._batches(sheet, sampling):
                waiting = batch
                while waiting:
                    done, total = len(sheet.replies), len(uses)
                    _require_time(deadline, purpose, done=done, total=total)
                    rows = self._allowance.rows(
                        len(waiting), sampling.max_tokens, purpose=purpose, done=done, total=total
                    )
                    now, waiting = waiting[:rows], waiting[rows:]
                    for reply in self._ask_batch(now, sampling):
                        task.advance(uses[reply.key] if reply.key not in sheet.replies else 0)
                        sheet.replies[reply.key] = reply
        return [sheet.replies[key] for key in sheet.keys]

    def score(
        self, pairs: Sequence[tuple[Conversation, str]], *, purpose: str, deadline: float = float("inf")
    ) -> list[TokenScores]:
        """How likely the model holds each text as the reply to its conversation, in the same order.

        Raises:
            NotAvailableError: when the engine gives no log-probabilities.
            CheckTimeoutError: when `deadline` passes; what there is stays journalled.
            BackendError: when the engine failed, or a conversation cannot be rendered.
        """
        found: list[TokenScores] = []
        with self._progress.task(purpose, len(pairs), "texts") as task:
            for conversation, text in pairs:
                _require_time(deadline, purpose, done=len(found), total=len(pairs))
                prompt = self._backend.render(conversation)
                key = digest((self._identity, prompt, text))
                known = self._journal.get(_SCORE_KIND, key)
                if known is None:
                    (scores,) = self._backend.score([(prompt, text)])
                    self._journal.append(_SCORE_KIND, key, scores)
                else:
                    scores = decode(encode(known), TokenScores)
                found.append(scores)
                task.advance()
        return found

    def hidden_states(
        self, conversations: Sequence[Conversation], *, purpose: str, deadline: float = float("inf")
    ) -> list[npt.NDArray[np.float32]]:
        """Per conversation float32 (layers + 1, width): the states at its last token, embeddings first.

        They are not journalled: a state takes as much room as hundreds of replies, and less time than one.

        Raises:
            NotAvailableError: when the engine shows no hidden states.
            CheckTimeoutError: when `deadline` passes.
            BackendError: when the engine failed, or a conversation cannot be rendered.
        """
        found: list[npt.NDArray[np.float32]] = []
        with self._progress.task(purpose, len(conversations), "texts") as task:
            for conversation in conversations:
                _require_time(deadline, purpose, done=len(found), total=len(conversations))
                found += self._backend.hidden_states([self._backend.render(conversation)])
                task.advance()
        return found

    def _look_up(self, conversations: Sequence[Conversation], sampling: Sampling) -> _Sheet:
        """Renders every conversation, and takes what the journal knows."""
        sheet = _Sheet()
        for conversation in conversations:
            try:
                prompt = self._backend.render(conversation)
            except BackendError as error:
                key = digest((self._identity, "not rendered", conversation))
                sheet.replies[key] = _no_reply(key, str(error))
                sheet.keys.append(key)
                continue
            key = digest((self._identity, prompt, sampling))
            sheet.keys.append(key)
            if key in sheet.prompts:
                continue
            sheet.prompts[key] = prompt
            known = self._journal.get(JOURNAL_KIND, key)
            if known is not None:
                sheet.replies[key] = decode(encode(known), Reply)
                self._allowance.spend(key, sheet.replies[key].reply_tokens)
                self.recalled += 1
        return sheet

    def _batches(self, sheet: _Sheet, sampling: Sampling) -> list[list[Question]]:
        """What is to be asked, in batches; kept ones are asked whole or not at all."""
        if not self._keeps_batches:
            return self._planned(sheet, sampling)
        name = digest((self._identity, sorted(sheet.prompts), sampling, self._backend.batch_tokens))
        kept: list[list[str]] | None = self._journal.get(_PLAN_KIND, name)
        if kept is None:
            planned = self._planned(sheet, sampling)
            self._journal.append(_PLAN_KIND, name, [[each.key for each in batch] for batch in planned])
            return planned
        return [
            [self._question(key, sheet.prompts[key]) for key in batch]
            for batch in kept
            if any(key not in sheet.replies for key in batch)
        ]

    def _planned(self, sheet: _Sheet, sampling: Sampling) -> list[list[Question]]:
        questions = [
            self._question(key, prompt) for key, prompt in sheet.prompts.items() if key not in sheet.replies
        ]
        return plan(questions, sampling.max_tokens, Limits(self._rows, self._backend.batch_tokens))

    def _question(self, key: str, prompt: str) -> Question:
        return Question(key, prompt, self._backend.count_tokens(prompt))

    def _ask_batch(self, batch: list[Question], sampling: Sampling) -> list[Reply]:
        """Keyed replies, journalled before they are returned."""
        answers = self._generate(batch, sampling)
        self._self_check.look(batch, answers, sampling)
        replies = [
            dataclasses.replace(answer, key=question.key)
            for question, answer in zip(batch, answers, strict=True)
        ]
        good = [reply for reply in replies if reply.finish is not FinishReason.ERROR]
        self._journal.extend([(JOURNAL_KIND, reply.key, reply) for reply in good])
        for reply in good:
            self._allowance.spend(reply.key, reply.reply_tokens)
        self.asked += len(batch)
        return replies

    def _generate(self, batch: list[Question], sampling: Sampling) -> list[Reply]:
        if len(batch) > self._rows:
            return self._in_parts(batch, self._rows, sampling)
        try:
            return self._backend.generate([question.prompt for question in batch], sampling)
        except OutOfMemoryError as error:
            if len(batch) == 1:
                return [_no_reply(batch[0].key, str(error))]
            self._splits += 1
            self._rows = len(batch) // 2
            return self._in_parts(batch, self._rows, sampling)
        except EngineLostError:
            raise
        except BackendError as error:
            if len(batch) == 1:
                return [_no_reply(batch[0].key, str(error))]
            return self._generate_singly(batch, sampling, error)

    def _in_parts(self, batch: list[Question], rows: int, sampling: Sampling) -> list[Reply]:
        parts = (batch[start : start + rows] for start in range(0, len(batch), rows))
        return [reply for part in parts for reply in self._generate(part, sampling)]

    def _generate_singly(
        self, batch: list[Question], sampling: Sampling, failure: BackendError
    ) -> list[Reply]:
        """Tells one bad prompt from a broken engine: the latter fails alike for all."""
        replies = [self._generate([question], sampling)[0] for question in batch]
        if all(reply.error == str(failure) for reply in replies):
            raise failure
        return replies


def _no_reply(key: str, why: str) -> Reply:
    return Reply("", FinishReason.ERROR, error=why, key=key)


def _require_time(deadline: float, purpose: str, *, done: int, total: int) -> None:
    if time.monotonic() > deadline:
        raise CheckTimeoutError(
            f"{purpose}: {done} of {total} questions answered when the time was up",
            hint="run the same command again: it takes up where it stopped",
        )
