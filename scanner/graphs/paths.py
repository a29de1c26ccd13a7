"""Whether a file name inside a model leads out of the model's folder, and how such text is shown.

>>> leads_elsewhere("weights/part.bin"), leads_elsewhere("../../etc/passwd")
('', "climbs out of its folder by '..'")
>>> leads_elsewhere("/etc/passwd"), leads_elsewhere("gs://bucket/x")
('is an absolute path', 'is an address')
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Final

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//|\\\\)|(data|file|javascript):", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_VARIABLE: Final = re.compile(r"\$\{?\w+|%\w+%|\$\(")
# Directions and invisible marks that make a name read as another.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Without one of these no path leads anywhere else.
_TELLING: Final = re.compile(rf"[:/\\~.$%]|{_UNSEEN.pattern}")
_SHOWN: Final = 80


def leads_elsewhere(path: str) -> str:
    """How this path leaves the folder it is resolved in, a clause about it; "" when it stays inside."""
    if not _TELLING.search(path):  # most words of a vocabulary
        return ""
    for text in dict.fromkeys((path, urllib.parse.unquote(path))):
        if _UNSEEN.search(text):
            return "holds control or invisible characters"
        if _ADDRESS.match(text.strip()):
            return "is an address"
        if text.strip().startswith(("/", "\\")) or _DRIVE.match(text.strip()):
            return "is an absolute path"
        if text.strip().startswith("~"):
            return "lies in somebody's home folder"
        if ".." in re.split(r"[/\\]", text.replace(" ", "")):
            return "climbs out of its folder by '..'"
        if _VARIABLE.search(text):
            return "depends on the environment"
    return ""


def readable_start(text: str) -> str:
    """What stands before the first control or invisible character: all of a name, nothing of a message."""
    return _UNSEEN.split(text, maxsplit=1)[0]


def is_unseen(text: str) -> bool:
    """Whether a name holds characters that cannot be seen or that turn the direction of what follows."""
    return bool(_UNSEEN.search(text))


def shown(text: str) -> str:
    """Text of a file for a message: quoted, escaped and short."""
    quoted = ascii(text[:_SHOWN])
    return f"{quoted}..." if len(text) > _SHOWN else quoted
