r"""What text constants in Python source come to, however they are glued, turned round or packed.

>>> import ast
>>> folded(ast.parse("'sys' + 'tem'", mode="eval").body)
'system'
>>> folded(ast.parse("bytes.fromhex('6f73').decode()", mode="eval").body)
'os'
"""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_LIMIT: Final = 100_000
_DEPTH: Final = 200
_SIMPLE: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower, "upper": str.upper, "strip": str.strip, "title": str.title, "swapcase": str.swapcase,
    "casefold": str.casefold, "capitalize": str.capitalize, "lstrip": str.lstrip, "rstrip": str.rstrip,
}  # fmt: skip
# Decoders that only turn text into other text: they run nothing.
_DECODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "b64decode": base64.b64decode, "urlsafe_b64decode": base64.urlsafe_b64decode,
    "standard_b64decode": base64.standard_b64decode, "decodebytes": base64.decodebytes,
    "b32decode": base64.b32decode, "b16decode": base64.b16decode, "b85decode": base64.b85decode,
    "a85decode": base64.a85decode, "unhexlify": binascii.unhexlify, "a2b_hex": binascii.a2b_hex,
    "a2b_base64": binascii.a2b_base64, "fromhex": lambda data: bytes.fromhex(data.decode("ascii")),
}  # fmt: skip


@dataclass
class Constants:
    """Names that hold one value, and the text that each was found to hold: names may stand for many others.

    Attributes:
        values: The expression that each name is given.
        texts: What was worked out; None for a name that holds no text, or stands for itself.
    """

    values: Mapping[str, ast.expr]
    texts: dict[str, str | None] = field(default_factory=dict)

    def text(self, name: str, depth: int) -> str | None:
        """The text that a name stands for, worked out once."""
        if name in self.values and name not in self.texts:
            self.texts[name] = None
            self.texts[name] = _fold(self.values[name], self, depth + 1)
        return self.texts.get(name)


def folded(node: ast.expr, constants: Constants | None = None) -> str | None:
    """The text that constants make together ('sys' + 'tem', chr(101), ''.join([...]), 'metsys'[::-1])."""
    text = _fold(node, Constants({}) if constants is None else constants, 0)
    return text if text is not None and len(text) <= _LIMIT else None


def _fold(node: ast.expr, known: Constants, depth: int) -> str | None:
    if depth > _DEPTH:
        return None
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bytes):
            return node.value.decode("latin-1")
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.text(node.id, depth)
    if isinstance(node, ast.BinOp):
        return _operation(node, known, depth)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        return _glued(parts, known, depth)
    if isinstance(node, ast.Subscript):
        return _subscript(node, known, depth)
    return _call(node, known, depth) if isinstance(node, ast.Call) else None


def _operation(node: ast.BinOp, known: Constants, depth: int) -> str | None:
    if isinstance(node.op, ast.Add):
        return _glued([node.left, node.right], known, depth)
    if isinstance(node.op, ast.Mod):
        pattern = _fold(node.left, known, depth + 1)
        given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        texts = [_fold(each, known, depth + 1) for each in given]
        if (
            pattern is None
            or any(text is None for text in texts)
            or pattern.count("%") != pattern.count("%s")
        ):
            return None
        return pattern % tuple(texts) if pattern.count("%s") == len(texts) else None
    if (
        isinstance(node.op, ast.Mult)
        and isinstance(node.right, ast.Constant)
        and isinstance(node.right.value, int)
    ):
        text = _fold(node.left, known, depth + 1)
        return text * node.right.value if text is not None and 0 <= node.right.value <= 100 else None
    return None


def _subscript(node: ast.Subscript, known: Constants, depth: int) -> str | None:
    if isinstance(node.value, ast.List | ast.Tuple) and isinstance(node.slice, ast.Constant):
        index = node.slice.value
        if not isinstance(index, int) or not -len(node.value.elts) <= index < len(node.value.elts):
            return None
        return _fold(node.value.elts[index], known, depth + 1)
    text = _fold(node.value, known, depth + 1)
    if text is None:
        return None
    if isinstance(node.slice, ast.Slice):
        ends = [_number(each) for each in (node.slice.lower, node.slice.upper, node.slice.step)]
        return None if ends[2] == 0 else text[ends[0] : ends[1] : ends[2]]
    index = _number(node.slice)
    return text[index] if index is not None and -len(text) <= index < len(text) else None


