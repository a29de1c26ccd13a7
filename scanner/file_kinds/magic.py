r"""Recognises a file by its bytes, strictly: random numbers must not look like anything.

Every recogniser asks for at least four fixed bytes, or for fewer and a structure that holds together. Own
code and not a library: libraries of magic numbers go by two bytes where that is the custom ("MZ", "BM"),
which one weight file in some thousand begins with, and know none of the formats that models come in.

>>> recognised(Look(b"\x7fELF\x02\x01\x01" + bytes(57), b"", 64))
'ELF program or library'
>>> recognised(Look(b"MZ and so on", b"", 12)) is None
True

Source: the specification of each format; the magic numbers as in file 5.46, magic/Magdir.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

HEAD_BYTES: Final = 4096
# A zip archive ends in 22 bytes and a comment of at most 65 535.
TAIL_BYTES: Final = 22 + 65_535
_SAFETENSORS_HEADER_MOST: Final = 100_000_000


@dataclass(frozen=True)
class Look:
    """The ends of a file.

    Attributes:
        head: Its first bytes, `HEAD_BYTES` of them if there are so many.
        tail: Its last bytes, `TAIL_BYTES` of them if there are so many.
        size_bytes: Of the whole file.
    """

    head: bytes
    tail: bytes
    size_bytes: int


def look_at(stream: BinaryIO, size_bytes: int) -> Look:
    """The ends of an open file of this size.

    Raises:
        PartlyReadError: when they were not fetched.
        OSError: when they cannot be read.
    """
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if size_bytes <= HEAD_BYTES:
        return Look(head, head, size_bytes)
    stream.seek(max(0, size_bytes - TAIL_BYTES))
    return Look(head, stream.read(TAIL_BYTES), size_bytes)


def recognised(look: Look) -> str | None:
    """The name of the kind that these bytes are of, None when they show none."""
    for magic, name, at in _MAGICS:
        if look.head.startswith(magic, at):
            return name
    return next((name for name, holds in _STRUCTURES if holds(look)), None)


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
            (b"glTF\x02\0\0\0", "glTF model", 0),
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


def _is_elf(look: Look) -> bool:
    head = look.head
    return head.startswith(b"\x7fELF") and len(head) > 6 and head[4] in (1, 2) and head[5] in (1, 2)


def _is_windows_program(look: Look) -> bool:
    """MZ, and the new header where the old one says, or the old header that every linker writes."""
    head = look.head
    if not head.startswith((b"MZ", b"ZM")):
        return False
    if head[2:6] in (b"\x90\0\x03\0", b"\x50\0\x02\0", b"qFpD"):
        return True
    at = int.from_bytes(head[60:64], "little")
    return head[at : at + 4] == b"PE\0\0" or head[at : at + 2] in (b"NE", b"LE", b"LX")


def _is_macos_program(look: Look) -> bool:
    magic, head = look.head[:4], look.head
    if magic in (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"):
        order: str = "<" if magic.endswith(b"\xfe") else ">"
        return len(head) >= 16 and 1 <= struct.unpack_from(f"{order}I", head, 12)[0] <= 12
    if magic in (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"):  # Java's magic too: a class has a version there
        return 1 <= int.from_bytes(head[4:8], "big") < 30
    return False


def _is_java_class(look: Look) -> bool:
    return look.head.startswith(b"\xca\xfe\xba\xbe") and 45 <= int.from_bytes(look.head[6:8], "big") < 100


def _is_compiled_python(look: Look) -> bool:
    """Source: CPython, Include/internal/pycore_magic_number.h; PEP 552 for the flags."""
    head = look.head
    if head[2:4] != b"\r\n" or len(head) < 17 or head[16] & 0x7F not in (ord("c"), ord("\xe3") & 0x7F):
        return False
    return 3000 <= int.from_bytes(head[:2], "little") < 4000 and int.from_bytes(head[4:8], "little") < 4


def _is_shebang(look: Look) -> bool:
    return re.match(rb"(\xef\xbb\xbf)?#![ \t]*/[\w/.+-]+", look.head) is not None


def _is_jpeg(look: Look) -> bool:
    return re.match(rb"\xff\xd8\xff[\xc0-\xfe]", look.head) is not None


def _is_truetype(look: Look) -> bool:
    """The number of tables, and the power of two below it that the next field repeats."""
    head, tables = look.head, int.from_bytes(look.head[4:6], "big")
    if not head.startswith(b"\0\x01\0\0") or not 3 < tables < 64:
        return False
    return int.from_bytes(head[6:8], "big") == 16 << (tables.bit_length() - 1)


def _is_bmp(look: Look) -> bool:
    return look.head.startswith(b"BM") and int.from_bytes(look.head[2:6], "little") == look.size_bytes


def _is_icon(look: Look) -> bool:
    head = look.head
    return (
        head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and 0 < head[4] < 64 and head[5] == 0 and head[9:10] == b"\0"
    )


def _is_riff(form: bytes) -> Callable[[Look], bool]:
    return lambda look: look.head.startswith(b"RIFF") and look.head[8:12] == form


def _is_iso_media(*brands: bytes) -> Callable[[Look], bool]:
    return lambda look: look.head[4:8] == b"ftyp" and (not brands or look.head[8:12] in brands)


def _is_mp3(look: Look) -> bool:
    return look.head.startswith(b"ID3") and look.head[3:4] in (b"\2", b"\3", b"\4")


def _is_parquet(look: Look) -> bool:
    return look.head.startswith(b"PAR1") and look.tail.endswith((b"PAR1", b"PARE"))


def _is_tensorflow_index(look: Look) -> bool:
    """A table of LevelDB. Source: leveldb, table/format.h, kTableMagicNumber."""
    return look.size_bytes >= 48 and look.tail.endswith(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb")


def _is_gzip(look: Look) -> bool:
    return look.head.startswith(b"\x1f\x8b\x08") and len(look.head) > 3 and look.head[3] < 32


def _is_bzip2(look: Look) -> bool:
    return re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", look.head) is not None


def _is_gguf(look: Look) -> bool:
    return look.head.startswith(b"GGUF") and int.from_bytes(look.head[4:8], "little") < 2**16


def _is_old_ggml(look: Look) -> bool:
    return look.head[:4] in (b"lmgg", b"tjgg", b"fmgg", b"algg", b"ggml", b"ggjt")


def _is_safetensors(look: Look) -> bool:
    length = int.from_bytes(look.head[:8], "little")
    is_possible = 2 <= length <= min(_SAFETENSORS_HEADER_MOST, look.size_bytes - 8)
    return is_possible and re.match(rb'\{[ \t\r\n]*["}]', look.head[8:]) is not None


def _is_pickle(look: Look) -> bool:
    """Protocol 2 to 5 by its mark and what may follow; older ones are text, and left to who reads them."""
    head = look.head
    if len(head) < 4 or head[0] != 0x80:
        return False
    if head[1] in (4, 5) and head[2] == 0x95:
        return int.from_bytes(head[3:11], "little") <= look.size_bytes
    is_first = head[2] in b"}])(cNKJMGX\x8aUT\x8c\x88\x89\x8f\x85\x86\x87"
    return head[1] in (2, 3, 4, 5) and is_first and (look.tail.endswith(b".") or _is_torch_legacy(head))


def _is_torch_legacy(head: bytes) -> bool:
    """The magic number of torch.serialization, pickled."""
    return head[2:].startswith(b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")


def _is_sentencepiece(look: Look) -> bool:
    """Three pieces in a row, each a text, a number and perhaps a type. Source: sentencepiece_model.proto."""
    at = 0
    for _ in range(3):
        entry = look.head[at : at + 2]
        if len(entry) < 2 or entry[0] != 0x0A or entry[1] > 0x7F:
            return False
        piece = look.head[at + 2 : at + 2 + entry[1]]
        rest = piece[2 + piece[1] :] if len(piece) > 7 and piece[0] == 0x0A else b""
        if len(rest) not in (5, 7) or rest[0] != 0x15:
            return False
        at += 2 + entry[1]
    return True


def _is_hdf5_behind_user_block(look: Look) -> bool:
    return any(look.head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (512, 1024, 2048))


_STRUCTURES: Final[tuple[tuple[str, Callable[[Look], bool]], ...]] = (
    ("ELF program or library", _is_elf),
    ("Windows program or library", _is_windows_program),
    ("Java class", _is_java_class),
    ("macOS program or library", _is_macos_program),
    ("compiled Python", _is_compiled_python),
    ("script", _is_shebang),
    ("safetensors", _is_safetensors),
    ("GGUF", _is_gguf),
    ("gzip", _is_gzip),
    ("bzip2", _is_bzip2),
    ("pickle", _is_pickle),
    ("old ggml weights", _is_old_ggml),
    ("Parquet table", _is_parquet),
    ("JPEG image", _is_jpeg),
    ("font", _is_truetype),
    ("WebP image", _is_riff(b"WEBP")),
    ("WAV sound", _is_riff(b"WAVE")),
    ("AVI film", _is_riff(b"AVI ")),
    ("AVIF or HEIF image", _is_iso_media(b"avif", b"heic", b"heix", b"mif1", b"msf1")),
    ("MPEG-4 film", _is_iso_media()),
    ("MP3 sound", _is_mp3),
    ("BMP image", _is_bmp),
    ("icon", _is_icon),
    ("TensorFlow index of variables", _is_tensorflow_index),
    ("HDF5", _is_hdf5_behind_user_block),
    ("SentencePiece model", _is_sentencepiece),
)
