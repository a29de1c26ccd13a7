"""Judges the licences of any folder or single text: what is filed, what is declared, what governs.

>>> import pathlib, tempfile
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> _ = (folder / "LICENSE").write_text("You may look at it, for research purposes only.")
>>> judged = judge_path(folder)
>>> (judged.files[0].path, judged.files[0].reading.standing.value, judged.needs_person)
('LICENSE', 'not recognised', True)
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from scanner.errors import ScanError
from scanner.inspection.files import read_heads
from scanner.licensing.claims import ARTEFACT_KEYS, Claim
from scanner.licensing.comparison import contradicts, differ, governing_files, title_of
from scanner.licensing.found import TEXT_LIMIT_BYTES, declared_in
from scanner.licensing.table import LicenceReading, LicenceTable, Standing, licence_table
from scanner.manifest import Snapshot
from scanner.model_files import ModelFileError, is_licence_name, read_text
from scanner.origins.reading import read_origins
from scanner.references import ModelRef
from scanner.rights.chain import declared_bases_of

# A repository of a model holds a few dozen files; this much is a disk, and nobody asked about a disk.
MAX_FILES: Final = 50_000
_UNSEEN_FOLDERS: Final = frozenset({".git", ".hg", ".cache", "__pycache__", "node_modules"})
_DECLARING: Final = frozenset(
    {"readme.md", "modelcard.md", "model_card.md", "config.json", "adapter_config.json"}
)


class LicencePathError(ScanError):
    """The path cannot be judged at all."""


class Role(enum.Enum):
    """What a licence file is about, as its name says."""

    MODEL = "model"
    CODE = "code"
    GENERAL = "general"
    NOTICE = "notice"
    POLICY = "use policy"

    @classmethod
    def of(cls, path: str) -> Role:
        """The role that a file's name gives it."""
        stem = PurePosixPath(path).stem.lower().replace("-", "_")
        for word, role in {"notice": cls.NOTICE, "use_policy": cls.POLICY}.items():
            if word in stem:
                return role
        return cls.MODEL if "model" in stem else cls.CODE if "code" in stem else cls.GENERAL


@dataclass(frozen=True)
class JudgedFile:
    """A licence file and what it says.

    Attributes:
        path: Path inside the folder.
        sha256: Of its bytes.
        role: What it is about, by its name.
        governs: Whether it binds users of the weights.
        reading: What its text is.
    """

    path: str
    sha256: str
    role: Role
    governs: bool
    reading: LicenceReading


@dataclass(frozen=True)
class Judgement:
    """What a folder says about its licence.

    Attributes:
        files: Licence files, those that govern first.
        claims: Declarations of card, configuration and GGUF headers.
        prose: Licences that the card's text names.
        contradictions: Where declarations and texts part, a sentence each.
        inherited: What the bases that are declared may add, a sentence each.
        problems: Files that could not be read: path and reason.
    """

    files: tuple[JudgedFile, ...]
    claims: tuple[Claim, ...]
    prose: tuple[Claim, ...]
    contradictions: tuple[str, ...]
    inherited: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]

    @property
    def governing(self) -> tuple[JudgedFile, ...]:
        """The files that bind users of the weights."""
        return tuple(each for each in self.files if each.governs)

    @property
    def is_plainly_permissive(self) -> bool:
        """Whether every governing text is a permissive licence word by word, and nothing contradicts it."""
        texts = [each.reading.is_plainly_permissive for each in self.governing]
        is_clear = not (self.contradictions or self.inherited or self.problems)
        return bool(texts) and all(texts) and is_clear

    @property
    def open_questions(self) -> tuple[str, ...]:
        """Why a person must read on, a phrase each; () when nobody must."""
        asked = [f"{path} could not be read ({reason})" for path, reason in self.problems]
        asked += [*self.contradictions, *self.inherited]
        for each in self.governing:
            if each.reading.standing is Standing.UNRECOGNISED:
                asked.append(f"{each.path} is not recognised as any known licence")
            elif each.reading.standing is not Standing.PLAIN:
                asked.append(f"{each.path} holds {title_of(each.reading)}")
        if not self.governing:
            asked.append(
                "a licence is declared, but its text is not there" if self.claims
                else "no licence text and no declaration: no right to use the model is evident"
            )  # fmt: skip
        return tuple(asked)

    @property
    def needs_person(self) -> bool:
        """Whether anything is open."""
        return bool(self.open_questions)


