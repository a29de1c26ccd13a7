"""Fetches a model reference through the source of its scheme.

>>> " ".join(sorted(load_sources()))
'abfs az demo directory gguf gs hf http https memory oci oci-layout ollama s3'
"""

from __future__ import annotations

from typing import TypeGuard

from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.registry import RegistryError, load_extensions, nearest
from scanner.source import FetchOptions, Source, SourceError

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
        SourceError: when no source serves the scheme, or the source cannot fetch the model.
        RegistryError: when a source cannot be loaded.
    """
    sources = load_sources()
    if ref.scheme not in sources:
        known = f"known are {', '.join(sorted(sources))}"
        raise SourceError(
            f"{ref.text}: unknown kind of source '{ref.scheme}'{nearest(ref.scheme, sources)}",
            hint=known,
        )
    return sources[ref.scheme].fetch(ref, options)
