"""pickle-runs-code: loading a file of the model would run code that no tensor needs.

What it looks for: pickles in every file, by content as well as by name: bare ones, PyTorch checkpoints (zip,
legacy, tar), numpy object arrays, joblib dumps, archives and compressed files, pickles behind some other
beginning, pickles in the schema of Arrow and Parquet tables, and inside constants, encoded or compressed.
Every name that loading would look up is classified by `scanner/data/pickle_globals.yaml` and by what the
pickle does with it (`scanner/pickles/judging.py`): known attack (FAIL, critical), class instance or a
function of an unknown library (FAIL, medium: it needs `weights_only=False`) or plumbing of tensors and plain
values (PASS). Of programs in archives of torch: calls of TorchScript (and of its mobile bytecode) that write
files or load libraries, Python source, and in programs of `torch.export` the text that loading evaluates,
operations, imports and native code. Indices of sparse tensors are held against their size.

Why it matters: unpickling calls whatever the file names. A checkpoint that names `os.system` runs a program
on every machine that loads it, before anybody has seen a tensor.

How it can be wrong: a class instance may be harmless, or its class may be the attack: the file cannot tell.
Of a library that nobody has listed, a function that is called counts as an attack only when its name says so
("load", "run"). `eval`, and code that cloudpickle or dill have put into an honest dump, are reported: loading
does run it. Files behind encryption or RAR are not opened, and say so; 7z archives are opened by
`archive-unsafe`, which has this check judge what is in them. Raw numbers behind a legacy PyTorch header are
not read as pickles, because `torch.load` does not either. Mobile programs in FlatBuffers are not read, and
say so, nor are indices of sparse tensors outside of zip archives. A pickle that holds more objects at once
than fit into memory is not read to its end, and says so.

What it needs: the files alone; nothing is imported, unpickled or executed. Our own reader follows the stack
and memo; picklescan in strict mode gives a second opinion on files of bounded length.

Source: CWE-502; Python documentation, "pickle", warning on untrusted data; PEP 307, PEP 3154, PEP 574; MITRE
ATLAS AML.T0011.000; OWASP LLM03:2025.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Final

from scanner.check import CheckContext, MeasureSpec
from scanner.code.calls import UnreadableSourceError, find_calls
from scanner.evidence import EvidenceRef
from scanner.file_check import NOT_FETCHED, FileCheck, FileVerdict, listed
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.manifest import FileEntry
from scanner.pickles.files import look_into_opened
from scanner.pickles.found import FileReading, FoundPickle
from scanner.pickles.globals import Tier, Verdict, classify
from scanner.pickles.joblib_arrays import WRAPPER
from scanner.pickles.judging import judge
from scanner.pickles.second_opinion import Opinion, ask_picklescan_about
from scanner.pickles.stream import HIDDEN
from scanner.records import encode

_TAGS: Final = ("CWE-502", "OWASP-LLM03:2025", "AML.T0011.000")
_REMEDIATION: Final = (
    "Do not load this file. Ask the publisher for safetensors weights, or compare it with a copy whose "
    "origin is known."
)
_INSTANCE_REMEDIATION: Final = (
    "Load it with torch.load(weights_only=True) only, or convert the tensors to safetensors; allow the named "
    "classes one by one after reading their code."
)
_PROGRAM_REMEDIATION: Final = (
    "Read this source before loading the archive, or load the tensors alone: from safetensors, or with "
    "torch.load(weights_only=True)."
)
# picklescan keeps the file and every instruction in memory, about 300 bytes each.
_OPINION_OPCODES: Final = 300_000
_OPINION_BYTES: Final = 64 * 1024**2
_FINDINGS_PER_FILE: Final = 20
_PLACES_IN_FINDING: Final = 6


@dataclass(frozen=True)
class _Use:
    """A name, where it is looked up, and how it is judged."""

    path: str
    place: str
    verdict: Verdict
    is_hidden: bool = False


class PickleRunsCode(FileCheck):
    """Reads every pickle of the model and judges what loading it would call."""

    id = "pickle-runs-code"
    title = "Loading a file runs code"
    severity = Severity.CRITICAL
    measures = (
        MeasureSpec("pickle.files_scanned", "files", "Files with pickles that were read to their end"),
    )
    kind = "files with pickles"
    clean = "hold nothing but tensors, arrays and plain values"
    sound_rule = "tensor-plumbing"
    hidden_in_rest = "a pickle may lie in the rest"
    verdicts: ClassVar[Mapping[str, FileVerdict]] = {
        "class-instance": FileVerdict.NEEDS_CLASS_INSTANCE,
        "carries-program": FileVerdict.NEEDS_CLASS_INSTANCE,
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields attacks and class instances, and what could not be read."""
        reading = look_into_opened(_opener(context, entry), entry.path, entry.size_bytes, _grave_calls)
        said = False
        if reading.is_relevant:
            evidence = _keep_listing(context, entry, reading)
            for finding in self._findings(context, entry, reading, evidence):
                said = True
                yield finding
        if reading.not_fetched:
            yield self._not_fetched(entry, reading)
        elif reading.is_relevant and not said:
            yield self.sound(entry)

    def conclude(self, said: Iterable[Finding]) -> Iterator[Finding | Measurement]:
        """Counts the files whose every pickle was read, too."""
        said = list(said)
        yield from super().conclude(said)
        relevant = {finding.locations[0].path for finding in said if finding.locations}
        if relevant:
            unread = {place.path for finding in said if finding.reason for place in finding.locations}
            scanned = len(relevant - unread)
            yield self.measured(
                "pickle.files_scanned", scanned, n=len(relevant),
                interval=Interval(scanned, scanned), method="count of files whose every pickle was read",
            )  # fmt: skip

    def _not_fetched(self, entry: FileEntry, reading: FileReading) -> Finding:
        """NOT_RUN, with a place in the file when pickles were seen in it: it counts among such files then."""
        reason = f"of {entry.path} only parts were read, and {self.hidden_in_rest}"
        places = (Location(entry.path),) if reading.is_relevant else ()
        return self.not_run(reason, subject=entry.path, rule=NOT_FETCHED, locations=places)

    def _findings(
        self, context: CheckContext, entry: FileEntry, reading: FileReading, evidence: EvidenceRef
    ) -> Iterator[Finding]:
        yield from self._judge(entry.path, reading, evidence)
        yield from self._broken(entry, reading)
        yield from self._second_opinion(context, entry, reading, evidence)  # last: it may take long

    def _judge(self, path: str, reading: FileReading, evidence: EvidenceRef) -> Iterator[Finding]:
        uses = [use for found in reading.pickles for use in _uses(found)]
        yield from self._report(path, uses, evidence)
        yield from self._programs(path, reading, evidence)

    def _programs(self, path: str, reading: FileReading, evidence: EvidenceRef) -> Iterator[Finding]:
        worst_first = sorted(reading.programs, key=lambda program: program.tier is not Tier.ATTACK)
        for program in worst_first[:_FINDINGS_PER_FILE]:
            is_attack = program.tier is Tier.ATTACK
            at = f"line {program.line}" if program.line else ""
            place = ", ".join(filter(None, (program.member, at)))
            yield self.failed(
                f"{path}, {place}: a program in the archive {program.what}",
                severity=Severity.HIGH if is_attack else Severity.MEDIUM,
                rule="program-reaches-out" if is_attack else "carries-program",
                locations=(Location(path, detail=place),),
                evidence=(evidence,),
                remediation=_REMEDIATION if is_attack else _PROGRAM_REMEDIATION,
                tags=_TAGS,
            )

    def _report(self, path: str, uses: Iterable[_Use], evidence: EvidenceRef) -> Iterator[Finding]:
        attacks = [use for use in uses if use.verdict.tier is Tier.ATTACK]
        instances = [use for use in uses if use.verdict.tier is Tier.INSTANCE]
        for use in attacks[:_FINDINGS_PER_FILE]:
            yield self._attack(path, use, evidence)
        if len(attacks) > _FINDINGS_PER_FILE:
            more = len(attacks) - _FINDINGS_PER_FILE
            yield self.failed(
                f"{path}: {more} more names of this kind; the evidence lists all",
                rule="known-attack",
                locations=(Location(path, detail="further names"),),
                evidence=(evidence,),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )
        if instances:
            yield self._instances(path, instances, evidence)

    def _attack(self, path: str, use: _Use, evidence: EvidenceRef) -> Finding:
        is_listed = use.verdict.is_listed
        rule = "hidden-name" if use.is_hidden else "known-attack" if is_listed else "unneeded-function"
        return self.failed(
            f"{path}, {use.place}: loading it calls up {use.path} ({use.verdict.why})",
            severity=Severity.CRITICAL if is_listed or use.is_hidden else Severity.HIGH,
            confidence=Confidence.HIGH if is_listed else Confidence.MEDIUM,
            rule=rule,
            subject=use.path,
            locations=(Location(path, detail=use.place),),
            evidence=(evidence,),
            remediation=_REMEDIATION,
            tags=_TAGS,
        )

    def _instances(self, path: str, uses: list[_Use], evidence: EvidenceRef) -> Finding:
        names = sorted({use.path for use in uses})
        return self.failed(
            f"{path} needs a class instance to load, and so weights_only=False: {listed(names)}",
            severity=Severity.MEDIUM,
            rule="class-instance",
            locations=tuple(Location(path, detail=use.place) for use in uses[:_PLACES_IN_FINDING]),
            evidence=(evidence,),
            remediation=_INSTANCE_REMEDIATION,
            tags=_TAGS,
        )

    def _broken(self, entry: FileEntry, reading: FileReading) -> Iterator[Finding]:
        for part in reading.unreadable[:_FINDINGS_PER_FILE]:
            where = f"{entry.path}, {part.member}," if part.member else entry.path
            yield self.unreadable(entry, f"{where} {part.reason}", detail=part.member)
        for found in reading.pickles:
            attacked = any(use.verdict.tier is Tier.ATTACK for use in _uses(found))
            if found.is_certain and found.reading.fault and not attacked:
                where = f"{entry.path}, {found.member}" if found.member else entry.path
                reason = f"{where}: the pickle is broken: {found.reading.fault}"
                yield self.unreadable(entry, reason, detail=found.member)

    def _second_opinion(
        self, context: CheckContext, entry: FileEntry, reading: FileReading, evidence: EvidenceRef
    ) -> Iterator[Finding]:
        opcodes = sum(found.reading.opcodes for found in reading.pickles)
        if not reading.pickles or opcodes > _OPINION_OPCODES or entry.size_bytes > _OPINION_BYTES:
            return
        opinion = ask_picklescan_about(_opener(context, entry), entry.path)
        yield from self._report(entry.path, _unseen(reading, opinion), evidence)


