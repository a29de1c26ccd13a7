"""file-kind-unclear: a file is a program, is two things at once, or is not what its name says.

What it looks for: what each file is by its first and last bytes, held against its name. Programs and
libraries of any machine under any name, scripts, shortcuts and installers; a zip archive at the end of a file
that begins as something else, and programs or pickles behind the end of a picture; pickles called
`.safetensors`, `.json` or `.txt`; other names that contradict the bytes; text that is none. It says which
files hold plain data (text, pictures, sound, tables), and of which kind no check here reads.

Why it matters: scanners and loaders choose how to read a file by its name or by its bytes. Where the two
differ, what was scanned is not what is loaded. A model needs no program to be loaded.

How it can be wrong: formats without a mark of their own are believed by their name (raw numbers, MessagePack,
TensorFlow variables) unless their bytes show something else. A vocabulary in an old encoding is taken for
text. Programs inside archives are not looked for here. Shell scripts are common beside honest models, and are
reported as medium. What is appended to JPEG and GIF pictures is seen only when it is a zip archive.

What it needs: the first 4 KiB and the last 64 KiB of each file, the whole of texts up to 64 MiB.

Source: the specification of each format; CWE-434, CWE-646; MITRE ATLAS AML.T0011; OWASP LLM03:2025.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import BinaryIO, ClassVar, Final

from scanner.check import CheckContext
from scanner.file_check import SOUND, FileCheck, FileVerdict
from scanner.file_kinds.appended import behind_picture, ends_as_zip
from scanner.file_kinds.kinds import (
    EMPTY,
    JSON,
    PYTHON,
    RAW,
    TEXT,
    UNKNOWN,
    ZIP,
    Fate,
    Kind,
    accepted_by,
    claimed_by,
    kinds,
)
from scanner.file_kinds.look import HEAD_BYTES, Look, look_at
from scanner.file_kinds.magic import recognised
from scanner.file_kinds.numbers import is_numbers
from scanner.file_kinds.texts import begins_as_graph, begins_as_json, is_text
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.flax.checkpoints import is_msgpack
from scanner.manifest import FileEntry

LEFT_TO_OTHERS: Final = "left-to-others"
_TAGS: Final = ("CWE-646", "OWASP-LLM03:2025", "AML.T0011")
_REMEDIATION: Final = (
    "Do not load or open this file. Ask the publisher what it is for, and take the model from a source "
    "without it."
)
_SCRIPT_REMEDIATION: Final = "Read the script before anybody runs it; no loader of models needs it."
_NAME_REMEDIATION: Final = "Ask the publisher what the file is; a loader may take it for what its name says."
_LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_WITH_AN_END: Final = ("PNG image", "WebP image", "WAV sound", "AVI film", "MATLAB data")
_SCRIPT: Final = "script"
_GRAPH: Final = "TensorFlow graph in text"
_GRAPH_SUFFIX: Final = ".pbtxt"
_UNKNOWN_BYTES, _MSGPACK = "unknown-bytes", "MessagePack"
# Their own documentation appends a zip archive: labels and licences.
_ENDS_AS_ZIP: Final = frozenset({ZIP, "TFLite"})


@dataclass(frozen=True)
class _Seen:
    """What the bytes of a file show, and what its name claims.

    Attributes:
        entry: The file.
        look: Its ends.
        kind: The name of the kind that its bytes show, `EMPTY`, or `UNKNOWN`.
    """

    entry: FileEntry
    look: Look
    kind: str

    @cached_property
    def known(self) -> Kind | None:
        """The kind, if it is one of the table."""
        return kinds().get(self.kind)

    @cached_property
    def fate(self) -> Fate | None:
        """What is to be done with files of this kind."""
        return self.known.fate if self.known else None

    @cached_property
    def claims(self) -> tuple[Kind, ...]:
        """What the name claims."""
        return claimed_by(self.entry.path)

    @property
    def says(self) -> str:
        """The same in words."""
        return " or ".join(claim.name for claim in self.claims)

    def claims_fate(self, fate: Fate) -> bool:
        """Whether the name claims a kind with which this is to be done."""
        return any(claim.fate is fate for claim in self.claims)

    @property
    def is_numbers(self) -> bool:
        """Whether bytes that show no kind are numbers at both ends."""
        tail = self.look.tail[-HEAD_BYTES:]
        aligned = tail[(8 - self.look.size_bytes) % 8 if len(tail) < self.look.size_bytes else 0 :]
        return self.kind == UNKNOWN and is_numbers(self.look.head) and is_numbers(aligned)

    @property
    def is_unmarked(self) -> bool:
        """Whether the bytes leave it to the name to say more."""
        return self.kind in (TEXT, JSON, EMPTY, UNKNOWN)


class FileKindUnclear(FileCheck):
    """Holds the bytes of every file against its name."""

    id = "file-kind-unclear"
    title = "A file is a program, or is not what its name says"
    severity = Severity.HIGH
    order = 90
    kind = "files"
    clean = "hold plain data of the kind that their name says"
    sound_rule = "plain-data"
    hidden_in_rest = "something may be appended to them"
    verdicts: ClassVar[Mapping[str, FileVerdict]] = {
        "script": FileVerdict.NEEDS_CLASS_INSTANCE,
        "not-its-kind": FileVerdict.NOT_READABLE,
        "unknown-bytes": FileVerdict.NEEDS_CLASS_INSTANCE,
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with the kind of the file, or what is to become of it."""
        with context.snapshot.open(entry.path) as stream:
            look = look_at(stream, entry.size_bytes)
            if look.head.startswith(_LFS_POINTER):
                yield self._pointer(entry)
                return
            seen = _Seen(entry, look, _kind_of(stream, look, entry.path))
            found = [*self._runs(seen), *self._appended(stream, seen)]
        yield from found or [*self._misnamed(seen)] or [self._fate(seen)]

    def is_joined(self, item: Finding | Measurement) -> bool:
        """Files that other checks read are one PASS, too."""
        return super().is_joined(item) or (isinstance(item, Finding) and item.rule == LEFT_TO_OTHERS)

    def conclude(self, said: Iterable[Finding]) -> Iterator[Finding | Measurement]:
        """Joins the files that are left to other checks."""
        said = list(said)
        left = tuple(finding.locations[0] for finding in said if finding.rule == LEFT_TO_OTHERS)
        yield from super().conclude(said)
        if left:
            message = f"{len(left)} files are of kinds that other checks read, and of none else"
            yield self.passed(message, rule=LEFT_TO_OTHERS, locations=left)

    def verdict_of(self, finding: Finding) -> FileVerdict | None:
        """That a file is left to other checks says nothing about it."""
        if finding.rule == LEFT_TO_OTHERS:
            return None
        # No loader goes by these bytes; a person has to say what does.
        is_unknown = finding.rule == _UNKNOWN_BYTES
        return self.verdicts.get(finding.rule) if is_unknown else super().verdict_of(finding)

    def _pointer(self, entry: FileEntry) -> Finding:
        reason = f"{entry.path} is a pointer of git-lfs: the file that it stands for was not fetched"
        place = Location(entry.path, detail="git-lfs pointer")
        return self.not_run(reason, rule="lfs-pointer", locations=(place,))

    def _runs(self, seen: _Seen) -> Iterator[Finding]:
        """Whether a machine or an interpreter would run the file."""
        if seen.fate is Fate.PROGRAM:
            yield self._failed(seen, "program", f"is a program: {seen.kind}")
        elif seen.claims_fate(Fate.PROGRAM) and seen.kind not in (EMPTY, UNKNOWN, TEXT):
            yield self._failed(seen, "program", f"is a program: {seen.says}")  # a Java archive is a zip
        elif seen.fate is Fate.SCRIPT or (seen.claims_fate(Fate.SCRIPT) and seen.kind != EMPTY):
            yield from self._script(seen)

    def _script(self, seen: _Seen) -> Iterator[Finding]:
        if PurePosixPath(seen.entry.path).suffix and not seen.claims_fate(Fate.SCRIPT):
            what = f"is a script that the system would run, and its name says {seen.says or 'something else'}"
            yield self._failed(seen, "disguised-script", what)
        else:
            what = "is a script or a package of code, which a person has to read before anybody runs it"
            yield self._failed(seen, "script", what, Severity.MEDIUM, _SCRIPT_REMEDIATION)

    def _appended(self, stream: BinaryIO, seen: _Seen) -> Iterator[Finding]:
        if seen.kind not in _ENDS_AS_ZIP and ends_as_zip(stream, seen.look):
            what = f"begins as {seen.kind} and ends as a zip archive: readers differ in what they take it for"
            yield self._failed(seen, "polyglot", what)
        rest = behind_picture(stream, seen.look, seen.kind) if seen.kind in _WITH_AN_END else None
        if rest is None:
            return
        hidden = kinds().get(rest.kind or "")
        if not rest.is_behind:
            what = f"has more parts than are stepped over; {rest.size_bytes} bytes were not read"
            yield self._failed(seen, "not-its-kind", what, Severity.MEDIUM, _NAME_REMEDIATION)
        elif hidden and (hidden.fate in (Fate.PROGRAM, Fate.SCRIPT) or hidden.runs_when_loaded):
            yield self._failed(seen, "polyglot", f"hides {hidden.name} behind its end at byte {rest.at}")
        else:
            what = f"has {rest.size_bytes} bytes behind its end: {rest.kind or UNKNOWN}"
            yield self._failed(seen, "appended", what, Severity.LOW, _NAME_REMEDIATION)

    def _misnamed(self, seen: _Seen) -> Iterator[Finding]:
        """What is wrong with the name, given what the bytes are."""
        accepted = accepted_by(seen.entry.path)
        if not accepted or seen.kind in accepted or seen.kind == EMPTY:
            return
        if seen.is_unmarked or seen.known is None:
            if _contradicts(seen):
                what = f"is no {seen.says}, as its name says, but {seen.kind}"
                yield self._failed(seen, "not-its-kind", what, Severity.MEDIUM, _NAME_REMEDIATION)
        elif seen.known.runs_when_loaded and not any(claim.runs_when_loaded for claim in seen.claims):
            what = f"is a {seen.kind}, and its name says {seen.says}, which hides it from scanners"
            yield self._failed(seen, "disguised-pickle", what)
        else:
            is_harmless = all(kind.fate is Fate.PLAIN for kind in (seen.known, *seen.claims))
            severity = Severity.LOW if is_harmless else Severity.MEDIUM
            what = f"is {seen.kind}, and its name says {seen.says}"
            yield self._failed(seen, "wrong-extension", what, severity, _NAME_REMEDIATION)

    def _fate(self, seen: _Seen) -> Finding:
        """Nothing is wrong: whether the file is plain data, or others read it, or nobody does."""
        kind = _kind_that_counts(seen)
        path = seen.entry.path
        place = (Location(path, detail=kind.name if kind else seen.kind),)
        if kind is not None and kind.fate is Fate.READ:
            return self.passed(path, rule=LEFT_TO_OTHERS, locations=place)
        if seen.kind == EMPTY or (kind is not None and kind.fate is Fate.PLAIN):
            return self.passed(path, rule=SOUND, locations=place)
        rule = _UNKNOWN_BYTES if kind is None else "unread-kind"
        reason = f"{path}: no check reads this kind of file: {place[0].detail}"
        return self.not_run(reason, rule=rule, locations=place)

    def _failed(
        self,
        seen: _Seen,
        rule: str,
        what: str,
        severity: Severity = Severity.HIGH,
        remediation: str = _REMEDIATION,
    ) -> Finding:
        return self.failed(
            f"{seen.entry.path} {what}",
            severity=severity,
            rule=rule,
            locations=(Location(seen.entry.path, detail=seen.kind),),
            remediation=remediation,
            tags=_TAGS,
        )


