"""Lines of requirements files that install from somewhere other than the package index.

>>> is_foreign("torch>=2.1"), is_foreign("evil @ https://example.com/evil.whl")
(False, True)
"""

from __future__ import annotations

import re
from typing import Final

from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import read_text

_FOREIGN: Final = re.compile(
    r"^(-i|-f|-e)\s|^--(index-url|extra-index-url|find-links|editable|trusted-host)\b|"
    r"(^|[\s@])(git|hg|svn|bzr)\+|(^|[\s@])(https?|ftp|file)://|^(\.{0,2}/|[A-Za-z]:\\)|\.(whl|tar\.gz|zip)(\s|$)"
)


def foreign_requirements(snapshot: Snapshot, entry: FileEntry) -> list[tuple[int, str]]:
    """(line, text) of every line that installs from a URL, a path or another index.

    Raises:
        ModelFileError: when the file cannot be read or is too long.
    """
    lines = read_text(snapshot, entry.path).splitlines()
    stripped = [(number, line.split(" #")[0].strip()) for number, line in enumerate(lines, start=1)]
    return [(number, line[:200]) for number, line in stripped if is_foreign(line)]


def is_foreign(line: str) -> bool:
    """Whether a requirement names a place of its own instead of a package of the index."""
    return not line.startswith("#") and bool(_FOREIGN.search(line))
