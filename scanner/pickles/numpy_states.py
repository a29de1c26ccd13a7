"""Whether the state that a pickle gives to an element type or to a generator of numpy is sound.

numpy believes what it is told there. A type with objects in it that is not marked as such has raw bytes taken
for objects; a field beyond the end of its element, or a generator's position beyond its table, has memory
read that is not its own.

>>> element = Made(GlobalUse("numpy", "dtype", 0), ("V8",))
>>> fields = Table()
>>> note_entries(fields, ["x", (element, 8)])
>>> fault_of_type(element, (3, "|", None, ("x",), fields, 8, 1, 0))
'a field of this type lies outside of its element'

Source: numpy 2.4, numpy/_core/src/multiarray/descriptor.c, arraydescr_setstate; numpy/random, _mt19937.pyx
and _philox.pyx.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final, TypeGuard

from scanner.pickles.stand_ins import OPAQUE, Fields, Made, Table
from scanner.pickles.stream import GlobalUse

DTYPE: Final = ("numpy", "dtype")
_CODE: Final = re.compile(r"[<>|=]?([a-zA-Z?])(\d*)")
# Marks in a state: elements hold references to objects. Source: numpy/ndarraytypes.h, NPY_ITEM_REFCOUNT.
_HOLDS_OBJECTS: Final = 1
# From this version of its state on, a type says itself whether it holds objects; before, numpy looks.
_TELLS_OBJECTS: Final = 3
_RAW: Final = "its state makes Python take raw bytes for objects"
_HIDDEN: Final = "its state hides what its elements are made of, which may have raw bytes taken for objects"
_OUTSIDE: Final = "a field of this type lies outside of its element"
_OBJECT_TYPES: Final = frozenset({"object", "object_", "ObjectDType"})
# Where a generator stands in its table of numbers, and how long that table is.
_POSITIONS: Final = {"pos": 624, "buffer_pos": 4}
_LEGACY_NAME: Final = "MT19937"


def is_type(value: object) -> bool:
    """Whether this stands for an element type of numpy."""
    if not isinstance(value, Made) or value.maker is None:
        return False
    return (value.maker.module, value.maker.name) == DTYPE or value.maker.module == "numpy.dtypes"


def fields_of(values: Iterable[object]) -> Fields | None:
    """What a table of fields tells; None when a value of it is no field, with its type and place."""
    has_objects, end = False, 0
    for value in values:
        if not isinstance(value, tuple) or len(value) < 2 or not is_type(value[0]):
            return None
        size, holds = size_of(value[0]), _holds_objects(value[0])
        if not isinstance(value[1], int) or value[1] < 0 or size is None:
            return None
        has_objects, end = has_objects or holds, max(end, value[1] + size)
    return Fields(has_objects, end)


def fault_of_type(made: Made, state: object) -> str:
    """What is wrong with this state of an element type, a clause; "" when nothing is.

    It holds a version, the byte order, the type and shape that each element is an array of, the names of the
    fields, the fields, the size, the alignment, and marks.
    """
    if not _is_state(state):
        return _HIDDEN
    inner, fields, size = state[2], state[4], state[5]
    if isinstance(fields, Table):
        fields.is_used, fields = True, fields.fields
    has_objects, end = _holds_objects(made), 0
    if inner is not None:
        within = _array_within(inner)
        if within is None:
            return _HIDDEN
        has_objects, end = has_objects or within.has_objects, within.end
    if fields is not None and not isinstance(fields, Fields):
        return "" if _is_marked(state) else _HIDDEN
    if isinstance(fields, Fields):
        has_objects, end = has_objects or fields.has_objects, max(end, fields.end)
    if has_objects and not _is_marked(state):
        return _RAW
    least = end if _is_compound(state) else -1  # a plain type says its size by its name
    return _OUTSIDE if not isinstance(size, int) or size < least else ""


def note_entries(table: Table, items: list[object]) -> None:
    """Notes down what these keys and values mean to numpy, should the table be handed to it as a state."""
    values = items[1::2]
    known = table.fields
    fields = fields_of(values) if known is not OPAQUE else None
    if isinstance(fields, Fields) and isinstance(known, Fields):
        fields = Fields(fields.has_objects or known.has_objects, max(fields.end, known.end))
    table.fields = OPAQUE if fields is None else fields
    table.is_misplaced = table.is_misplaced or any(map(_is_misplaced, items[::2], values))


def _is_misplaced(key: object, value: object) -> bool:
    """Whether this entry of a generator's state has it stand outside of its table, or hides where."""
    if isinstance(key, Made):
        return True
    if type(value) is Table:
        return value.is_misplaced
    length = _POSITIONS.get(key) if type(key) is str else None
    return length is not None and not (isinstance(value, int) and 0 <= value <= length)


