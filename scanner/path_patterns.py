"""Which paths of a model patterns take, as the hub's own client reads them.

`*` and `?` also match "/", case counts, and a pattern that ends in "/" means everything below.

>>> is_taken("onnx/model.onnx", allow=("*.safetensors", "onnx/"), ignore=())
True
>>> is_taken("onnx/model.onnx", allow=(), ignore=("*.onnx",))
False

Source: huggingface_hub 2.4.0, utils/_paths.py, filter_repo_objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def is_taken(path: str, allow: Sequence[str], ignore: Sequence[str]) -> bool:
    """Whether `path` matches a pattern of `allow` (or there is none) and no pattern of `ignore`."""
    return (not allow or matches(path, allow)) and not matches(path, ignore)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether `path` matches one of `patterns`."""
    return any(fnmatchcase(path, f"{each}*" if each.endswith("/") else each) for each in patterns)
