"""Whether the tensors of a safetensors file cover its data exactly, and what hides where they do not.

>>> import io
>>> tensors = [TensorEntry("a", "F32", (1,), 0, 4), TensorEntry("b", "F32", (1,), 8, 12)]
>>> [fault.code for fault in layout_faults(tensors, 12, io.BytesIO(bytes(12)))]
['ST-LAYOUT']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from scanner.pickles.starts import PICKLE_STARTS

# First bytes of what is known to be appended to a file that must be two things at once.
_MAGICS: Final = {
    b"PK\x03\x04": "a zip archive", b"PK\x05\x06": "a zip archive", b"\x1f\x8b": "a gzip stream",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a RAR archive", b"\x7fELF": "an ELF program",
    b"MZ": "a Windows program", b"#!": "a script", b"%PDF": "a PDF file", b"GGUF": "a GGUF model",
    b"\x93NUMPY": "a numpy array", b"<?php": "a PHP script", b"<html": "an HTML page",
}  # fmt: skip
LOOK_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class HeaderFault:
    """One way in which a file breaks the format.

    Attributes:
        code: "ST-DUP", "ST-LAYOUT", ...
        message: What is wrong, what was expected.
        place: "tensor model.embed", "byte 8", or "" for the file.
    """

    code: str
    message: str
    place: str = ""


class TensorEntry(msgspec.Struct, frozen=True, gc=False):
    """One tensor as the header describes it; a struct, since large models have a hundred thousand of them.

    Attributes:
        name: As written, unescaped.
        dtype: One of `safetensors_entries.DTYPE_BITS`.
        shape: Elements per dimension, outermost first; () for a single number.
        begin: First byte, counted from the end of the header.
        end: Byte after the last.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def layout_faults(
    tensors: Sequence[TensorEntry], buffer_bytes: int, stream: BinaryIO
) -> Iterator[HeaderFault]:
    """Overlaps and holes between tensors, and data missing or left over at the end.

    Args:
        tensors: Every tensor.
        buffer_bytes: Bytes of the file after the header.
        stream: The file, positioned at the end of the header.
    """
    at = 0
    for tensor in sorted(tensors, key=lambda tensor: (tensor.begin, tensor.end)):
        if tensor.begin != at:
            name = shown(tensor.name)
            what = "overlaps what lies before it" if tensor.begin < at else "leaves a hole before it"
            message = f"'{name}' begins at byte {tensor.begin} and {what}, which ends at {at}"
            yield HeaderFault("ST-LAYOUT", message, f"tensor {name}")
        at = max(at, tensor.end)
    if at > buffer_bytes:
        message = f"the tensors end at byte {at} of the data, but the file has {buffer_bytes}: it is cut off"
        yield HeaderFault("ST-TRAIL", message, f"byte {buffer_bytes} of the data")
    elif at < buffer_bytes:
        found = _recognised(stream, at, buffer_bytes)
        message = f"{buffer_bytes - at} bytes follow the last tensor{found}"
        yield HeaderFault("ST-TRAIL", message, f"byte {at} of the data")


def _recognised(stream: BinaryIO, at: int, buffer_bytes: int) -> str:
    stream.seek(at, 1)
    head = stream.read(min(LOOK_BYTES, buffer_bytes - at))
    kinds = [kind for magic, kind in _MAGICS.items() if head.startswith(magic)]
    if head.startswith(PICKLE_STARTS):
        kinds.append("a pickle")
    if not kinds and b"PK\x05\x06" in head:
        kinds.append("a zip archive")
    return f"; they begin like {kinds[0]}" if kinds else ""


def shown(text: str) -> str:
    """A name from a file, shortened and without characters that could garble a terminal."""
    return text[:120] if text.isprintable() else text.encode("unicode_escape").decode("ascii")[:120]
