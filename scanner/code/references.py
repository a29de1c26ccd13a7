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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.code.json_targets import names_in_json
from scanner.code.loader_keys import Named, mentions_danger, mentions_keys, named_by, named_in_yaml
from scanner.code.nemo_files import nemo_targets
from scanner.code.pairs import pairs_of
from scanner.code.places import leaves_folder
from scanner.code.settings_files import settings_in
from scanner.code.targets import judge_target
from scanner.code.yaml_targets import TargetFileError, YamlTarget, targets_in
from scanner.manifest import FileEntry, Snapshot, is_weight_file
from scanner.model_files import ModelFileError, read_json, read_text
from scanner.parts import PartlyReadError

_JSON_LIMIT_BYTES: Final = 16 * 1024**2
_YAML_LIMIT_BYTES: Final = 4 * 1024**2
_TEXT_LIMIT_BYTES: Final = 1024**2
# Vocabularies and weight indexes are data, and large.
_DATA_NAMES: Final = frozenset(
    {"tokenizer.json", "vocab.json", "merges.json", "added_tokens.json", "special_tokens_map.json"}
)
_LOADED_NAMES: Final = frozenset({"modules.json", "model_index.json", "mlmodel"})
# Modules that sentence-transformers and diffusers themselves bring.
_KNOWN_PACKAGES: Final = frozenset({"sentence_transformers", "diffusers", "transformers"})
# What a JSON file that asks for code has in it; a backslash may spell any of these otherwise.
_WORDS: Final = (
    b"auto_map", b"_target_", b"custom_pipelines", b"class_path", b"loader_module", b"parent_library", b"py/",
    b"trust_remote_code", b"_component_", b"__target__", b"weight_map", b"jsonpickle", b"\\u", b"\\x",
)  # fmt: skip


@dataclass(frozen=True)
class CodeReference:
    """One place that names code.

    Attributes:
        kind: "auto-map", "cross-repository", "custom-module", "custom-pipeline", "custom-code-folder",
            "target", "loose-target", "yaml-tag", "foreign-tag", "trust", "bomb", "escape", "source",
            "other-model", "own-operator", "safeguard-off", "runs-what-it-writes" or "reads-secret".
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
        unread: (path, reason) of those that could not be.
        not_fetched: The same for those that were not read far enough to tell.
    """

    references: tuple[CodeReference, ...]
    unread: tuple[tuple[str, str], ...]
    not_fetched: tuple[tuple[str, str], ...] = ()


def find_references(snapshot: Snapshot) -> ReferenceSearch:
    """Every reference to code in the JSON and YAML files of a snapshot."""
    references: list[CodeReference] = []
    unread: list[tuple[str, str]] = []
    not_fetched: list[tuple[str, str]] = []
    for entry in snapshot.files:
        try:
            references.extend(_readable(snapshot, entry, unread))
        except PartlyReadError as error:
            not_fetched.append((entry.path, str(error)))
    return ReferenceSearch(tuple(references), tuple(unread), tuple(not_fetched))


def _readable(snapshot: Snapshot, entry: FileEntry, unread: list[tuple[str, str]]) -> list[CodeReference]:
    """The references of one file; none for one that is no configuration, or is none that can be read."""
    try:
        return references_in(snapshot, entry) or []
    except (ModelFileError, TargetFileError) as error:
        if may_matter(snapshot, entry):
            unread.append((entry.path, str(error)))
        return []


def references_in(snapshot: Snapshot, entry: FileEntry) -> list[CodeReference] | None:
    """The references of one file; None for a file that is no configuration.

    Raises:
        PartlyReadError: when it was not read far enough to tell.
        ModelFileError: when it cannot be read as JSON, or is too long.
        TargetFileError: when it cannot be read as YAML and mentions code.
    """
    path = PurePosixPath(entry.path)
    name, suffix = path.name.lower(), path.suffix.lower()
    if suffix == ".nemo":
        return _of_yaml(entry, nemo_targets(snapshot, entry))
    if suffix in (".yaml", ".yml") or name == "mlmodel":
        text = read_text(snapshot, entry.path, _YAML_LIMIT_BYTES)
        is_mlmodel = name == "mlmodel"
        return [
            *_of_yaml(entry, targets_in(text, entry.path, is_mlmodel=is_mlmodel)),
            *_keyed_yaml(entry, text),
        ]
    if suffix != ".json":
        return _settings(snapshot, entry)
    if name in _DATA_NAMES or name.endswith(".safetensors.index.json"):
        return None
    if not name.endswith("config.json") and name not in _LOADED_NAMES and not _mentions_code(snapshot, entry):
        return []
    value = read_json(snapshot, entry.path, _JSON_LIMIT_BYTES)
    found = [CodeReference(kind, entry.path, key, target) for kind, key, target in names_in_json(value)]
    if name == "modules.json":
        found.extend(_sentence_modules(entry.path, value))
    elif name == "model_index.json":
        found.extend(_pipeline_parts(snapshot, entry.path, value))
    told = {each.target for each in found}
    keyed = _of_keys(entry, named_by(pairs_of(value), name))
    return [*found, *(each for each in keyed if each.target not in told)]


