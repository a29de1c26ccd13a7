"""Gathers what a snapshot shows of its licences: who names one, which texts lie there, what they are.

>>> from scanner.licensing.table import licence_table
>>> from scanner.references import ModelRef
>>> found = licences_found(Snapshot(ModelRef.parse("hf://org/m"), None, "/nowhere", ()), licence_table())
>>> (found.claims, found.texts, found.problems)
((), (), ())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.licensing.claims import (
    ARTEFACT_KEYS,
    Claim,
    artefact_claims,
    card_claims,
    config_claims,
    gguf_claims,
    prose_claims,
)
from scanner.licensing.comparison import governing_files
from scanner.licensing.record import Problem, TextRole
from scanner.licensing.table import LicenceReading, LicenceTable
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import (
    GgufError,
    ModelCard,
    ModelFileError,
    gguf_header_of,
    licence_files,
    model_card,
    read_config,
    read_json,
    read_text,
)

# The longest collection of third-party licences in wide use (a browser's) is about 1 MB.
TEXT_LIMIT_BYTES: Final = 2 * 1024**2
# Texts in folders and notices beside the governing ones; a hostile repository could hold a million.
_MAX_OTHER_TEXTS: Final = 200


@dataclass(frozen=True)
class FoundText:
    """A licence file that could be read.

    Attributes:
        entry: The file.
        role: What it is about.
        text: Its text.
        reading: Which licence it is.
    """

    entry: FileEntry
    role: TextRole
    text: str
    reading: LicenceReading

    @property
    def binds(self) -> bool:
        """Whether its terms bind users of the weights."""
        return self.role in (TextRole.MODEL, TextRole.POLICY)


@dataclass(frozen=True)
class Declared:
    """What a model declares of its licence.

    Attributes:
        card: The model card, None when it has none or it could not be read.
        config: config.json; {} when it has none or it could not be read.
        claims: Who declares a licence, those of the card first.
        prose: Licences that the card's running text names.
        problems: What could not be read.
    """

    card: ModelCard | None
    config: Mapping[str, object]
    claims: tuple[Claim, ...]
    prose: tuple[Claim, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class LicencesFound:
    """What a snapshot shows.

    Attributes:
        card: The model card, None when it has none or it could not be read.
        config: config.json; {} when it has none or it could not be read.
        claims: Who declares a licence, those of the card first.
        prose: Licences that the card's running text names.
        governing: The files whose terms bind users of the weights, whether or not they could be read.
        texts: Every licence file that could be read, the governing ones first.
        problems: What could not be read of declarations and governing files.
        elsewhere: What could not be read of the other licence files.
    """

    card: ModelCard | None
    config: Mapping[str, object]
    claims: tuple[Claim, ...]
    prose: tuple[Claim, ...]
    governing: tuple[FileEntry, ...]
    texts: tuple[FoundText, ...]
    problems: tuple[Problem, ...]
    elsewhere: tuple[Problem, ...] = ()

    @property
    def binding(self) -> tuple[FoundText, ...]:
        """The texts that bind users of the weights."""
        return tuple(text for text in self.texts if text.binds)


def licences_found(
    snapshot: Snapshot, table: LicenceTable, between_files: Callable[[], None] = lambda: None
) -> LicencesFound:
    """Reads declarations and texts; `between_files` is called before each long step, to end the work."""
    declared = declared_in(snapshot, table, between_files)
    problems = list(declared.problems)
    governing = governing_files(licence_files(snapshot))
    texts: list[FoundText] = []
    elsewhere: list[Problem] = []
    for entry, role in _in_order(snapshot, governing):
        between_files()
        try:
            text = read_text(snapshot, entry.path, TEXT_LIMIT_BYTES)
        except ModelFileError as error:
            (problems if entry in governing else elsewhere).append(Problem(entry.path, str(error)))
            continue
        texts.append(_found(entry, role, text, table))
    return LicencesFound(
        declared.card, declared.config, declared.claims, declared.prose,
        tuple(governing), tuple(texts), tuple(problems), tuple(elsewhere),
    )  # fmt: skip


def declared_in(
    snapshot: Snapshot, table: LicenceTable, between_files: Callable[[], None] = lambda: None
) -> Declared:
    """Reads card, configurations and headers; `between_files` is called before each header."""
    problems: list[Problem] = []
    card: ModelCard | None = None
    config: Mapping[str, object] = {}
    try:
        card = model_card(snapshot)
    except ModelFileError as error:
        problems.append(Problem("model card", str(error)))
    try:
        config = read_config(snapshot) or {}
    except ModelFileError as error:
        problems.append(Problem("config.json", str(error)))
    claims = [*(card_claims(card) if card else ()), *config_claims(config)]
    for part in _artefacts_and_headers(snapshot, between_files):
        (problems if isinstance(part, Problem) else claims).append(part)  # type: ignore[arg-type]
    prose = tuple(prose_claims(card, table)) if card else ()
    return Declared(card, config, tuple(claims), prose, tuple(problems))


def _artefacts_and_headers(
    snapshot: Snapshot, between_files: Callable[[], None]
) -> Iterator[Claim | Problem]:
    for path in ARTEFACT_KEYS:
        if snapshot.find(path) is not None:
            try:
                yield from artefact_claims(path, read_json(snapshot, path))
            except ModelFileError as error:
                yield Problem(path, str(error))
    for entry in snapshot.with_suffix(".gguf"):
        between_files()
        try:
            yield from gguf_claims(entry.path, gguf_header_of(snapshot, entry))
        except (GgufError, OSError) as error:
            yield Problem(entry.path, str(error))


def _in_order(snapshot: Snapshot, governing: Sequence[FileEntry]) -> list[tuple[FileEntry, TextRole]]:
    """Every licence file with what its name makes it, the governing ones first."""
    others = [entry for entry in licence_files(snapshot) if entry not in governing][:_MAX_OTHER_TEXTS]
    return [*((entry, TextRole.MODEL) for entry in governing), *((entry, _role(entry)) for entry in others)]


def _role(entry: FileEntry) -> TextRole:
    stem = PurePosixPath(entry.path).stem.lower().replace("-", "_")
    if "/" in entry.path:
        return TextRole.ELSEWHERE
    if stem.startswith("notice"):
        return TextRole.NOTICE
    return TextRole.POLICY if stem.startswith("use_policy") else TextRole.CODE


def _found(entry: FileEntry, role: TextRole, text: str, table: LicenceTable) -> FoundText:
    reading = table.read(text)
    is_policy = bool(reading.licences) and all(row.kind == "policy" for row in reading.licences)
    return FoundText(entry, TextRole.POLICY if role is TextRole.MODEL and is_policy else role, text, reading)
