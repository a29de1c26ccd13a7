"""Which Python files of a folder loaders run: those that configuration or habit names, and what they import.

A folder may hold hundreds of models: what one configuration names lies beside it or above it. Imports are
found in the text here, without parsing, so that no file of code can hinder the judging of another.

>>> [each.stem for each in imports_in(b"from .helper import f", "sub/modeling_x.py")]
['sub/helper', 'sub/helper/f']
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.code.closure import ImportedFile, closure, file_of, is_entry
from scanner.code.handed_on import handed_on_in
from scanner.code.import_texts import COMMENT, FROM, IMPORT, SIGN
from scanner.code.references import CodeReference, find_references
from scanner.manifest import FileEntry, Snapshot
from scanner.parts import PartlyReadError

CODE_SUFFIXES: Final = (".py", ".pyw")
# The longest modelling file of transformers has 600 kB; a syntax tree takes 300 times its file.
CODE_LIMIT_BYTES: Final = 1024**2
_BY_TEXT: Final = re.compile(
    rb"(?:import_module|__import__)\(\s*(?:name\s*=\s*)?f?['\"](\.{0,20})([\w.\x80-\xff]{1,300})['\"]"
)
# Different ones that lead to no file; a file of transformers has at most a few hundred.
_IMPORTS_LIMIT: Final = 3000
_NAME: Final = re.compile(SIGN + rb"+")
_TOP: Final = PurePosixPath(".")


@dataclass(frozen=True)
class CodeMap:
    """What concerns more than one file of a folder.

    Attributes:
        reached: Paths of Python files that loading runs, with who asks for each ("config.json").
        missing: (path, line, module as written) of relative imports that lead to no file.
        imports: The imports of every Python file.
        paths: Every Python file.
        handed_on: What each file has of others that can do harm: full names by local name.
    """

    reached: Mapping[str, str]
    missing: tuple[tuple[str, int, str], ...]
    imports: Mapping[str, list[ImportedFile]]
    paths: frozenset[str]
    handed_on: Mapping[str, Mapping[str, str]]

    def run_by(self, path: str) -> tuple[str, ...]:
        """A file, and everything that it imports from the folder."""
        return closure([path], self.imports, self.paths).reached

    def siblings_of(self, path: str) -> dict[str, Mapping[str, str]]:
        """What the files that a file imports hand on to it, by module as it is written there."""
        siblings: dict[str, Mapping[str, str]] = {}
        for imported in self.imports.get(path, []):
            for file in (f"{imported.stem}.py", f"{imported.stem}/__init__.py"):
                if file != path and self.handed_on.get(file):
                    siblings.setdefault(imported.written, self.handed_on[file])
        return siblings


@functools.lru_cache(maxsize=1)
def code_map(snapshot: Snapshot) -> CodeMap:
    """The map of a snapshot; made once, because every file is judged by it."""
    entries = list(snapshot.with_suffix(*CODE_SUFFIXES))
    paths = frozenset(entry.path for entry in entries)
    if not paths:
        return CodeMap({}, (), {}, paths, {})
    stems = frozenset(path.rpartition(".")[0].removesuffix("/__init__") for path in paths)
    imports: dict[str, list[ImportedFile]] = {}
    handed_on: dict[str, dict[str, str]] = {}
    for entry in entries:
        source = _head(snapshot, entry)
        imports[entry.path] = list(imports_in(source, entry.path, stems))
        handed_on[entry.path] = handed_on_in(source)
    asked: dict[str, str] = {}
    for reference in find_references(snapshot).references:
        path = file_named(reference, paths)
        if path is not None:
            asked.setdefault(path, reference.path)
    entries_by_name = sorted(path for path in paths if is_entry(path))
    reach = closure([*asked, *entries_by_name], imports, paths)
    reached = {path: asked.get(path, "") for path in reach.reached}
    return CodeMap(reached, reach.missing, imports, paths, handed_on)


def file_named(reference: CodeReference, paths: frozenset[str]) -> str | None:
    """The Python file that a reference names, None when it is nowhere in the folder."""
    folder = PurePosixPath(reference.path).parent
    if reference.repository:
        return _in_other_repository(reference, paths)
    if reference.kind == "custom-code-folder":
        return next(
            (path for path in sorted(paths) if path.startswith(f"{folder / reference.target}/")), None
        )
    if (
        reference.key == "key loader_module"
    ):  # the folder that MLflow puts first on the path, by its usual name
        found = file_of(reference.module, str(folder / "code"), paths)
        if found is not None:
            return found
    for module in (reference.module, reference.target):
        for base in _upwards(folder):
            found = file_of(module, str(base), paths) if module else None
            if found is not None:
                return found
    return None


def _upwards(folder: PurePosixPath) -> Iterator[PurePosixPath]:
    """The folder itself and those above it: a part of a pipeline may name code at the top of its model."""
    yield folder
    yield from list(folder.parents)[:2]


def _in_other_repository(reference: CodeReference, paths: frozenset[str]) -> str | None:
    """The file in a copy of the other repository that lies in the folder too."""
    file = reference.module.replace(".", "/") + ".py"
    owner, _, name = reference.repository.partition("/")
    places = (f"{owner}/{name}/{file}", f"{name}/{file}")
    for path in sorted(paths):
        if path in places or path.endswith(f"/{places[0]}"):
            return path
        if f"models--{owner}--{name}/" in path and path.endswith(f"/{file}"):
            return path
    return None


def imports_in(source: bytes, path: str, stems: frozenset[str] = frozenset()) -> Iterator[ImportedFile]:
    """Every import of a source text that may lead to a file of the folder.

    Args:
        source: The text.
        path: Its file.
        stems: Paths of the files there without ".py"; of imports that lead to none, the first few thousand.
    """
    seen: set[str] = set()
    astray = 0
    for imported in _all_imports(source, PurePosixPath(path).parent):
        is_here = imported.stem in stems
        if imported.stem not in seen and (is_here or astray < _IMPORTS_LIMIT):
            astray += not is_here
            seen.add(imported.stem)
            yield imported


def _all_imports(source: bytes, folder: PurePosixPath) -> Iterator[ImportedFile]:
    lines = _Lines(source)
    for match in FROM.finditer(source):
        names = [_text(name) for name in dict.fromkeys(_NAME.findall(COMMENT.sub(b"", match[3])))]
        yield from _imported(folder, len(match[1]), _text(match[2]), names, lines.of(match.start()))
    lines = _Lines(source)
    for match in IMPORT.finditer(source):
        line = lines.of(match.start())
        parts = (part.split() for part in match[1].replace(b"\\", b" ").split(b","))
        for module in dict.fromkeys(words[0] for words in parts if words):
            yield from _imported(folder, 0, _text(module), [], line)
    lines = _Lines(source)
    for match in _BY_TEXT.finditer(source):
        yield from _imported(folder, len(match[1]), _text(match[2]), [], lines.of(match.start()))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


class _Lines:
    """Numbers of lines, asked for in order."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._at = 0
        self._line = 1

    def of(self, position: int) -> int:
        """The 1-based line of a position that lies behind the last one."""
        self._line += self._source.count(b"\n", self._at, position)
        self._at = position
        return self._line


def _imported(
    folder: PurePosixPath, level: int, module: str, names: Iterable[str], line: int
) -> Iterator[ImportedFile]:
    for _ in range(level - 1):
        folder = folder.parent
    stem = module.replace(".", "/")
    if module and not level:  # looked for beside the file and at the top of its model
        yield from (ImportedFile(line, _below(base, stem), module) for base in _upwards(folder))
    elif module:
        yield ImportedFile(line, _below(folder, stem), "." * level + module)
    for name in names:
        # `from .package import module` may name a module; it is followed when such a file exists.
        inner = _below(folder, f"{stem}/{name}" if module else name)
        yield ImportedFile(line, inner, ("." * level if not module else "") + name)


def _below(folder: PurePosixPath, stem: str) -> str:
    return stem if folder == _TOP else f"{folder}/{stem}"


def _head(snapshot: Snapshot, entry: FileEntry) -> bytes:
    try:
        with snapshot.open(entry.path) as stream:
            return stream.read(CODE_LIMIT_BYTES)
    except (OSError, PartlyReadError):
        return b""
