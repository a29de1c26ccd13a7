r"""Runs a pickle's instructions on stand-ins: what it would import is seen, nothing is imported or built.

So every global is seen however it is spelled (memo, DUP, EXT, INST, OBJ), reading stops where a loader
would stop, and the raw arrays that joblib writes between instructions are stepped over.

>>> import io
>>> machine = Machine(ByteStream(io.BytesIO(b"cos\nsystem\n(S'echo'\ntR.")))
>>> _ = run(machine)
>>> [use.path for use in machine.globals.values()]
['os.system']
"""

from __future__ import annotations

import math
import pickle
import pickletools
import re
from collections.abc import Callable
from typing import Final

from scanner.pickles.calls import call, store
from scanner.pickles.machine import OPAQUE, Constant, Machine, Made, Stored
from scanner.pickles.stream import HIDDEN, OUTSIDE, BrokenPickleError, ByteStream, GlobalUse

__all__ = ["ByteStream", "Machine", "run"]

# Entries of kept tables together: a table of 100 000 tensors, and what hangs on it.
_KEPT_LIMIT: Final = 400_000
# Tuples longer than this are never the arguments the machine has to understand.
_SMALL: Final = 32
# In longer tuples, and of longer strings in any tuple, only the names of globals are looked at.
_READ_ITEMS: Final = 8
_READ_LETTERS: Final = 64
# How often the bounds are looked at: so many instructions more take some hundred kilobytes.
_ROUND: Final = 1024
# Attributes of a joblib wrapper that say how long the array is; nothing else is asked of a table.
_WRAPPER_KEYS: Final = frozenset({"shape", "dtype", "numpy_array_alignment_bytes"})
_JOBLIB_ARRAY: Final = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_DTYPE: Final = ("numpy", "dtype")
_ITEM_TYPE: Final = re.compile(r"[<>|=]?([a-zA-Z])(\d+)")
# What torch finds beside its pickles. Source: torch/serialization.py, persistent_load.
_TORCH_OUTSIDE: Final = frozenset({"storage", "module"})

_HEAVY: Final = frozenset({str, tuple, dict})

_Step = Callable[[Machine, bytes], object]


def run(machine: Machine) -> object:
    """Reads up to and with the next STOP; the value it returns.

    Raises:
        BrokenPickleError: where a loader would give up; `machine.uses()` holds what was seen until then.
    """
    stream, table = machine.stream, _TABLE
    while True:
        for _ in range(_ROUND):
            at = stream.at
            if at >= len(stream.data):
                at = _read_on(machine)
            machine.at = stream.base + at
            stream.at = at + 1
            step, width, name = table[stream.data[at]]
            machine.opcodes += 1
            argument = (
                b"" if not width else stream.read(width) if width > 0 else machine.argument(width, name)
            )
            if step is None:
                return machine.pop()
            step(machine, argument)
        machine.check_room()


def _read_on(machine: Machine) -> int:
    """Where in the bytes read ahead the next one lies."""
    if not machine.stream.refill(1):
        raise BrokenPickleError(f"it ends at byte {machine.stream.position} before its STOP instruction")
    return machine.stream.at


def _small(machine: Machine, items: list[object]) -> object:
    """A tuple, without what would be held for nothing."""
    if len(items) > _SMALL:
        return OPAQUE
    if machine.keeps_tables:
        return tuple(items)
    letters = _READ_LETTERS if len(items) <= _READ_ITEMS else 0
    return tuple([_lean(item, letters) if type(item) in _HEAVY else item for item in items])


def _lean(item: object, letters: int) -> object:
    if isinstance(item, str):
        return item if len(item) <= letters else OPAQUE
    if isinstance(item, tuple):
        return item if len(item) <= _READ_ITEMS and _HEAVY.isdisjoint(map(type, item)) else OPAQUE
    return OPAQUE if isinstance(item, dict) else item


def _fill(machine: Machine, items: list[object]) -> None:
    """Stores pairs in the table on top of the stack."""
    table = machine.stack[-1] if machine.stack else None
    pairs = zip(items[::2], items[1::2], strict=False)
    if machine.keeps_tables:
        if isinstance(table, Made):  # an OrderedDict is made before it is filled
            table.items = table.items or {}
            table = table.items
        machine.kept += len(items) // 2
        if machine.kept > _KEPT_LIMIT:
            raise BrokenPickleError(f"byte {machine.at}: its tables have more than {_KEPT_LIMIT} entries")
        if isinstance(table, dict):
            table.update((key, value) for key, value in pairs if isinstance(key, str | int))
        return
    _blame_global(machine, table)
    for key, value in pairs:
        if isinstance(key, str):
            if key in _WRAPPER_KEYS and isinstance(table, dict):
                table[key] = _lean(value, _READ_LETTERS)
            store(machine, key, value)


