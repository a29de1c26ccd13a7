"""Which model is meant and which lock it is held to: MODEL may be a lock's file itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from db.store import Store
    from policies.assessment import VerdictReason
    from scanner.lock.differences import Difference
    from scanner.lock.model_lock import ModelLock
    from scanner.references import ModelRef
    from scanner.scan import Scan

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
    """Whether MODEL, or SCAN, is the name of a lock's file; that it is there shows when it is read."""
    return model.endswith(_SUFFIX) and "://" not in model and not Path(model).is_dir()


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


def named_scan(store: Store, name: str) -> str:
    """The id of the scan that SCAN names: by the beginning of its id, or by the lock of its bytes.

    Raises:
        LockError: when the lock cannot be read.
        UnknownScanError: when no scan fits.
    """
    from db.errors import UnknownScanError
    from scanner.lock.lock_file import read_lock

    if not is_lock_file(name):
        return store.find(name)
    newest = store.newest_of(read_lock(Path(name)).digest)
    if newest is None:
        raise UnknownScanError(
            f"no stored scan is of the bytes of {name}", hint=f"`weighbridge scan {name}` makes one"
        )
    return newest


def refused_by(scan: Scan, lock_path: Path | None) -> tuple[Difference, ...]:
    """What of a stored scan is not as the lock says; nothing without a lock.

    Raises:
        LockError: when the lock cannot be read.
    """
    from scanner.lock.differences import differences
    from scanner.lock.lock_file import read_lock

    return () if lock_path is None else differences(read_lock(lock_path), scan.snapshot)


def is_contradicted(refused: Sequence[Difference]) -> bool:
    """Whether something is known to differ, rather than not known because it was not read."""
    from scanner.lock.differences import Kind

    return any(each.kind is not Kind.UNREAD for each in refused)


def lock_demands(scan: Scan, lock_path: Path | None) -> list[VerdictReason]:
    """What the gate says to the lock that was demanded; nothing without one.

    Raises:
        LockError: when the lock cannot be read.
    """
    from policies.assessment import VerdictReason, VerdictValue

    if lock_path is None:
        return []
    refused = refused_by(scan, lock_path)
    if not refused:
        text = f"Every file that was scanned is as {lock_path.name} says"
        return [VerdictReason(VerdictValue.PASS, "lock", text, ())]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    if is_contradicted(refused):
        text = f"What was scanned is not as {lock_path.name} says: {refused[0].text}{more}"
        return [VerdictReason(VerdictValue.BLOCK, "lock", text, ())]
    text = f"Whether every file is as {lock_path.name} says is not known: {refused[0].text}{more}"
    return [VerdictReason(VerdictValue.INCOMPLETE, "lock", text, ())]
