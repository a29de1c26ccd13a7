"""Patterns of paths."""

from __future__ import annotations

import pytest
from huggingface_hub.utils import filter_repo_objects

from scanner.path_patterns import is_taken

PATHS = (
    "config.json",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/sub/config.json",
    "README.md",
    "a[1].bin",
)


@pytest.mark.parametrize(
    ("allow", "ignore"),
    [
        ((), ()),
        (("*.json",), ()),
        (("onnx/",), ()),
        (("onnx/*.json", "README.md"), ()),
        ((), ("*.onnx",)),
        (("*",), ("onnx/",)),
        (("readme.md",), ()),
        (("a[[]1].bin", "model.????????????"), ()),
        (("nothing",), ("*",)),
    ],
)
def test_patterns_mean_what_they_mean_to_the_hubs_client(
    allow: tuple[str, ...], ignore: tuple[str, ...]
) -> None:
    theirs = filter_repo_objects(PATHS, allow_patterns=list(allow) or None, ignore_patterns=list(ignore))
    assert [path for path in PATHS if is_taken(path, allow, ignore)] == list(theirs)
