r"""Recognises code and pickles that are written into the text or the arrays of a model.

>>> marshalled_code("4wEAAAAAAAAAAAAAAAABAAAAQwAAAHMEAAAA")
True
>>> pickled_attack("gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjARlY2hvlIWUUpQu")
'posix.system'
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Final

from scanner.pickles.files import look_into_opened
from scanner.pickles.globals import Tier, classify
from scanner.pickles.reader import is_attack, read_pickles
from scanner.pickles.starts import PICKLE_STARTS

# The first bytes of a marshalled code object: its type, with or without the mark of a reference, and four
# bytes of the count of its arguments, of which three are zero. Source: CPython, Python/marshal.c, TYPE_CODE.
_CODE_TYPES: Final = (0x63, 0xE3)
_HEAD_BYTES: Final = 6
_LONGEST_TEXT: Final = 16 * 1024**2
# Pickles of protocols 0 and 1 do not say so: they call something up, or collect what to call it with.
_OLD_START: Final = re.compile(rb"[(\]})]{0,8}c[A-Za-z_][\w.]*\n|[(\]})]{1,8}[SVXIFLKM]")


def marshalled_code(text: str) -> bool:
    """Whether this text is a Python code object, in base64 or as it is."""
    return is_code(_unwrapped(text[:64], is_beginning=True)) or is_code(
        text[:16].encode("latin-1", "replace")
    )


def is_code(data: bytes) -> bool:
    """Whether these bytes begin as `marshal` writes a code object."""
    return len(data) >= _HEAD_BYTES and data[0] in _CODE_TYPES and data[2:5] == b"\0\0\0"


def pickled_attack(text: str) -> str:
    """What a pickle that this text is, in base64, would call up; "" when it is none or calls nothing bad."""
    if not 12 <= len(text) <= _LONGEST_TEXT:
        return ""
    head = _unwrapped(text[:64], is_beginning=True)
    if not head.startswith(PICKLE_STARTS) and not _OLD_START.match(head):
        return ""
    return attack_in(_unwrapped(text))


def attack_in(data: bytes) -> str:
    """What the pickles that these bytes are would call up; "" when nothing bad."""
    reading = read_pickles(lambda: io.BytesIO(data))
    return next((use.path for use in reading.globals if is_attack(use)), "")


def torch_module_attack(held: object) -> str | None:
    """Why unpickling this PyTorch module (base64) is an attack, a clause; None when it only needs classes."""
    if not isinstance(held, str) or not held:
        return "it holds no module that could be read"
    data = _unwrapped(held[:_LONGEST_TEXT])
    reading = look_into_opened(lambda: io.BytesIO(data), "module.pt", len(data))
    for found in reading.pickles:
        for use in found.reading.globals:
            if classify(use.module, use.name).tier is Tier.ATTACK:
                return f"it calls up {use.path}"
    if reading.unreadable or not reading.pickles or any(found.reading.fault for found in reading.pickles):
        return "it cannot be read, and loaders run it all the same"
    return None


def _unwrapped(text: str, *, is_beginning: bool = False) -> bytes:
    """The bytes of a base64 text, b"" when it is none; of a beginning, as many as are whole."""
    compact = "".join(text.split())
    if is_beginning:
        compact = compact[: len(compact) // 4 * 4]
    try:
        return base64.b64decode(compact.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return b""
