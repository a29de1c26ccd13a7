r"""Judges a GGUF file as a whole: magic, version, header, metadata and where its tensors lie.

>>> import io
>>> data = b"GGUF" + (9).to_bytes(4, "little") + bytes(16)
>>> [fault.code for fault in gguf_faults(io.BytesIO(data), len(data), "m.gguf")]
['GGUF-VERSION']

Source: docs/gguf.md of ggml (version 3); llama.cpp, ggml/src/gguf.cpp (gguf_init_from_file), which reads
versions 2 and 3; the magics of the formats before it in llama.cpp before August 2023.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import BinaryIO, Final

from scanner.tensorfiles.gguf_fault import GgufFault, shown
from scanner.tensorfiles.gguf_header import MAGIC, GgufError, GgufHeader, read_gguf_header_from
from scanner.tensorfiles.gguf_layout import header_faults
from scanner.tensorfiles.gguf_metadata import metadata_faults

_SUFFIXES: Final = (".gguf", ".ggml", ".ggmf", ".ggjt", ".ggla", ".ggsn")
# Numbers that were written little-endian: "ggml", "ggmf", "ggjt", "ggla".
_LEGACY: Final = {b"lmgg": "GGML", b"fmgg": "GGMF", b"tjgg": "GGJT", b"algg": "GGLA"}


def is_gguf(head: bytes, path: str) -> bool:
    """Whether a file that begins so, or has this name, is to be judged as GGUF or what came before it."""
    return path.lower().endswith(_SUFFIXES) or head[:4] == MAGIC or _legacy_kind(head) != ""


def _legacy_kind(head: bytes) -> str:
    """The format before GGUF that begins so, or ""; big-endian its magic is a word, as texts begin with."""
    swapped = head[:4].lower()[::-1] if b"\0" in head else b""
    return _LEGACY.get(head[:4]) or _LEGACY.get(swapped) or ""


def gguf_faults(stream: BinaryIO, size_bytes: int, path: str) -> list[GgufFault]:
    """Everything wrong with the file in `stream`, which begins where the stream is.

    Raises:
        OSError: when it cannot be read.
        PartlyReadError: when not all of its header was read.
    """
    head = stream.read(8)
    if fault := _beginning_fault(head):
        return [fault]
    stream.seek(0)
    name = PurePosixPath(path).name
    try:
        header = read_gguf_header_from(stream, size_bytes, shown(name))
    except GgufError as error:
        return [GgufFault("GGUF-HEADER", f"the header cannot be believed: {error}", "header")]
    return [*_oddities(header), *metadata_faults(header, name), *header_faults(header, size_bytes)]


def _beginning_fault(head: bytes) -> GgufFault | None:
    if kind := _legacy_kind(head):
        return GgufFault("GGUF-LEGACY", f"it is of the old {kind} format, which is not checked", "byte 0")
    if head[:4] != MAGIC:
        return GgufFault("GGUF-MAGIC", f"it begins with {head[:4]!r}, not {MAGIC!r}", "byte 0")
    version, swapped = int.from_bytes(head[4:], "little"), int.from_bytes(head[4:], "big")
    if len(head) < 8 or version in (2, 3) or swapped in (2, 3):
        return None
    if 1 in (version, swapped):
        return GgufFault("GGUF-VERSION", "it is of version 1, which no loader has read since 2023", "byte 4")
    return GgufFault("GGUF-VERSION", f"it claims version {version}; expected 2 or 3", "byte 4")


def _oddities(header: GgufHeader) -> list[GgufFault]:
    return [
        GgufFault("GGUF-VALUE", f"{shown(place)} {what}", shown(place)) for place, what in header.oddities
    ]
