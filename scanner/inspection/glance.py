"""A quick look at a safetensors header, for what to fetch next and for figures; it judges nothing.

The check `safetensors-malformed` reads the same header strictly, and three times as slowly.

>>> import io
>>> header = b'{"w": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}'
>>> glance(io.BytesIO(len(header).to_bytes(8, "little") + header)).data_end == 8 + len(header) + 4
True
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from scanner.tensorfiles.safetensors_header import HEADER_LIMIT_BYTES


@dataclass(frozen=True)
class Glance:
    """What a header says at a glance.

    Attributes:
        data_end: Byte of the file after its last tensor; 0 when the header is none.
        dtypes: How many tensors are of each type.
    """

    data_end: int
    dtypes: Counter[str]


def glance(stream: BinaryIO) -> Glance:
    """A look at a file from its beginning.

    Raises:
        OSError: when it cannot be read.
        PartlyReadError: when its header was not fetched.
    """
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= HEADER_LIMIT_BYTES:
        return Glance(0, Counter())
    try:
        header = msgspec.json.decode(stream.read(length))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Glance(0, Counter())
    entries = header.values() if isinstance(header, dict) else ()
    tensors = [entry for entry in entries if isinstance(entry, dict) and "dtype" in entry]
    spans = [span for tensor in tensors if isinstance(span := tensor.get("data_offsets"), list)]
    ends = [number for span in spans for number in span if type(number) is int]
    return Glance(8 + length + max(ends, default=0), Counter(str(tensor["dtype"])[:20] for tensor in tensors))
