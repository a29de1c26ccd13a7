r"""Finds files and texts that were put as they are into weights: at the start of a tensor, or in low bits.

>>> recognised(b"\x7fELF\x02\x01\x01" + bytes(9))
'an ELF program'
>>> recognised(bytes(64))
''
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

# At the start of a stream four bytes are enough: one tensor in four thousand million begins so by chance.
_MAGICS: Final = (
    (re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01"), "an ELF program"),
    (re.compile(rb"PK\x03\x04[\x00-\x3f]\x00"), "a zip archive"),
    (re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL), "a gzip stream"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "a 7z archive"),
    (re.compile(rb"Rar!\x1a\x07"), "a RAR archive"),
    (re.compile(rb"BZh[1-9]1AY&SY"), "a bzip2 stream"),
    (re.compile(rb"\xfd7zXZ\x00"), "an xz stream"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "a zstandard stream"),
    (re.compile(rb"\x80[\x02-\x05]\x95.{2,5}\x00\x00\x00", re.DOTALL), "a pickle"),
    (re.compile(rb"\xcf\xfa\xed\xfe|\xce\xfa\xed\xfe|\xca\xfe\xba\xbe\x00\x00\x00"), "a program"),
    (re.compile(rb"%PDF-1"), "a PDF file"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "a PNG image"),
    (re.compile(rb"#!/(?:usr/)?bin/"), "a script"),
)
_START: Final = re.compile(b"|".join(b"(?:%b)" % magic.pattern for magic, _ in _MAGICS), re.DOTALL)
_FIRST: Final = frozenset(bytes([sign]) for sign in b"\x7fP\x1f7RB\xfd\x28\x80\xcf\xce\xca%\x89#")
# Anywhere in a stream only what is too long to come about by chance.
_ANYWHERE: Final = (
    (re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01[\x00-\x12]\x00{3}"), "an ELF program"),
    (re.compile(rb"PK\x03\x04[\x0a\x14\x2d]\x00.\x08?[\x00\x08]\x00", re.DOTALL), "a zip archive"),
    (re.compile(rb"This program (?:cannot be run in DOS|must be run)"), "a Windows program"),
    (
        re.compile(rb"MZ.{62,400}PE\0\0(?:\x64\x86|\x4c\x01|\x64\xaa|\xc4\x01)", re.DOTALL),
        "a Windows program",
    ),
    (re.compile(rb"c(?:os|posix|nt|builtins|subprocess)\n(?:system|popen|exec|eval|Popen)\n"), "a pickle"),
)
TEXT: Final = "a text"
_TEXT_LEAST: Final = 64
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e]{%d,}" % _TEXT_LEAST)
# Each byte to whether it is of a text: finding a long run of those takes a tenth of what the expression does.
_IS_PRINTABLE: Final = bytes(byte in b"\t\n\r" or 0x20 <= byte <= 0x7E for byte in range(256))
_PRINTABLE_RUN: Final = b"\1" * _TEXT_LEAST
# Repeated signs are numbers that repeat.
_LETTERS_LEAST: Final = 10
# As public tools take them; others than these are not tried.
_BYTE_BITS: Final = 8
_BITS: Final = (1, 2, 3, 4, _BYTE_BITS)
# Before the payload its length or a digest may stand.
_OFFSETS: Final = (0, 1, 2, 4, 8, 16, 20, 32, 64)


def recognised(stream: bytes) -> str:
    """What a stream of bytes begins with, or holds, in words; "" for nothing known."""
    for offset in _OFFSETS:
        if stream[offset : offset + 1] in _FIRST and _START.match(stream, offset):
            return next(kind for magic, kind in _MAGICS if magic.match(stream, offset))
    for magic, kind in _ANYWHERE:
        if magic.search(stream):
            return kind
    if _PRINTABLE_RUN not in stream.translate(_IS_PRINTABLE):
        return ""
    for text in _TEXT.finditer(stream):
        if len(set(text[0])) >= _LETTERS_LEAST:
            return TEXT
    return ""


def streams(words: npt.NDArray[np.unsignedinteger]) -> Iterator[tuple[str, bytes]]:
    """What the lowest bits of numbers spell, in every order that published attacks use: (which bits, bytes).

    Args:
        words: The bits of numbers, uint16 or uint32 (count).

    Source: EvilModel, arXiv:2107.08590 and arXiv:2109.04344 (whole low bytes); StegoNet, ACSAC 2020, and the
    public tools for LSB in tensors (1 to 4 and 8 bits, first bit highest or lowest).
    """
    size = words.dtype.itemsize
    low = words.view(np.uint8).reshape(-1, size)
    for count in range(1, size):
        plain = np.ascontiguousarray(low[:, :count])
        yield f"the lowest {8 * count} bits", plain.tobytes()
        if count > 1:
            yield f"the lowest {8 * count} bits", np.ascontiguousarray(plain[:, ::-1]).tobytes()
    # Bit 0 first; whoever takes a number's bits from the top has them in the other order.
    bits = np.unpackbits(low[:, :1], axis=1, bitorder="little")
    for count in _BITS:
        upward = bits[:, :count]
        orders = (upward,) if count == 1 else (upward, upward[:, ::-1])
        for order in orders:
            flat = order.ravel()
            which = "the lowest bit" if count == 1 else f"the lowest {count} bits"
            yield which, np.packbits(flat).tobytes()
            if count < _BYTE_BITS:  # of whole bytes this is what one of the others spelt already
                yield which, np.packbits(flat, bitorder="little").tobytes()
