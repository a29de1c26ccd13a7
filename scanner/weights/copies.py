"""Which of several copies of the weights in a repository is taken.

Safetensors before what torch writes before GGUF, and of several GGUF files the first.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from scanner.manifest import FileEntry, Snapshot
from scanner.tensorfiles.shard_names import without_numbers

_KINDS: Final = ((".safetensors",), (".bin", ".pt", ".pth", ".ckpt"), (".gguf",))
_NOT_WEIGHTS: Final = re.compile(
    r"(?:^|/)(?:optimizer|training_args|scheduler|rng_state|adapter_)|mmproj|imatrix", re.IGNORECASE
)


def one_copy(snapshot: Snapshot) -> tuple[list[FileEntry], list[str]]:
    """The files of the copy that is taken, and the other weight files."""
    kept = [entry for entry in snapshot.files if not _NOT_WEIGHTS.search(entry.path)]
    for suffixes in _KINDS:
        files = [entry for entry in kept if PurePosixPath(entry.path).suffix.lower() in suffixes]
        if files:
            break
    else:
        return [], []
    files.sort(key=lambda entry: (entry.path.count("/"), entry.path))
    patterns = [without_numbers(entry.path) for entry in files]
    if suffixes == (".gguf",) or "-of-" in files[0].path:
        chosen = [each for each, pattern in zip(files, patterns, strict=True) if pattern == patterns[0]]
    else:
        folder = PurePosixPath(files[0].path).parent
        chosen = [each for each in files if PurePosixPath(each.path).parent == folder]
    taken = {entry.path for entry in chosen}
    return chosen, [entry.path for entry in files if entry.path not in taken]
