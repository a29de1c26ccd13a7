r"""Pickles that do not begin where their file begins: behind some other header, or at the very end.

Nothing that loads files by their name reads them, but code that comes with a model can. Only what a pickle
known to do harm is told, so that raw numbers, which spell anything sometimes, are not.

>>> import io
>>> payload = b"HEAD" + b"\x80\x04cos\nsystem\n\x8c\x04echo\x85R."
>>> [use.path for reading in embedded_pickles(lambda: io.BytesIO(payload), 0) for use in reading.globals]
['os.system']
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import BinaryIO, Final

from scanner.parts import PartlyReadError
from scanner.pickles.reader import is_plain_attack, read_pickles
from scanner.pickles.stream import UNPACKING_ERRORS, PickleReading

# So much of the beginning and of the end is looked through.
_WINDOW: Final = 1 << 16
# How a pickle of protocol 2 and up begins: few instructions stand behind the first.
START: Final = re.compile(rb"\x80[\x02-\x05][\x8c\x93\x95c(}\]KXUBCMJN\x8e\x96\x80]")
# Instructions that are read of each window, and what one place takes besides them.
_OPCODES: Final = 2_000_000
_PLACE_OPCODES: Final = 100


def embedded_pickles(opener: Callable[[], BinaryIO], size_bytes: int) -> Iterator[PickleReading]:
    """Every pickle near the beginning, and near the end of a file of this size, that would do harm.

    Of a file that looks like more pickles than are read, one without names whose fault says so.

    Args:
        opener: Opens the file at its beginning.
        size_bytes: Its length; 0 when it cannot be read from its end.
    """
    with closing(opener()) as raw:
        windows = [(0, _take(raw, 0))]
        if size_bytes > _WINDOW:
            begin = max(size_bytes - _WINDOW, _WINDOW)
            windows.append((begin, _take(raw, begin)))
    for begin, data in windows:
        left = _OPCODES
        for found in START.finditer(data):
            place = found.start()
            reading = read_pickles(lambda data=data: io.BytesIO(data), place)  # type: ignore[misc]
            uses = tuple(
                replace(use, byte=begin + use.byte) for use in reading.globals if is_plain_attack(use)
            )
            left -= reading.opcodes + _PLACE_OPCODES
            if uses:
                yield replace(reading, globals=uses, fault="")
                break
            if left < 0:
                yield PickleReading((), "holds more that looks like pickles than is read")
                break


def _take(raw: BinaryIO, begin: int) -> bytes:
    try:
        if begin:
            raw.seek(begin)
        read = getattr(raw, "read1", raw.read)  # one piece: what was not fetched is not asked for
        return bytes(read(_WINDOW))
    except (PartlyReadError, *UNPACKING_ERRORS):
        return b""
