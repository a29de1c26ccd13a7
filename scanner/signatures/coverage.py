"""How much of a model a signatory signed, by all their signatures together.

Counted are the files that decide what a model does. Documents and pictures are left out, so that a corrected
README does not unsign a model; a publisher's signature over the whole folder is over them all the same.

>>> [decides_what_a_model_does(path) for path in ("model.gguf", "vocab.txt", "README.md", ".gitattributes")]
[True, True, False, False]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from scanner.manifest import Snapshot
from scanner.model_files import is_licence_name
from scanner.signatures.examined import Examined, Standing
from scanner.signatures.signers import Signatory

_DOCUMENTS: Final = frozenset(
    {".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bib", ".cff"}
)
_GIT: Final = frozenset({".git", ".github", ".gitattributes", ".gitignore"})
_LISTS: Final = frozenset({"sha256sums", "sha256sums.txt", "checksums.txt"})


def decides_what_a_model_does(path: str) -> bool:
    """Whether a file of this name is more than a document, a picture, a list of digests, or git's own."""
    pure = PurePosixPath(path)
    name = pure.name.lower()
    is_document = pure.suffix.lower() in _DOCUMENTS or is_licence_name(pure.name) or name in _LISTS
    return not is_document and pure.parts[0] not in _GIT


def to_be_signed(snapshot: Snapshot, examined: Sequence[Examined]) -> list[str]:
    """The files that a signed model should be signed over."""
    signatures = {each.file.path for each in examined if not each.file.elsewhere}
    return [
        entry.path
        for entry in snapshot.files
        if decides_what_a_model_does(entry.path) and entry.path not in signatures
    ]


def coverage(snapshot: Snapshot, examined: Sequence[Examined]) -> Iterator[tuple[Signatory, int, int]]:
    """Per signatory whose signatures are genuine: the files signed, and how many should be."""
    should_be = set(to_be_signed(snapshot, examined))
    signed: dict[tuple[tuple[str, str], ...], set[str]] = {}
    for each in examined:
        if each.standing in (Standing.HOLDS, Standing.STRANGER) and each.who is not None:
            signed.setdefault(tuple(each.who.dimensions.items()), set()).update(each.covered)
    for who, paths in signed.items():
        if should_be:
            yield Signatory.of(dict(who)), len(paths & should_be), len(should_be)
