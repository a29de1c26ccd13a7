"""File names that servers and archives give: kept inside the model's folder, or refused.

>>> inside_path("./sub/model.gguf", "a layer")
'sub/model.gguf'
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import Final

from scanner.file_names import leads_out, too_long
from scanner.source import SourceError

_REPORT: Final = "do not use this model; report it to whoever runs the source"


def inside_path(name: str, origin: str) -> str:
    """`name` as a path inside the model's folder, with forward slashes and without "./".

    Raises:
        SourceError: when it is absolute, leads out, is a Windows path, cannot be shown, or is too long.
    """
    path = PurePosixPath(name).as_posix()
    if leads_out(path):
        raise SourceError(
            f"{origin}: names a file {name[:200]!a}, which would lie outside the model's folder, or which no "
            "report can show",
            hint=_REPORT,
        )
    if too_long(path):
        raise SourceError(
            f"{origin}: names a file {name[:60]!a}..., longer than file systems allow", hint=_REPORT
        )
    return path


class DistinctNames:
    """Paths that can all exist at once on every file system.

    No two differ by case alone, and none is a folder of another. As `scanner.file_names.colliding`, for
    names that come one after the other.
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
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
