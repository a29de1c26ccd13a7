"""Which part of a model a file belongs to, and which files differ between two snapshots.

>>> part_of("tokenizer.json"), part_of("modeling_x.py"), part_of("model-00001-of-00002.safetensors")
(<Part.TOKENIZER: 'tokenizer'>, <Part.CODE: 'code'>, <Part.WEIGHTS: 'weights'>)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from scanner.comparison import FileChange, Part
from scanner.manifest import FileEntry, Snapshot, is_weight_file
from scanner.model_files import is_licence_name

_CODE: Final = frozenset(
    {".py", ".pyc", ".pyx", ".so", ".dll", ".dylib", ".sh", ".ipynb", ".cpp", ".cu", ".js", ".whl", ".exe"}
)
_CODE_NAMES: Final = frozenset({"requirements.txt", "setup.cfg", "pyproject.toml", "makefile", "dockerfile"})
_TOKENIZER: Final = ("tokenizer", "vocab", "merges", "special_tokens_map", "added_tokens", "spiece", "tekken")
_TEMPLATE: Final = (".jinja", ".jinja2")
_TEMPLATE_NAMES: Final = frozenset({"chat_template.json"})
_CONFIG: Final = frozenset({".json", ".yaml", ".yml", ".toml", ".ini"})
_CARDS: Final = frozenset({"readme.md", "modelcard.md", "model_card.md"})


def part_of(path: str) -> Part:
    """The part that a file of this name belongs to; code first, so that nothing which runs hides as data."""
    name = PurePosixPath(path.lower())
    if name.suffix in _CODE or name.name in _CODE_NAMES:
        return Part.CODE
    if is_weight_file(path) or name.name.endswith(".index.json"):
        return Part.WEIGHTS
    if name.suffix in _TEMPLATE or name.name in _TEMPLATE_NAMES:
        return Part.TEMPLATE
    if name.name in _CARDS:
        return Part.CARD
    if is_licence_name(name.name):
        return Part.LICENCE
    if name.name.startswith(_TOKENIZER) or name.suffix == ".model":
        return Part.TOKENIZER
    return Part.CONFIG if name.suffix in _CONFIG else Part.OTHER


def file_changes(base: Snapshot, candidate: Snapshot) -> tuple[FileChange, ...]:
    """Every file that differs, sorted by path; a model that is one file is compared whatever its name."""
    pairs = _paired(base.files, candidate.files)
    changes = (
        FileChange(part_of((new or old).path), old, new)  # type: ignore[union-attr]  # one of them is there
        for old, new in pairs
        if old is None or new is None or old.sha256 != new.sha256 or not old.is_whole
    )
    return tuple(sorted(changes, key=lambda change: change.path))


def _paired(
    base: Sequence[FileEntry], candidate: Sequence[FileEntry]
) -> list[tuple[FileEntry | None, FileEntry | None]]:
    if len(base) == 1 and len(candidate) == 1 and part_of(base[0].path) is part_of(candidate[0].path):
        return [(base[0], candidate[0])]
    before, after = ({entry.path: entry for entry in files} for files in (base, candidate))
    return [(before.get(path), after.get(path)) for path in {**before, **after}]
