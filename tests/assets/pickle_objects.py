"""Pickles that do harm with the objects that they make, and honest ones that look alike; never loaded."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import pickle
import struct
from typing import Final

from tests.assets.pickle_cases import calling, short
from tests.assets.pickle_tricks import calls, name

_MAGIC: Final = 0x1950A86A20F9469CFC6C
# What torch writes before the pickle of the object itself.
_LEGACY_HEAD: Final = b"".join(
    pickle.dumps(value, 2) for value in (_MAGIC, 1001, {"protocol_version": 1001, "little_endian": True})
)
_LEGACY: Final = _LEGACY_HEAD + pickle.dumps({}, 2) + pickle.dumps([], 2)
_HOSTILE: Final = calling("os", "system", protocol=2) + pickle.dumps([], 2)


def _call(module: str, attribute: str, *args: bytes) -> bytes:
    """Only the instructions of the call."""
    return calls(module, attribute, *args)[2:-1]


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _dict(*items: bytes) -> bytes:
    return b"}(" + b"".join(items) + b"u"


def _raw(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def _byte_array(data: bytes) -> bytes:
    return b"\x96" + struct.pack("<Q", len(data)) + data


def _unpickling(*content: bytes) -> bytes:
    return b"\x80\x05" + name("torch.storage", "_load_from_bytes") + b"".join(content) + b"\x85R."


def changed_bytes() -> dict[str, bytes]:
    """Calls of torch's loader with a byte array that is filled after it was made."""
    items = b"".join(b"K" + bytes([byte]) for byte in _HOSTILE)
    pairs = b"".join(
        _number(len(_LEGACY_HEAD) + at) + b"K" + bytes([byte]) for at, byte in enumerate(_HOSTILE)
    )
    padded = _byte_array(_LEGACY_HEAD + bytes(len(_HOSTILE)))
    return {
        "appended": _unpickling(_byte_array(_LEGACY_HEAD), b"(", items, b"e"),
        "one_by_one": _unpickling(
            _byte_array(_LEGACY_HEAD), b"".join(b"K" + bytes([byte]) + b"a" for byte in _HOSTILE)
        ),
        "overwritten": _unpickling(padded, b"(", pairs, b"u"),
        "as_it_is": _unpickling(_byte_array(_LEGACY)),
        "zip": _unpickling(_raw(b"PK\x03\x04" + bytes(30))),
    }


def cut_off_torch_files() -> dict[str, bytes]:
    """Files of torch inside a pickle that end early."""
    return {
        "head": _unpickling(_raw(_LEGACY_HEAD)),
        "in_an_object": _unpickling(_raw(_LEGACY_HEAD + pickle.dumps({"a": 1}, 2)[:-1])),
        "not_handed_on": b"\x80\x04" + _raw(_LEGACY_HEAD) + b".",
    }