def _of_yaml(entry: FileEntry, found: list[YamlTarget]) -> list[CodeReference]:
    return [CodeReference(each.kind, entry.path, each.key, each.target, each.line) for each in found]


def _of_keys(entry: FileEntry, found: Iterable[Named]) -> list[CodeReference]:
    return [CodeReference(each.kind, entry.path, each.key, each.target, each.line) for each in found]


def _settings(snapshot: Snapshot, entry: FileEntry) -> list[CodeReference] | None:
    """The references of a file that is neither JSON nor YAML by its name; None when it has none."""
    if entry.size_bytes > _TEXT_LIMIT_BYTES or is_weight_file(entry.path):
        return None
    try:
        text = read_text(snapshot, entry.path, _TEXT_LIMIT_BYTES)
    except (ModelFileError, PartlyReadError):
        return None  # who reads its kind tells that it was not
    return _of_keys(entry, settings_in(text, entry.path)) or None


def _keyed_yaml(entry: FileEntry, text: str) -> list[CodeReference]:
    try:
        return _of_keys(entry, named_in_yaml(text))
    except ValueError as error:
        raise TargetFileError(f"{entry.path}: {error}") from error


def _mentions_code(snapshot: Snapshot, entry: FileEntry) -> bool:
    with snapshot.open(entry.path) as stream:
        data = stream.read(_JSON_LIMIT_BYTES)
    return any(word in data for word in _WORDS) or mentions_keys(data)


def may_matter(snapshot: Snapshot, entry: FileEntry) -> bool:
    """Whether a file that cannot be parsed is read by loaders, or mentions code."""
    name = PurePosixPath(entry.path).name.lower()
    if name.endswith(("config.json", ".yaml", ".yml", ".nemo")) or name in _LOADED_NAMES:
        return True
    try:
        with snapshot.open(entry.path) as stream:
            tail = b""
            while chunk := stream.read(1 << 20):
                if any(word in tail + chunk for word in _WORDS) or mentions_danger(tail + chunk):
                    return True
                tail = chunk[-300:]
    except OSError:
        return True
    return False


def _sentence_modules(path: str, value: object) -> Iterator[CodeReference]:
    modules = value if isinstance(value, list) else []
    for number, module in enumerate(modules):
        target = module.get("type") if isinstance(module, dict) else None
        place = module.get("path") if isinstance(module, dict) else None
        if isinstance(place, str) and leaves_folder(place):
            yield CodeReference("escape", path, f"key [{number}].path", place[:300])
        if isinstance(target, str) and target.split(".")[0] not in _KNOWN_PACKAGES:
            kind = "cross-repository" if "--" in target else "custom-module"
            if judge_target(target).is_attack:
                kind = "target"
            yield CodeReference(kind, path, f"key [{number}].type", target)


def _pipeline_parts(snapshot: Snapshot, path: str, value: object) -> Iterator[CodeReference]:
    """Parts of a diffusers pipeline whose class lies in a Python file of the repository."""
    if not isinstance(value, dict):
        return
    folder = PurePosixPath(path).parent
    for name, part in value.items():
        if leaves_folder(str(name)):
            yield CodeReference("escape", path, f"key {str(name)[:60]}", str(name)[:300])
            continue
        library: object = part[0] if isinstance(part, list) and len(part) == 2 else None
        if not isinstance(library, str) or library.split(".")[0] in _KNOWN_PACKAGES:
            continue
        if isinstance(part, list) and judge_target(f"{library}.{part[1]}").is_attack:
            yield CodeReference("target", path, f"key {name}", f"{library}.{part[1]}"[:300])
            continue
        file = library.replace(".", "/") + ".py"
        is_below = snapshot.find(str(folder / name / file)) is not None
        is_beside = snapshot.find(str(folder / file)) is not None
        if name == "_class_name" or "/" in library or "--" in library or is_beside or is_below:
            target = f"{name}.{library}.{part[1]}" if is_below else f"{library}.{part[1]}"
            yield CodeReference("custom-pipeline", path, f"key {name}", target)
