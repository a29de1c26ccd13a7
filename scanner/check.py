"""The interface of everything that examines a model, static checks and probes alike. Stable.

A check is one file in `scanner/checks/` or `probes/checks/` that defines one `Check` subclass and
`CHECK = ThatClass()`. See docs/extending.md.
"""

from __future__ import annotations

import datetime
import enum
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from scanner.conversation import Conversation, Judge, Questioner, Reply, Sampling, TokenScores
from scanner.errors import CheckTimeoutError, NotAvailableError
from scanner.evidence import EvidenceRef, EvidenceStore
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Outcome, Severity
from scanner.manifest import Snapshot
from scanner.measures import MeasureSpec, Worse
from scanner.progress import Progress, SilentProgress

__all__ = [
    "Check", "CheckContext", "CheckRecord", "Cost", "MeasureSpec", "Needs", "Profile", "Worse",
]  # fmt: skip

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Needs(enum.Enum):
    """What a check needs of the model, from least to most."""

    STATIC = "static"
    GENERATE = "generate"
    LOGPROBS = "logprobs"
    HIDDEN_STATES = "hidden_states"


class Profile(enum.Enum):
    """How thorough a scan is."""

    QUICK = "quick"
    STANDARD = "standard"
    DEEP = "deep"


@dataclass(frozen=True)
class Cost:
    """The most a check asks of the model under one profile.

    Attributes:
        questions: Replies asked for.
        reply_tokens: Tokens in these replies if none ends early.
    """

    questions: int = 0
    reply_tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.questions + other.questions, self.reply_tokens + other.reply_tokens)


@dataclass(frozen=True)
class CheckRecord:
    """Everything one check said in one scan.

    Attributes:
        check_id: Which check.
        findings: At least one; a check that says nothing is recorded as ERROR.
        measurements: May be empty.
        started_at: UTC.
        wall_seconds: How long it took, of the process that finished it.
    """

    check_id: str
    findings: tuple[Finding, ...]
    measurements: tuple[Measurement, ...]
    started_at: datetime.datetime
    wall_seconds: float


@dataclass(frozen=True)
class CheckContext:
    """What a check may look at.

    Attributes:
        snapshot: The files under test.
        evidence: Where to keep raw bytes.
        profile: How thorough to be.
        seed: For every random choice.
        as_of: The day on which facts with dates are judged.
        questioner: Answers questions; None for static checks and when there is no model to ask.
        silence: Why `questioner` is None, for the NOT_RUN of the checks that need one.
        judge: Another model that reads replies; None when the user named none.
        earlier: Records of the checks that finished before this one, by id.
        progress: Where long jobs tell how far they are.
        deadline: `time.monotonic()` value after which the check must stop.
        settings: What the user set for single checks: "garak.probes" -> "dan,encoding".
    """

    snapshot: Snapshot
    evidence: EvidenceStore
    profile: Profile = Profile.QUICK
    seed: int = 0
    as_of: datetime.date = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date())
    questioner: Questioner | None = None
    silence: str = "the model was not questioned"
    judge: Judge | None = None
    earlier: Mapping[str, CheckRecord] = field(default_factory=dict)
    progress: Progress = field(default_factory=SilentProgress)
    deadline: float = float("inf")
    settings: Mapping[str, str] = field(default_factory=dict)

    def require_questioner(self) -> Questioner:
        """The questioner.

        Raises:
            NotAvailableError: when the scan runs without one.
        """
        if self.questioner is None:
            raise NotAvailableError(self.silence)
        return self.questioner

    def ask(self, conversations: Sequence[Conversation], sampling: Sampling, *, purpose: str) -> list[Reply]:
        """One reply per conversation, in order, within this check's deadline. Give all you have at once.

        A conversation that could not be answered yields a Reply with finish ERROR, never "".

        Raises:
            NotAvailableError: when the scan runs without a model to ask.
            CheckTimeoutError: when the time is up; answers so far stay journalled.
        """
        questioner = self.require_questioner()
        return questioner.ask(conversations, sampling, purpose=purpose, deadline=self.deadline)

    def score(self, pairs: Sequence[tuple[Conversation, str]], *, purpose: str) -> list[TokenScores]:
        """How likely the model holds each text as the reply to its conversation, in order.

        Raises:
            NotAvailableError: when the scan runs without a model, or its engine gives no log-probabilities.
            CheckTimeoutError: when the time is up.
        """
        return self.require_questioner().score(pairs, purpose=purpose, deadline=self.deadline)

    def hidden_states(
        self, conversations: Sequence[Conversation], *, purpose: str
    ) -> list[npt.NDArray[np.float32]]:
        """Per conversation float32 (layers + 1, width): the states at its last token, embeddings first.

        Raises:
            NotAvailableError: when the scan runs without a model, or its engine shows no hidden states.
            CheckTimeoutError: when the time is up.
        """
        return self.require_questioner().hidden_states(conversations, purpose=purpose, deadline=self.deadline)

    def check_deadline(self) -> None:
        """Call in long loops.

        Raises:
            CheckTimeoutError: when the time limit has passed.
        """
        if time.monotonic() > self.deadline:
            raise CheckTimeoutError("the time limit of this check has passed")


