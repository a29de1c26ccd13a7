"""Names of files that are one and the same, something else, or impossible on other systems.

What it looks for: among the names of the model's files, and of those that its source lists and that were
not fetched: names that differ in letter case or in the writing of accents alone; a file and a folder
under such names; characters that are not shown or turn the direction of writing; names that Windows
cannot hold (devices such as `aux`, a dot or a space at the end, `<>:"|?*`).

Why it matters: with `Config.json` beside `config.json`, what is scanned on Linux is not what is loaded on
macOS or Windows, where one overwrites the other, and which one depends on the order of writing. Names
that look alike can hide the file that counts from whoever reads a listing.

How it can be wrong: colliding names can be an oversight of somebody who works on Linux only (false
positive as to intent; the ambiguity is there all the same). Look-alike letters of different scripts are
not compared (false negative).

What it needs: the names; no content is read.

Source: Unicode Standard Annex 15 and Unicode 16.0, section 5.18 (caseless matching); learn.microsoft.com,
"Naming Files, Paths, and Namespaces"; CWE-178 (Improper Handling of Case Sensitivity), CWE-1007
(Insufficient Visual Distinction of Homoglyphs), CVE-2021-21300 (git on case-insensitive file systems).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import ClassVar, Final

from scanner.check import Check, CheckContext
from scanner.file_names import colliding, unportable
from scanner.findings import Confidence, Finding, Location, Severity

_MOST_FINDINGS: Final = 20


class FileNamesConfuse(Check):
    """Looks at the names alone."""

    id: ClassVar[str] = "file-names-confuse"
    title: ClassVar[str] = "Names of files mean something else on other systems"
    severity: ClassVar[Severity] = Severity.MEDIUM
    order: ClassVar[int] = 16

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """One finding per group of names that collide, per hidden and per impossible name."""
        snapshot = context.snapshot
        left_out = [value for key, value in snapshot.source if key == "left_out"]
        names = sorted({*(entry.path for entry in snapshot.files), *snapshot.missing, *left_out})
        found = [*self._collisions(names), *self._hidden(names), *self._unportable(names)]
        yield from found[:_MOST_FINDINGS]
        if len(found) > _MOST_FINDINGS:
            yield self.failed(
                f"{len(found) - _MOST_FINDINGS} more names that collide, hide something or are not portable",
                severity=found[_MOST_FINDINGS].severity,
                rule="MORE",
            )
        if not found:
            yield self.passed(f"{len(names)} names mean the same on all systems")

    def _collisions(self, names: list[str]) -> Iterator[Finding]:
        for group in colliding(names):
            yield self.failed(
                f"{' and '.join(group)} are one file where letter case or the writing of accents is ignored",
                confidence=Confidence.HIGH,
                rule="COLLIDE",
                subject=group[0],
                locations=tuple(Location(path) for path in group),
                remediation="Find out which of them is meant to be read, and remove or rename the other.",
                tags=("CWE-178",),
            )

    def _hidden(self, names: list[str]) -> Iterator[Finding]:
        for name in names:
            codes = sorted({f"U+{ord(each):04X}" for each in name if unicodedata.category(each) == "Cf"})
            if codes:
                yield self.failed(
                    f"{name!a}: its name holds characters that are not shown ({', '.join(codes)})",
                    confidence=Confidence.HIGH,
                    rule="HIDDEN",
                    subject=name,
                    locations=(Location(name),),
                    remediation="Do not trust what a listing shows of this name; rename the file.",
                    tags=("CWE-1007",),
                )

    def _unportable(self, names: list[str]) -> Iterator[Finding]:
        for name in names:
            if why := unportable(name):
                yield self.failed(
                    f"{name}: {why}",
                    severity=Severity.LOW,
                    confidence=Confidence.HIGH,
                    rule="NOT-PORTABLE",
                    subject=name,
                    locations=(Location(name),),
                    remediation="Rename the file, or keep the model off Windows.",
                )


CHECK = FileNamesConfuse()