def _blame_global(machine: Machine, target: object) -> None:
    """An honest pickle changes what it has made, never what it has imported."""
    if isinstance(target, GlobalUse):
        machine.blame(target, "it is changed for everything else that runs in the process")


def _array_bytes(state: dict[str, object]) -> int | None:
    """Length of the raw array that a joblib wrapper of this state announces; None for an array of objects."""
    shape, dtype = state.get("shape"), state.get("dtype")
    if not isinstance(shape, tuple) or not isinstance(dtype, Made):
        raise BrokenPickleError("a joblib array whose shape or element type is hidden")
    found = _ITEM_TYPE.fullmatch(str(dtype.args[0])) if dtype.args else None
    if found is None or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise BrokenPickleError("a joblib array whose shape or element type is hidden")
    letter, width = found[1], int(found[2])
    if letter == "O":
        return None
    if letter == "V" and isinstance(dtype.state, int) and dtype.state > 0:
        width = dtype.state
    return math.prod(int(str(size)) for size in shape) * width * (4 if letter == "U" else 1)


def _pass_array(machine: Machine, state: object) -> None:
    """Steps over the array that joblib wrote behind the wrapper just built."""
    if not isinstance(state, dict):
        raise BrokenPickleError(f"byte {machine.at}: a joblib array without a description")
    size_bytes = _array_bytes(state)
    if size_bytes is None:  # an array of objects is a plain pickle of its own, in the same file
        inner = Machine(
            machine.stream, globals=machine.globals, conduct=machine.conduct,
            on_constant=machine.on_constant, follows_joblib=False,
        )  # fmt: skip
        run(inner)
        machine.opcodes += inner.opcodes
        return
    if state.get("numpy_array_alignment_bytes") is not None:
        machine.stream.skip(machine.stream.read(1)[0])
    machine.stream.skip(size_bytes)


# What each instruction does. Source: the pickletools module of CPython 3.11 and PEP 3154, PEP 574.


def _protocol(machine: Machine, argument: bytes) -> None:
    if argument[0] > pickle.HIGHEST_PROTOCOL:  # read on: a loader of tomorrow may know it
        machine.complain(f"pickle protocol {argument[0]} does not exist")
    machine.has_proto = True


def _integer(machine: Machine, argument: bytes) -> None:
    machine.stack.append(int.from_bytes(argument, "little", signed=len(argument) > 2))


def _line_integer(machine: Machine, argument: bytes) -> None:
    try:
        machine.push(machine.decimal(argument, 0))
    except BrokenPickleError:  # "01" and "010" are numbers to some loaders
        machine.push(OPAQUE)


def _quoted(machine: Machine, argument: bytes) -> None:
    inner = argument.strip()[1:-1]
    machine.text(inner.decode("unicode_escape", "replace").encode("utf-8", "backslashreplace"))


def _escaped(machine: Machine, argument: bytes) -> None:
    machine.text(argument.decode("raw_unicode_escape", "replace").encode("utf-8", "backslashreplace"))


def _bytes(machine: Machine, argument: bytes) -> None:
    machine.keep_blob(argument)
    machine.push(Constant.of(argument))


def _global(machine: Machine, argument: bytes) -> None:
    module, _, name = argument.partition(b"\n")
    machine.look_up(module.decode("utf-8", "backslashreplace"), name.decode("utf-8", "backslashreplace"))


def _stack_global(machine: Machine, _: bytes) -> None:
    name, module = machine.pop(), machine.pop()
    if isinstance(name, str) and isinstance(module, str):
        machine.look_up(module, name)
    elif machine.memo.has_dropped:
        raise BrokenPickleError(f"byte {machine.at}: it keeps more strings than are held to find a name in")
    else:
        machine.look_up(HIDDEN, HIDDEN)


def _extension(machine: Machine, argument: bytes) -> None:
    machine.look_up(HIDDEN, f"extension code {_little(argument)}")


def _instance(machine: Machine, argument: bytes) -> None:
    args = _small(machine, machine.pop_mark())
    _global(machine, argument)
    machine.push(call(machine, machine.pop(), args))


def _object(machine: Machine, _: bytes) -> None:
    items = machine.pop_mark()
    machine.push(call(machine, items[0] if items else None, _small(machine, items[1:])))


def _call(machine: Machine, _: bytes) -> None:
    args = machine.pop()
    machine.push(call(machine, machine.pop(), args))


def _new(machine: Machine, _: bytes) -> None:
    args = machine.pop()
    machine.push(call(machine, machine.pop(), args, is_class=True))


def _new_with_names(machine: Machine, argument: bytes) -> None:
    machine.pop()
    _new(machine, argument)


