r"""Pickles in the constants of a pickle, where something else may unpickle them: raw, encoded, compressed.

>>> import base64
>>> [wrapping for wrapping, _ in unwrapped(base64.b64encode(b"\x80\x04N0cos\nsystem\n(S'id'\ntR."))]
['base64 text']
"""

from __future__ import annotations

import base64
import binascii
import bz2
import functools
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from scanner.pickles.globals import Tier, classify

# Where a pickle may begin: its protocol, or in the oldest ones the first name, which only text spells.
START: Final = re.compile(rb"\x80[\x02-\x05][\x00-\xff]{8}|[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n", re.ASCII)
# A pickle that does any harm is longer; in base64, it is longer still.
SHORTEST: Final = 12
_ENCODED_SHORTEST: Final = 24
# What can follow the protocol, with nothing on the stack yet.
_SECOND: Final = frozenset(
    b"(FIJKLMNSTUVXBCGcP])}\x80\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)
# Words of a text look like names; so many of them are tried, and beyond only those known to do harm.
_NAMES: Final = 64
UNPACKED_LIMIT: Final = 1 << 24
# What protocol 2 makes of bytes: text of letters with the same numbers.
_LATIN: Final = b"\xc2\x80"
_TEXT: Final = re.compile(rb"[\x20-\x7e\s]+")
_HEX: Final = re.compile(rb"(?:\\?x?[0-9a-fA-F]{2}\s*)+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_\-\s]+=*\s*")
# Every pickle with a protocol begins so in base64; it may stand behind other text: a key, "data:".
_BASE64_INSIDE: Final = re.compile(rb"gA[I-X](?=[A-Za-z0-9+/_-]{20})")
_BASE64_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]+")
_BASE32: Final = re.compile(rb"[A-Z2-7]+=*")
_ENCODERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    base64.b64encode,
    base64.urlsafe_b64encode,
    base64.b32encode,
    base64.b85encode,
    binascii.hexlify,
    lambda data: binascii.hexlify(data).upper(),
    lambda data: b"".join(b"\\x%02x" % byte for byte in data),
)
_COMPRESSED: Final = (
    (re.compile(rb"\x1f\x8b"), "gzip", lambda: zlib.decompressobj(31)),
    (re.compile(rb"\x78[\x01\x5e\x9c\xda]"), "zlib", zlib.decompressobj),
    (re.compile(rb"BZh"), "bz2", bz2.BZ2Decompressor),
    (re.compile(rb"\xfd7zXZ|\x5d\x00\x00"), "xz", lzma.LZMADecompressor),
)


def may_hide(data: bytes) -> bool:
    """Whether a constant is worth a second look; called for every string of a file."""
    if len(data) < SHORTEST:
        return False
    if START.search(data) is not None or _LATIN in data:
        return True
    if any(magic.match(data) for magic, _, _ in _COMPRESSED) or _BASE64_INSIDE.search(data) is not None:
        return True
    return len(data) >= _ENCODED_SHORTEST and data.lstrip()[:2] in _encoded_starts()


@functools.cache
def _encoded_starts() -> frozenset[bytes]:
    """The first two letters of a pickle, or of what is compressed, when it is encoded once or twice.

    So few strings begin like that that the others need not be decoded.
    """
    once = {encode(start) for start in _starts() for encode in _ENCODERS}
    twice = {encode(text) for text in once for encode in _ENCODERS}
    return frozenset(text[:2] for text in once | twice)


def _starts() -> Iterator[bytes]:
    """How pickles, and what is compressed, begin, each with several continuations."""
    letters = bytes(range(65, 123))
    for fill in (b"\x00", b"p", b"\xff"):
        for protocol in range(2, 6):
            yield from (bytes((0x80, protocol, code)) + fill * 5 for code in b"\x95\x8cc(}]KXUBCMJNG)")
        yield from (bytes((code, letter)) + fill * 6 for code in b"ci" for letter in letters)
        yield from (bytes((code, after)) + fill * 6 for code in b"(]}" for after in b"(dlcSVioXUKqp)\x8c\x94")
        yield from (start + fill * 6 for start in (b"\x1f\x8b\x08", b"BZh9", b"\xfd7zX", b"]\x00\x00"))
        yield from (bytes((0x78, level)) + fill * 6 for level in (0x01, 0x5E, 0x9C, 0xDA))


