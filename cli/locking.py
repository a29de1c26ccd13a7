"""Which model is meant and which lock it is held to: MODEL may be a lock's file itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from scanner.lock.model_lock import ModelLock
    from scanner.references import ModelRef

# As in scanner/lock/lock_file.py, which is too slow to import for --help.
LOCK_NAME: Final = "model.lock.json"
_SUFFIX: Final = ".lock.json"


@dataclass(frozen=True)
class Demand:
    """What a call is about.

    Attributes:
        ref: The model.
        lock: What it is held to; None when no lock is demanded.
        name: How the lock's file is called in findings; "" without one.
    """

    ref: ModelRef
    lock: ModelLock | None = None
    name: str = ""


def is_lock_file(model: str) -> bool:
    """Whether MODEL is not a model but the file of a lock."""
    return model.endswith(_SUFFIX) and Path(model).is_file()


def demand(model: str, lock_path: Path | None) -> Demand:
    """The model that MODEL and --lock name, and the lock.

    Raises:
        LockError: when the lock cannot be read.
        BadReferenceError: when MODEL is no reference.
    """
    from scanner.lock.lock_file import read_lock
    from scanner.references import ModelRef

    if is_lock_file(model):
        if lock_path is not None:
            raise click.UsageError(f"{model} is a lock, and --lock names another; give one of them")
        lock = read_lock(Path(model))
        return Demand(lock.ref, lock, Path(model).name)
    if lock_path is None:
        return Demand(ModelRef.parse(model))
    return Demand(ModelRef.parse(model), read_lock(lock_path), lock_path.name)


def require_no_patterns(allow: tuple[str, ...], ignore: tuple[str, ...]) -> None:
    """With a lock its own patterns count; others would ask for other files than it names.

    Raises:
        UsageError: when some are given.
    """
    if allow or ignore:
        raise click.UsageError("a lock has patterns of its own; leave out --allow and --ignore")
