"""archive-unsafe: an archive does harm when it is unpacked or loaded, or hides what it holds.

What it looks for: in every zip, tar, 7z, gzip, bzip2, xz, zstd and lz4 file, by content and whatever its
name, and in the archives inside it: members that two readers see differently (a header that contradicts the
directory, two directories, wrong encryption flags, checksums that hide a pickle, members between members or
outside PyTorch's folder, names that are there twice); names, links and devices that write outside the folder;
bombs by factor, number, overlap and depth; programs, libraries, compiled Python and source in what should
hold weights; the code that a TorchServe archive has run; and what the checks of other kinds say of the models
in it.

Why it matters: nearly every model file is an archive. A scanner that uses `zipfile` cannot read a member that
`torch.load` reads happily, a name with `..` overwrites a start-up file, and ten kilobytes fill a disk.

How it can be wrong: a hundredfold factor beyond 16 MiB (256 MiB of arrays) counts as a bomb, which an honest
file full of zeros could reach. Tools that write sloppy headers are reported. Checksums of tensors are
compared in the first 512 MiB. What a source file does is judged by the calls it names. RAR and some old kinds
are not opened, 7z needs the extra `archives`, and an archive of more than 128 MiB packed in another is not
looked into: each says so. Models in an archive are judged by the checks of their kinds, up to 64 MiB each
where they are packed and 128 MiB together; whether their weights are plausible is not.

What it needs: the files alone; nothing is written to disk or run. At most 2 GiB are unpacked of a file.

Source: APPNOTE.TXT 6.3.10; PEP 706; D. Fifield, "A better zip bomb" (WOOT 2019); CWE-22, CWE-59, CWE-409,
CWE-436, CWE-506; CVE-2025-1889 and CVE-2025-10155 to 10157 (scanners that zip tricks evade).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from scanner.archived_models import MemberFinding, judge_members
from scanner.archives.faults import Fault, Grade, Rule, shown
from scanner.archives.shelf import Shelf
from scanner.archives.walk import look_into
from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry

_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0010.003")
_MORE_TAGS: Final = {
    Rule.LEADS_OUT: ("CWE-22",), Rule.LINK_OUT: ("CWE-59",), Rule.BOMB: ("CWE-409",),
    Rule.TOO_DEEP: ("CWE-409",), Rule.HEADERS_DIFFER: ("CWE-436",), Rule.TWO_DIRECTORIES: ("CWE-436",),
    Rule.DUPLICATE: ("CWE-436",), Rule.HIDDEN_MEMBER: ("CWE-436",), Rule.WRONG_FLAG: ("CWE-436",),
    Rule.HIDING_CHECKSUM: ("CWE-436",), Rule.POLYGLOT: ("CWE-436",), Rule.PROGRAM: ("CWE-506",),
    Rule.DANGEROUS_CODE: ("CWE-506", "AML.T0011"), Rule.DEVICE: ("CWE-59",),
}  # fmt: skip
_REMEDIATION: Final = {
    Grade.ATTACK: "Do not unpack or load this file. Ask the publisher for plain files, or for safetensors.",
    Grade.MALFORMED: (
        "Fetch it again and compare its digest; if the publisher's own copy is like this, have it packed "
        "anew from files you trust."
    ),
    Grade.REVIEW: "Read this code before the file is used, or use a form of the model that comes without.",
    Grade.REMARK: "",
}
_VERDICTS: Final = {
    Grade.ATTACK: FileVerdict.ATTACK,
    Grade.MALFORMED: FileVerdict.NOT_READABLE,
    Grade.REVIEW: FileVerdict.NEEDS_CLASS_INSTANCE,
    Grade.REMARK: FileVerdict.PLAIN_DATA,
}
_SEVERITIES: Final = {
    Grade.ATTACK: Severity.HIGH,
    Grade.MALFORMED: Severity.HIGH,
    Grade.REVIEW: Severity.MEDIUM,
    Grade.REMARK: Severity.INFO,
}
_CRITICAL: Final = frozenset({Rule.LEADS_OUT, Rule.LINK_OUT, Rule.DANGEROUS_CODE, Rule.BOMB})
_NOT_JUDGED: Final = frozenset({Rule.NOT_OPENED, Rule.ENCRYPTED, Rule.UNKNOWN_METHOD})
_MEMBER_RULES: Final = {
    FileVerdict.ATTACK: "member-attacks",
    FileVerdict.NOT_READABLE: "member-malformed",
    FileVerdict.NEEDS_CLASS_INSTANCE: "member-needs-reading",
    FileVerdict.PLAIN_DATA: "member-remark",
}
_MEMBER_FINDINGS: Final = 20
_FINDINGS_PER_RULE: Final = 5
_NAMES_IN_MESSAGE: Final = 4
# A file of such a name that is no archive cannot be let pass: nobody knows what would open it.
_ARCHIVE_SUFFIXES: Final = (
    ".zip", ".npz", ".whl", ".jar", ".mar", ".skops", ".nemo", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz",
    ".txz", ".zst", ".tzst", ".lz4", ".7z", ".rar", ".lzma", ".z",
)  # fmt: skip


class ArchiveUnsafe(FileCheck):
    """Walks every archive and the archives inside it."""

    id = "archive-unsafe"
    title = "An archive does harm or hides what it holds"
    severity = Severity.HIGH
    kind = "archives and compressed files"
    clean = "hold what their listings say, write nowhere else and bring no programs"
    verdicts = {
        **{rule.code: _VERDICTS[rule.grade] for rule in Rule},
        **{rule: verdict for verdict, rule in _MEMBER_RULES.items()},
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields the faults of one archive, those of a kind together."""
        inside: list[MemberFinding] = []

        def judge(container: str, shelf: Shelf) -> None:
            inside.extend(judge_members(context, container, shelf.kept, has_pickles=shelf.is_unread))

        found = look_into(lambda: context.snapshot.open(entry.path), entry.path, entry.size_bytes, judge)
        if not found.is_archive:
            if entry.path.lower().endswith(_ARCHIVE_SUFFIXES):
                text = "is empty" if not entry.size_bytes else "is no archive, whatever its name says"
                yield from self._told(entry, [Fault(Rule.NOT_AN_ARCHIVE, "", text)])
            return
        by_rule: dict[Rule, list[Fault]] = {}
        for fault in found.faults:
            by_rule.setdefault(fault.rule, []).append(fault)
        for faults in by_rule.values():
            yield from self._told(entry, faults)
        worst_first = sorted(inside, key=lambda each: each.verdict.rank, reverse=True)
        yield from (self._of_member(entry, each) for each in worst_first[:_MEMBER_FINDINGS])
        if not found.faults and not inside:
            yield self.sound(entry)

    def _told(self, entry: FileEntry, faults: Sequence[Fault]) -> Iterator[Finding]:
        rule = faults[0].rule
        if rule is Rule.NOT_FETCHED:
            yield self.not_run(faults[0].text, subject=entry.path, rule=rule.code)
        elif rule in _NOT_JUDGED:
            for fault in faults[:_FINDINGS_PER_RULE]:
                yield self.unreadable(entry, _sentence(entry, fault), detail=shown(fault.member, 200))
        elif rule.grade in (Grade.REVIEW, Grade.REMARK):
            yield self._joined(entry, faults)
        else:
            yield from (self._failed(entry, fault) for fault in faults[:_FINDINGS_PER_RULE])

    def _of_member(self, entry: FileEntry, said: MemberFinding) -> Finding:
        """What another check said of a file in the archive, told of the archive."""
        finding = said.finding
        message = f"{entry.path}, inside it {said.member}: {finding.reason or finding.message}"
        if not finding.outcome.is_judged:
            return self.unreadable(entry, message, detail=said.member)
        return self.failed(
            message,
            severity=finding.severity,
            confidence=finding.confidence,
            rule=_MEMBER_RULES[said.verdict],
            subject=finding.check_id,
            locations=(Location(entry.path, detail=said.member),),
            evidence=finding.evidence,
            remediation=finding.remediation,
            tags=finding.tags,
        )

    def _failed(self, entry: FileEntry, fault: Fault) -> Finding:
        rule = fault.rule
        return self.failed(
            _sentence(entry, fault),
            severity=Severity.CRITICAL if rule in _CRITICAL else _SEVERITIES[rule.grade],
            rule=rule.code,
            locations=(Location(entry.path, detail=shown(fault.member, 200) if fault.member else ""),),
            remediation=_REMEDIATION[rule.grade],
            tags=(*_TAGS, *_MORE_TAGS.get(rule, ())),
        )

    def _joined(self, entry: FileEntry, faults: Sequence[Fault]) -> Finding:
        """One finding for many members of which the same is to be said."""
        rule = faults[0].rule
        if len(faults) == 1:
            return self._failed(entry, faults[0])
        names = ", ".join(shown(fault.member) for fault in faults[:_NAMES_IN_MESSAGE])
        more = f" and {len(faults) - _NAMES_IN_MESSAGE} more" if len(faults) > _NAMES_IN_MESSAGE else ""
        return self.failed(
            f"{entry.path}: {len(faults)} members of one sort: {names}{more}; the first {faults[0].text}",
            severity=_SEVERITIES[rule.grade],
            rule=rule.code,
            locations=tuple(
                Location(entry.path, detail=shown(fault.member, 200)) for fault in faults[:_FINDINGS_PER_RULE]
            ),
            remediation=_REMEDIATION[rule.grade],
            tags=_TAGS,
        )


def _sentence(entry: FileEntry, fault: Fault) -> str:
    where = f"{entry.path}, {shown(fault.member, 200)}," if fault.member else entry.path
    return f"{where} {fault.text}"


CHECK = ArchiveUnsafe()
