"""Part by part: what changed in weights, tokenizer, template, licence, code, configuration and card.

Where the bytes are no longer at hand, file digests still say whether a file changed; what inside it changed
is then UNKNOWN. Large files are recognised by their size alone when they are opened again; their digests in
the scans are what says that they differ.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from scanner.changes.reading import (
    DIFF_LIMIT_BYTES,
    NotAtHandError,
    gguf_headers,
    require_as_scanned,
    text_of,
)
from scanner.changes.tensors import tensor_changes
from scanner.code.references import find_references
from scanner.comparison import FileChange, Part, PartChange, PartState
from scanner.errors import ScanError
from scanner.licensing.claims import card_claims, config_claims, gguf_claims
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import GgufArray, model_card, read_config
from scanner.templates.files import find_templates

_LONGEST_DIFF: Final = 200
_MOST_TOLD: Final = 12
_READ_BY_LOADERS: Final = (".json", ".yaml", ".yml")
_TEMPLATE_CARRIERS: Final = (
    "tokenizer_config.json", "chat_template.json", "processor_config.json",
    ".jinja", ".jinja2", ".j2", ".gguf",
)  # fmt: skip
_CLAIM_CARRIERS: Final = ("readme.md", "modelcard.md", "model_card.md", "config.json", ".gguf")
_TEMPLATE_KEY: Final = "tokenizer.chat_template"


@dataclass(frozen=True)
class _Two:
    """Both snapshots, each cut down to the files that differ."""

    base: Snapshot
    candidate: Snapshot
    files: tuple[FileChange, ...]

    def of(self, *endings: str) -> _Two:
        """The same, cut down to files whose names end so."""
        kept = tuple(change for change in self.files if _paths(change, endings))
        return _Two(
            _only(self.base, [change.base for change in kept]),
            _only(self.candidate, [change.candidate for change in kept]),
            kept,
        )

    def require(self) -> None:
        """Makes sure that every file left is the one that was scanned."""
        for snapshot in (self.base, self.candidate):
            for entry in snapshot.files:
                require_as_scanned(snapshot, entry)


def part_changes(
    base: Snapshot, candidate: Snapshot, files: Sequence[FileChange], *, with_values: bool = False
) -> tuple[PartChange, ...]:
    """What is known about every part, in the order of `Part`.

    Args:
        base: What the earlier scan looked at.
        candidate: What the later scan looked at.
        files: The files that differ between them.
        with_values: Whether to read all weights again, to tell which tensors hold other values.
    """
    two = _Two(base, candidate, tuple(files)).of("")
    inside: Mapping[Part, Callable[[_Two], Iterable[str]]] = {
        Part.WEIGHTS: lambda both: tensor_changes(both.base, both.candidate, with_values=with_values),
        Part.TOKENIZER: lambda both: _metadata(both, _is_tokenizer),
        Part.TEMPLATE: _templates,
        Part.LICENCE: _claims,
        Part.CODE: _references,
        Part.CONFIG: lambda both: _metadata(both, _is_config),
    }
    return tuple(_part(part, two, inside.get(part, lambda _: ())) for part in Part)


def _part(part: Part, two: _Two, inside: Callable[[_Two], Iterable[str]]) -> PartChange:
    own = [change for change in two.files if change.part is part and not _is_open(change)]
    told, unknown, diff = [_in_words(change) for change in own], _open_in_words(part, two), ""
    try:
        told += inside(two)
        diff = _template_diff(two) if part is Part.TEMPLATE else "\n".join(_diffs(two, own))
    except ScanError as error:
        unknown = str(error)
    except OSError as error:
        unknown = error.strerror or str(error)
    if own or told:
        return PartChange(part, PartState.CHANGED, (*_cut(told), *([unknown] if unknown else [])), diff)
    return PartChange(part, PartState.UNKNOWN if unknown else PartState.SAME, (unknown,) if unknown else ())


def _is_open(change: FileChange) -> bool:
    """Whether nobody knows if the file changed: it is as long as before, and was not read whole."""
    old, new = change.base, change.candidate
    if old is None or new is None or old.size_bytes != new.size_bytes:
        return False
    return not (old.is_whole and new.is_whole)


def _open_in_words(part: Part, two: _Two) -> str:
    paths = [change.path for change in two.files if change.part is part and _is_open(change)]
    if not paths:
        return ""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more} were not read whole, and may have changed"


def _in_words(change: FileChange) -> str:
    old, new = change.base, change.candidate
    if old is None or new is None:
        entry = new or old
        return f"{change.verb} {change.path} ({_mark(entry)})" if entry else change.path
    name = change.path if old.path == new.path else f"{old.path} to {new.path}"
    return f"changed {name} ({_mark(old)} to {_mark(new)})"


def _mark(entry: FileEntry) -> str:
    known = f"sha256 {entry.sha256[:12]}" if entry.is_whole else "not read whole"
    return f"{entry.size_bytes:,} bytes, {known}"


def _cut(told: Sequence[str]) -> list[str]:
    more = len(told) - _MOST_TOLD
    return [*told[:_MOST_TOLD], f"and {more} more"] if more > 0 else list(told)


def _diffs(two: _Two, changes: Sequence[FileChange]) -> Iterator[str]:
    """Unified diffs of the files that people can read; weights and vocabularies have none."""
    for change in changes:
        sizes = [entry.size_bytes for entry in (change.base, change.candidate) if entry]
        if change.part is Part.WEIGHTS or max(sizes) > DIFF_LIMIT_BYTES:
            continue
        try:
            old, new = text_of(two.base, change.base), text_of(two.candidate, change.candidate)
        except NotAtHandError as error:
            yield f"({error})"
        else:
            yield unified(old, new, change.path)


def unified(old: Sequence[str], new: Sequence[str], name: str) -> str:
    """A unified diff of two texts, cut after 200 lines; "" when they are equal."""
    lines = list(difflib.unified_diff(old, new, f"base/{name}", f"candidate/{name}", lineterm=""))
    if len(lines) > _LONGEST_DIFF:
        lines = [*lines[:_LONGEST_DIFF], f"... and {len(lines) - _LONGEST_DIFF} more lines"]
    return "\n".join(lines)


def _templates(two: _Two) -> Iterator[str]:
    old, new = _sources(two)
    for place in dict.fromkeys([*old, *new]):
        if old.get(place) != new.get(place):
            verb = "changed" if place in old and place in new else "added" if place in new else "removed"
            yield f"{verb} the chat template in {place}"


def _template_diff(two: _Two) -> str:
    old, new = _sources(two)
    places = [place for place in dict.fromkeys([*old, *new]) if old.get(place) != new.get(place)]
    texts = (
        unified(old.get(place, "").splitlines(), new.get(place, "").splitlines(), place) for place in places
    )
    return "\n".join(texts)


def _sources(two: _Two) -> list[dict[str, str]]:
    """The text of every template by its place, per side."""
    carriers = two.of(*_TEMPLATE_CARRIERS)
    carriers.require()
    found = []
    for snapshot in (carriers.base, carriers.candidate):
        search = find_templates(snapshot)
        if search.unread:
            raise NotAtHandError("; ".join(f"{path}: {reason}" for path, reason in search.unread))
        is_alone = len(carriers.files) == 1
        found.append(
            {
                template.key
                if is_alone and template.key
                else f"{template.path} {template.key}".strip(): template.source
                for template in search.templates
            }
        )
    return found


def _claims(two: _Two) -> Iterator[str]:
    """What the model says of its licence, where card, configuration or header changed."""
    carriers = two.of(*_CLAIM_CARRIERS)
    carriers.require()
    old, new = (_claimed(snapshot) for snapshot in (carriers.base, carriers.candidate))
    if old != new:
        yield f"the licence it names: {', '.join(old) or 'none'} in the base, {', '.join(new) or 'none'} now"


def _claimed(snapshot: Snapshot) -> list[str]:
    card, config = model_card(snapshot), read_config(snapshot)
    claims = [*(card_claims(card) if card else ()), *(config_claims(config) if config else ())]
    claims += [claim for entry, header in gguf_headers(snapshot) for claim in gguf_claims(entry.path, header)]
    return list(dict.fromkeys(claim.shown for claim in claims))


def _references(two: _Two) -> Iterator[str]:
    """Places that name code to load, such as auto_map: code can change without a file of code changing."""
    carriers = two.of(*_READ_BY_LOADERS, "mlmodel")
    carriers.require()
    sides = [find_references(snapshot) for snapshot in (carriers.base, carriers.candidate)]
    unread = [f"{path}: {reason}" for side in sides for path, reason in side.unread]
    if unread:
        raise NotAtHandError("; ".join(unread))
    old, new = ({(each.path, each.key, each.target) for each in side.references} for side in sides)
    for path, key, target in sorted(new - old):
        yield f"{path}, {key} now names the code {target}"
    for path, key, target in sorted(old - new):
        yield f"{path}, {key} no longer names the code {target}"


def _metadata(two: _Two, concerns: Callable[[str], bool]) -> Iterator[str]:
    """Keys of GGUF headers, where tokenizer and configuration of such a model are kept."""
    old, new = (_keys(snapshot, concerns) for snapshot in (two.base, two.candidate))
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield f"GGUF key {key}: {old.get(key, 'none')} in the base, {new.get(key, 'none')} now"


def _keys(snapshot: Snapshot, concerns: Callable[[str], bool]) -> dict[str, str]:
    return {
        key: _shown(value)
        for _, header in gguf_headers(snapshot)
        for key, value in header.metadata.items()
        if concerns(key)
    }


def _shown(value: object) -> str:
    if isinstance(value, GgufArray):
        head = ", ".join(str(each) for each in value.head[:3])
        return f"{value.length} of {value.element_type} ({head}, ...)"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _is_tokenizer(key: str) -> bool:
    return key.startswith("tokenizer.") and not key.startswith(_TEMPLATE_KEY)


def _is_config(key: str) -> bool:
    return not key.startswith(("tokenizer.", "general.license"))


def _paths(change: FileChange, endings: Sequence[str]) -> bool:
    names = [PurePosixPath(entry.path).name.lower() for entry in (change.base, change.candidate) if entry]
    return any(name.endswith(tuple(endings)) for name in names)


def _only(snapshot: Snapshot, entries: Iterable[FileEntry | None]) -> Snapshot:
    return replace(snapshot, files=tuple(entry for entry in entries if entry is not None))
