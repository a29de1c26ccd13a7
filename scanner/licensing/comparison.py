"""Holds declared licences against a licence text: which file governs, what contradicts, how bad it is.

>>> from scanner.licensing.table import licence_table
>>> table = licence_table()
>>> contradicts(table.declared_as("mit"), table.read("Acme License: only for research purposes."))
True
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from scanner.findings import Location, Severity
from scanner.licensing.claims import Claim
from scanner.licensing.table import Commercial, Licence, LicenceReading, LicenceTable, Standing
from scanner.manifest import FileEntry

_LONGEST_QUOTE: Final = 300
_MAX_QUOTES: Final = 3


def governing_files(entries: Sequence[FileEntry]) -> list[FileEntry]:
    """The top-level files whose terms bind users of the weights: a LICENSE-MODEL before a general LICENSE."""
    top = [entry for entry in entries if "/" not in entry.path]
    stems = {entry.path: PurePosixPath(entry.path).stem.lower().replace("-", "_") for entry in top}
    plain = [entry for entry in top if not stems[entry.path].startswith(("notice", "use_policy"))]
    of_model = [entry for entry in plain if "model" in stems[entry.path]]
    return of_model or [entry for entry in plain if "code" not in stems[entry.path]]


def differ(one: Claim, other: Claim, table: LicenceTable) -> bool:
    """Whether two declarations name known licences that cannot be the same."""
    mine, theirs = ({row.id for row in claim.licences(table)} for claim in (one, other))
    return bool(mine and theirs) and mine.isdisjoint(theirs)


def contradicts(declared: Sequence[Licence], reading: LicenceReading) -> bool:
    """Whether the text is not what was declared, or is that and more."""
    if not reading.licences:
        return all(row.is_permissive for row in declared) and bool(reading.additions)
    ids = {row.id for row in declared}
    governing = reading.licences[0]
    if ids.isdisjoint(row.id for row in reading.licences):
        return governing.kind == "licence"
    # A clause that a row describes (`base`) belongs to that licence; any other addition does not. Of a text
    # that is known by its title alone every sentence is beyond the known ones, its own terms included.
    is_named = reading.standing is Standing.NAMED and governing.is_permissive and bool(reading.additions)
    has_hidden_terms = reading.standing is Standing.ADDED or is_named
    return has_hidden_terms or any(row.is_restrictive and row.id not in ids for row in reading.licences)


def gravity(declared: Sequence[Licence], reading: LicenceReading) -> Severity:
    """HIGH when commerce or a territory is shut out and the declaration does not say so, else MEDIUM."""
    if any(_shuts_out(row) for row in declared):
        return Severity.MEDIUM
    is_shut = any(_shuts_out(row) for row in reading.licences)
    is_grave = any(item.trigger.severity is Severity.HIGH for item in reading.additions)
    return Severity.HIGH if is_shut or is_grave else Severity.MEDIUM


def title_of(reading: LicenceReading) -> str:
    """What the text is, for people: "MIT License with additional terms"."""
    if not reading.licences:
        return "a text that is not recognised and narrows the grant"
    first = reading.licences[0]
    named = "" if reading.containment else " (named only: its text is not there)"
    changed = {Standing.ADDED: " with additional terms", Standing.ALTERED: ", altered"}.get(
        reading.standing, ""
    )
    return f"{first.title}{named}{changed}" + "".join(f", also {row.title}" for row in reading.licences[1:])


def quotes(reading: LicenceReading) -> str:
    """The sentences that narrow the grant, from the model's own file, with their lines."""
    sentences = dict.fromkeys((item.sentence.line, item.sentence.text) for item in reading.additions)
    shown = [f'line {line}: "{_printable(text)}"' for line, text in list(sentences)[:_MAX_QUOTES]]
    more = len(sentences) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def alterations(reading: LicenceReading) -> str:
    """What sets an altered text apart from the known one: words left out, sentences that nobody knows."""
    said = [f'line {item.line}: "{_printable(item.text)}"' for item in reading.unexplained[:_MAX_QUOTES]]
    more = len(reading.unexplained) - len(said)
    return "; ".join(
        [
            *([f"{reading.missing_words} of its words are missing"] if reading.missing_words else []),
            *said,
            *([f"and {more} more"] if more > 0 else []),
        ]
    )


def place_of(entry: FileEntry, reading: LicenceReading) -> Location:
    """The licence file, at the first sentence that narrows the grant when there is one."""
    return Location(entry.path, min((item.sentence.line for item in reading.additions), default=None))


def terms(reading: LicenceReading) -> str:
    """What is known of the governing licence, for people, with the grade and date of that knowledge."""
    row = reading.licences[0]
    parts = [
        f"commercial use: {row.commercial.value}",
        f"threshold: {row.threshold}" if row.threshold else "",
        f"territory: {row.territory}" if row.territory else "",
        f"duties: {row.duties}" if row.duties else "",
        f"added: {quotes(reading)}" if reading.additions else "",
        f"free and open-source criteria of the AI Act: {row.foss.value}{f' ({row.why})' if row.why else ''}",
        f"known from: {row.grade.value}, checked {row.checked}",
    ]
    return "; ".join(part for part in parts if part)


def _shuts_out(row: Licence) -> bool:
    return row.commercial is Commercial.FORBIDDEN or bool(row.territory)


def _printable(text: str) -> str:
    clean = "".join(char for char in text if char.isprintable())
    return clean if len(clean) <= _LONGEST_QUOTE else clean[: _LONGEST_QUOTE - 3] + "..."
