r"""The texts of a repository that may hold personal data, within limits of size, and what was left out.

Large files are read at their beginning, compressed ones as far as the limit goes, tokenizers for the tokens
that somebody added. JSON escapes are undone without moving a line, so that places stay right.

>>> unescaped('{"note": "\\u7535\\u8bdd\\nMRN: 1"}')
'{"note": "电话 MRN: 1"}'
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.manifest import FileEntry, Snapshot

# The recognisers read some 50 KB a second on one core.
FILE_LIMIT_BYTES: Final = 512 * 1024
TOTAL_LIMIT_BYTES: Final = 2 * 1024**2
# Of a file above the limit, so much of its beginning.
HEAD_BYTES: Final = 128 * 1024
_TOKENIZER_LIMIT_BYTES: Final = 64 * 1024**2
_PROSE: Final = frozenset({".md", ".txt", ".rst", ""})
_JSON: Final = frozenset({".json", ".jsonl", ".ndjson", ".ipynb"})
_SUFFIXES: Final = frozenset(
    {
        *_PROSE, *_JSON, ".yaml", ".yml", ".toml", ".cfg", ".ini", ".csv", ".tsv", ".jinja", ".py", ".sh",
        ".html", ".htm", ".xml", ".log", ".sql", ".eml", ".vcf", ".conll", ".srt", ".tex", ".bib",
    }
    - {""}
)  # fmt: skip
_DATA_SETS: Final = frozenset({".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".sqlite", ".db", ".zip"})
_NAMES: Final = ("readme", "licen", "notice", "copying", "authors", "citation", "use_policy", "changelog")
# Vocabularies and weight indexes: word lists and tensor names, long and without sentences.
_VOCABULARIES: Final = ("vocab.json", "vocab.txt", "merges.txt", ".index.json")
_TOKENIZER: Final = "tokenizer.json"
_COMPRESSED: Final = ".gz"
_UNICODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPE: Final = re.compile(r"\\[nrt]")
# Pictures in notebooks.
_BLOB: Final = re.compile(r"[A-Za-z0-9+/=]{400,}")


@dataclass(frozen=True)
class RepositoryText:
    """One text.

    Attributes:
        path: Of its file.
        text: As far as it was read.
        is_whole: Whether that is all of it.
        has_lines: Whether its lines are those of the file.
    """

    path: str
    text: str
    is_whole: bool = True
    has_lines: bool = True

    @property
    def is_prose(self) -> bool:
        """Whether it is written for people."""
        return PurePosixPath(self.path).suffix.lower() in _PROSE


def repository_texts(snapshot: Snapshot) -> tuple[list[RepositoryText], list[str]]:
    """The texts to read, smallest file first, and the paths left out, each with the reason.

    Raises:
        PartlyReadError: when a text was not fetched as far as it is to be read.
    """
    texts: list[RepositoryText] = []
    left_out: list[str] = []
    total = 0
    for entry in sorted(snapshot.files, key=lambda entry: (entry.size_bytes, entry.path)):
        kind = _kind(entry.path)
        if kind == "data set":
            left_out.append(f"{entry.path} (a format that is not read)")
        if kind != "text":
            continue
        if entry.is_whole and not snapshot.local_path(entry.path).is_file():
            left_out.append(f"{entry.path} (not fetched)")
            continue
        found = _read(snapshot, entry)
        if found is None:
            left_out.append(f"{entry.path} (not text)")
        elif total + len(found.text) > TOTAL_LIMIT_BYTES:
            left_out.append(f"{entry.path} (beyond {TOTAL_LIMIT_BYTES // 1024**2} MiB of text)")
        elif found.text or found.has_lines:
            total += len(found.text)
            texts.append(found)
    return texts, left_out


def unescaped(text: str) -> str:
    """JSON text with letters instead of their numbers and spaces instead of escaped breaks, line by line."""
    text = _UNICODE.sub(lambda found: _letter(found[0], int(found[1], 16)), text)
    return _ESCAPE.sub(" ", text)


def _letter(escape: str, number: int) -> str:
    # Halves of pairs and control characters (line breaks among them) stay as they are.
    letter = chr(number)
    return letter if letter.isprintable() else escape


def _kind(path: str) -> str:
    """Either "text", "data set", or "" for everything that is neither."""
    name = PurePosixPath(path).name.lower().removesuffix(_COMPRESSED)
    if name.endswith(_VOCABULARIES):
        return ""
    suffix = PurePosixPath(name).suffix
    if suffix in _DATA_SETS:
        return "data set"
    return "text" if suffix in _SUFFIXES or name.startswith(_NAMES) else ""


def _read(snapshot: Snapshot, entry: FileEntry) -> RepositoryText | None:
    """The text of a file, None when it is none."""
    name = PurePosixPath(entry.path).name.lower()
    if name == _TOKENIZER:
        added = "\n".join(_added_tokens(snapshot, entry))
        return RepositoryText(entry.path, added, has_lines=False)
    data = _beginning(snapshot, entry, name)
    if data is None or b"\0" in data:
        return None
    is_whole = len(data) <= FILE_LIMIT_BYTES
    if not is_whole:
        data = data[:HEAD_BYTES]
        data = data[: data.rfind(b"\n") + 1] or data
    text = data.decode("utf-8", errors="replace")
    if PurePosixPath(name.removesuffix(_COMPRESSED)).suffix in _JSON:
        text = _BLOB.sub("", unescaped(text))
    return RepositoryText(entry.path, text, is_whole)


def _beginning(snapshot: Snapshot, entry: FileEntry, name: str) -> bytes | None:
    """At most a byte more than the limit, unpacked; None when it cannot be unpacked."""
    if not name.endswith(_COMPRESSED):
        with snapshot.open(entry.path) as stream:
            return stream.read(FILE_LIMIT_BYTES + 1)
    try:
        with snapshot.open(entry.path) as packed, gzip.GzipFile(fileobj=packed) as stream:
            return stream.read(FILE_LIMIT_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        return None


def _added_tokens(snapshot: Snapshot, entry: FileEntry) -> Iterator[str]:
    """The tokens beside the vocabulary; the vocabulary itself is words of everybody."""
    if entry.size_bytes > _TOKENIZER_LIMIT_BYTES:
        return
    try:
        with snapshot.open(entry.path) as stream:
            tokenizer = json.load(stream)
    except (ValueError, RecursionError):
        return
    added = tokenizer.get("added_tokens") if isinstance(tokenizer, dict) else None
    for row in added if isinstance(added, list) else ():
        content = row.get("content") if isinstance(row, dict) else None
        if isinstance(content, str):
            yield content
