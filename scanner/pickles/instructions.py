r"""Runs a pickle's instructions on stand-ins: what it would import is seen, nothing is imported or built.

So every global is seen however it is spelled (memo, DUP, EXT, INST, OBJ), reading stops where a loader
would stop, and the raw arrays that joblib writes between instructions are stepped over.

>>> import io
>>> from scanner.pickles.stream import ByteStream
>>> machine = Machine(ByteStream(io.BytesIO(b"cos\nsystem\n(S'echo'\ntR.")))
>>> _ = run(machine)
>>> [use.path for use in machine.globals.values()]
['os.system']
"""

from __future__ import annotations

import pickletools
from typing import Final

from scanner.pickles.calls import call
from scanner.pickles.costs import check_array, check_hashes
from scanner.pickles.joblib_arrays import WRAPPER, array_bytes
from scanner.pickles.literals import LITERALS, Step, little, look_up
from scanner.pickles.machine import Machine
from scanner.pickles.numpy_states import (
    fault_of_generator,
    fault_of_type,
    is_type,
    told_by,
)
from scanner.pickles.stand_ins import OPAQUE, Made, Stored, Table
from scanner.pickles.stream import OUTSIDE, BrokenPickleError
from scanner.pickles.tables import blame_change, fill

# How often the bounds are looked at: so many instructions more take some hundred kilobytes.
_ROUND: Final = 1024
# What torch finds beside its pickles. Source: torch/serialization.py, persistent_load.
# A tuple: what a pickle made may have no hash.
_TORCH_OUTSIDE: Final = ("storage", "module")


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


def _pass_array(machine: Machine, state: object) -> None:
    """Steps over the array that joblib wrote behind the wrapper just built."""
    if not isinstance(state, dict):
        raise BrokenPickleError(f"byte {machine.at}: a joblib array without a description")
    size_bytes = array_bytes(state)
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


def _instance(machine: Machine, argument: bytes) -> None:
    args = machine.tuple_of(machine.pop_mark())
    look_up(machine, argument)
    machine.push(call(machine, machine.pop(), args))


def _object(machine: Machine, _: bytes) -> None:
    items = machine.pop_mark()
    machine.push(call(machine, items[0] if items else None, machine.tuple_of(items[1:])))


def _call(machine: Machine, _: bytes) -> None:
    args = machine.pop()
    machine.push(call(machine, machine.pop(), args))


def _new(machine: Machine, _: bytes) -> None:
    args = machine.pop()
    machine.push(call(machine, machine.pop(), args, is_class=True))


def _new_with_names(machine: Machine, argument: bytes) -> None:
    machine.pop()
    _new(machine, argument)


def _set_state(machine: Machine, target: Made, state: object) -> None:
    target.is_built = True
    maker = (target.maker.module, target.maker.name) if target.maker is not None else None
    fault = fault_of_generator(target, state)
    check_array(machine, target, state)
    if is_type(target) and not machine.keeps_tables:
        fault = fault_of_type(target, state)
        target.state = told_by(target, state)
    if fault and target.maker is not None:
        machine.blame(target.maker, fault)
    if maker == WRAPPER and machine.follows_joblib:
        _pass_array(machine, state)


def _build(machine: Machine, _: bytes) -> None:
    state = machine.pop()
    target = machine.pop()
    blame_change(machine, target)
    if isinstance(target, Made):
        _set_state(machine, target, state)
    machine.push(target)


def _tuple_of(count: int) -> Step:
    def step(machine: Machine, _: bytes) -> None:
        stack = machine.stack
        if len(stack) - count < (machine.marks[-1] if machine.marks else 0):
            raise BrokenPickleError(f"byte {machine.at}: takes from an empty stack")
        items = stack[-count:]
        del stack[-count:]
        stack.append(machine.tuple_of(items))

    return step


def _set_item(machine: Machine, _: bytes) -> None:
    value, key = machine.pop(), machine.pop()
    fill(machine, [key, value])


def _set_items(machine: Machine, _: bytes) -> None:
    fill(machine, machine.pop_mark())


def _dict(machine: Machine, _: bytes) -> None:
    items = machine.pop_mark()
    machine.push(Table())
    fill(machine, items)


def _append(machine: Machine, _: bytes) -> None:
    check_hashes(machine, [machine.pop()])
    blame_change(machine, machine.stack[-1] if machine.stack else None)


def _append_all(machine: Machine, _: bytes) -> None:
    check_hashes(machine, machine.pop_mark())
    blame_change(machine, machine.stack[-1] if machine.stack else None)


def _drop(machine: Machine, _: bytes) -> None:
    if machine.marks and len(machine.stack) == machine.marks[-1]:
        machine.marks.pop()
    else:
        machine.pop()


def _duplicate(machine: Machine, _: bytes) -> None:
    top = machine.pop()
    machine.stack.extend((top, top))


def _persistent(machine: Machine, _: bytes) -> None:
    key = machine.pop()
    if not (isinstance(key, tuple) and key and key[0] in _TORCH_OUTSIDE):
        machine.name(OUTSIDE, OUTSIDE)
    machine.push(Stored(key) if machine.keeps_tables else OPAQUE)


def _persistent_line(machine: Machine, _: bytes) -> None:
    machine.name(OUTSIDE, OUTSIDE)
    machine.push(OPAQUE)


def _close_opaque(machine: Machine, _: bytes) -> None:
    check_hashes(machine, machine.pop_mark())
    machine.push(OPAQUE)


def _pass(machine: Machine, _: bytes) -> None:
    """FRAME and the buffers outside of the stream move nothing here."""


_STEPS: Final[dict[str, Step]] = {
    **LITERALS,
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "EMPTY_DICT": lambda m, _: m.stack.append(Table()),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": lambda m, _: m.push(m.tuple_of(m.pop_mark())),
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
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda m, a: m.recall(little(a))),
    "PUT": lambda m, a: m.remember(m.decimal(a)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda m, a: m.remember(little(a))),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    "PERSID": _persistent_line,
    "BINPERSID": _persistent,
    "INST": _instance,
    "OBJ": _object,
    "REDUCE": _call,
    "NEWOBJ": _new,
    "NEWOBJ_EX": _new_with_names,
    "BUILD": _build,
}


def _unknown(machine: Machine, _: bytes) -> None:
    raise BrokenPickleError(f"byte {machine.at}: it is not a pickle instruction")


def _table() -> list[tuple[Step | None, int, str]]:
    """By code: what it does (None for STOP), how long its argument is (below 0: its kind), its name."""
    table: list[tuple[Step | None, int, str]] = [(_unknown, 0, "")] * 256
    for opcode in pickletools.opcodes:
        step = None if opcode.name == "STOP" else _STEPS.get(opcode.name, _pass)
        width = 0 if opcode.arg is None else opcode.arg.n
        table[ord(opcode.code)] = (step, width, opcode.name)
    return table


_TABLE: Final = _table()