def judge_path(path: Path) -> Judgement:
    """The judgement of a folder, of a GGUF file, or of a single licence text.

    Raises:
        LicencePathError: when the path is not there, or holds too many files.
    """
    if not path.exists():
        raise LicencePathError(f"{path}: no such file or folder", hint="name a folder or a licence text")
    if path.is_dir():
        return _judge(path, list(_walk(path)), only_named=True)
    return _judge(path.parent, [path.name], only_named=False)


def _walk(root: Path) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _UNSEEN_FOLDERS)
        for name in sorted(names):
            count += 1
            if count > MAX_FILES:
                raise LicencePathError(
                    f"{root}: more than {MAX_FILES} files", hint="name the folder of one model"
                )
            yield (Path(folder) / name).relative_to(root).as_posix()


def _judge(root: Path, paths: list[str], *, only_named: bool) -> Judgement:
    table = licence_table()
    texts = [path for path in paths if _is_text(path, only_named=only_named)]
    read = [path for path in paths if path in texts or _declares(path)]
    # A pipe would never end.
    strange = [path for path in read if not (root / path).is_file()]
    problems = [(path, "not a regular file, or a broken link") for path in strange]
    entries = read_heads(root, [path for path in read if path not in strange]).files
    snapshot = Snapshot(ModelRef.parse(str(root)), None, str(root), entries)
    declared = declared_in(snapshot, table)
    problems += [(problem.subject, problem.reason) for problem in declared.problems]
    named = [entry for entry in entries if entry.path in texts]
    bound = governing_files(named) if only_named else named
    judged: list[JudgedFile] = []
    for entry in named:
        try:
            text = read_text(snapshot, entry.path, TEXT_LIMIT_BYTES)
        except ModelFileError as error:
            problems.append((entry.path, str(error)))
            continue
        role = Role.of(entry.path)
        judged.append(JudgedFile(entry.path, entry.sha256, role, entry in bound, table.read(text)))
    judged.sort(key=lambda each: (not each.governs, each.path))
    contradictions = _contradictions(declared.claims, [each for each in judged if each.governs], table)
    return Judgement(
        tuple(judged), declared.claims, declared.prose, tuple(contradictions),
        tuple(_inherited(snapshot, table)), tuple(problems),
    )  # fmt: skip


def _is_text(path: str, *, only_named: bool) -> bool:
    """Whether a file is judged as a licence text: by its name, or because it alone was asked about."""
    return not _declares(path) and (not only_named or is_licence_name(PurePosixPath(path).name))


def _declares(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.lower() in _DECLARING or name in ARTEFACT_KEYS or name.lower().endswith(".gguf")


def _inherited(snapshot: Snapshot, table: LicenceTable) -> Iterator[str]:
    origin = read_origins(snapshot)
    for base in declared_bases_of(origin, origin.chain(), table):
        if base.licence is None:
            yield f"it is made from {base.name}, and under which terms that stands is not known here"
        elif not base.licence.is_permissive:
            yield f"it is made from {base.name}, whose family usually comes under the {base.licence.title}"


def _contradictions(
    claims: Sequence[Claim], governing: Sequence[JudgedFile], table: LicenceTable
) -> Iterator[str]:
    for index, one in enumerate(claims):
        for other in claims[index + 1 :]:
            if one.place.path != other.place.path and differ(one, other, table):
                yield (f"{one.place.path} declares {one.shown}, {other.place.path} declares {other.shown}")
    for claim in claims:
        rows = claim.licences(table)
        for each in governing:
            if rows and contradicts(rows, each.reading):
                held = title_of(each.reading)
                yield f"{claim.place.path} declares {claim.shown}, but {each.path} holds {held}"
