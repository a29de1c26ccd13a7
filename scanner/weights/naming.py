"""Names of tensors in messages, and what layers have in common.

>>> named(["a", "b", "c", "d", "e"])
'a, b, c and 2 more'
>>> role_of("model.layers.12.mlp.experts.3.up_proj.weight")
'model.layers.#.mlp.experts.#.up_proj.weight'
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Final

from scanner.tensorfiles.safetensors_layout import shown

_NAMES_NAMED: Final = 3
_NUMBER: Final = re.compile(r"(?<![A-Za-z])\d+")


@functools.lru_cache(maxsize=16_384)  # layers and experts have the same parts of names by the thousand
def role_of(name: str) -> str:
    """The name of a tensor with '#' for every number: the same for all layers and experts."""
    return _NUMBER.sub("#", name)


def named(names: Sequence[str], most: int = _NAMES_NAMED) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more
