"""Kinds of files whose mark is short, or is none: told by a structure that holds together.

Source: the specification of each format; the magic numbers as in file 5.46, magic/Magdir.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import Final, Literal

from scanner.file_kinds.arrow import is_arrow_stream
from scanner.file_kinds.look import Look
from scanner.file_kinds.numbers import is_numbers

_SAFETENSORS_HEADER_MOST: Final = 100_000_000


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


# Source: mach/machine.h: VAX to POWER, and with the bits for 64-bit addresses.
_MACHINES: Final = frozenset(kind | bits for kind in range(1, 20) for bits in (0, 1 << 24, 1 << 25))


def _is_macos_program(look: Look) -> bool:
    magic, head = look.head[:4], look.head
    if magic in (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"):
        order: str = "<" if magic.endswith(b"\xfe") else ">"
        return len(head) >= 8 and struct.unpack_from(f"{order}I", head, 4)[0] in _MACHINES
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


def _is_marshalled_code(look: Look) -> bool:
    """A code object: its mark, three small counts, and a line of code objects' usual flags."""
    head = look.head
    if len(head) < 25 or head[0] & 0x7F != 0x63:
        return False
    counts = struct.unpack_from("<5I", head, 1)
    return all(count < 256 for count in counts[:4]) and counts[4] < 2**26 and head[21] & 0x7F in b"sz"


def _is_tfrecord(look: Look) -> bool:
    """A length with its masked checksum. Source: tensorflow/core/lib/io/record_writer.h."""
    length = int.from_bytes(look.head[:8], "little")
    if len(look.head) < 16 or length + 16 > look.size_bytes:
        return False
    crc = _crc32c(look.head[:8])
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return int.from_bytes(look.head[8:12], "little") == masked


def _crc32c(data: bytes) -> int:
    """Castagnoli's, which zlib lacks; for the eight bytes of a length."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


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
        head[:4] in (b"\0\0\1\0", b"\0\0\2\0")
        and 0 < int.from_bytes(head[4:6], "little") < 64
        and head[9:10] == b"\0"
    )


def _is_riff(form: bytes) -> Callable[[Look], bool]:
    # RIFX has big-endian numbers, RF64 sizes above 4 GiB.
    return lambda look: look.head[:4] in (b"RIFF", b"RIFX", b"RF64") and look.head[8:12] == form


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


def _is_zlib(look: Look) -> bool:
    """A valid head, and bytes that unpack."""
    head = look.head
    if len(head) < 6 or head[0] != 0x78 or int.from_bytes(head[:2], "big") % 31:
        return False
    try:
        return len(zlib.decompressobj().decompress(head, 64)) > 0
    except zlib.error:
        return False


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


def _is_matlab(look: Look) -> bool:
    """Version 5, the mark of its byte order, and a first element of the two sorts that stand outermost.

    Source: MAT-File Format (R2024b), "Level 5 MAT-File Format".
    """
    head = look.head
    if not head.startswith(b"MATLAB 5.0 MAT-file") or head[124:128] not in (b"\0\1IM", b"\1\0MI"):
        return False
    order: Literal["little", "big"] = "little" if head[126:128] == b"IM" else "big"
    return look.size_bytes == 128 or int.from_bytes(head[128:132], order) in (14, 15)


def _is_netcdf(look: Look) -> bool:
    """Its mark, a version, and the list of dimensions. Source: NetCDF Classic Format Specification."""
    return re.match(rb"CDF[\1\2]....(\0\0\0\n|\0{8})", look.head, re.DOTALL) is not None


def _is_fasttext(look: Look) -> bool:
    """Its mark, a version, and a dimension. Source: fastText 0.9.2, src/fasttext.cc and args.cc."""
    if len(look.head) < 60 or not look.head.startswith(b"\xba\x16\x4f\x2f"):
        return False
    version, dimension = struct.unpack_from("<ii", look.head, 4)
    return version in (11, 12) and 0 < dimension < 2**16


def _is_word_vectors(look: Look) -> bool:
    """How many words of how many numbers, then the first word and its numbers.

    Source: word2vec.c as of 2013, whose format gensim and fastText write too.
    """
    found = re.match(rb"[1-9]\d{0,8} ([1-9]\d{0,3})\n[^\x00- ]{1,200} ", look.head)
    return found is not None and is_numbers(look.head[found.end() :][: 4 * int(found[1])])


# A list or none, a table, and as the first key a word of four letters or more, as spaCy writes them.
# A table's first byte may be an instruction of pickles too; what follows it then is found by who reads those.
_MESSAGEPACK: Final = re.compile(
    rb"([\x91-\x9f]|\xdc..)?([\x81-\x8f]|\xde..)(?P<length>[\xa4-\xbf])(?P<word>[a-z_]+)", re.DOTALL
)


def is_messagepack(head: bytes) -> bool:
    """Whether these first bytes are a table whose first key is a word, as no other format begins.

    Source: MessagePack specification (2013); srsly 2.5, thinc 8.3, `Model.to_bytes`.
    """
    found = _MESSAGEPACK.match(head)
    return found is not None and len(found["word"]) >= found["length"][0] - 0xA0


def _is_hdf5_behind_user_block(look: Look) -> bool:
    return any(look.head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (512, 1024, 2048))


# In the order in which they are tried.
STRUCTURES: Final[tuple[tuple[str, Callable[[Look], bool]], ...]] = (
    ("ELF program or library", _is_elf),
    ("Windows program or library", _is_windows_program),
    ("Java class", _is_java_class),
    ("macOS program or library", _is_macos_program),
    ("compiled Python", _is_compiled_python),
    ("marshalled Python code", _is_marshalled_code),
    ("script", _is_shebang),
    ("safetensors", _is_safetensors),
    ("GGUF", _is_gguf),
    ("gzip", _is_gzip),
    ("bzip2", _is_bzip2),
    ("zlib", _is_zlib),
    ("pickle", _is_pickle),
    ("old ggml weights", _is_old_ggml),
    ("Parquet table", _is_parquet),
    ("Arrow table", is_arrow_stream),
    ("TFRecord log", _is_tfrecord),
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
    ("MATLAB data", _is_matlab),
    ("NetCDF data", _is_netcdf),
    ("fastText model", _is_fasttext),
    ("word vectors", _is_word_vectors),
    ("MessagePack", lambda look: is_messagepack(look.head)),
)
