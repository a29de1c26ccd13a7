"""Has the head of one file read: what the checks will want of it, by the readers that the checks use.

Errors in the file are no matter here; the checks will meet them again and say so.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from scanner.graphs.kinds import GRAPH_SUFFIXES, kind_of
from scanner.graphs.reading import fetch_structure
from scanner.inspection.glance import glance
from scanner.pickles.bare import is_raw_storage
from scanner.pickles.files import is_folder
from scanner.pickles.stream import UNPACKING_ERRORS
from scanner.tensorfiles.gguf_header import GgufError, read_gguf_header_from
from scanner.tensorfiles.safetensors_layout import LOOK_BYTES

# An old checkpoint begins with its pickles; those of a thousand tensors take about 150 KB.
_PICKLES_BYTES: Final = 512 * 1024
# Members of archives: a data.pkl of 100,000 tensors takes about 15 MB.
_MEMBER_BYTES: Final = 16 * 1024**2
_MEMBER_HEAD_BYTES: Final = 512
# The longest comment of a zip archive, in which another may begin, and the records before it.
_ZIP_END_BYTES: Final = 66_000
_CHUNK_BYTES: Final = 1024**2
# One byte more than any check reads of a long text (probes.repository_texts.FILE_LIMIT_BYTES).
TEXT_BYTES: Final = 512 * 1024 + 1


def read_header(stream: BinaryIO, path: str, size_bytes: int) -> None:
    """Reads the header of a weight file or the pickles of a checkpoint.

    Raises:
        PartlyReadError: when not as much may be read.
    """
    suffix = PurePosixPath(path.lower()).suffix
    if suffix == ".safetensors":
        _read_safetensors(stream, size_bytes)
    elif suffix == ".gguf":
        _read_gguf(stream, size_bytes)
    elif suffix in GRAPH_SUFFIXES:
        _read_graph(stream, path, size_bytes)
    elif stream.read(4).startswith(b"PK"):
        _read_archive(stream)
    else:
        stream.seek(0)
        stream.read(_PICKLES_BYTES)


def read_beginning(stream: BinaryIO) -> None:
    """Reads of a long text what the checks read of it.

    Raises:
        PartlyReadError: when not as much may be read.
    """
    stream.read(TEXT_BYTES)


def _read_safetensors(stream: BinaryIO, size_bytes: int) -> None:
    """Reads the header, and what follows the tensors where something does: it may be a file of its own."""
    data_end = glance(stream).data_end
    if 0 < data_end < size_bytes:
        stream.seek(data_end)
        stream.read(LOOK_BYTES)
        _read_archive(stream)


def _read_gguf(stream: BinaryIO, size_bytes: int) -> None:
    try:
        read_gguf_header_from(stream, size_bytes, "")
    except GgufError:
        return


def _read_graph(stream: BinaryIO, path: str, size_bytes: int) -> None:
    """Reads the structure, without the weights in it."""
    kind = kind_of(stream, size_bytes, path)
    if kind is not None:
        fetch_structure(kind, stream, size_bytes)


def _read_archive(stream: BinaryIO) -> None:
    """Reads the directory, what may follow it, and every member but the numbers of tensors."""
    from picklescan.relaxed_zipfile import RelaxedZipFile

    size_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size_bytes - _ZIP_END_BYTES))
    stream.read(_ZIP_END_BYTES)
    try:
        with RelaxedZipFile(stream, "r") as archive:
            for info in archive.infolist():
                if not is_folder(info.filename) and not is_raw_storage(info.filename):
                    _read_member(archive, info)
    except (*UNPACKING_ERRORS, ValueError, struct.error):
        return


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    is_short = max(info.file_size, info.compress_size) <= _MEMBER_BYTES
    left = info.file_size if is_short else _MEMBER_HEAD_BYTES
    try:
        with archive.open(info) as member:
            while left > 0 and (chunk := member.read(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
    except (*UNPACKING_ERRORS, RuntimeError):  # RuntimeError: marked as encrypted
        return
