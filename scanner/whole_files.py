"""Writes small files whole or not at all, so that nobody ever reads half of one.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "listing.json"
>>> write_whole(path, b"{}")
>>> path.read_bytes(), len(list(path.parent.iterdir()))
(b'{}', 1)
"""

from __future__ import annotations

import secrets
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Puts `data` in the place of whatever lies at `path`, in one step.

    Raises:
        OSError: when it cannot be written; what lay there is as it was.
    """
    # A fresh name and "x": a link that lies there already is never written through, and two processes that
    # write at once do not write into one file.
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
