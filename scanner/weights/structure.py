"""How the tensors of a model are stacked in layers, and where that does not add up.

>>> stack_of("model.layers.12.mlp.experts.3.up_proj.weight")
('model.layers', 12, 'mlp.experts.#.up_proj.weight')
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from scanner.weights.naming import role_of

_STACK: Final = re.compile(r"^((?:.*\.)?(?:layers|layer|h|blk|blocks|block))\.(\d{1,5})\.(.+)$")
_LAYERS_LEAST: Final = 4
_KINDS_LEAST: Final = 3
# More sorts of layers than this are a design (searched architectures, hybrids), not an accident.
_SORTS_MOST: Final = 3
_LAYER_KEYS: Final = frozenset({
    "num_hidden_layers", "num_layers", "n_layer", "n_layers", "num_decoder_layers", "num_encoder_layers",
    "encoder_layers", "decoder_layers", "depth", "num_blocks", "n_blocks",
})  # fmt: skip
_EXTRA_KEYS: Final = ("num_nextn_predict_layers", "mtp_num_layers", "num_mtp_layers")
_CONFIG_DEPTH: Final = 4
_LAYERS_MOST: Final = 10_000


@dataclass
class Stack:
    """The layers of one name.

    Attributes:
        name: What stands before the number: "model.layers".
        kinds: For each layer the kinds of tensors it has: names after the number, experts as '#'.
        tensors: How many tensors there are in all.
    """

    name: str
    kinds: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    tensors: int = 0

    @property
    def count(self) -> int:
        """Layers there should be: the highest number and one."""
        return max(self.kinds) + 1

    @property
    def missing(self) -> list[int]:
        """Numbers below the highest that no tensor has, of a stack of bounded size."""
        return [number for number in range(min(self.count, _LAYERS_MOST)) if number not in self.kinds]


@dataclass(frozen=True)
class OddLayer:
    """A layer in the middle whose tensors are not those of the others.

    Attributes:
        number: Which.
        lacks: Kinds that the other layers have.
        adds: Kinds that no other layer has.
        others: How many layers are alike.
    """

    number: int
    lacks: tuple[str, ...]
    adds: tuple[str, ...]
    others: int


def stack_of(name: str) -> tuple[str, int, str] | None:
    """The stack, number and kind in a tensor's name; None for tensors outside of layers."""
    found = _STACK.match(name)
    return (role_of(found[1]), int(found[2]), role_of(found[3])) if found else None


def stacks_of(names: Iterable[str]) -> list[Stack]:
    """The stacks that have layers enough to judge, that with most tensors first."""
    found: dict[str, Stack] = {}
    for name in names:
        if place := stack_of(name):
            stack = found.setdefault(place[0], Stack(place[0]))
            stack.kinds[place[1]].add(place[2])
            stack.tensors += 1
    large = [each for each in found.values() if len(each.kinds) >= _LAYERS_LEAST and _is_rich(each)]
    return sorted(large, key=lambda each: (-each.tensors, each.name))


def odd_layers(stack: Stack) -> Iterator[OddLayer]:
    """Layers, neither the first nor the last, that alone differ from a common sort.

    First layers are dense in many mixtures of experts, and last ones predict further tokens; layers that
    alternate are of a sort each. None of these is odd.
    """
    sorts = Counter(frozenset(kinds) for kinds in stack.kinds.values())
    common, others = sorts.most_common(1)[0]
    if len(sorts) > _SORTS_MOST or others * 2 <= len(stack.kinds):
        return
    elsewhere = Counter(kind for kinds in stack.kinds.values() for kind in kinds)
    ends = (min(stack.kinds), max(stack.kinds))
    for number, kinds in sorted(stack.kinds.items()):
        if number in ends or sorts[frozenset(kinds)] > 1:
            continue
        lacks = tuple(sorted(common - kinds))
        adds = tuple(sorted(kind for kind in kinds - common if elsewhere[kind] == 1))
        if lacks or adds:
            yield OddLayer(number, lacks, adds, others)


def claimed_layers(config: Mapping[str, object]) -> set[int]:
    """Every number of layers that a config names, with and without the layers that predict further tokens."""
    numbers = {value for key, value in _numbers(config) if key in _LAYER_KEYS}
    extra = {value for key, value in _numbers(config) if key in _EXTRA_KEYS}
    return numbers | {number + more for number in numbers for more in extra}


def _is_rich(stack: Stack) -> bool:
    return max(len(kinds) for kinds in stack.kinds.values()) >= _KINDS_LEAST


def _numbers(value: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    level: Sequence[Mapping[str, object]] = [value]
    for _ in range(_CONFIG_DEPTH):
        for each in level:
            yield from ((key, number) for key, number in each.items() if type(number) is int)
        level = [inner for each in level for inner in each.values() if isinstance(inner, dict)]
