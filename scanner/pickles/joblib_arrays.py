"""How long the raw array is that joblib writes between the instructions of a pickle.

>>> array_bytes({"shape": (2, 3), "dtype": Made(None, ("f4",))})
24
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from scanner.pickles.stand_ins import Fields, Made
from scanner.pickles.stream import BrokenPickleError

# What stands for such an array in the pickle.
WRAPPER: Final = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_ITEM_TYPE: Final = re.compile(r"[<>|=]?([a-zA-Z])(\d+)")


def array_bytes(state: Mapping[str, object]) -> int | None:
    """Length of the raw array that a joblib wrapper of this state announces; None for an array of objects.

    Raises:
        BrokenPickleError: when the state hides it.
    """
    shape, dtype = state.get("shape"), state.get("dtype")
    if not isinstance(shape, tuple) or not isinstance(dtype, Made):
        raise BrokenPickleError("a joblib array whose shape or element type is hidden")
    found = _ITEM_TYPE.fullmatch(str(dtype.args[0])) if dtype.args else None
    if found is None or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise BrokenPickleError("a joblib array whose shape or element type is hidden")
    letter, width = found[1], int(found[2])
    if letter == "O":
        return None
    if letter == "V" and isinstance(dtype.state, Fields) and dtype.state.end > 0:
        width = dtype.state.end
    return math.prod(int(str(size)) for size in shape) * width * (4 if letter == "U" else 1)
