"""Which Python files of a model a loader would run: the named ones, and what they import beside them.

>>> is_entry("modeling_x.py"), is_entry("train.py")
(True, False)
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

# File names that loaders look for without being told. Source: transformers 5 (dynamic_module_utils, custom
# generate), the handler of hosted inference endpoints and of SageMaker, Triton and TorchServe, diffusers
# (custom_pipeline), torch.hub, setuptools, pytest, and Python's own site module.
_ENTRY_NAMES: Final = frozenset(
    {"handler.py", "pipeline.py", "setup.py", "conftest.py", "inference.py", "model.py", "hubconf.py",
     "sitecustomize.py", "usercustomize.py", "predict.py", "score.py", "app.py", "__main__.py",
     "custom_st.py", "model_handler.py", "serve.py", "custom_pipeline.py", "endpoint_handler.py"}
)  # fmt: skip
_ENTRY_PREFIXES: Final = (
    "modeling_", "configuration_", "tokenization_", "processing_", "image_processing_",
    "feature_extraction_", "video_processing_", "generation_", "pipeline_", "modular_", "audio_processing_",
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
    folders = _folders(paths)
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
            if imported.is_relative and not found and imported.stem not in folders:
                missing.append((path, imported.line, imported.written))
    return Closure(tuple(sorted(reached)), tuple(missing))


@functools.lru_cache(maxsize=1)
def _folders(paths: frozenset[str]) -> frozenset[str]:
    """The folders that hold Python files; the same for every file that configuration names."""
    return frozenset({"", *(str(parent) for path in paths for parent in PurePosixPath(path).parents)})
