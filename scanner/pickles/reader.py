"""Reads every pickle of a file or archive member in a row, and those hidden in its strings.

>>> import io, pickle
>>> reading = read_pickles(lambda: io.BytesIO(pickle.dumps({"a": 1}) * 2))
>>> reading.streams, reading.globals, reading.fault
(2, (), '')
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from scanner.pickles.globals import Tier, classify, is_plausible
from scanner.pickles.instructions import run
from scanner.pickles.machine import Machine
from scanner.pickles.stream import HIDDEN, BrokenPickleError, ByteStream, GlobalUse, PickleReading

# The first pickle of PyTorch's format before 1.6 is this number; four more follow, then raw numbers.
# Source: torch/serialization.py, MAGIC_NUMBER and _legacy_load.
_TORCH_MAGIC: Final = 0x1950A86A20F9469CFC6C
_TORCH_STREAMS: Final = 5
_JOBLIB_ARRAY: Final = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}\s*)+")
_DEPTH_LIMIT: Final = 3

Opener = Callable[[], BinaryIO]


@dataclass
class _Tally:
    """What has been read of one file so far."""

    globals: dict[tuple[str, str], GlobalUse] = field(default_factory=dict)
    fault: str = ""
    streams: int = 0
    opcodes: int = 0
    trailing_at: int | None = None
    value: int | None = None

    def add(self, uses: Iterator[GlobalUse]) -> None:
        for use in uses:
            self.globals.setdefault((use.module, use.name), use)

    def frozen(self) -> PickleReading:
        uses = tuple(self.globals.values())
        return PickleReading(uses, self.fault, self.streams, self.opcodes, self.trailing_at, self.value)


def read_pickles(opener: Opener, start: int = 0) -> PickleReading:
    """Everything that the pickles from byte `start` on would look up.

    The stream is opened twice when joblib wrote it: joblib steps over its arrays, `pickle` does not, and
    a hostile file may be meant for either.
    """
    tally = _read(opener, start, follows_joblib=True, depth=0)
    if _JOBLIB_ARRAY in tally.globals:
        plain = _read(opener, start, follows_joblib=False, depth=0)
        tally.add(use for use in plain.globals.values() if is_attack(use))
    return tally.frozen()


def is_attack(use: GlobalUse) -> bool:
    """Whether random bytes would not spell this name and no checkpoint needs it."""
    return is_plausible(use.module, use.name) and classify(use.module, use.name).tier is Tier.ATTACK


def _read(opener: Opener, start: int, *, follows_joblib: bool, depth: int) -> _Tally:
    tally = _Tally()
    with closing(opener()) as raw:
        stream = ByteStream(raw)
        try:
            stream.skip(start)
        except BrokenPickleError as error:
            tally.fault = str(error)
            return tally
        while _read_one(stream, tally, follows_joblib=follows_joblib, depth=depth):
            if tally.value == _TORCH_MAGIC and tally.streams == _TORCH_STREAMS:
                break  # what follows are the tensors' raw numbers, which torch.load does not unpickle
    return tally


def _read_one(stream: ByteStream, tally: _Tally, *, follows_joblib: bool, depth: int) -> bool:
    """Reads one more pickle into `tally`; whether another may follow."""
    machine = Machine(stream, follows_joblib=follows_joblib)
    begins_at = stream.position
    try:
        value = run(machine)
    except BrokenPickleError as error:
        if stream.position > begins_at:
            _end_broken(machine, tally, begins_at, str(error))
        elif tally.streams == 0:
            tally.fault = str(error)
        return False
    finally:
        tally.opcodes += machine.opcodes
        if depth < _DEPTH_LIMIT:
            tally.add(_hidden(machine.blobs, depth))
    if tally.streams == 0 and isinstance(value, int):
        tally.value = value
    tally.streams += 1
    tally.add(iter(machine.globals.values()))
    return True


def _end_broken(machine: Machine, tally: _Tally, begins_at: int, fault: str) -> None:
    """Takes what was seen before a loader would stop; after a whole pickle it may be no pickle at all."""
    uses = machine.globals.values()
    if tally.streams == 0 or machine.has_proto:
        tally.fault = fault
        tally.add(
            use for use in uses if HIDDEN in (use.module, use.name) or is_plausible(use.module, use.name)
        )
    else:
        tally.trailing_at = begins_at
        tally.add(use for use in uses if is_attack(use))


def _hidden(blobs: list[tuple[int, bytes]], depth: int) -> Iterator[GlobalUse]:
    """Attacks in constants that are pickles themselves, where something else may unpickle them."""
    for byte, blob in blobs:
        for wrapping, data in _unwrapped(blob):
            inner = _read(lambda data=data: io.BytesIO(data), 0, follows_joblib=True, depth=depth + 1)  # type: ignore[misc]
            for use in inner.globals.values():
                if is_attack(use):
                    yield replace(use, byte=byte, inside=use.inside or wrapping)


def _unwrapped(blob: bytes) -> Iterator[tuple[str, bytes]]:
    yield "a string constant", blob
    compact = b"".join(blob.split())
    if _HEX.fullmatch(blob):
        yield "hexadecimal text", bytes.fromhex(compact.decode("ascii"))
        return
    try:
        yield "base64 text", base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        return
