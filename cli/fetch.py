"""`weighbridge fetch`: fetch a model at one commit, hash every byte, and write down which bytes it was."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.access import access
from cli.locking import LOCK_NAME, Demand, demand, is_lock_file, require_no_patterns

if TYPE_CHECKING:
    from cli.fetched import Fetched
    from scanner.lock.model_lock import ModelLock
    from scanner.manifest import Snapshot
    from scanner.references import ModelRef
    from scanner.source import FetchOptions


@click.command(short_help="Fetch a model and lock its bytes.")
@click.argument("model", metavar="MODEL")
@click.option(
    "--lock",
    "lock_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    show_default=f"./{LOCK_NAME}",
    help="Lock to write, to update or, with --locked, to demand.",
)
@click.option(
    "--locked",
    is_flag=True,
    help="Fetch the commit of the lock, and refuse it unless every byte is as locked.",
)
@click.option("--no-lock", is_flag=True, help="Write no lock.")
@options.patterns
@options.fetching
@options.output_format
@options.quiet
@options.data_dir
def command(
    model: str,
    lock_path: Path | None,
    locked: bool,
    no_lock: bool,
    allow: tuple[str, ...],
    ignore: tuple[str, ...],
    endpoint: str,
    offline: bool,
    token: str,
    output: str,
    quiet: bool,
    data_dir: Path,
) -> int:
    """Fetch MODEL at one commit, hash every byte of it, and write model.lock.json.

    The lock holds the commit, every file with its size and digests, and the digest of the
    tensors, but no token. `scan`, `gate`, `compare` and CI can demand it. A lock that is there
    is updated, and what changed is said; with --locked nothing is written, and other bytes are
    refused. MODEL may be a lock itself, which is then demanded.

    \b
    Examples:
      weighbridge fetch hf://org/name@main
      weighbridge fetch hf://org/name --ignore "*.bin" --ignore "onnx/" --lock name.lock.json
      weighbridge fetch hf://org/name --locked --endpoint https://mirror.example
      weighbridge fetch model.lock.json --offline --format json

    \b
    Exit codes: 0 every byte is as recorded, 1 bytes differ from the record or from the lock,
    2 usage or input error, 3 stopped midway, 130 interrupted.
    """
    from cli.fetched import print_fetched
    from cli.libraries import settle
    from cli.terminal import shown_progress
    from cli.workplace import Workplace
    from scanner.source import FetchOptions

    if no_lock and (locked or lock_path is not None):
        raise click.UsageError("--no-lock writes no lock; leave out --lock and --locked")
    settle()
    workplace = Workplace.at(data_dir)
    with shown_progress(quiet=quiet or output == "json") as progress:
        fetching = FetchOptions(
            workplace.fetched, endpoint, token, offline, progress, allow, ignore, access()
        )
        if locked or is_lock_file(model):
            given = lock_path if is_lock_file(model) else lock_path or Path(LOCK_NAME)
            fetched = _hold(demand(model, given), fetching)
        else:
            fetched = _fetch(model, None if no_lock else lock_path or Path(LOCK_NAME), fetching)
    print_fetched(fetched, output=output)
    return int(fetched.exit_code)


def _hold(demanded: Demand, fetching: FetchOptions) -> Fetched:
    """Fetches what a lock names, and says what is not as locked."""
    from cli.fetched import Fetched, LockState, problems_of
    from scanner.lock.demand import fetch_locked

    lock, name = demanded.lock, demanded.name
    assert lock is not None  # noqa: S101 - `demand` was given a lock
    require_no_patterns(fetching.allow, fetching.ignore)
    snapshot = fetch_locked(demanded.ref, lock, fetching, name)
    problems = problems_of(snapshot)
    return Fetched(snapshot, problems, name, LockState.REFUSED if problems else LockState.HELD)


def _fetch(model: str, path: Path | None, fetching: FetchOptions) -> Fetched:
    """Fetches a model, and writes or updates its lock if every byte is as recorded."""
    from cli.fetched import Fetched, LockState, changes_of, problems_of
    from cli.workplace import require_writable, write_whole
    from scanner.fetching import fetch
    from scanner.lock.lock_file import encode_lock
    from scanner.references import ModelRef

    ref = ModelRef.parse(model)
    old = _kept(model, path)
    if path is not None:
        _require_place(path, ref)
        require_writable(path.parent, "lock", "--lock")
    if old is not None and not (fetching.allow or fetching.ignore):
        fetching = replace(fetching, allow=old.allow, ignore=old.ignore)
    snapshot = fetch(ref, fetching)
    if problems := problems_of(snapshot):
        return Fetched(snapshot, problems, str(path or ""), LockState.NOT_WRITTEN if path else LockState.NONE)
    if path is None:
        return Fetched(snapshot, (), "", LockState.NONE)
    new = _lock_of(snapshot, fetching)
    if old is not None and old.says_the_same_as(new):
        return Fetched(snapshot, (), str(path), LockState.UNCHANGED)
    write_whole(path, encode_lock(new), "--lock")
    if old is None:
        return Fetched(snapshot, (), str(path), LockState.WRITTEN)
    return Fetched(snapshot, (), str(path), LockState.UPDATED, tuple(changes_of(old, new, snapshot)))


def _kept(model: str, path: Path | None) -> ModelLock | None:
    """The lock that is there already; one of another model is not written over."""
    if path is None or not path.exists():
        return None
    lock = demand(model, path)
    assert lock.lock is not None  # noqa: S101 - it was given a path
    if not lock.lock.is_for(lock.ref):
        raise click.UsageError(f"{path} is the lock of {lock.lock.reference}; name another file with --lock")
    return lock.lock


def _require_place(path: Path, ref: ModelRef) -> None:
    """Refuses a place in the model's own folder: the lock would be a file that no lock names."""
    if "://" not in ref.text and path.resolve().is_relative_to(Path(ref.location).resolve()):
        raise click.UsageError(
            f"{path} would be one of the files that it is about; name a place outside {ref.text} with --lock"
        )


def _lock_of(snapshot: Snapshot, fetching: FetchOptions) -> ModelLock:
    from scanner import __version__
    from scanner.lock.model_lock import lock_of

    return lock_of(
        snapshot,
        allow=fetching.allow,
        ignore=fetching.ignore,
        fetched_on=datetime.datetime.now(datetime.UTC).date(),
        tool=f"Weighbridge {__version__}",
    )
