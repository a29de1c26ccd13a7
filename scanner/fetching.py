"""Fetches a model reference through the source of its scheme.

>>> " ".join(sorted(load_sources()))
'abfs az demo directory gguf gs hf http https memory oci oci-layout ollama s3'
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

from scanner.manifest import Snapshot
from scanner.path_patterns import is_taken
from scanner.references import ModelRef
from scanner.registry import RegistryError, load_extensions, nearest
from scanner.source import FetchOptions, Source, SourceError
from scanner.tensorfiles.shard_names import absent_gguf_parts

SOURCE_PACKAGE = "scanner.sources"


def load_sources() -> dict[str, Source]:
    """Every known source, by each scheme it serves.

    Raises:
        RegistryError: when a module has no SOURCE, or two sources share a scheme.
    """
    known = load_extensions((SOURCE_PACKAGE,), "SOURCE", _is_source, lambda source: source.scheme)
    for source in list(known.values()):
        for alias in source.aliases:
            if alias in known:
                raise RegistryError(f"{type(source).__name__}: the scheme '{alias}' is taken")
            known[alias] = source
    return known


def _is_source(offered: object) -> TypeGuard[Source]:
    return isinstance(offered, Source)


def fetch(ref: ModelRef, options: FetchOptions) -> Snapshot:
    """The snapshot that `ref` names, fetched by the source of its scheme.

    Raises:
        SourceError: when no source serves the scheme, or the source cannot fetch the model, or not the
            part of it that was asked for.
        RegistryError: when a source cannot be loaded.
    """
    return _narrowed(_with_absent_parts(_source_of(ref).fetch(ref, options)), options)


def inspect(ref: ModelRef, options: FetchOptions) -> Snapshot:
    """The same with weight files read no further than their headers.

    Raises:
        SourceError: as in `fetch`, and when the source cannot read parts of files.
        RegistryError: when a source cannot be loaded.
    """
    return _narrowed(_with_absent_parts(_source_of(ref).inspect(ref, options)), options)


def _source_of(ref: ModelRef) -> Source:
    sources = load_sources()
    if ref.scheme not in sources:
        known = f"known are {', '.join(sorted(sources))}"
        raise SourceError(
            f"{ref.text}: unknown kind of source '{ref.scheme}'{nearest(ref.scheme, sources)}",
            hint=known,
        )
    return sources[ref.scheme]


def _with_absent_parts(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the parts of split GGUF files that are not there among what is missing."""
    left_out = {value for key, value in snapshot.source if key == "left_out"}
    absent = set(absent_gguf_parts({entry.path for entry in snapshot.files})) - left_out
    return replace(snapshot, missing=tuple(sorted(absent.union(snapshot.missing))))


def _narrowed(snapshot: Snapshot, options: FetchOptions) -> Snapshot:
    """The snapshot with the patterns, if there are any, among its facts.

    Raises:
        SourceError: when they take no file, or the source did not keep to them.
    """
    if not options.allow and not options.ignore:
        return snapshot
    shown = snapshot.ref.text
    if not snapshot.files:
        raise SourceError(f"{shown}: no file is left by --allow and --ignore", hint="use other patterns")
    for entry in snapshot.files:
        if not is_taken(entry.path, options.allow, options.ignore):
            raise SourceError(
                f"{shown}: sources of the kind '{snapshot.ref.scheme}' cannot leave files out",
                hint="leave out --allow and --ignore",
            )
    patterns = [("allow", each) for each in options.allow] + [("ignore", each) for each in options.ignore]
    return replace(snapshot, source=(*snapshot.source, *patterns))
