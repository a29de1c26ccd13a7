"""File names that servers and archives give: kept inside the model's folder, or refused.

>>> inside_path("./sub/model.gguf", "a layer")
'sub/model.gguf'
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

from scanner.source import SourceError

_LONGEST_PATH: Final = 1024
_LONGEST_NAME: Final = 255
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_REPORT: Final = "do not use this model; report it to whoever runs the source"


def inside_path(name: str, origin: str) -> str:
    """`name` as a path inside the model's folder, with forward slashes and without "./".

    Raises:
        SourceError: when it is absolute, leads out, is a Windows path, cannot be shown, or is too long.
    """
    path = PurePosixPath(name)
    leads_out = path.is_absolute() or ".." in path.parts or "\\" in name or _DRIVE.match(name) is not None
    if leads_out or not path.parts:
        raise SourceError(
            f"{origin}: names a file {name[:200]!a}, which would lie outside the model's folder", hint=_REPORT
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise SourceError(
            f"{origin}: names a file {name[:200]!a}, a name that no report can show", hint=_REPORT
        )
    if len(name.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        raise SourceError(
            f"{origin}: names a file {name[:60]!a}..., longer than file systems allow", hint=_REPORT
        )
    return path.as_posix()


class DistinctNames:
    """Paths that can all exist at once on every file system.

    No two differ by case alone, and none is a folder of another.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, str]] = {}
        self._folders: dict[str, tuple[str, str]] = {}

    def add(self, path: str, origin: str) -> None:
        """Takes one more path, which comes from `origin`; the same one again is no collision.

        Raises:
            SourceError: when it collides with one that was taken.
        """
        folded = _folded(path)
        folders = [_folded(folder.as_posix()) for folder in PurePosixPath(path).parents]
        other = self._files.get(folded) or self._folders.get(folded)
        for folder in folders:
            other = other or self._files.get(folder)
        if other is not None and other[0] != path:
            raise SourceError(
                f"{origin}: the files {other[0]!a} ({other[1]}) and {path!a} cannot both exist on every "
                "file system, and which of them would be loaded depends on it",
                hint=_REPORT,
            )
        self._files[folded] = (path, origin)
        self._folders.update(dict.fromkeys(folders, (path, origin)))


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
