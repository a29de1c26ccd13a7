"""Where a model's configuration asks a loader to run code, and whose.

>>> import tempfile, pathlib
>>> from scanner.manifest import FileEntry, Snapshot
>>> from scanner.references import ModelRef
>>> root = tempfile.mkdtemp()
>>> text = '{"auto_map": {"AutoModel": "modeling_x.X"}}'
>>> _ = pathlib.Path(root, "config.json").write_text(text)
>>> snapshot = Snapshot(ModelRef.parse(root), None, root, (FileEntry("config.json", len(text), "0" * 64),))
>>> [(each.kind, each.target) for each in find_references(snapshot).references]
[('auto-map', 'modeling_x.X')]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.code.target_files import TargetFileError, yaml_targets
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError, read_json
from scanner.parts import PartlyReadError

_JSON_LIMIT_BYTES: Final = 16 * 1024**2
# Vocabularies and weight indexes are data, and large.
_DATA_NAMES: Final = (
    "tokenizer.json",
    "vocab.json",
    "merges.json",
    "added_tokens.json",
    "special_tokens_map.json",
)
_LOADED_NAMES: Final = frozenset({"modules.json", "model_index.json", "MLmodel"})
_WORDS: Final = (b"auto_map", b"_target_", b"custom_pipelines")
_DEPTH_LIMIT: Final = 50
# Modules that sentence-transformers and diffusers themselves bring.
_KNOWN_PACKAGES: Final = frozenset({"sentence_transformers", "diffusers", "transformers"})


@dataclass(frozen=True)
class CodeReference:
    """One place that names code.

    Attributes:
        kind: "auto-map", "cross-repository", "custom-module", "custom-pipeline", "target", "yaml-tag".
        path: File that names it.
        key: Place in the file: "key auto_map.AutoModel".
        target: As written: "modeling_x.Model", "other/repo--modeling_x.Model", "os.system".
        line: 1-based line for YAML, else None.
    """

    kind: str
    path: str
    key: str
    target: str
    line: int | None = None

    @property
    def module(self) -> str:
        """Dotted module of the target, without the class and without the other repository."""
        return self.target.rpartition("--")[2].rpartition(".")[0]

    @property
    def repository(self) -> str:
        """The other repository that the target names, "" when it is this one."""
        return self.target.rpartition("--")[0]


@dataclass(frozen=True)
class ReferenceSearch:
    """What the search yields.

    Attributes:
        references: In the order of the files.
        files_read: How many configuration files were read.
        unread: (path, reason) of those that could not be.
        not_fetched: The same for those that were not read far enough to tell.
    """

    references: tuple[CodeReference, ...]
    files_read: int
    unread: tuple[tuple[str, str], ...]
    not_fetched: tuple[tuple[str, str], ...] = ()


def find_references(snapshot: Snapshot) -> ReferenceSearch:
    """Every reference to code in the JSON and YAML files of a snapshot."""
    references: list[CodeReference] = []
    unread: list[tuple[str, str]] = []
    not_fetched: list[tuple[str, str]] = []
    files_read = 0
    for entry in snapshot.files:
        try:
            found = _readable(snapshot, entry, unread)
        except PartlyReadError as error:
            not_fetched.append((entry.path, str(error)))
            continue
        if found is not None:
            files_read += 1
            references.extend(found)
    return ReferenceSearch(tuple(references), files_read, tuple(unread), tuple(not_fetched))


def _readable(
    snapshot: Snapshot, entry: FileEntry, unread: list[tuple[str, str]]
) -> list[CodeReference] | None:
    """The references of one file; None for one that is no configuration, or is none that can be read."""
    try:
        return _in_file(snapshot, entry)
    except (ModelFileError, TargetFileError) as error:
        if _may_matter(snapshot, entry):
            unread.append((entry.path, str(error)))
        return None


def _in_file(snapshot: Snapshot, entry: FileEntry) -> list[CodeReference] | None:
    """The references of one file; None for a file that is no configuration."""
    path = PurePosixPath(entry.path)
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml") or path.name == "MLmodel":
        found = yaml_targets(snapshot, entry)
        return [CodeReference(each.kind, entry.path, each.key, each.target, each.line) for each in found]
    if suffix != ".json" or path.name in _DATA_NAMES or path.name.endswith(".index.json"):
        return None
    value = read_json(snapshot, entry.path, _JSON_LIMIT_BYTES)
    found_in_json = list(_in_json(entry.path, value))
    if path.name == "modules.json":
        found_in_json.extend(_sentence_modules(entry.path, value))
    elif path.name == "model_index.json":
        found_in_json.extend(_pipeline_parts(snapshot, entry.path, value))
    return found_in_json


def _may_matter(snapshot: Snapshot, entry: FileEntry) -> bool:
    """Whether a file that cannot be parsed is read by loaders, or mentions code."""
    name = PurePosixPath(entry.path).name
    if name.endswith(("config.json", ".yaml", ".yml")) or name in _LOADED_NAMES:
        return True
    try:
        with snapshot.open(entry.path) as stream:
            tail = b""
            while chunk := stream.read(1 << 20):
                if any(word in tail + chunk for word in _WORDS):
                    return True
                tail = chunk[-32:]
    except OSError:
        return True
    return False


def _in_json(path: str, value: object) -> Iterator[CodeReference]:
    """auto_map, custom_pipelines and _target_ at any depth; without recursion."""
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting:
        key, item, depth = waiting.pop()
        if depth > _DEPTH_LIMIT:
            continue
        if isinstance(item, list):
            waiting.extend((key, part, depth + 1) for part in reversed(item) if isinstance(part, dict | list))
        elif isinstance(item, dict):
            for name, part in item.items():
                inner = f"{key}.{name}" if key else str(name)
                yield from _named(path, inner, name, part)
                if isinstance(part, dict | list):
                    waiting.append((inner, part, depth + 1))


def _named(path: str, key: str, name: str, value: object) -> Iterator[CodeReference]:
    if name == "auto_map":
        for target_key, target in _targets(value):
            kind = "cross-repository" if "--" in target else "auto-map"
            yield CodeReference(kind, path, f"key {key}{target_key}", target)
    elif name == "_target_" and isinstance(value, str):
        yield CodeReference("target", path, f"key {key}", value)
    elif name == "custom_pipelines" and isinstance(value, dict):
        for task, settings in value.items():
            implementation = settings.get("impl") if isinstance(settings, dict) else None
            if isinstance(implementation, str):
                kind = "cross-repository" if "--" in implementation else "custom-pipeline"
                yield CodeReference(kind, path, f"key {key}.{task}.impl", implementation)


def _targets(value: object) -> Iterator[tuple[str, str]]:
    """The class names of an auto_map, which is a mapping, or a list for slow and fast tokenizers."""
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, list):
        for item in value:
            yield from _targets(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from ((f".{name}{deeper}", target) for deeper, target in _targets(item))


def _sentence_modules(path: str, value: object) -> Iterator[CodeReference]:
    modules = value if isinstance(value, list) else []
    for number, module in enumerate(modules):
        target = module.get("type") if isinstance(module, dict) else None
        if isinstance(target, str) and target.split(".")[0] not in _KNOWN_PACKAGES:
            kind = "cross-repository" if "--" in target else "custom-module"
            yield CodeReference(kind, path, f"key [{number}].type", target)


def _pipeline_parts(snapshot: Snapshot, path: str, value: object) -> Iterator[CodeReference]:
    """Parts of a diffusers pipeline whose class lies in a Python file of the repository."""
    if not isinstance(value, dict):
        return
    folder = PurePosixPath(path).parent
    for name, part in value.items():
        library: object = part[0] if isinstance(part, list) and len(part) == 2 else None
        if not isinstance(library, str) or library.split(".")[0] in _KNOWN_PACKAGES:
            continue
        file = library.replace(".", "/") + ".py"
        is_below = snapshot.find(str(folder / name / file)) is not None
        is_beside = snapshot.find(str(folder / file)) is not None
        if name == "_class_name" or "/" in library or "--" in library or is_beside or is_below:
            target = f"{name}.{library}.{part[1]}" if is_below else f"{library}.{part[1]}"
            yield CodeReference("custom-pipeline", path, f"key {name}", target)