def _grave_calls(source: bytes) -> Iterator[tuple[int, str]]:
    """What Python source in an archive does that no model needs."""
    try:
        sites = find_calls(source)
    except UnreadableSourceError as error:
        yield error.line or 0, f"is Python source that nobody can read: it {error}"
        return
    for site in sites:
        if site.severity.rank >= Severity.HIGH.rank:
            yield site.line, site.sentence


def _uses(found: FoundPickle) -> Iterator[_Use]:
    for use in found.reading.globals:
        inside = f" inside {use.inside}" if use.inside else ""
        place = f"{found.member + ', ' if found.member else ''}byte {use.byte}{inside}"
        yield _Use(use.path, place, judge(use), HIDDEN in (use.module, use.name))


def _unseen(reading: FileReading, opinion: Opinion) -> list[_Use]:
    """Names that picklescan sees and our own reading does not.

    It takes joblib's arrays of objects, pickles of their own, for more of the pickle around them, and finds
    other strings in the memo. Of a file with such, only what it takes for an attack is told.
    """
    seen = {(use.module, use.name) for found in reading.pickles for use in found.reading.globals}
    unseen = [
        _Use(f"{module}.{name}", "seen by picklescan", classify(module, name))
        for module, name in opinion.globals
        if (module, name) not in seen
    ]
    return [use for use in unseen if WRAPPER not in seen or use.verdict.tier is Tier.ATTACK]


def _opener(context: CheckContext, entry: FileEntry) -> Callable[[], BinaryIO]:
    return lambda: context.snapshot.open(entry.path)


def _keep_listing(context: CheckContext, entry: FileEntry, reading: FileReading) -> EvidenceRef:
    listing = {
        "path": entry.path,
        "sha256": entry.sha256,
        "pickles": [
            {"member": found.member, "reading": found.reading, "is_certain": found.is_certain}
            for found in reading.pickles
        ],
        "unreadable": reading.unreadable,
    }
    return context.evidence.put(encode(listing), "application/json", f"names looked up by {entry.path}")


CHECK = PickleRunsCode()
