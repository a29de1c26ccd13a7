"""What the metadata of a model says it is, for people: claims of its files, each read and none believed.

>>> import pathlib, tempfile
>>> from scanner.manifest import FileEntry, Snapshot
>>> from scanner.references import ModelRef
>>> root = tempfile.mkdtemp()
>>> _ = pathlib.Path(root, "config.json").write_text('{"model_type": "llama", "torch_dtype": "bfloat16"}')
>>> files = (FileEntry("config.json", 48, "0" * 64),)
>>> facts_of(Snapshot(ModelRef.parse(root), None, root, files)).architecture
'llama'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scanner.errors import ScanError
from scanner.inspection.glance import glance
from scanner.manifest import Snapshot
from scanner.model_files import GgufHeader, ModelCard, gguf_header_of, licence_files, model_card, read_config
from scanner.origins.architecture import model_size
from scanner.origins.lineage import declared_bases, header_bases

_LONGEST: Final = 120


@dataclass(frozen=True)
class ModelFacts:
    """What a model says of itself; "" and 0 for what it does not say.

    Attributes:
        architecture: As config.json or the GGUF header names it.
        parameters: How many it has, 0 when they cannot be counted.
        counted: How they were counted, or why not.
        tensors: Tensors in all headers that were read.
        dtypes: How many of them are of each type, the most frequent first.
        licence: As card or header declares it.
        licence_files: Files that hold licence texts.
        publisher: Whose name the repository stands under, or the header gives.
        bases: Models it says it was made from.
        unread: Metadata that could not be read, a sentence each.
    """

    architecture: str = ""
    parameters: int = 0
    counted: str = ""
    tensors: int = 0
    dtypes: Mapping[str, int] = field(default_factory=dict)
    licence: str = ""
    licence_files: tuple[str, ...] = ()
    publisher: str = ""
    bases: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def facts_of(snapshot: Snapshot) -> ModelFacts:
    """The facts that configuration, card and headers of a snapshot state."""
    reading = _Reading(snapshot)
    config, header, card = reading.config(), reading.header(), reading.card()
    parameters, counted = reading.size(config, header)
    dtypes = reading.dtypes(header)
    return ModelFacts(
        architecture=_architecture(config, header),
        parameters=parameters,
        counted=counted,
        tensors=sum(dtypes.values()),
        dtypes=dict(dtypes.most_common()),
        licence=_licence(card, header),
        licence_files=tuple(entry.path for entry in licence_files(snapshot)),
        publisher=_publisher(snapshot, header),
        bases=tuple(
            dict.fromkeys(
                (*(declared_bases(card) if card else ()), *(header_bases(header) if header else ()))
            )
        ),
        unread=tuple(reading.unread),
    )


class _Reading:
    """Reads one source of facts after the other, and notes those that cannot be read."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.unread: list[str] = []
        self._snapshot = snapshot

    def config(self) -> dict[str, object]:
        try:
            return read_config(self._snapshot) or {}
        except ScanError as error:
            self.unread.append(str(error))
            return {}

    def header(self) -> GgufHeader | None:
        entry = next(self._snapshot.with_suffix(".gguf"), None)
        try:
            return gguf_header_of(self._snapshot, entry) if entry else None
        except ScanError as error:
            self.unread.append(str(error))
            return None

    def card(self) -> ModelCard | None:
        try:
            return model_card(self._snapshot)
        except ScanError as error:
            self.unread.append(str(error))
            return None

    def size(self, config: Mapping[str, object], header: GgufHeader | None) -> tuple[int, str]:
        try:
            size = model_size(self._snapshot, config, header)
        except ScanError as error:
            return 0, str(error)
        return size.total, size.source

    def dtypes(self, header: GgufHeader | None) -> Counter[str]:
        """Tensors by type: of all safetensors files, else of the first GGUF file."""
        found: Counter[str] = Counter()
        for entry in self._snapshot.with_suffix(".safetensors"):
            try:
                with self._snapshot.open(entry.path) as stream:
                    found.update(glance(stream).dtypes)
            except (ScanError, OSError) as error:
                self.unread.append(str(error))
        if not found and header:
            found.update(_ggml_type(tensor.type_id) for tensor in header.tensors)
        return found


def _ggml_type(number: int) -> str:
    from gguf.constants import GGMLQuantizationType

    try:
        return str(GGMLQuantizationType(number).name)
    except ValueError:
        return f"ggml type {number}"


def _architecture(config: Mapping[str, object], header: GgufHeader | None) -> str:
    named = config.get("architectures")
    classes = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    kind = config.get("model_type")
    words = [*([kind] if isinstance(kind, str) else []), *(f"({name})" for name in classes[:2])]
    return (" ".join(words) or (header.text("general.architecture") if header else ""))[:_LONGEST]


def _licence(card: ModelCard | None, header: GgufHeader | None) -> str:
    matter = card.front_matter if card else {}
    words = [str(matter[key]) for key in ("license", "license_name", "license_link") if matter.get(key)]
    return (", ".join(words) or (header.text("general.license") if header else ""))[: 2 * _LONGEST]


def _publisher(snapshot: Snapshot, header: GgufHeader | None) -> str:
    if snapshot.ref.scheme == "hf":
        return snapshot.ref.location.partition("/")[0]
    return (header.text("general.organization") if header else "")[:_LONGEST]