class Check(ABC):
    """One question about a model, asked the same way every time.

    Subclasses set the class attributes and yield at least one finding from `run`. They raise
    NotAvailableError for "cannot judge here" and let other exceptions escape: the runner records them.

    Attributes:
        id: Stable kebab-case sentence of what is wrong ("pickle-runs-code").
        title: The same for people, without a final stop.
        severity: Of a typical FAIL.
        needs: What it needs of the model.
        measures: Every measurement it may yield.
        settings: Every key of `CheckContext.settings` it reads, "garak.probes"; `--set` takes no others.
        order: Lower runs earlier among checks of equal needs.
        timeout_seconds: Time limit under the quick profile; others get more.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    needs: ClassVar[Needs] = Needs.STATIC
    measures: ClassVar[tuple[MeasureSpec, ...]] = ()
    settings: ClassVar[tuple[str, ...]] = ()
    order: ClassVar[int] = 100
    timeout_seconds: ClassVar[float] = 300.0

    @abstractmethod
    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Examines the model and yields conclusions as they are reached."""

    def cost(self, profile: Profile) -> Cost:
        """The most this check asks of the model under `profile`; nothing for static checks."""
        return Cost()

    def passed(
        self,
        message: str,
        *,
        rule: str = "",
        subject: str = "",
        locations: tuple[Location, ...] = (),
        evidence: tuple[EvidenceRef, ...] = (),
    ) -> Finding:
        """A PASS: the check looked and found nothing wrong."""
        return Finding(
            self.id, Outcome.PASS, self.severity, message,
            rule=rule, subject=subject, locations=locations, evidence=evidence,
        )  # fmt: skip

    def failed(
        self,
        message: str,
        *,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.HIGH,
        rule: str = "",
        subject: str = "",
        locations: tuple[Location, ...] = (),
        evidence: tuple[EvidenceRef, ...] = (),
        remediation: str = "",
        tags: tuple[str, ...] = (),
    ) -> Finding:
        """A FAIL: the check found what it looks for."""
        return Finding(
            self.id, Outcome.FAIL, severity or self.severity, message,
            rule=rule, subject=subject, confidence=confidence, locations=locations,
            evidence=evidence, remediation=remediation, tags=tags,
        )  # fmt: skip

    def not_run(
        self, reason: str, *, subject: str = "", rule: str = "", locations: tuple[Location, ...] = ()
    ) -> Finding:
        """A NOT_RUN: there was nothing to judge with, for `reason`."""
        return Finding(
            self.id, Outcome.NOT_RUN, self.severity, f"{self.title}: not judged",
            rule=rule, subject=subject, reason=reason, locations=locations,
        )  # fmt: skip

    def errored(
        self,
        reason: str,
        *,
        subject: str = "",
        rule: str = "",
        locations: tuple[Location, ...] = (),
    ) -> Finding:
        """An ERROR: judging was tried and broke, for `reason`."""
        return Finding(
            self.id, Outcome.ERROR, self.severity, f"{self.title}: could not be judged",
            rule=rule, subject=subject, reason=reason, locations=locations,
        )  # fmt: skip

    def measured(
        self,
        name: str,
        value: float,
        *,
        n: int,
        interval: Interval,
        method: str,
        dimensions: Mapping[str, str] | None = None,
        evidence: tuple[EvidenceRef, ...] = (),
    ) -> Measurement:
        """A measurement declared in `measures`; its unit comes from there.

        Raises:
            KeyError: when this check does not declare `name`.
        """
        unit = {spec.name: spec.unit for spec in self.measures}[name]
        return Measurement(
            name, value, unit, n, interval, method,
            check_id=self.id, dimensions=dict(dimensions or {}), evidence=evidence,
        )  # fmt: skip
