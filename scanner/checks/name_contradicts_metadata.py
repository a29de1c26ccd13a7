"""Models whose file, folder or repository name says something else than their own metadata.

What it looks for: words that tell models apart (family, version, size, "instruct", "coder", "distill")
in the name that people see, and not in what the weights say of themselves: the GGUF keys general.name,
basename, finetune, version, size_label and base_model.*, the number of weights the GGUF header lists, and
`_name_or_path` of config.json. Quantisation suffixes, case, separators and publishers are set aside.

Why it matters: repackaged weights travel under names that their packer chose. Who approves
"X-Instruct" and gets a checkpoint that calls itself something else does not know what was approved.

How it can be wrong: converters derive general.name from a folder name, so a training run's name remains
in perfectly genuine weights (false positive); whoever forges metadata can make it fit (false negative).
`_name_or_path` names what training started from, so there only a foreign family or size counts, with
low severity and confidence. The base model's name may explain a word, and never fails a model.

What it needs: at least one name outside and one inside.

Source: ggml docs/gguf.md, "General metadata"; llama.cpp gguf-py metadata.py (how names are derived);
OWASP LLM03:2025 Supply Chain; MITRE ATLAS AML.T0074 (Masquerading).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Location, Severity
from scanner.manifest import Snapshot
from scanner.model_files import GgufError, GgufHeader, ModelFileError, gguf_header_of, read_config
from scanner.origins.names import ModelName, NameDifference

_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0074")
# Gemma 2 "2B" has 2.6e9 weights, the widest gap between a common name and its count; a wrong model of a
# neighbouring size (1B and 3B, 7B and 13B) lies beyond it.
_SIZE_TOLERANCE: Final = 1.4
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_NAME_KEYS: Final = ("general.name", "general.basename", "general.finetune", "general.version")
_PUBLISHER_KEYS: Final = ("general.organization", "general.author", "general.quantized_by")

_REGISTRIES: Final = frozenset({"ollama", "oci"})
_PLAIN_IN_OLLAMA: Final = ("instruct", "chat", "it")


@dataclass(frozen=True)
class _Outer:
    """A name that people see: what kind it is, the words, and whether it must be about the model.

    `silent` are words that names of this kind leave out by custom.
    """

    kind: str
    text: str
    is_deliberate: bool = True
    silent: tuple[str, ...] = ()


class NameContradictsMetadata(Check):
    """Holds the names outside against the names inside."""

    id: ClassVar[str] = "name-contradicts-metadata"
    title: ClassVar[str] = "The model's name contradicts its own metadata"
    severity: ClassVar[Severity] = Severity.MEDIUM
    order: ClassVar[int] = 20

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """One finding per pair of names, an ERROR per unreadable file; NOT_RUN when there is no pair."""
        judged = False
        for finding in (*self._gguf_files(context), *self._config(context.snapshot)):
            judged = True
            yield finding
        if not judged:
            yield self.not_run(
                "no name outside to compare with a name inside: nothing states what the model is"
            )

    def _gguf_files(self, context: CheckContext) -> Iterator[Finding]:
        for entry in context.snapshot.with_suffix(".gguf"):
            context.check_deadline()
            try:
                header = gguf_header_of(context.snapshot, entry)
            except GgufError as error:
                yield self.errored(str(error), locations=(Location(entry.path),))
                continue
            if header.text("general.type") in ("", "model"):
                file_name = _Outer("file name", PurePosixPath(entry.path).stem)
                for outer in (file_name, *_container_names(context.snapshot)):
                    yield from self._against_gguf(outer, entry.path, header)

    def _against_gguf(self, outer: _Outer, path: str, header: GgufHeader) -> Iterator[Finding]:
        publishers = [*outer.silent, *(header.text(key) for key in _PUBLISHER_KEYS)]
        stated = {key: header.text(key) for key in _NAME_KEYS if header.text(key)}
        shown = ModelName.of(outer.text, neutral=publishers)
        inner = ModelName.of(" / ".join(stated.values()), neutral=publishers)
        if not shown.is_telling:
            return
        if inner.is_telling and _is_comparable(outer, shown, inner):
            explained = ModelName.of(" ".join([inner.text, *_base_models(header)]), neutral=publishers)
            difference = NameDifference(
                shown.difference(explained).only_left,
                inner.difference(shown).only_left,
                shown.difference(inner).share_words,
            )
            yield self._compared(outer, shown, inner, difference, Location(path, detail="general.name"))
        yield from self._sizes(outer, shown, path, header)

    def _compared(
        self, outer: _Outer, shown: ModelName, inner: ModelName, difference: NameDifference, place: Location
    ) -> Finding:
        rule = outer.kind.upper().replace(" ", "-")
        if not difference.is_contradiction:
            return self.passed(
                f"{outer.kind} {shown.quoted} agrees with what the metadata says ({inner.quoted})",
                rule=rule, locations=(place,),
            )  # fmt: skip
        return self.failed(
            f"{outer.kind} {shown.quoted} and metadata {inner.quoted} differ: "
            + _only(outer.kind, shown, difference.only_left, "metadata", inner, difference.only_right),
            rule=rule,
            locations=(place,),
            remediation="Ask whoever packed the weights which checkpoint they are, and compare digests with "
            "the original publisher's; approve them under the name that is proven.",
            tags=_TAGS,
        )

    def _sizes(self, outer: _Outer, shown: ModelName, path: str, header: GgufHeader) -> Iterator[Finding]:
        if len(shown.sizes) != 1 or not outer.is_deliberate:
            return
        label = ModelName.of(header.text("general.size_label"))
        claims = [("general.size_label", size) for size in label.sizes[:1]]
        if not header.number("split.count"):  # a part of a split model lists its own tensors only
            counted = float(sum(tensor.element_count for tensor in header.tensors))
            claims += [("number of weights in the header", counted)] if counted else []
        for detail, size in claims:
            if not 1 / _SIZE_TOLERANCE <= size / shown.sizes[0] <= _SIZE_TOLERANCE:
                yield self.failed(
                    f"{outer.kind} {shown.quoted} says {_readable(shown.sizes[0])} weights, "
                    f"{detail} says {_readable(size)}",
                    rule="SIZE",
                    subject=outer.kind,
                    locations=(Location(path, detail=detail),),
                    remediation="Do not rely on the name: find out which model these weights are.",
                    tags=_TAGS,
                )

    def _config(self, snapshot: Snapshot) -> Iterator[Finding]:
        try:
            value = (read_config(snapshot) or {}).get("_name_or_path")
        except ModelFileError as error:
            yield self.errored(str(error), locations=(Location("config.json"),))
            return
        inner = ModelName.of(PurePosixPath(value).name if isinstance(value, str) else "")
        if not inner.is_telling:
            return
        for outer in _container_names(snapshot):
            shown = ModelName.of(outer.text)
            if shown.is_telling and _is_comparable(outer, shown, inner):
                yield self._loaded_from(outer, shown, inner)

    def _loaded_from(self, outer: _Outer, shown: ModelName, inner: ModelName) -> Finding:
        place = (Location("config.json", detail="key _name_or_path"),)
        has_same_size = not shown.sizes or not inner.sizes or bool(set(shown.sizes) & set(inner.sizes))
        difference = shown.difference(inner)
        if difference.share_words and has_same_size:
            return self.passed(
                f"{outer.kind} {shown.quoted} fits {inner.quoted}, which config.json says it was loaded from",
                rule="LOADED-FROM", locations=place,
            )  # fmt: skip
        return self.failed(
            f"{outer.kind} {shown.quoted}, but config.json says it was loaded from {inner.quoted}: "
            + _only(outer.kind, shown, difference.only_left, "config", inner, difference.only_right),
            severity=Severity.LOW,
            confidence=Confidence.LOW,
            rule="LOADED-FROM",
            locations=place,
            remediation="Ask the publisher what it was trained from; terms of a base model carry over.",
            tags=_TAGS,
        )


def _container_names(snapshot: Snapshot) -> Iterator[_Outer]:
    """The name of the repository or folder the files are in; a single file's folder says nothing about it."""
    if snapshot.ref.scheme == "hf":
        yield _Outer("repository name", snapshot.ref.location.split("/")[1])
    elif snapshot.ref.scheme in _REGISTRIES:
        name, tag = snapshot.ref.location.rpartition("/")[2], snapshot.ref.revision or ""
        # Ollama's tags say size and tuning, and its library holds tuned models under plain names.
        is_ollama = snapshot.ref.scheme == "ollama"
        text = f"{name}-{tag}" if is_ollama and tag != "latest" else name
        yield _Outer("registry name", text, silent=_PLAIN_IN_OLLAMA if is_ollama else ())
    elif snapshot.ref.scheme == "directory":
        root = Path(snapshot.root)
        if _COMMIT.fullmatch(root.name):  # a hub cache: .../models--org--name/snapshots/<commit>
            root = root.parent.parent if root.parent.name == "snapshots" else root.parent
        yield _Outer("folder name", root.name.split("--")[-1], is_deliberate="--" in root.name)


def _is_comparable(outer: _Outer, shown: ModelName, inner: ModelName) -> bool:
    """Folders may be called anything: theirs counts when it clearly means to name the model."""
    return outer.is_deliberate or bool(shown.sizes) or shown.difference(inner).share_words


def _base_models(header: GgufHeader) -> list[str]:
    keys = (key for key in header.metadata if re.fullmatch(r"general\.base_model\.\d+\.(name|version)", key))
    return [header.text(key) for key in keys]


def _only(
    left: str,
    shown: ModelName,
    only_left: tuple[str, ...],
    right: str,
    inner: ModelName,
    only_right: tuple[str, ...],
) -> str:
    """Which words each side has for itself, in words."""
    sides = ((left, shown.words_with(only_left)), (right, inner.words_with(only_right)))
    return "; ".join(
        f"only the {kind} says {', '.join(repr(word[:40]) for word in words[:12])}"
        for kind, words in sides
        if words
    )


def _readable(size: float) -> str:
    return f"{size / 1e9:.3g}B" if size >= 1e9 else f"{size / 1e6:.3g}M"


CHECK = NameContradictsMetadata()
