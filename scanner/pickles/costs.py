"""Calls of a pickle that take memory or time without end, from a file of some bytes.

>>> import io
>>> from scanner.pickles.stream import ByteStream
>>> machine = Machine(ByteStream(io.BytesIO()))
>>> charge(machine, machine.name("builtins", "bytearray"), (1 << 40,))
>>> [use.deed for use in machine.uses()]
['it asks for more than two gigabytes of memory at once']
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final

from scanner.pickles.machine import Machine
from scanner.pickles.numpy_states import is_type, size_of
from scanner.pickles.stand_ins import Heavy, Made, weight_of
from scanner.pickles.stream import GlobalUse

_BYTES_LIMIT: Final = 1 << 31
# Elements of a tensor whose type is not looked at: half of a gigabyte or more.
_ELEMENTS_LIMIT: Final = 1 << 29
# Items of a series that is gone through: a list of so many takes half of a gigabyte.
_ITEMS_LIMIT: Final = 1 << 24
# Values in a tuple, counted as often as they are looked at when it is hashed: one or two seconds.
_WEIGHT_LIMIT: Final = 1 << 26
_DIGITS_LIMIT: Final = 100_000
_MEMORY: Final = "it asks for more than two gigabytes of memory at once"
_SERIES: Final = "it goes through a series that hardly ends"
_NUMBER: Final = "it makes a whole number of more digits than fit into memory"
_HASH: Final = "hashing it takes hours: it holds the same tuples over and over"
_EXPONENT: Final = re.compile(r"[eE][+-]?([\d_]+)")


def _in_builtins(*names: str) -> frozenset[tuple[str, str]]:
    return frozenset((module, name) for module in ("builtins", "__builtin__") for name in names)


def _in_numpy(module: str, *names: str) -> frozenset[tuple[str, str]]:
    return frozenset((f"numpy.{core}.{module}", name) for core in ("core", "_core") for name in names)


_BUFFERS: Final = _in_builtins("bytes", "bytearray")
_STORAGE: Final = re.compile(r"(Typed|Untyped|_Typed|_Untyped|[A-Z]\w*)?(Storage|Tensor)")
_TORCH_MODULES: Final = frozenset({"torch", "torch.cuda", "torch.storage"})
# Makers of arrays, and which of their arguments is the shape; the next one is the type.
_SHAPES: Final[dict[tuple[str, str], int]] = {
    **dict.fromkeys([("numpy", "ndarray"), ("numpy", "recarray"), ("numpy.rec", "recarray")], 0),
    **dict.fromkeys(_in_numpy("records", "recarray"), 0),
    **dict.fromkeys(_in_numpy("multiarray", "_reconstruct"), 1),
    **dict.fromkeys(_in_numpy("_internal", "_reconstruct"), 1),
    ("numpy.ma.core", "_mareconstruct"): 2,
}
_TUPLES: Final = _in_builtins("tuple")
_RANGES: Final = _in_builtins("range", "xrange")
# What has more items than it shows, whatever it is made with.
_SERIES_MAKERS: Final = frozenset(
    [("ipaddress", f"{kind}{what}") for kind in ("IPv4", "IPv6") for what in ("Network", "Interface")]
    + [("ipaddress", "ip_network"), ("ipaddress", "ip_interface")]
    + [("itertools", name) for name in ("count", "cycle", "repeat", "product", "permutations")]
    + [("itertools", "combinations")]
)
# What goes through another series only when it is gone through itself.
_LAZY: Final = _in_builtins("iter", "enumerate", "reversed", "zip", "slice") | {
    ("itertools", name) for name in ("chain", "islice", "tee")
}
# What goes through a series at once.
_EAGER: Final = (
    _in_builtins(
        "set", "frozenset", "list", "dict", "tuple", "bytes", "bytearray", "all", "any", "max", "min"
    )
    | _in_builtins("sum", "dict.fromkeys")
    | {("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")}
    | {("array", "array"), ("torch", "Size"), ("torch", "Tensor"), ("numpy", "dtype")}
)
_WHOLE_NUMBERS: Final = _in_builtins("int", "long") | {("fractions", "Fraction")}
_DECIMALS: Final = frozenset({("decimal", "Decimal"), ("_decimal", "Decimal")})
# Of these a reader asks for the arguments later.
_KEEPS_ARGUMENTS: Final = _RANGES | _DECIMALS
_Args = tuple[object, ...]


def charge(machine: Machine, callee: GlobalUse, args: _Args) -> None:
    """Notes down when calling this with these arguments takes more than any honest file asks for."""
    key = callee.module, callee.name
    if _bytes_asked(key, args) > _BYTES_LIMIT:
        machine.blame(callee, _MEMORY)
    if key in _EAGER and any(map(_is_endless, args)):
        machine.blame(callee, _SERIES)
    if key in _WHOLE_NUMBERS and any(_has_many_digits(key, item) for item in args):
        machine.blame(callee, _NUMBER)
    check_hashes(machine, args)


def made_by(callee: GlobalUse, kept: _Args, args: _Args) -> object:
    """A stand-in for what this call makes, which remembers what it may be asked for later."""
    key = callee.module, callee.name
    if key in _TUPLES and args and type(args[0]) in (tuple, Heavy):
        return args[0]
    if key in _KEEPS_ARGUMENTS:
        kept = args
    is_endless = key in _SERIES_MAKERS or (key in _LAZY and any(map(_is_endless, args)))
    return Made(callee, kept, is_endless=is_endless)


def check_hashes(machine: Machine, items: Iterable[object]) -> None:
    """Notes down when hashing one of these values takes hours."""
    if machine.keeps_tables:  # it holds whole tuples, which would take as long to weigh
        return
    for item in items:
        if type(item) in (tuple, Heavy) and weight_of(item) > _WEIGHT_LIMIT:
            machine.blame(machine.name("builtins", "tuple"), _HASH)


def check_array(machine: Machine, made: Made, state: object) -> None:
    """Notes down when an array of objects asks for memory for more of them than the file has bytes."""
    if not isinstance(state, tuple) or len(state) < 4 or not is_type(state[2]) or made.maker is None:
        return
    count = _count(state[1])
    if count * 8 > _BYTES_LIMIT and count > machine.stream.position:
        machine.blame(made.maker, _MEMORY)


def _bytes_asked(key: tuple[str, str], args: _Args) -> int:
    """Bytes that this call sets aside, as far as its arguments tell."""
    if not args:
        return 0
    if key in _BUFFERS:
        return args[0] if isinstance(args[0], int) else 0
    if key[0] in _TORCH_MODULES and _STORAGE.fullmatch(key[1]):
        return _count(args) * (_BYTES_LIMIT // _ELEMENTS_LIMIT)
    place = _SHAPES.get(key)
    if place is None or len(args) <= place:
        return 0
    width = size_of(args[place + 1]) if len(args) > place + 1 else 0
    return _count(args[place]) * (width or 1)


def _count(shape: object) -> int:
    """How many elements a shape has; 0 when it is none."""
    sizes = shape if isinstance(shape, tuple) else (shape,)
    whole = [size for size in sizes if isinstance(size, int) and size >= 0]
    return math.prod(whole) if len(whole) == len(sizes) else 0


def _is_endless(value: object) -> bool:
    if not isinstance(value, Made) or value.maker is None:
        return False
    if (value.maker.module, value.maker.name) not in _RANGES:
        return value.is_endless
    bounds = [bound for bound in value.args if isinstance(bound, int)]
    if len(bounds) != len(value.args) or not 1 <= len(bounds) <= 3 or bounds[2:] == [0]:
        return True
    series = range(*bounds)
    return (series.stop - series.start) // series.step > _ITEMS_LIMIT


def _has_many_digits(key: tuple[str, str], value: object) -> bool:
    """Whether a whole number made of this has more digits than are of use; also when that is hidden."""
    if isinstance(value, Made) and value.maker is not None:
        is_decimal = (value.maker.module, value.maker.name) in _DECIMALS
        text = value.args[0] if is_decimal and value.args else None
        return is_decimal and (not isinstance(text, str | int) or _is_great(str(text)))
    return key == ("fractions", "Fraction") and isinstance(value, str) and _is_great(value)


def _is_great(text: str) -> bool:
    found = _EXPONENT.search(text)
    return found is not None and (len(found[1]) > 9 or int(found[1].strip("_") or 0) > _DIGITS_LIMIT)
