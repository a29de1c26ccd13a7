r"""Tells without parsing whether a JSON text may be of Keras.

>>> could_be_keras(rb'{"cl\u0061ss_name": "Lambda", "config": {}}'), could_be_keras(b'{"class_name": "A"}')
(True, False)
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

from scanner.keras.json_text import LIMIT_BYTES

# What Keras takes for an object of its own has both, though its signs may be written by number.
_KEYS: Final = tuple(
    re.compile(
        b'"' + b"".join(rb"(?:%c|\\u00%02x)" % (sign, sign) for sign in word) + rb'"\s*:\s*' + value,
        re.IGNORECASE,
    )
    for word, value in ((b"class_name", b'"'), (b"config", rb"[\[{]"))
)
_LONGEST_KEY_BYTES: Final = 64
_CHUNKS_LIMIT: Final = 16


def could_be_keras(data: bytes) -> bool:
    """Whether a JSON text has the keys of an object of Keras, or of a model for TensorFlow.js."""
    return b'"weightsManifest"' in data or all(key.search(data) for key in _KEYS)


def mentions_both(stream: BinaryIO, data: bytes) -> bool:
    """Whether a long text, of which `data` is the beginning, has the keys of an object of Keras."""
    missing = set(_KEYS)
    tail = b""
    for _ in range(_CHUNKS_LIMIT):
        missing -= {key for key in missing if key.search(tail + data)}
        if not missing or not data:
            break
        tail = data[-_LONGEST_KEY_BYTES:]
        data = stream.read(LIMIT_BYTES)
    return not missing