def fault_of_generator(made: Made, state: object) -> str:
    """What is wrong with this state of a random number generator, a clause; "" when nothing is."""
    if made.maker is None or not made.maker.module.startswith("numpy.random"):
        return ""
    if isinstance(state, Table):
        is_wrong = state.is_misplaced
    elif isinstance(state, tuple):
        is_legacy = len(state) > 2 and state[0] == _LEGACY_NAME
        is_wrong = any(isinstance(item, Table) and item.is_misplaced for item in state) or (
            is_legacy and _is_misplaced("pos", state[2])
        )
    else:
        is_wrong = False
    return "its state has it read numbers from outside of its table" if is_wrong else ""


def _is_state(state: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(state, tuple) and len(state) > 5


def _is_marked(state: tuple[object, ...]) -> bool:
    version, marks = state[0], state[7] if len(state) > 7 else None
    if isinstance(version, int) and version < _TELLS_OBJECTS:
        return True
    return isinstance(marks, int) and bool(marks & _HOLDS_OBJECTS)


def _array_within(inner: object) -> Fields | None:
    """Of a type whose elements are arrays: of what, and how long each is."""
    element, shape = inner if isinstance(inner, tuple) and len(inner) == 2 else (None, None)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    width = size_of(element)
    if not is_type(element) or width is None or not all(isinstance(size, int) for size in sizes):
        return None
    return Fields(_holds_objects(element), width * math.prod(int(str(size)) for size in sizes))


def _holds_objects(made: object) -> bool:
    """Whether elements of this type are objects, or have objects in them; also when that is hidden."""
    if not isinstance(made, Made) or made.maker is None:
        return True
    if isinstance(made.state, Fields):
        return made.state.has_objects
    code = made.args[0] if made.args else None
    if isinstance(code, GlobalUse):
        return code.name in _OBJECT_TYPES
    if made.maker.module == "numpy.dtypes":
        return made.maker.name in _OBJECT_TYPES
    found = _CODE.fullmatch(code) if isinstance(code, str) else None
    return found is None or found[1] == "O"


def size_of(of: object) -> int | None:
    """Bytes of one element of this type, or of the type of this name; 0 where only numpy knows."""
    if not isinstance(of, Made | str):
        return None
    if isinstance(of, Made) and isinstance(of.state, Fields):
        return of.state.end
    code = of if isinstance(of, str) else of.args[0] if of.args else None
    found = _CODE.fullmatch(code) if isinstance(code, str) else None
    return int(found[2] or 0) * (4 if found[1] == "U" else 1) if found else 0


def told_by(made: Made, state: object) -> Fields:
    """What is known of an element type, now that it has got its state."""
    if not _is_state(state):
        return Fields(True, 0)
    size = state[5] if isinstance(state[5], int) and state[5] >= 0 else size_of(made) or 0
    return Fields(_is_marked(state) if _is_compound(state) else _holds_objects(made), size)


def _is_compound(state: tuple[object, ...]) -> bool:
    return state[2] is not None or state[4] is not None
