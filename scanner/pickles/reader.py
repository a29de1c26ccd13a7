"""Reads every pickle of a file or archive member in a row, and those hidden in its strings.

>>> import io, pickle
>>> reading = read_pickles(lambda: io.BytesIO(pickle.dumps({"a": 1}) * 2))
>>> reading.streams, reading.globals, reading.fault
(2, (), '')
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO, Final, cast

from scanner.pickles.globals import Tier, is_plausible
from scanner.pickles.hidden import START, UNPACKED_LIMIT, from_latin, is_likely, may_hide, places, unwrapped
from scanner.pickles.instructions import run
from scanner.pickles.joblib_arrays import WRAPPER
from scanner.pickles.judging import judge
from scanner.pickles.machine import Machine
from scanner.pickles.stream import HIDDEN, BrokenPickleError, ByteStream, GlobalUse, PickleReading
from scanner.pickles.windows import Window

# The first pickle of PyTorch's format before 1.6 is this number; four more follow, then raw numbers.
# Source: torch/serialization.py, MAGIC_NUMBER and _legacy_load.
_TORCH_MAGIC: Final = 0x1950A86A20F9469CFC6C
_TORCH_STREAMS: Final = 5
_DEPTH_LIMIT: Final = 6
# Instructions of all pickles inside constants together, and constants longer than a mebibyte that are opened.
_INNER_OPCODES_LIMIT: Final = 20_000_000
# What opening a constant takes besides reading it, at each place in it, and for so many bytes unpacked.
_LOOK_OPCODES: Final = 100
_BYTES_AN_OPCODE: Final = 128
_MORE: Final = "its constants hold more that looks like pickles than is read"
_LONG_LIMIT: Final = 64
# Whether what follows the last pickle is anything but padding is told by so much of it.
_SAMPLE: Final = 4096

Opener = Callable[[], BinaryIO]


@dataclass
class _Tally:
    """What has been read of one file so far."""

    opener: Opener
    depth: int = 0
    patience: list[int] = field(default_factory=lambda: [_INNER_OPCODES_LIMIT])
    globals: dict[tuple[str, str], GlobalUse] = field(default_factory=dict)
    long: list[tuple[int, int, int, bool]] = field(default_factory=list)
    fault: str = ""
    streams: int = 0
    opcodes: int = 0
    trailing_at: int | None = None
    value: int | None = None

    def add(self, uses: Iterable[GlobalUse]) -> None:
        for use in uses:
            key = use.module, use.name
            self.globals[key] = _merged(self.globals[key], use) if key in self.globals else use

    def look_inside(self, byte: int, offset: int, length: int, data: bytes) -> None:
        """Opens a constant that may be a pickle; one of which `data` is only the beginning waits."""
        if self.depth >= _DEPTH_LIMIT or self.patience[0] <= 0 or not may_hide(data):
            return
        if length > len(data) and START.match(data if data[:1] == b"\x80" else from_latin(data[:_SAMPLE])):
            self.long.append((byte, offset, length, data[:1] != b"\x80"))
        elif length > len(data) and any(_is_one(content) for _, content in unwrapped(data)):
            self.fault = self.fault or _MORE
        self.patience[0] -= _LOOK_OPCODES
        self.add(replace(use, byte=byte) for use in _hidden(data, self, is_whole=length == len(data)))
        if len(self.long) > _LONG_LIMIT or self.patience[0] <= 0:
            self.fault = self.fault or _MORE

    def look_inside_long(self) -> None:
        """Opens the constants that were too long to be held."""
        for byte, offset, length, is_text in self.long[:_LONG_LIMIT]:
            window = partial(_window, self.opener, offset, offset + length, is_text)
            inner = _Tally(window, self.depth + 1, self.patience)
            _read(inner, 0)
            self.fault = self.fault or inner.cut_off()
            self.add(replace(use, byte=byte, inside="a string constant") for use in inner.attacks())

    def attacks(self) -> list[GlobalUse]:
        return [use for use in self.globals.values() if is_plain_attack(use)]

    def cut_off(self) -> str:
        """Why a torch file inside a constant cannot be judged, "" for anything else, and for a whole one."""
        if self.value != _TORCH_MAGIC or (self.streams == _TORCH_STREAMS and not self.fault):
            return ""
        return f"a constant holds a torch file that ends early or is broken ({self.fault or 'it is cut off'})"

    def unsaid(self, *, is_whole: bool) -> str:
        """Why the pickle around this constant cannot be judged, when it is known to its end or is not."""
        return _MORE if self.fault == _MORE else self.cut_off() if is_whole else ""

    def told(self) -> list[GlobalUse]:
        """What to say of a pickle in a constant: of one that is whole, also which classes it needs."""
        if not self.streams or self.fault or self.trailing_at is not None:
            return self.attacks()
        uses = self.globals.values()
        return [use for use in uses if is_plausible(use.module, use.name) and not _is_plumbing(use)]

    def frozen(self) -> PickleReading:
        uses = tuple(self.globals.values())
        return PickleReading(uses, self.fault, self.streams, self.opcodes, self.trailing_at, self.value)


def read_pickles(opener: Opener, start: int = 0) -> PickleReading:
    """Everything that the pickles from byte `start` on would look up.

    The stream is opened twice when joblib wrote it: joblib steps over its arrays, `pickle` does not, and
    a hostile file may be meant for either.
    """
    tally = _Tally(opener)
    _read(tally, start)
    if WRAPPER in tally.globals:
        plain = _Tally(opener)
        _read(plain, start, follows_joblib=False)
        tally.add(plain.attacks())
    return tally.frozen()


def is_attack(use: GlobalUse) -> bool:
    """Whether random bytes would not spell this name and no checkpoint needs it."""
    return is_plausible(use.module, use.name) and judge(use).tier is Tier.ATTACK


def is_plain_attack(use: GlobalUse) -> bool:
    """Whether bytes that may be no pickle would hardly do this: call what is known to do harm."""
    if not is_plausible(use.module, use.name):
        return False
    verdict = judge(use)
    return verdict.tier is Tier.ATTACK and verdict.is_listed and use.is_called


def _is_one(content: bytes) -> bool:
    found = START.match(content)
    return found is not None and is_likely(found[0])


def _is_plumbing(use: GlobalUse) -> bool:
    return judge(use).tier is Tier.PLUMBING


def _window(opener: Opener, begin: int, end: int, is_text: bool) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(Window(opener(), begin, end, is_text=is_text)))


def _merged(one: GlobalUse, other: GlobalUse) -> GlobalUse:
    idle = [use.is_idle for use in (one, other) if use.is_called]
    return replace(
        one,
        is_called=one.is_called or other.is_called,
        is_idle=bool(idle) and all(idle),
        deed=one.deed or other.deed,
    )


def _read(tally: _Tally, start: int, *, follows_joblib: bool = True) -> None:
    with closing(tally.opener()) as raw:
        stream = ByteStream(raw)
        try:
            stream.skip(start)
        except BrokenPickleError as error:
            tally.fault = str(error)
            return
        while _read_one(stream, tally, follows_joblib=follows_joblib):
            if tally.value == _TORCH_MAGIC and tally.streams == _TORCH_STREAMS:
                break  # what follows are the tensors' raw numbers, which torch.load does not unpickle
    if tally.long:
        tally.look_inside_long()


def _read_one(stream: ByteStream, tally: _Tally, *, follows_joblib: bool) -> bool:
    """Reads one more pickle into `tally`; whether another may follow."""
    machine = Machine(stream, follows_joblib=follows_joblib, on_constant=tally.look_inside)
    if tally.depth:
        machine.patience = max(tally.patience[0], 0)
    begins_at = stream.position
    try:
        sample = _next_bytes(stream)
        value = run(machine)
    except BrokenPickleError as error:
        if stream.position > begins_at:
            _end_broken(machine, tally, begins_at, str(error), sample)
        elif tally.streams == 0:
            tally.fault = str(error)
        return False
    finally:
        tally.opcodes += machine.opcodes
        if tally.depth:
            tally.patience[0] -= machine.opcodes
    if tally.streams == 0 and isinstance(value, int):
        tally.value = value
    tally.streams += 1
    tally.fault = tally.fault or machine.complaint
    tally.add(machine.uses())
    return True


def _next_bytes(stream: ByteStream) -> bytes:
    stream.refill(1)
    return stream.data[stream.at : stream.at + _SAMPLE]


def _end_broken(machine: Machine, tally: _Tally, begins_at: int, fault: str, sample: bytes) -> None:
    """Takes what was seen before a loader would stop; after a whole pickle it may be no pickle at all."""
    uses = machine.uses()
    if tally.streams == 0 or machine.has_proto:
        tally.fault = tally.fault or fault
        tally.add(
            use for use in uses if HIDDEN in (use.module, use.name) or is_plausible(use.module, use.name)
        )
        return
    tally.trailing_at = begins_at
    tally.add(use for use in uses if is_plain_attack(use))
    if any(sample):
        tally.fault = (
            tally.fault or f"from byte {begins_at} on, what follows its last instruction is no pickle"
        )


def _hidden(data: bytes, outer: _Tally, depth: int = 1, *, is_whole: bool = True) -> Iterator[GlobalUse]:
    """Attacks in a constant that is a pickle itself, holds one, or is one when it is decoded."""
    seen = False
    for place in places(data):
        outer.patience[0] -= _LOOK_OPCODES
        if outer.patience[0] <= 0:
            return
        inner = _Tally(lambda: io.BytesIO(data), outer.depth + depth, outer.patience)
        _read(inner, place)
        outer.fault = outer.fault or inner.unsaid(is_whole=is_whole)
        for use in inner.told() if data.startswith(b"\x80") and place == 0 else inner.attacks():
            seen = True
            yield replace(use, inside=use.inside or "a string constant")
        if seen:
            return
    if outer.depth + depth < _DEPTH_LIMIT + 1:
        for wrapping, content in unwrapped(data):
            outer.patience[0] -= len(content) // _BYTES_AN_OPCODE
            if len(content) >= UNPACKED_LIMIT and _is_one(content):
                outer.fault = outer.fault or _MORE
            for use in _hidden(content, outer, depth + 1, is_whole=is_whole):
                yield replace(use, inside=wrapping)
