"""Names of files that come from somebody else: which lead out of a folder, which cannot stand everywhere.

>>> leads_out("weights/../../.bashrc")
True
>>> unportable("weights/aux.json")
"'aux' is the name of a device on Windows"
>>> [sorted(names) for names in colliding(["Config.json", "config.json", "README.md"])]
[['Config.json', 'config.json']]
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

# What ext4, APFS and NTFS take at most, and what most systems take as a whole path.
_MOST_BYTES_OF_A_NAME: Final = 255
_MOST_BYTES_OF_A_PATH: Final = 1024
# Source: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³"}
)
_NOT_ON_WINDOWS: Final = frozenset('<>:"|?*')


def leads_out(path: str) -> bool:
    """Whether `path` would leave the folder it is put into, on this system or any other.

    Also true of names that are not what they look like: control characters, "./" and "//".
    """
    if not path or "\\" in path or not path.isprintable():
        return True
    pure = PurePosixPath(path)
    if pure.is_absolute() or str(pure) != path or ".." in pure.parts or path == ".":
        return True
    return any(PureWindowsPath(part).drive or PureWindowsPath(part).root for part in pure.parts)


def too_long(path: str) -> bool:
    """Whether no usual file system could hold a file of this path."""
    encoded = path.encode("utf-8", "surrogatepass")
    return len(encoded) > _MOST_BYTES_OF_A_PATH or any(
        len(name) > _MOST_BYTES_OF_A_NAME for name in encoded.split(b"/")
    )


def unportable(path: str) -> str:
    """Why Windows could not hold a file of this path under this very name, "" when it could."""
    for name in path.split("/"):
        if name.partition(".")[0].rstrip(" ").lower() in _DEVICES:
            return f"'{name.partition('.')[0]}' is the name of a device on Windows"
        if name.endswith((".", " ")):
            return f"'{name}' ends in a {'dot' if name.endswith('.') else 'space'}, which Windows drops"
        if found := sorted(_NOT_ON_WINDOWS.intersection(name)):
            return f"'{name}' holds {found[0]}, which Windows does not allow"
    return ""


def colliding(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Groups of paths that are one file where letter case or the writing of accents does not count.

    NOTE: that is so on macOS and Windows as they come. Folders count too: `A/x` and `a/y` do not
    collide, but `A` and `a/y` do, as the one is a file and the other a folder.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    folders: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        key = _folded(path)
        groups[key].add(path)
        for parent in PurePosixPath(key).parents:
            folders[str(parent)].add(path)
    for key, names in sorted(groups.items()):
        below = sorted(folders.get(key, ()))[:1]
        if len(names) > 1 or below:
            yield (*sorted(names), *below)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
