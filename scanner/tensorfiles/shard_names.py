"""Names of the parts of a split model file.

>>> shard_names("big-00001-of-00002.gguf")
('big-00001-of-00002.gguf', 'big-00002-of-00002.gguf')

Source: llama.cpp, llama_split_path, "%s-%05d-of-%05d.gguf"; huggingface_hub, serialization/_base.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

_PART: Final = re.compile(
    r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.(gguf|safetensors|bin))", re.IGNORECASE
)
_NUMBERS: Final = re.compile(r"-\d{5}-of-\d{5}(?=\.\w+$)")

# A name can claim 99999 parts, and each that is not there becomes a finding.
_MOST_PARTS: Final = 1000


def shard_names(name: str) -> tuple[str, ...]:
    """The names of all parts of the file that `name` is a part of, or just `name`; the first 1000 at most."""
    match = _PART.fullmatch(name)
    count = int(match["count"]) if match else 0
    if match is None or not 1 <= int(match["number"]) <= count:
        return (name,)
    numbers = range(1, min(count, _MOST_PARTS) + 1)
    return tuple(f"{match['stem']}-{number:05d}-of-{match['count']}{match['suffix']}" for number in numbers)


def without_numbers(path: str) -> str:
    """The path that all parts of a split file have in common; of other files their own.

    >>> without_numbers("q4/big-00001-of-00002.gguf")
    'q4/big.gguf'
    """
    return _NUMBERS.sub("", path)


def absent_gguf_parts(paths: Collection[str]) -> tuple[str, ...]:
    """Parts of split GGUF files of which others are among `paths`, sorted.

    Only of GGUF: the shards of other formats are listed in an index of their own.

    >>> absent_gguf_parts(["q4/big-00001-of-00002.gguf", "README.md"])
    ('q4/big-00002-of-00002.gguf',)
    """
    expected = {
        path.with_name(name).as_posix()
        for path in map(PurePosixPath, paths)
        if path.suffix.lower() == ".gguf"
        for name in shard_names(path.name)
    }
    return tuple(sorted(expected.difference(paths)))