def _number(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _call(node: ast.Call, known: Constants, depth: int) -> str | None:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name == "chr" and len(node.args) == 1:
        code = _number(node.args[0])
        return chr(code) if code is not None and 0 <= code < 0x110000 else None
    if name in ("bytes", "bytearray", "str") and isinstance(node.func, ast.Name) and node.args:
        return _codes(node.args[0]) or _fold(node.args[0], known, depth + 1)
    if name in _DECODERS and node.args:
        return _decoded(name, _fold(node.args[0], known, depth + 1))
    if name == "decompress" and node.args:
        return _inflated(_fold(node.args[0], known, depth + 1))
    if not isinstance(node.func, ast.Attribute) or len(node.args) > 2:
        return None
    return _method(node, node.func, known, depth)


def _method(node: ast.Call, func: ast.Attribute, known: Constants, depth: int) -> str | None:
    if func.attr == "decode" and len(node.args) == 2:  # codecs.decode('flfgrz', 'rot13')
        return _coded(_fold(node.args[0], known, depth + 1), _fold(node.args[1], known, depth + 1))
    text = _fold(func.value, known, depth + 1)
    if text is None:
        return None
    if func.attr == "join" and node.args:
        return _joined(node.args[0], text, known, depth)
    if func.attr == "replace" and len(node.args) == 2:
        old, new = (_fold(each, known, depth + 1) for each in node.args)
        fits = old and new is not None and len(new) * len(text) <= _LIMIT
        return text.replace(old or "", new or "") if fits else None
    if func.attr == "format" and node.args and not node.keywords:
        texts = [_fold(each, known, depth + 1) for each in node.args]
        whole = [each for each in texts if each is not None]
        return text.replace("{}", "\0").replace("\0", "%s") % tuple(whole) if _fits(text, texts) else None
    if func.attr in ("decode", "encode"):
        return text
    change = _SIMPLE.get(func.attr)
    return None if change is None else change(text)


def _fits(pattern: str, texts: list[str | None]) -> bool:
    """Whether a format is nothing but plain fields, one for each text."""
    plain = pattern.count("{}") == len(texts) == pattern.count("{") == pattern.count("}")
    return plain and "%" not in pattern and all(text is not None for text in texts)


def _joined(node: ast.expr, glue: str, known: Constants, depth: int) -> str | None:
    if isinstance(node, ast.List | ast.Tuple):
        return _glued(node.elts, known, depth, glue)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "map" and len(node.args) == 2:
        return _codes(node.args[1])  # ''.join(map(chr, [111, 115]))
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reversed" and node.args:
        text = _fold(node.args[0], known, depth + 1)
        return None if text is None else glue.join(text[::-1])
    if (
        isinstance(node, ast.ListComp | ast.GeneratorExp)
        and getattr(getattr(node.elt, "func", None), "id", "") == "chr"
    ):
        is_plain = isinstance(node.elt, ast.Call) and isinstance(node.elt.args[0], ast.Name)
        return _codes(node.generators[0].iter) if is_plain else None
    text = _fold(node, known, depth + 1)
    return None if text is None else glue.join(text)


def _codes(node: ast.expr) -> str | None:
    """[111, 115] as text."""
    if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) > _LIMIT:
        return None
    codes = [_number(each) for each in node.elts]
    known = [code for code in codes if code is not None and 0 <= code < 0x110000]
    return "".join(map(chr, known)) if known and len(known) == len(codes) else None


def _decoded(name: str, text: str | None) -> str | None:
    if text is None or len(text) > _LIMIT:
        return None
    try:
        return _DECODERS[name](text.encode("latin-1")).decode("latin-1")
    except (ValueError, binascii.Error):
        return None


def _inflated(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return zlib.decompressobj().decompress(text.encode("latin-1"), _LIMIT).decode("latin-1")
    except (zlib.error, ValueError):
        return None


def _coded(text: str | None, codec: str | None) -> str | None:
    """rot13 and the like: codecs of the standard library that turn text into text."""
    if text is None or codec is None:
        return None
    if codec.lower().replace("-", "_") in ("rot13", "rot_13"):
        return codecs.decode(text, "rot13")
    return _decoded({"hex": "unhexlify", "base64": "b64decode"}.get(codec.lower(), "b64decode"), text)


def _glued(parts: Iterable[ast.expr], known: Constants, depth: int, glue: str = "") -> str | None:
    texts = [_fold(part, known, depth + 1) for part in parts]
    whole = [text for text in texts if text is not None]
    return glue.join(whole) if len(whole) == len(texts) and sum(map(len, whole)) <= _LIMIT else None