def places(data: bytes) -> Iterator[int]:
    """Where in a constant pickles may begin: at its beginning, and wherever one looks like it."""
    yield 0
    names = 0
    for found in START.finditer(data, 1):
        names += found[0][0] != 0x80
        if is_likely(found[0]) or (found[0][0] != 0x80 and names <= _NAMES):
            yield found.start()


def is_likely(text: bytes) -> bool:
    """Whether what begins with this, as `START` finds it, is hardly anything but a pickle, or does harm."""
    if text[0] == 0x80:
        return text[2] in _SECOND
    module, name, _ = text[1:].decode("ascii").split("\n")
    verdict = classify(module, name)
    return verdict.tier is Tier.ATTACK and verdict.is_listed


def unwrapped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What a constant is when it is decoded or decompressed: how it was wrapped, and the content."""
    for magic, kind, decompressor in _COMPRESSED:
        if magic.match(data) and (content := _unpacked(decompressor(), data)):
            yield f"{kind}-compressed bytes", content
    if _LATIN in data and START.search(content := from_latin(data)):
        yield "text that stands for bytes", content
    yield from _decoded(data)


def from_latin(data: bytes) -> bytes:
    """The bytes that the letters of this text stand for; nothing where one stands for none."""
    try:
        return data.decode("utf-8", "ignore").encode("latin-1")
    except UnicodeEncodeError:
        return b""


def _unpacked(decompressor: object, data: bytes) -> bytes:
    try:
        content: bytes = decompressor.decompress(data, UNPACKED_LIMIT)  # type: ignore[attr-defined]
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        return b""
    return content


def _decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    for pattern, kind, decode in _ENCODINGS:
        if pattern.fullmatch(data) is None:
            continue
        try:
            content = decode(data)
        except (binascii.Error, ValueError):
            continue
        if _is_promising(content):
            yield f"{kind} text", content
    yield from (("base64 text", content) for content in _base64_inside(data))


def _base64_inside(data: bytes) -> Iterator[bytes]:
    """What each stretch of base64 in a text is, from every place on where a pickle may begin in it."""
    end = 0
    shifts: set[int] = set()
    for found in _BASE64_INSIDE.finditer(data, 1):
        begin = found.start()
        if begin >= end:
            run = _BASE64_RUN.match(data, begin)
            end, shifts = run.end() if run else begin, set()
        if begin % 4 not in shifts:  # with another beginning every letter means something else
            shifts.add(begin % 4)
            yield _from_base64(data[begin:end])


def _is_promising(content: bytes) -> bool:
    """Whether this may begin a pickle, or something that is wrapped once more."""
    if START.search(content) or content[:1] in (b"(", b"]", b"}", b"\x80"):
        return True
    return any(magic.match(content) for magic, _, _ in _COMPRESSED) or _TEXT.fullmatch(content) is not None


def _from_hex(data: bytes) -> bytes:
    return bytes.fromhex(re.sub(rb"\\x|\s", b"", data).decode("ascii"))


def _from_base64(data: bytes) -> bytes:
    compact = b"".join(data.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    compact = compact[: len(compact) // 4 * 4] if len(compact) % 4 == 1 else compact
    return base64.b64decode(compact + b"=" * (-len(compact) % 4))


def _from_base32(data: bytes) -> bytes:
    compact = data.rstrip(b"=")
    return base64.b32decode(compact + b"=" * (-len(compact) % 8))


_ENCODINGS: Final[tuple[tuple[re.Pattern[bytes], str, Callable[[bytes], bytes]], ...]] = (
    (_HEX, "hexadecimal", _from_hex),
    (_BASE64, "base64", _from_base64),
    (_BASE32, "base32", _from_base32),
    (_TEXT, "base85", base64.b85decode),
)
