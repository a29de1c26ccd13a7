"""What it means that a pickle stores something in an object that it has made, or in one that it has not.

>>> import io
>>> from scanner.pickles.stream import ByteStream
>>> machine = Machine(ByteStream(io.BytesIO()))
>>> machine.look_up("warnings", "filters")
>>> fill(machine, ["always", None])
>>> [use.deed for use in machine.uses()]
['it is changed for everything else that runs in the process']
"""

from __future__ import annotations

from typing import Final

from scanner.pickles.calls import RETURNED, store
from scanner.pickles.costs import check_hashes
from scanner.pickles.machine import Machine
from scanner.pickles.numpy_states import DTYPE, note_entries
from scanner.pickles.stand_ins import Fields, Made, Table, lean_item
from scanner.pickles.stream import HIDDEN, BrokenPickleError, GlobalUse

# Entries of kept tables together: a table of 100 000 tensors, and what hangs on it.
_KEPT_LIMIT: Final = 400_000
# Attributes of a joblib wrapper that say how long the array is; nothing else is asked of a table.
_WRAPPER_KEYS: Final = frozenset({"shape", "dtype", "numpy_array_alignment_bytes"})


def fill(machine: Machine, items: list[object]) -> None:
    """Stores pairs, keys and values in turn, in the table on top of the stack.

    Raises:
        BrokenPickleError: when tables are kept, and hold too much.
    """
    table = machine.stack[-1] if machine.stack else None
    if machine.keeps_tables:
        _keep(machine, table, items)
        return
    if isinstance(table, GlobalUse):  # items of an instance are stored by its class, not by its attributes
        blame_change(machine, table)
    check_hashes(machine, items[::2])
    for key, value in zip(items[::2], items[1::2], strict=False):
        if isinstance(key, str):
            if key in _WRAPPER_KEYS and isinstance(table, Table):
                table[key] = lean_item(value)
            store(machine, key, value)
    if isinstance(table, Table):
        _note(machine, table, items)


def _keep(machine: Machine, table: object, items: list[object]) -> None:
    if isinstance(table, Made):  # an OrderedDict is made before it is filled
        table.items = table.items or {}
        table = table.items
    machine.kept += len(items) // 2
    if machine.kept > _KEPT_LIMIT:
        raise BrokenPickleError(f"byte {machine.at}: its tables have more than {_KEPT_LIMIT} entries")
    if isinstance(table, dict):
        pairs = zip(items[::2], items[1::2], strict=False)
        table.update((key, value) for key, value in pairs if isinstance(key, str | int))


def _note(machine: Machine, table: Table, items: list[object]) -> None:
    if table.is_used:
        machine.blame(machine.name(*DTYPE), "its fields are changed after it was made of them")
    note_entries(table, items)
    if isinstance(table.fields, Fields):
        machine.memo.hold_table(table)


def blame_change(machine: Machine, target: object) -> None:
    """An honest pickle changes what it has made, never what it has imported, and gives it attributes last."""
    if isinstance(target, GlobalUse):
        machine.blame(target, "it is changed for everything else that runs in the process")
    elif isinstance(target, Made) and target.is_built:
        owner = target.maker or machine.name(HIDDEN, RETURNED)
        machine.blame(owner, "its instance is changed once more, and Python calls the attributes it has got")
