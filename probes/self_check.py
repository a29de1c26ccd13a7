"""Says how much a reply depends on the batch it was in, where nobody measured that it does not.

Once a scan, some questions of a batch are asked again alone, and the texts compared. It is a sample that
says how far to trust a single reply, not a correction: the replies of the batch stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from probes.backend import Backend, BackendError
from probes.batches import Question
from probes.proportions import wilson
from scanner.conversation import FinishReason, Reply, Sampling
from scanner.journal import Journal
from scanner.records import decode, digest, encode

_JOURNAL_KIND: Final = "self-check"
# Enough to tell "hardly ever" from "often"; alone they cost about as much as one more batch.
_ASKED_AGAIN: Final = 8


@dataclass(frozen=True)
class Comparison:
    """How many texts were asked again alone, and how many were others then."""

    asked: int
    changed: int


class SelfCheck:
    """The one comparison of a scan, journalled so that it is made once."""

    def __init__(self, backend: Backend, journal: Journal, identity: Sequence[str]) -> None:
        self._backend = backend
        self._journal = journal
        self._key = digest(tuple(identity))
        known = journal.get(_JOURNAL_KIND, self._key)
        self._found = None if known is None else decode(encode(known), Comparison)

    def look(self, batch: Sequence[Question], answers: Sequence[Reply], sampling: Sampling) -> None:
        """Compares, unless the engine is exact, it was done before, or a batch of one shows nothing.

        Raises:
            JournalError: when the result cannot be journalled.
        """
        answered = [
            (question, answer)
            for question, answer in zip(batch, answers, strict=True)
            if answer.finish is not FinishReason.ERROR
        ]
        if self._backend.is_exact or self._found is not None or len(answered) < 2:
            return
        # Spread over the batch: its longest prompt has no padding, its shortest the most.
        picked = answered[:: max(1, len(answered) // _ASKED_AGAIN)][:_ASKED_AGAIN]
        try:
            changed = sum(
                self._backend.generate([question.prompt], sampling)[0].text != answer.text
                for question, answer in picked
            )
        except BackendError:  # the next batch is another chance; nothing is claimed meanwhile
            return
        self._found = Comparison(len(picked), changed)
        self._journal.append(_JOURNAL_KIND, self._key, self._found)

    def notes(self) -> Iterator[str]:
        """What an auditor should know, nothing for exact engines."""
        if self._backend.is_exact:
            return
        described = self._backend.describe()
        yield f"In {described.dtype} on {described.device} a reply may depend on its batch."
        if self._found is None:
            yield "Nothing was asked again alone, so how often that happens is not known."
            return
        interval = wilson(self._found.changed, self._found.asked)
        yield (
            f"{self._found.changed} of {self._found.asked} texts changed when asked again alone "
            f"(95 % Wilson interval {interval.low:.0%} to {interval.high:.0%})."
        )
