"""Tells text from bytes that are none, in bounded memory.

>>> import io
>>> is_text(io.BytesIO("Größe".encode()), 7), is_text(io.BytesIO(bytes(7)), 7)
(True, False)
"""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO, Final

_CHUNK_BYTES: Final = 1024**2
# Read whole up to this size; of longer files the first and the last so many bytes.
_WHOLE_BYTES: Final = 64 * 1024**2
_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\n\r\f\x1b")) + b"\x7f"
# Vocabularies of characters and bytes hold some control characters as they are.
_CONTROLS_SHARE_MOST: Final = 0.02
_GRAPH_START: Final = re.compile(
    rb"(\s|#[^\n]*\n)*(node|versions|library|meta_graphs|meta_info_def|graph_def|saved_model_schema_version)\s*[:{]"
)
_JSON_START: Final = re.compile(rb'[ \t\r\n]*([\[{"\d-]|true|false|null|NaN)')


def is_text(stream: BinaryIO, size_bytes: int, *, any_encoding: bool = False) -> bool:
    """Whether a file is text: UTF-8, or what its byte-order mark says.

    Args:
        stream: Open at any place.
        size_bytes: Its size.
        any_encoding: Whether bytes of older encodings are taken for text too: for files whose name claims it.
    """
    stream.seek(0)
    first = stream.read(4)
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if first.startswith(mark)), "")
    if marked.startswith(("utf-16", "utf-32")):
        return _decodes(stream, marked)
    judged = _Judged()
    stream.seek(0)
    _feed(stream, min(size_bytes, _WHOLE_BYTES), judged)
    if size_bytes <= _WHOLE_BYTES:
        judged.end()
    else:
        stream.seek(size_bytes - _CHUNK_BYTES)
        judged.is_cut = True
        _feed(stream, _CHUNK_BYTES, judged)
    return judged.is_text(any_encoding=any_encoding)


def begins_as_json(head: bytes) -> bool:
    """Whether a JSON value may begin like this."""
    return _JSON_START.match(head.removeprefix(codecs.BOM_UTF8)) is not None


def begins_as_graph(head: bytes) -> bool:
    """Whether TensorFlow's text form of a graph or a saved model begins like this."""
    return _GRAPH_START.match(head) is not None


class _Judged:
    """What was seen of a text so far."""

    def __init__(self) -> None:
        self._count = self._controls = 0
        self.has_nul = False
        self.is_cut = False  # a stretch was left out, which may have split a character
        self._is_utf8 = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, chunk: bytes) -> None:
        self._count += len(chunk)
        self.has_nul = self.has_nul or b"\0" in chunk
        self._controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
        if not self.is_cut:
            self._decode(chunk, is_last=False)

    def end(self) -> None:
        self._decode(b"", is_last=True)

    def is_text(self, *, any_encoding: bool) -> bool:
        few = self._controls <= self._count * _CONTROLS_SHARE_MOST + 1
        return not self.has_nul and few and (self._is_utf8 or any_encoding)

    def _decode(self, chunk: bytes, *, is_last: bool) -> None:
        if self._is_utf8:
            try:
                self._decoder.decode(chunk, final=is_last)
            except UnicodeDecodeError:
                self._is_utf8 = False


def _feed(stream: BinaryIO, size_bytes: int, judged: _Judged) -> None:
    left = size_bytes
    while left > 0 and not judged.has_nul and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        left -= len(chunk)
        judged.add(chunk)


def _decodes(stream: BinaryIO, encoding: str) -> bool:
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(stream.read(_CHUNK_BYTES))
    except UnicodeDecodeError:
        return False
    return "\0" not in text
