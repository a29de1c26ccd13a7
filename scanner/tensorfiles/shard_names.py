"""Names of the parts of a split model file.

>>> shard_names("big-00001-of-00002.gguf")
('big-00001-of-00002.gguf', 'big-00002-of-00002.gguf')

Source: llama.cpp, llama_split_path, "%s-%05d-of-%05d.gguf"; huggingface_hub, serialization/_base.py.
"""

from __future__ import annotations

import re
from typing import Final

_PART: Final = re.compile(
    r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.(gguf|safetensors|bin))", re.IGNORECASE
)


def shard_names(name: str) -> tuple[str, ...]:
    """The names of all parts of the file that `name` is a part of, or just `name`."""
    match = _PART.fullmatch(name)
    count = int(match["count"]) if match else 0
    if match is None or not 1 <= int(match["number"]) <= count:
        return (name,)
    return tuple(
        f"{match['stem']}-{number:05d}-of-{match['count']}{match['suffix']}" for number in range(1, count + 1)
    )
