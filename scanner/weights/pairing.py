"""Which tensor of one model is which of another, also where llama.cpp renamed and reordered them.

>>> llama_rows([0, 1, 2, 3, 4], width=4)
[0, 2, 1, 3, 4]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.tensorfiles.gguf_header import GgufError, GgufHeader, read_gguf_header
from scanner.weights.stored import Stored, StoredModel, common_name

_SUFFIXES: Final = (".weight", ".bias")
_LAYERS_LIMIT: Final = 4096


@dataclass(frozen=True)
class Pair:
    """A tensor of both models.

    Attributes:
        name: As the new model has it.
        base: In the base.
        new: In the model under test.
        heads: How many heads its rows are split into, where llama.cpp may have reordered them; else 0.
    """

    name: str
    base: Stored
    new: Stored
    heads: int = 0


@dataclass(frozen=True)
class Pairing:
    """The tensors of both, and the names of those that only one of them has."""

    pairs: tuple[Pair, ...]
    added: tuple[str, ...]
    absent: tuple[str, ...]


def paired(base: StoredModel, new: StoredModel) -> Pairing:
    """The tensors of two models side by side, in the order of the new one's names."""
    if base.is_gguf != new.is_gguf:
        header = _header(base if base.is_gguf else new)
        names = _Names(header)
        old = {names.of(name, is_gguf=base.is_gguf): each for name, each in base.tensors.items()}
        keys = {name: names.of(name, is_gguf=new.is_gguf) for name in new.tensors}
    else:
        names = None
        old = dict(base.tensors)
        keys = {name: name for name in new.tensors}
        if not old.keys() & keys.keys():
            old = {common_name(name): each for name, each in old.items()}
            keys = {name: common_name(name) for name in keys}
    pairs = tuple(
        Pair(name, old[key], new.tensors[name], names.heads(key) if names else 0)
        for name, key in sorted(keys.items())
        if key in old
    )
    found = {keys[pair.name] for pair in pairs}
    return Pairing(
        pairs,
        tuple(name for name, key in sorted(keys.items()) if key not in found),
        tuple(name for name in sorted(old) if name not in found),
    )


def llama_rows(rows: Sequence[int], width: int) -> list[int]:
    """Where rows of a query or key matrix in GGUF stand in the other layouts; `width` is that of a head.

    llama.cpp puts the two halves of every rotary pair side by side. Source: `permute` of the LlamaModel in
    llama.cpp's convert_hf_to_gguf.py.
    """
    found = []
    for row in rows:
        head, place = divmod(row, width)
        pair, half = divmod(place, 2)
        found.append(head * width + half * (width // 2) + pair)
    return found


class _Names:
    """Names of llama.cpp for the tensors of one architecture."""

    def __init__(self, header: GgufHeader | None) -> None:
        from gguf.constants import MODEL_ARCH_NAMES
        from gguf.tensor_mapping import get_tensor_name_map

        self._map = None
        self._heads: Mapping[str, int] = {}
        if header is None:
            return
        named = header.text("general.architecture")
        layers = header.number(f"{named}.block_count")
        kind = next((kind for kind, name in MODEL_ARCH_NAMES.items() if name == named), None)
        if kind is not None and isinstance(layers, int) and 0 < layers <= _LAYERS_LIMIT:
            self._map = get_tensor_name_map(kind, layers)
        heads = header.number(f"{named}.attention.head_count")
        groups = header.number(f"{named}.attention.head_count_kv")
        own = heads if isinstance(heads, int) else 0
        self._heads = {"attn_q": own, "attn_k": groups if isinstance(groups, int) else own}

    def of(self, name: str, *, is_gguf: bool) -> str:
        """The name in GGUF; its own where there is none."""
        if is_gguf or self._map is None:
            return name
        return self._map.get_name(name, try_suffixes=_SUFFIXES) or name

    def heads(self, name: str) -> int:
        """Of a query or key matrix, how many heads it has; 0 for others."""
        parts = name.split(".")
        return self._heads.get(parts[-2], 0) if len(parts) > 2 else 0


def _header(model: StoredModel) -> GgufHeader | None:
    first = next(iter(model.tensors.values()), None)
    try:
        return read_gguf_header(first.path) if first else None
    except GgufError:
        return None