def _contradicts(seen: _Seen) -> bool:
    """Whether bytes without a mark of their own cannot be what the name claims."""
    if any(claim.is_text for claim in seen.claims):
        return seen.kind == UNKNOWN or all(claim.name == JSON for claim in seen.claims)
    return any(claim.fate is Fate.PLAIN and claim.has_magic for claim in seen.claims)


def _kind_that_counts(seen: _Seen) -> Kind | None:
    """What the file is to be taken for, given that bytes and name agree; None when neither says anything."""
    if seen.known is not None and seen.known.holds_others:
        return next((claim for claim in seen.claims if claim.fate is Fate.READ), seen.known)
    if seen.is_unmarked:
        believed = (claim for claim in seen.claims if _is_believed(claim, seen.kind))
        return next(believed, kinds()[RAW] if seen.is_numbers else seen.known)
    return seen.known


def _is_believed(claim: Kind, kind: str) -> bool:
    """Whether a name is believed about bytes without a mark."""
    return claim.fate in (Fate.READ, Fate.UNREAD) or (claim.believed and kind == UNKNOWN)


def _kind_of(stream: BinaryIO, look: Look, path: str) -> str:
    """The name of a kind, `EMPTY`, or `UNKNOWN`."""
    if look.size_bytes == 0:
        return EMPTY
    shown = recognised(look)
    claims = {claim.name for claim in claimed_by(path)}
    is_custom = shown == _SCRIPT and PYTHON in claims  # a first line that names the interpreter
    if shown is not None and not is_custom:
        return shown
    if is_text(stream, look.size_bytes, any_encoding=TEXT in claims):
        if path.lower().endswith(_GRAPH_SUFFIX) and begins_as_graph(look.head):
            return _GRAPH
        return JSON if JSON in claims and begins_as_json(look.head) else TEXT
    # spaCy writes MessagePack under names without a suffix.
    return _MSGPACK if not claims and is_msgpack(stream, look.size_bytes) else UNKNOWN


CHECK = FileKindUnclear()
