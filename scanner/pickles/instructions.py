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

from scanner.pickles.machine import OPAQUE, Machine, Made, Stored
from scanner.pickles.stream import HIDDEN, BrokenPickleError, ByteStream, GlobalUse

__all__ = ["ByteStream", "Machine", "run"]

# Entries of kept tables together: a table of 100 000 tensors, and what hangs on it.
_KEPT_LIMIT: Final = 400_000
# Tuples and dicts longer than this are never the arguments the machine has to understand.
_SMALL: Final = 32
_OPCODES: Final = {op.code.encode("latin-1")[0]: op for op in pickletools.opcodes}
_JOBLIB_ARRAY: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
_ITEM_TYPE: Final = re.compile(r"[<>|=]?([a-zA-Z])(\d+)")


def run(machine: Machine) -> object:
    """Reads up to and with the next STOP; the value it returns.

    Raises:
        BrokenPickleError: where a loader would give up; `machine.globals` holds what was seen until then.
    """
    while True:
        machine.at = machine.stream.position
        code = machine.stream.read_one()
        if not code:
            raise BrokenPickleError(f"it ends at byte {machine.at} before its STOP instruction")
        opcode = _OPCODES.get(code[0])
        if opcode is None:
            raise BrokenPickleError(f"byte {machine.at}: 0x{code[0]:02x} is not a pickle instruction")
        machine.opcodes += 1
        argument = machine.argument(opcode)
        if opcode.name == "STOP":
            return machine.pop()
        step = _STEPS.get(opcode.name)
        if step is not None:  # FRAME and READONLY_BUFFER move nothing here
            step(machine, argument)
        if len(machine.stack) > machine.room or len(machine.memo) > machine.room:
            raise BrokenPickleError(f"byte {machine.at}: it keeps more than {machine.room} objects at once")
        if machine.opcodes > machine.patience:
            raise BrokenPickleError(f"byte {machine.at}: it has more than {machine.patience} instructions")


def _small(items: list[object]) -> object:
    return tuple(items) if len(items) <= _SMALL else OPAQUE


def _made(maker: object, args: object) -> Made:
    return Made(maker if isinstance(maker, GlobalUse) else None, args if isinstance(args, tuple) else ())


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
    elif isinstance(table, dict):
        for key, value in pairs:
            if isinstance(key, str) and (len(table) < _SMALL or key in table):
                table[key] = value


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
    if letter == "V" and isinstance(dtype.state, tuple) and len(dtype.state) > 5:
        # A record type tells its size in its state: (version, order, subtype, names, fields, size, ...).
        width = dtype.state[5] if isinstance(dtype.state[5], int) and dtype.state[5] > 0 else width
    return math.prod(int(str(size)) for size in shape) * width * (4 if letter == "U" else 1)


def _pass_array(machine: Machine, state: object) -> None:
    """Steps over the array that joblib wrote behind the wrapper just built."""
    if not isinstance(state, dict):
        raise BrokenPickleError(f"byte {machine.at}: a joblib array without a description")
    size_bytes = _array_bytes(state)
    if size_bytes is None:  # an array of objects is a pickle of its own, in the same file
        inner = Machine(machine.stream, globals=machine.globals, blobs=machine.blobs)
        run(inner)
        machine.opcodes += inner.opcodes
        return
    if state.get("numpy_array_alignment_bytes") is not None:
        machine.stream.skip(machine.stream.read(1)[0])
    machine.stream.skip(size_bytes)


# What each instruction does. Source: the pickletools module of CPython 3.11 and PEP 3154, PEP 574.


def _protocol(machine: Machine, argument: bytes) -> None:
    if argument[0] > pickle.HIGHEST_PROTOCOL:
        raise BrokenPickleError(f"byte {machine.at}: pickle protocol {argument[0]} does not exist")
    machine.has_proto = True


def _integer(machine: Machine, argument: bytes) -> None:
    machine.push(int.from_bytes(argument, "little", signed=len(argument) > 2))


def _line_integer(machine: Machine, argument: bytes) -> None:
    machine.push(machine.decimal(argument))


def _quoted(machine: Machine, argument: bytes) -> None:
    inner = argument.strip()[1:-1]
    machine.text(inner.decode("unicode_escape", "replace").encode("utf-8", "backslashreplace"))


def _escaped(machine: Machine, argument: bytes) -> None:
    machine.text(argument.decode("raw_unicode_escape", "replace").encode("utf-8", "backslashreplace"))


