"""Judges the index of a sharded safetensors model: which tensor lies in which file.

>>> faults = index_faults({"weight_map": {"w": "../../secret"}}, {})
>>> [fault.code for fault in faults]
['ST-INDEX']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import Final

from scanner.tensorfiles.safetensors_layout import HeaderFault, shown

INDEX_SUFFIX: Final = ".safetensors.index.json"
# PyTorch's shards have an index of the same form; what tensors they hold is not read here.
TORCH_INDEX_SUFFIX: Final = ".bin.index.json"
# A hub model has some thousands of tensors; a fault in each says no more than the first ones.
_FAULTS_LIMIT: Final = 20


def index_faults(index: object, shards: Mapping[str, frozenset[str] | None]) -> list[HeaderFault]:
    """What is wrong with an index.

    Args:
        index: Its JSON value.
        shards: Tensor names by the name of each shard that lies beside the index; None where they were not
            read.
    """
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        return [HeaderFault("ST-INDEX", "the index has no weight_map from tensor to file", "weight_map")]
    named: set[str] = set()
    faults: list[HeaderFault] = []
    for tensor, shard in weight_map.items():
        if not isinstance(shard, str):
            faults.append(_fault(tensor, f"'{shown(tensor)}' is mapped to something that is no file name"))
        else:
            named.add(shard)
    known = {shard: names for shard, names in shards.items() if names is not None}
    usable = {shard for shard in named if _is_plain(shard) and shard in known}
    faults.extend(_shard_faults(named, shards))
    faults.extend(_tensor_faults(weight_map, usable, known))
    return faults[:_FAULTS_LIMIT]


def named_shards(index: object) -> frozenset[str]:
    """The files that an index names, whatever else is wrong with it."""
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    named = weight_map.values() if isinstance(weight_map, dict) else ()
    return frozenset(shard for shard in named if isinstance(shard, str))


def _shard_faults(named: set[str], shards: Container[str]) -> Iterator[HeaderFault]:
    for shard in sorted(named):
        place = f"weight_map file {shown(shard)}"
        if not _is_plain(shard):
            message = f"the index sends the loader to '{shown(shard)}', outside its own folder"
            yield HeaderFault("ST-INDEX", message, place)
        elif shard not in shards:
            yield HeaderFault("ST-INDEX", f"the index names '{shown(shard)}', which is not there", place)


def _tensor_faults(
    weight_map: Mapping[str, object], usable: set[str], shards: Mapping[str, frozenset[str]]
) -> Iterator[HeaderFault]:
    copies = Counter(tensor for shard in usable for tensor in shards[shard])
    for tensor, count in copies.items():
        if count > 1:
            yield _fault(tensor, f"'{shown(tensor)}' lies in {count} files; readers may take either")
    for tensor, shard in weight_map.items():
        if isinstance(shard, str) and shard in usable and tensor not in shards[shard]:
            yield _fault(tensor, f"'{shown(tensor)}' is not in '{shown(shard)}', where the index puts it")


def _fault(tensor: str, message: str) -> HeaderFault:
    return HeaderFault("ST-INDEX", message, f"tensor {shown(tensor)}")


def _is_plain(shard: str) -> bool:
    """Whether this names a file in the same folder and nothing else."""
    has_path = any(character in shard for character in "/\\:%\0")
    return bool(shard) and not has_path and not shard.startswith(".")
