r"""Hydra targets and Python tags in YAML files, seen in the parser's events: nothing is constructed.

>>> import tempfile, pathlib
>>> from scanner.manifest import FileEntry, Snapshot
>>> from scanner.references import ModelRef
>>> root = tempfile.mkdtemp()
>>> text = "model:\n  _target_: os.system\n"
>>> _ = pathlib.Path(root, "a.yaml").write_text(text)
>>> entry = FileEntry("a.yaml", len(text), "0" * 64)
>>> snapshot = Snapshot(ModelRef.parse(root), None, root, (entry,))
>>> [(each.target, each.line) for each in yaml_targets(snapshot, entry)]
[('os.system', 2)]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import yaml

from scanner.errors import ScanError
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import read_text

_LIMIT_BYTES: Final = 16 * 1024**2
# Hydra's key, and the key by which MLflow names the module that loads a model.
_KEYS: Final = ("_target_", "loader_module")
_PYTHON_TAG: Final = "tag:yaml.org,2002:python/"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TargetFileError(ScanError):
    """A YAML file that may name code cannot be parsed."""


@dataclass(frozen=True)
class YamlTarget:
    """One name of code in a YAML file.

    Attributes:
        kind: "target" for Hydra and MLflow, "yaml-tag" for a Python tag.
        key: "key _target_", "key loader_module" or "tag".
        target: "os.system".
        line: 1-based.
    """

    kind: str
    key: str
    target: str
    line: int


def yaml_targets(snapshot: Snapshot, entry: FileEntry) -> list[YamlTarget]:
    """Every `_target_` and every Python tag of a YAML file.

    Raises:
        TargetFileError: when it is not YAML and mentions either.
        ModelFileError: when it cannot be read or is too long.
    """
    text = read_text(snapshot, entry.path, _LIMIT_BYTES)
    found: list[YamlTarget] = []
    key = ""
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            tag = getattr(event, "tag", None)
            if isinstance(tag, str) and tag.startswith(_PYTHON_TAG):
                name = tag.removeprefix(_PYTHON_TAG).rpartition(":")[2]
                found.append(YamlTarget("yaml-tag", "tag", name, line))
            value = str(event.value) if isinstance(event, yaml.ScalarEvent) else ""
            if key and value:
                whole = value if key == _KEYS[0] else f"{value}.load"
                found.append(YamlTarget("target", f"key {key}", whole, line))
            key = value if value in _KEYS and not key else ""
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if any(word in text for word in (*_KEYS, "!!python", _PYTHON_TAG)):
            reason = " ".join(str(error).split())[:200]
            raise TargetFileError(f"{entry.path}: not readable YAML ({reason})") from error
    return found
