"""Fetches a model reference through the source of its scheme.

>>> sorted(load_sources())
['demo', 'directory', 'gguf', 'hf']
"""

from __future__ import annotations

from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.registry import RegistryError, modules_of, nearest
from scanner.source import FetchOptions, Source, SourceError

SOURCE_PACKAGE = "scanner.sources"


def load_sources() -> dict[str, Source]:
    """Every known source, by scheme.

    Raises:
        RegistryError: when a module has no SOURCE, or two sources share a scheme.
    """
    sources: dict[str, Source] = {}
    for module in modules_of(SOURCE_PACKAGE):
        source = getattr(module, "SOURCE", None)
        if not isinstance(source, Source):
            raise RegistryError(f"{module.__name__}: defines no SOURCE")
        if source.scheme in sources:
            raise RegistryError(f"{module.__name__}: the scheme '{source.scheme}' is taken")
        sources[source.scheme] = source
    return sources


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
            hint="write hf://org/name for a model on the hub" if ref.scheme in ("http", "https") else known,
        )
    return sources[ref.scheme].fetch(ref, options)
