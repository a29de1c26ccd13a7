r"""Recognises a file by its bytes, strictly: random numbers must not look like anything.

Every recogniser asks for at least four fixed bytes, or for fewer and a structure that holds together. Own
code and not a library: libraries of magic numbers go by two bytes where that is the custom ("MZ", "BM"),
which one weight file in some thousand begins with, and know none of the formats that models come in.

>>> from scanner.file_kinds.look import Look
>>> recognised(Look(b"\x7fELF\x02\x01\x01" + bytes(57), b"", 64))
'ELF program or library'
>>> recognised(Look(b"MZ and so on", b"", 12)) is None
True

Source: the specification of each format; the magic numbers as in file 5.46, magic/Magdir.
"""

from __future__ import annotations

from typing import Final

from scanner.file_kinds.look import Look
from scanner.file_kinds.structures import STRUCTURES


def recognised(look: Look) -> str | None:
    """The name of the kind that these bytes are of, None when they show none."""
    for magic, name, at in _MAGICS:
        if look.head.startswith(magic, at):
            return name
    return next((name for name, holds in STRUCTURES if holds(look)), None)


_MAGICS: Final[tuple[tuple[bytes, str, int], ...]] = tuple(
    sorted(
        (
            (b"PK\x03\x04", "zip archive", 0),
            (b"PK\x05\x06\0\0\0\0", "zip archive", 0),
            (b"PK\x07\x08PK\x03\x04", "zip archive", 0),
            (b"7z\xbc\xaf\x27\x1c", "7z archive", 0),
            (b"Rar!\x1a\x07", "RAR archive", 0),
            (b"\xfd7zXZ\0", "xz", 0),
            (b"\x28\xb5\x2f\xfd", "Zstandard", 0),
            (b"\x04\x22\x4d\x18", "LZ4", 0),
            (b"ustar\x0000", "tar archive", 257),
            (b"ustar  \0", "tar archive", 257),
            (b"\x89HDF\r\n\x1a\n", "HDF5", 0),
            (b"\x93NUMPY", "numpy array", 0),
            (b"TFL3", "TFLite", 4),
            (b"ORTM", "ONNX Runtime model", 4),
            (b"ET12", "ExecuTorch program", 4),
            (b"\x89PNG\r\n\x1a\n", "PNG image", 0),
            (b"GIF87a", "GIF image", 0),
            (b"GIF89a", "GIF image", 0),
            (b"II*\0", "TIFF image", 0),
            (b"MM\0*", "TIFF image", 0),
            (b"fLaC", "FLAC sound", 0),
            (b"OggS\0", "Ogg sound", 0),
            (b"\x1aE\xdf\xa3", "Matroska film", 0),
            (b"%PDF-", "PDF document", 0),
            (b"wOFF", "font", 0),
            (b"wOF2", "font", 0),
            (b"OTTO\0", "font", 0),
            (b"ttcf\0", "font", 0),
            (b"ARROW1\0\0", "Arrow table", 0),
            (b"Obj\x01", "Avro table", 0),
            (b"SQLite format 3\0", "SQLite database", 0),
            (b"\0\0\0\1Bud1", "folder view of macOS", 0),
            (b"glTF\x02\0\0\0", "glTF model", 0),
            (b"\x1bLua", "Lua bytecode", 0),
            (b"\xac\xed\0\x05", "Java serialised objects", 0),
            (b"\0\x01\0\0\0\xff\xff\xff\xff\x01", ".NET serialised objects", 0),
            (b"X\n\0\0\0", "R data", 0),
            (b"RDX3\n", "R data", 0),
            (b"RDX2\n", "R data", 0),
            (b"\0asm\x01\0\0\0", "WebAssembly program", 0),
            (b"BC\xc0\xde", "LLVM bitcode", 0),
            (b"dex\n03", "Android program", 0),
            (b"!<arch>\n", "static library", 0),
            (b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0", "Windows shortcut", 0),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "compound document", 0),
        ),
        key=lambda row: -len(row[0]),
    )
)
