"""What follows a TFLite model in its file: nothing, or the labels and vocabularies that its metadata names.

Metadata is added by appending a zip archive of small texts; readers of TFLite stop before it, readers of
zip begin at its end.

Source: tensorflow.org, "Adding metadata to TensorFlow Lite models", read 2026-11-26.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from scanner.graphs.fault import GraphFault, hidden, malformed
from scanner.graphs.paths import leads_elsewhere, shown
from scanner.pickles.stream import UNPACKING_ERRORS

# An archive begins with its first file, or where it has none with its end.
_ARCHIVE: Final = re.compile(rb"PK(\x03\x04|\x05\x06)")
_MOST_MEMBERS: Final = 1000
# A vocabulary takes a few megabytes; the list of an archive is read whole.
_MOST_TRAILING_BYTES: Final = 16 * 1024**2
_MOST_BYTES: Final = 256 * 1024**2
# Between the last table and the end; writers align to 16 bytes, and to a page where buffers lie outside.
_PADDING_BYTES: Final = 4096
_TEXTS: Final = frozenset(
    {".txt", ".json", ".csv", ".tsv", ".vocab", ".model", ".tflite", ".labels", ".names", ""}
)


def trailing_faults(stream: BinaryIO, size_bytes: int, data_end: int) -> Iterator[GraphFault]:
    """What is wrong with the bytes behind the last that the model refers to.

    Raises:
        PartlyReadError: when they were not read.
    """
    if size_bytes - data_end < 22:  # less than an empty archive
        return
    if size_bytes - data_end > _MOST_TRAILING_BYTES:
        yield hidden(f"{size_bytes - data_end} bytes follow the model", f"byte {data_end}")
        return
    stream.seek(data_end)
    head = stream.read(_PADDING_BYTES)
    found = _ARCHIVE.search(head)
    if found is None:
        is_padding = size_bytes - data_end <= _PADDING_BYTES and not head.strip(b"\0")
        if not is_padding:
            yield hidden(f"{size_bytes - data_end} bytes follow the model", f"byte {data_end}")
        return
    try:
        with zipfile.ZipFile(stream) as archive:
            yield from _members(archive.infolist())
    except (*UNPACKING_ERRORS, ValueError, struct.error, NotImplementedError):
        yield hidden(
            "what follows the model begins as a zip archive and is none", f"byte {data_end + found.start()}"
        )


def _members(members: list[zipfile.ZipInfo]) -> Iterator[GraphFault]:
    if len(members) > _MOST_MEMBERS or sum(each.file_size for each in members) > _MOST_BYTES:
        yield malformed(f"{len(members)} files are appended, more than any model has", "appended files")
        return
    for each in members:
        where = f"appended file {shown(each.filename)}"
        if why := leads_elsewhere(each.filename):
            yield GraphFault("path-elsewhere", where, f"its name {why}", tags=("CWE-22",))
        elif PurePosixPath(each.filename).suffix.lower() not in _TEXTS:
            yield hidden("it is none of the texts that metadata names", where)