def _build(machine: Machine, _: bytes) -> None:
    state = machine.pop()
    target = machine.pop()
    _blame_global(machine, target)
    if isinstance(target, Made) and target.maker is not None:
        maker = target.maker.module, target.maker.name
        if maker == _DTYPE and isinstance(state, tuple) and len(state) > 5:
            # A record type tells its size in its state: (version, order, subtype, names, fields, size, ...).
            target.state = state[5]
        if maker == _JOBLIB_ARRAY and machine.follows_joblib:
            _pass_array(machine, state)
    machine.push(target)


def _tuple_of(count: int) -> _Step:
    def step(machine: Machine, _: bytes) -> None:
        stack = machine.stack
        if len(stack) - count < (machine.marks[-1] if machine.marks else 0):
            raise BrokenPickleError(f"byte {machine.at}: takes from an empty stack")
        items = stack[-count:]
        del stack[-count:]
        stack.append(_small(machine, items))

    return step


def _set_item(machine: Machine, _: bytes) -> None:
    value, key = machine.pop(), machine.pop()
    _fill(machine, [key, value])


def _set_items(machine: Machine, _: bytes) -> None:
    _fill(machine, machine.pop_mark())


def _dict(machine: Machine, _: bytes) -> None:
    items = machine.pop_mark()
    machine.push({})
    _fill(machine, items)


def _append(machine: Machine, _: bytes) -> None:
    machine.pop()
    _blame_global(machine, machine.stack[-1] if machine.stack else None)


def _append_all(machine: Machine, _: bytes) -> None:
    machine.pop_mark()
    _blame_global(machine, machine.stack[-1] if machine.stack else None)


def _drop(machine: Machine, _: bytes) -> None:
    if machine.marks and len(machine.stack) == machine.marks[-1]:
        machine.marks.pop()
    else:
        machine.pop()


def _duplicate(machine: Machine, _: bytes) -> None:
    top = machine.pop()
    machine.stack.extend((top, top))


def _push_opaque(machine: Machine, _: bytes) -> None:
    machine.stack.append(OPAQUE)


def _persistent(machine: Machine, _: bytes) -> None:
    key = machine.pop()
    if not (isinstance(key, tuple) and key and key[0] in _TORCH_OUTSIDE):
        machine.name(OUTSIDE, OUTSIDE)
    machine.push(Stored(key) if machine.keeps_tables else OPAQUE)


def _persistent_line(machine: Machine, _: bytes) -> None:
    machine.name(OUTSIDE, OUTSIDE)
    machine.push(OPAQUE)


def _close_opaque(machine: Machine, _: bytes) -> None:
    machine.pop_mark()
    machine.push(OPAQUE)


def _little(argument: bytes) -> int:
    return int.from_bytes(argument, "little")


def _pass(machine: Machine, _: bytes) -> None:
    """FRAME and the buffers outside of the stream move nothing here."""


_STEPS: Final[dict[str, _Step]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), _integer),
    **dict.fromkeys(("LONG1", "LONG4"), lambda m, a: m.push(int.from_bytes(a[:64], "little", signed=True))),
    **dict.fromkeys(("INT", "LONG"), _line_integer),
    **dict.fromkeys(("FLOAT", "BINFLOAT", "NEWTRUE", "NEWFALSE"), _push_opaque),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET", "NEXT_BUFFER"), _push_opaque),
    "STRING": _quoted,
    "UNICODE": _escaped,
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), lambda m, a: m.text(a)),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), lambda m, a: m.text(a)),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _bytes),
    "PROTO": _protocol,
    "NONE": lambda m, _: m.stack.append(None),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": lambda m, _: m.push(_small(m, m.pop_mark())),
    "DICT": _dict,
    **dict.fromkeys(("LIST", "FROZENSET"), _close_opaque),
    "APPEND": _append,
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _append_all),
    "POP_MARK": lambda m, _: m.pop_mark(),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": _drop,
    "DUP": _duplicate,
    "GET": lambda m, a: m.recall(m.decimal(a)),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda m, a: m.recall(_little(a))),
    "PUT": lambda m, a: m.remember(m.decimal(a)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda m, a: m.remember(_little(a))),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    "PERSID": _persistent_line,
    "BINPERSID": _persistent,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    "INST": _instance,
    "OBJ": _object,
    "REDUCE": _call,
    "NEWOBJ": _new,
    "NEWOBJ_EX": _new_with_names,
    "BUILD": _build,
}


def _unknown(machine: Machine, _: bytes) -> None:
    raise BrokenPickleError(f"byte {machine.at}: it is not a pickle instruction")


def _table() -> list[tuple[_Step | None, int, str]]:
    """By code: what it does (None for STOP), how long its argument is (below 0: its kind), its name."""
    table: list[tuple[_Step | None, int, str]] = [(_unknown, 0, "")] * 256
    for opcode in pickletools.opcodes:
        step = None if opcode.name == "STOP" else _STEPS.get(opcode.name, _pass)
        width = 0 if opcode.arg is None else opcode.arg.n
        table[ord(opcode.code)] = (step, width, opcode.name)
    return table


_TABLE: Final = _table()
