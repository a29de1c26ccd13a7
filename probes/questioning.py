"""Opens the one questioner of a scan: finds the backend by name, loads the model, closes it afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Final, TypeGuard

from probes.backend import Backend, BackendError, BackendOptions
from probes.scheduler import Scheduler
from scanner.journal import Journal
from scanner.manifest import Snapshot, is_weight_file
from scanner.progress import Progress, SilentProgress
from scanner.records import digest
from scanner.registry import load_extensions, nearest
from scanner.scan import Budget

BACKEND_PACKAGE: Final = "probes.backends"
# It loads every layout we know; other backends have to be asked for.
_AUTOMATIC: Final = "transformers"
# Files beside the weights that decide what the model is given and when it stops.
_DECIDING_SUFFIXES: Final = frozenset({".json", ".jinja", ".model", ".txt", ".tiktoken"})


def load_backends() -> Mapping[str, type[Backend]]:
    """Every backend by name, "transformers" and those of plug-ins.

    Raises:
        RegistryError: when a module defines no BACKEND, or two share a name.
    """
    return load_extensions((BACKEND_PACKAGE,), "BACKEND", _is_backend, lambda backend: backend.name)


def _is_backend(offered: object) -> TypeGuard[type[Backend]]:
    return isinstance(offered, type) and issubclass(offered, Backend)


def backend_names() -> tuple[str, ...]:
    """What `--backend` takes beside "auto".

    Raises:
        RegistryError: when a plug-in cannot be loaded.
    """
    return tuple(load_backends())


@contextmanager
def open_questioner(
    snapshot: Snapshot,
    *,
    backend: str = "auto",
    options: BackendOptions | None = None,
    journal: Journal,
    progress: Progress | None = None,
    budget: Budget | None = None,
) -> Iterator[Scheduler]:
    """A scheduler over the model of this snapshot; leaving the context gives the memory back.

    Args:
        snapshot: The files under test.
        backend: Name of the inference backend, or "auto".
        options: Device, dtype, batch size, threads and the like; defaults when None.
        journal: Where replies are kept, and looked for first.
        progress: Where to tell how far questioning is.
        budget: What questioning may cost; no limit when None.

    Raises:
        EngineAbsentError: when the engine of the named backend is not installed.
        BackendError: when there is no such backend, or it cannot load the model.
        RegistryError: when a plug-in cannot be loaded.
    """
    options = options or BackendOptions()
    loaded = _choose(backend).load(snapshot, options)
    try:
        yield Scheduler(
            loaded,
            model_digest=model_digest(snapshot),
            journal=journal,
            progress=progress or SilentProgress(),
            budget=budget,
            is_fast=options.is_fast,
        )
    finally:
        loaded.close()


def model_digest(snapshot: Snapshot) -> str:
    """sha256 over the files that replies depend on: weights, configuration, tokenizer and template."""
    deciding = sorted(
        (entry.path, entry.sha256)
        for entry in snapshot.files
        if is_weight_file(entry.path) or PurePosixPath(entry.path).suffix.lower() in _DECIDING_SUFFIXES
    )
    return digest((snapshot.weights_digest, deciding))


def _choose(name: str) -> type[Backend]:
    backends = load_backends()
    wanted = _AUTOMATIC if name == "auto" else name
    if wanted not in backends:
        raise BackendError(
            f"unknown backend '{name}'{nearest(name, backends)}",
            hint=f"name auto, {', '.join(backends)}",
        )
    return backends[wanted]
