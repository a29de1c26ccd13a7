"""Fetches a model reference through the source of its scheme.

>>> sorted(load_sources())
['demo', 'directory', 'gguf', 'hf']
"""

from __future__ import annotations

from typing import TypeGuard

from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.registry import load_extensions, nearest
from scanner.source import FetchOptions, Source, SourceError

SOURCE_PACKAGE = "scanner.sources"


def load_sources() -> dict[str, Source]:
    """Every known source, by scheme.

    Raises:
        RegistryError: when a module has no SOURCE, or two sources share a scheme.
    """
    return load_extensions((SOURCE_PACKAGE,), "SOURCE", _is_source, lambda source: source.scheme)


def _is_source(offered: object) -> TypeGuard[Source]:
    return isinstance(offered, Source)


def fetch(ref: ModelRef, options: FetchOptions) -> Snapshot:
    """The snapshot that `ref` names, fetched by the source of its scheme.

    Raises:
        SourceError: when no source serves the scheme, or the source cannot fetch the model.
        RegistryError: when a source cannot be loaded.
    """
    return _source_of(ref).fetch(ref, options)


def inspect(ref: ModelRef, options: FetchOptions) -> Snapshot:
    """The same with weight files read no further than their headers.

    Raises:
        SourceError: when no source serves the scheme, or the source cannot inspect the model.
        RegistryError: when a source cannot be loaded.
    """
    return _source_of(ref).inspect(ref, options)


def _source_of(ref: ModelRef) -> Source:
    sources = load_sources()
    if ref.scheme not in sources:
        known = f"known are {', '.join(sorted(sources))}"
        raise SourceError(
            f"{ref.text}: unknown kind of source '{ref.scheme}'{nearest(ref.scheme, sources)}",
            hint="write hf://org/name for a model on the hub" if ref.scheme in ("http", "https") else known,
        )
    return sources[ref.scheme]
