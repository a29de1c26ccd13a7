"""Which Python files of a model a loader would run: the named ones, and what they import beside them.

>>> imports_of(ast.parse("from . import helper"), "sub/modeling_x.py")
[ImportedFile(line=1, stem='sub/helper', written='.helper')]
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

# File names that loaders look for without being told. Source: transformers 5 (dynamic_module_utils, custom
# generate), the handler of hosted inference endpoints, diffusers (custom_pipeline), setuptools.
_ENTRY_NAMES: Final = frozenset({"handler.py", "pipeline.py", "setup.py", "conftest.py"})
_ENTRY_PREFIXES: Final = (
    "modeling_", "configuration_", "tokenization_", "processing_", "image_processing_",
    "feature_extraction_", "video_processing_", "generation_", "pipeline_",
)  # fmt: skip


@dataclass(frozen=True)
class ImportedFile:
    """An import that may name a file of the model.

    Attributes:
        line: 1-based.
        stem: Path in the model without ".py": "sub/helper".
        written: As the source has it: ".helper".
    """

    line: int
    stem: str
    written: str

    @property
    def is_relative(self) -> bool:
        """Whether it can only mean a file of the model."""
        return self.written.startswith(".")


@dataclass(frozen=True)
class Closure:
    """What loading runs.

    Attributes:
        reached: Paths of Python files, sorted.
        missing: (path, line, module as written) of relative imports that lead to no file of the model.
    """

    reached: tuple[str, ...]
    missing: tuple[tuple[str, int, str], ...]


def is_entry(path: str) -> bool:
    """Whether loaders look for a file of this name."""
    pure = PurePosixPath(path)
    is_generate = pure.name == "generate.py" and pure.parent.name == "custom_generate"
    return pure.name in _ENTRY_NAMES or pure.name.startswith(_ENTRY_PREFIXES) or is_generate


def file_of(module: str, folder: str, paths: frozenset[str]) -> str | None:
    """The file that the dotted `module` names, looked for in `folder` and at the top; None without one."""
    stem = module.replace(".", "/")
    for base in (PurePosixPath(folder), PurePosixPath(".")):
        for candidate in (f"{base / stem}.py", str(base / stem / "__init__.py")):
            if candidate in paths:
                return candidate
    return None


def closure(
    entries: Iterable[str], imports: Mapping[str, list[ImportedFile]], paths: frozenset[str]
) -> Closure:
    """Everything that running `entries` runs.

    Args:
        entries: Files that a loader runs first.
        imports: The imports of every parsed file.
        paths: Every Python file of the model.
    """
    reached: set[str] = set()
    missing: list[tuple[str, int, str]] = []
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        for imported in imports.get(path, []):
            found = [
                each for each in (f"{imported.stem}.py", f"{imported.stem}/__init__.py") if each in paths
            ]
            waiting.extend(found)
            package_exists = any(each.startswith(f"{imported.stem}/") for each in paths) or imported.stem in (
                "",
                ".",
            )
            if imported.is_relative and not found and not package_exists:
                missing.append((path, imported.line, imported.written))
    return Closure(tuple(sorted(reached)), tuple(missing))


def imports_of(tree: ast.Module, path: str) -> list[ImportedFile]:
    """Every import of a file that may lead to another file of the model."""
    found: list[ImportedFile] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.extend(_absolute(alias.name, path, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append(_absolute(node.module, path, node.lineno))
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.extend(_relative(node, path))
    return found


def _absolute(module: str, path: str, line: int) -> ImportedFile:
    return ImportedFile(line, _join(PurePosixPath(path).parent, module), module)


def _relative(node: ast.ImportFrom, path: str) -> list[ImportedFile]:
    folder = PurePosixPath(path).parent
    for _ in range(node.level - 1):
        folder = folder.parent
    dots = "." * node.level
    if node.module:
        inner = [ImportedFile(node.lineno, _join(folder, node.module), dots + node.module)]
        # `from .package import module` may name a module; it is followed when such a file exists.
        names = [alias.name for alias in node.names if alias.name != "*"]
        return inner + [
            ImportedFile(node.lineno, _join(folder, f"{node.module}.{name}"), name) for name in names
        ]
    return [ImportedFile(node.lineno, _join(folder, alias.name), dots + alias.name) for alias in node.names]


def _join(folder: PurePosixPath, module: str) -> str:
    return str(folder / module.replace(".", "/"))
