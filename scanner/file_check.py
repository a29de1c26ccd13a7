"""Checks that judge one file after the other, each file on its own and within its own time.

A check of files says what is wrong with one file at a time. What it says is joined here: files with nothing
wrong become one PASS, and a file that takes too long, or takes the process down, is told as such while the
others are still judged (`scanner/isolation.py` sees to that).
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from scanner.check import Check, CheckContext
from scanner.file_limits import DATA_SETTING, SECONDS_SETTING
from scanner.findings import Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry
from scanner.parts import PartlyReadError

SOUND: Final = "sound"
NOT_FETCHED: Final = "not-fetched"
_NAMES_IN_MESSAGE: Final = 6


class FileVerdict(enum.Enum):
    """What is to be said of one file, best first."""

    PLAIN_DATA = "plain_data"
    NEEDS_CLASS_INSTANCE = "needs_class_instance"  # or other code that comes with it: to be read by a person
    NOT_READABLE = "not_readable"  # malformed, or of a kind that nobody here can read
    ATTACK = "attack"

    @property
    def rank(self) -> int:
        """0 (plain data) to 3 (attack), to find the worst by."""
        return list(FileVerdict).index(self)


class FileCheck(Check):
    """One question about every file of a kind.

    Attributes:
        settings: Those of a subclass come to these two: `(*FileCheck.settings, "mine.depth")`.
        file_seconds: The most time that one file may take, under every profile; files.seconds overrides it.
        verdicts: What a FAIL of this rule says of its file; rules that are not named go by severity: high and
            critical are an attack, medium needs a person, the rest is plain data with a remark.
        kind: The files it judges, in plural, for messages: "ONNX models".
        clean: What sound files do, after their number and kind: "name no code and no other file".
        sound_rule: The rule of the PASS that joins all sound files.
        hidden_in_rest: What may lie in bytes that were not fetched, a clause: "a pickle may lie in the rest".
            With one, all such files are told in one NOT_RUN, else in one for each.
    """

    settings: ClassVar[tuple[str, ...]] = (SECONDS_SETTING, DATA_SETTING)
    timeout_seconds = 600.0  # for all files; what is left then is not run
    file_seconds: ClassVar[float] = 60.0
    verdicts: ClassVar[Mapping[str, FileVerdict]] = {}
    kind: ClassVar[str]
    clean: ClassVar[str]
    sound_rule: ClassVar[str] = SOUND
    hidden_in_rest: ClassVar[str] = ""

    @abstractmethod
    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """What is wrong with this file, as it is found.

        Yields `self.sound(entry)` when the file is of this check's kind and nothing is wrong; nothing at all
        when it is of another kind. Every finding has the file as its first location. It runs in a child
        process with bounded memory and time; an exception that escapes becomes an ERROR about this file,
        PartlyReadError a NOT_RUN.
        """

    def sound(self, entry: FileEntry) -> Finding:
        """A PASS for one file; those of all files are joined into one finding."""
        return self.passed(entry.path, rule=SOUND, locations=(Location(entry.path),))

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Examines every file in this process and joins what was said; the runner does so in a child."""
        yield from self.joined(self._examined(context))

    def joined(self, items: Iterable[Finding | Measurement]) -> Iterator[Finding | Measurement]:
        """What was said of single files, as it comes, without what is told as one at the end."""
        said: list[Finding] = []
        for item in items:
            if isinstance(item, Finding):
                said.append(item)
            if not self.is_joined(item):
                yield item
        yield from self.conclude(said)

    def _examined(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        for entry in context.snapshot.files:
            context.check_deadline()
            yield from self.examine_safely(context, entry)

    def examine_safely(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """`examine`, with a file that was not read far enough or cannot be opened told as a finding."""
        try:
            yield from self.examine(context, entry)
        except PartlyReadError as error:
            yield self.not_run(str(error), subject=entry.path, rule=NOT_FETCHED)
        except OSError as error:
            yield self.unreadable(entry, f"{entry.path} cannot be read: {error.strerror or error}")

    def is_joined(self, item: Finding | Measurement) -> bool:
        """Whether this is told by `conclude` alone, as one with what is said of other files."""
        is_unfetched = isinstance(item, Finding) and item.rule == NOT_FETCHED
        return is_sound(item) or (is_unfetched and self.hidden_in_rest != "")

    def unreadable(self, entry: FileEntry, reason: str, *, detail: str = "") -> Finding:
        """An ERROR about one file: it could not be judged, for `reason`."""
        return self.errored(reason, rule="unreadable", locations=(Location(entry.path, detail=detail),))

    def conclude(self, said: Iterable[Finding]) -> Iterator[Finding | Measurement]:
        """What follows from everything that was said about single files, once all are done.

        Yields the joined PASS, or NOT_RUN when no file was of this check's kind. Runs outside the child and
        must not read files.
        """
        said = list(said)
        unfetched = sorted({finding.subject for finding in said if finding.rule == NOT_FETCHED})
        if unfetched and self.hidden_in_rest:
            reason = f"of {len(unfetched)} files only parts were read, and {self.hidden_in_rest}: "
            yield self.not_run(reason + listed(unfetched), rule=NOT_FETCHED)
        sound = [finding for finding in said if is_sound(finding)]
        if sound:
            files = {finding.locations[0].path for finding in said if finding.locations}
            yield self.passed(
                f"{len(sound)} of {len(files)} {self.kind} {self.clean}",
                rule=self.sound_rule,
                locations=tuple(finding.locations[0] for finding in sound),
            )
        elif not said:
            yield self.not_run(f"the model has no {self.kind}", rule="nothing-to-examine")

    def verdict_of(self, finding: Finding) -> FileVerdict | None:
        """What a finding of this check says of the file that it is about; None: nothing at all."""
        if finding.outcome is Outcome.PASS:
            return FileVerdict.PLAIN_DATA
        if finding.outcome is not Outcome.FAIL:
            return FileVerdict.NOT_READABLE
        if finding.rule in self.verdicts:
            return self.verdicts[finding.rule]
        if finding.severity.rank >= Severity.HIGH.rank:
            return FileVerdict.ATTACK
        is_minor = finding.severity.rank < Severity.MEDIUM.rank
        return FileVerdict.PLAIN_DATA if is_minor else FileVerdict.NEEDS_CLASS_INSTANCE


def is_sound(item: Finding | Measurement) -> bool:
    """Whether this is the PASS of one file, which is joined with others."""
    return isinstance(item, Finding) and item.outcome is Outcome.PASS and item.rule == SOUND


def listed(names: Sequence[str], most: int = _NAMES_IN_MESSAGE) -> str:
    """The first of these names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
