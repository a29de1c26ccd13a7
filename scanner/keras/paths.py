"""Files that the configuration of a Keras model names and that are no part of it.

>>> list(outside_paths({"filepath": "/etc/passwd", "name": "/dense", "vocabulary": "words.txt"}))
[('filepath', '/etc/passwd')]

Source: keras 3.15.1, index_lookup.py, tfsm_layer.py; TensorFlow.js, tfjs-converter, "weightsManifest".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

MANIFEST: Final = "weightsManifest"  # of TensorFlow.js
_PATH_KEYS: Final = frozenset({
    "filepath", "file_path", "path", "filename", "file", "vocabulary", "vocabulary_path", "vocab_file",
    "merges", "proto", "directory", "dir", "dirname", "cache_dir", "log_dir", "origin", "url", "weights_path",
    "saved_model", "saved_model_path", "export_dir", "checkpoint", "vocabulary_file", "vocab_path",
    "tokenizer_path", "ckpt_to_load_from", "cache_path",
})  # fmt: skip


def outside_paths(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Keys that name a file, with the paths that lead out of the model."""
    for key in sorted(_PATH_KEYS & config.keys()):
        held = config[key]
        if isinstance(held, str) and leads_outside(held):
            yield key, held


def manifest_paths(value: Mapping[str, object]) -> Iterator[str]:
    """Paths that lead out of the model among the files of weights that one for TensorFlow.js names."""
    groups = value.get(MANIFEST)
    for group in groups if isinstance(groups, list) else ():
        paths = group.get("paths") if isinstance(group, dict) else None
        for path in paths if isinstance(paths, list) else ():
            if isinstance(path, str) and leads_outside(path):
                yield path


def leads_outside(path: str) -> bool:
    """Whether this path leads out of the folder it is given from, or to another machine.

    >>> leads_outside("/etc/passwd"), leads_outside("../vocab.txt"), leads_outside("gs://bucket/x")
    (True, True, True)
    >>> leads_outside("vocab.txt"), leads_outside("/")
    (False, False)
    """
    parts = path.replace("\\", "/").split("/")
    is_absolute = path.startswith(("/", "\\", "~")) and len(path) > 1
    has_drive = len(path) > 2 and path[1] == ":" and path[2] in "\\/"
    return is_absolute or has_drive or ".." in parts or "://" in path[:16]