def _bytes(machine: Machine, argument: bytes) -> None:
    machine.keep_blob(argument)
    machine.push(OPAQUE)


def _global(machine: Machine, argument: bytes) -> None:
    module, _, name = argument.partition(b"\n")
    machine.look_up(module.decode("utf-8", "backslashreplace"), name.decode("utf-8", "backslashreplace"))


def _stack_global(machine: Machine, _: bytes) -> None:
    name, module = machine.pop(), machine.pop()
    if isinstance(name, str) and isinstance(module, str):
        machine.look_up(module, name)
    else:
        machine.look_up(HIDDEN, HIDDEN)


def _extension(machine: Machine, argument: bytes) -> None:
    machine.look_up(HIDDEN, f"extension code {int.from_bytes(argument, 'little')}")


def _instance(machine: Machine, argument: bytes) -> None:
    args = _small(machine.pop_mark())
    _global(machine, argument)
    machine.push(_made(machine.pop(), args))


def _object(machine: Machine, _: bytes) -> None:
    items = machine.pop_mark()
    machine.push(_made(items[0] if items else None, _small(items[1:])))


def _call(machine: Machine, _: bytes) -> None:
    args = machine.pop()
    machine.push(_made(machine.pop(), args))


def _call_with_names(machine: Machine, argument: bytes) -> None:
    machine.pop()
    _call(machine, argument)


def _build(machine: Machine, _: bytes) -> None:
    state = machine.pop()
    target = machine.pop()
    if isinstance(target, Made):
        target.state = state
        if machine.follows_joblib and target.maker is not None and target.maker.path == _JOBLIB_ARRAY:
            _pass_array(machine, state)
    machine.push(target)


def _tuple_of(count: int) -> Callable[[Machine, bytes], None]:
    def step(machine: Machine, _: bytes) -> None:
        items = [machine.pop() for _ in range(count)]
        machine.push(_small(items[::-1]))

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


def _drop(machine: Machine, _: bytes) -> None:
    if machine.marks and len(machine.stack) == machine.marks[-1]:
        machine.marks.pop()
    else:
        machine.pop()


def _duplicate(machine: Machine, _: bytes) -> None:
    top = machine.pop()
    machine.stack.extend((top, top))


def _push_opaque(machine: Machine, _: bytes) -> None:
    machine.push(OPAQUE)


def _persistent(machine: Machine, _: bytes) -> None:
    key = machine.pop()
    machine.push(Stored(key) if machine.keeps_tables else OPAQUE)


def _close_opaque(machine: Machine, _: bytes) -> None:
    machine.pop_mark()
    machine.push(OPAQUE)


def _little(argument: bytes) -> int:
    return int.from_bytes(argument, "little")


_STEPS: Final[dict[str, Callable[[Machine, bytes], object]]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), _integer),
    **dict.fromkeys(("LONG1", "LONG4"), lambda m, a: m.push(int.from_bytes(a[:64], "little", signed=True))),
    **dict.fromkeys(("INT", "LONG"), _line_integer),
    **dict.fromkeys(("FLOAT", "BINFLOAT", "NEWTRUE", "NEWFALSE"), _push_opaque),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET", "PERSID", "NEXT_BUFFER"), _push_opaque),
    **dict.fromkeys(("STRING",), _quoted),
    **dict.fromkeys(("UNICODE",), _escaped),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), lambda m, a: m.text(a)),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), lambda m, a: m.text(a)),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _bytes),
    "PROTO": _protocol,
    "NONE": lambda m, _: m.push(None),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": lambda m, _: m.push(_small(m.pop_mark())),
    "DICT": _dict,
    **dict.fromkeys(("LIST", "FROZENSET"), _close_opaque),
    "APPEND": lambda m, _: m.pop(),
    **dict.fromkeys(("APPENDS", "ADDITEMS", "POP_MARK"), lambda m, _: m.pop_mark()),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": _drop,
    "DUP": _duplicate,
    **dict.fromkeys(("GET",), lambda m, a: m.recall(m.decimal(a))),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda m, a: m.recall(_little(a))),
    **dict.fromkeys(("PUT",), lambda m, a: m.remember(m.decimal(a))),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda m, a: m.remember(_little(a))),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    "BINPERSID": _persistent,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    "INST": _instance,
    "OBJ": _object,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _call),
    "NEWOBJ_EX": _call_with_names,
    "BUILD": _build,
}
