"""The kinds of files that lie in model repositories, what becomes of each, and the names that claim them.

>>> kinds()["GGUF"].readers
('gguf-malformed',)
>>> [kind.name for kind in claimed_by("unet/config.json")]
['JSON text']
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.data_files import data_text, decoded
from scanner.errors import ScanError

TEXT: Final = "text"
JSON: Final = "JSON text"
PYTHON: Final = "Python source"
ZIP: Final = "zip archive"
RAW: Final = "raw numbers"
EMPTY: Final = "empty file"
UNKNOWN: Final = "bytes of no known kind"
_TF_VARIABLES: Final = "TensorFlow variables"
_FILE: Final = "file_kinds.yaml"
_TF_NAME: Final = re.compile(r".*\.data-\d{5}-of-\d{5}", re.DOTALL)


class FileKindsError(ScanError):
    """The table of kinds cannot be read."""


class Fate(enum.Enum):
    """What is to be done with files of a kind."""

    PLAIN = "plain"
    READ = "read"
    PROGRAM = "program"
    SCRIPT = "script"
    UNREAD = "unread"


@dataclass(frozen=True)
class Kind:
    """A kind of files; the head of `scanner/data/file_kinds.yaml` says what each field means.

    Attributes:
        name: For messages, without an article: "PNG image".
        fate: What is to be done with such files.
        suffixes: Names that claim to be of this kind, lower case with the dot.
        also: Suffixes of other kinds that honestly stand for this one too.
        has_magic: Whether every file of this kind shows itself by its bytes.
        is_text: Whether every file of this kind is text.
        believed: Whether bytes that show nothing are taken for it on the word of the name.
        holds_others: Whether it is a container, of which the name says more.
        readers: Checks one of which must have spoken about the file; any other when empty.
        runs_when_loaded: Whether the usual loader runs what such a file names.
    """

    name: str
    fate: Fate
    suffixes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    has_magic: bool = False
    is_text: bool = False
    believed: bool = False
    holds_others: bool = False
    readers: tuple[str, ...] = ()
    runs_when_loaded: bool = False


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """Every kind by its name.

    Raises:
        FileKindsError: when the table is broken.
    """
    rows = decoded(data_text(_FILE), _FILE, list[Kind], FileKindsError)
    return {row.name: row for row in rows}


def claimed_by(path: str) -> tuple[Kind, ...]:
    """The kinds that the name of a file claims; none for names that may stand for anything (".bin")."""
    name = PurePosixPath(path).name.lower()
    if _TF_NAME.fullmatch(name):
        return (kinds()[_TF_VARIABLES],)
    table = _by_suffix()
    # From the longest on: the whole name, then what follows each dot.
    ends = [name, *(name[dot.start() :] for dot in re.finditer(r"\.", name))]
    return next((table[end] for end in ends if end in table), ())


def accepted_by(path: str) -> frozenset[str]:
    """The names of all kinds that a file of this name may honestly be; none when it may be anything."""
    claims = claimed_by(path)
    if not claims:
        return frozenset()
    suffix = PurePosixPath(path).suffix.lower()
    return frozenset({*(kind.name for kind in claims), *_also_by_suffix().get(suffix, ())})


@functools.cache
def _by_suffix() -> Mapping[str, tuple[Kind, ...]]:
    table: dict[str, tuple[Kind, ...]] = {}
    for kind in kinds().values():
        for suffix in kind.suffixes:
            table[suffix] = (*table.get(suffix, ()), kind)
    return table


@functools.cache
def _also_by_suffix() -> Mapping[str, frozenset[str]]:
    rows = kinds().values()
    suffixes = {suffix for kind in rows for suffix in kind.also}
    return {suffix: frozenset(kind.name for kind in rows if suffix in kind.also) for suffix in suffixes}
