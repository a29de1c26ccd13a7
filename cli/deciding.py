"""What the commands that record decisions share: the scan that is decided on, and what is said afterwards."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli.workplace import Workplace
from db.store import Store
from policies.decided import preparation_of
from policies.decisions import Decision, DecisionKind, DecisionRecord, Person, Seen
from reports.glyphs import visible
from scanner.errors import ScanError
from scanner.records import to_builtins
from scanner.scan import Scan


class DecisionError(ScanError):
    """A decision cannot be recorded: what it is about does not exist, or the rules forbid it."""


@dataclass(frozen=True)
class Desk:
    """A stored scan, opened to be decided on.

    Attributes:
        store: Where it is stored, open.
        scan: The scan.
        seen: What lies before the person.
    """

    store: Store
    scan: Scan
    seen: Seen


@contextmanager
def opened(scan_id: str, data_dir: Path, database_url: str | None) -> Iterator[Desk]:
    """The stored scan whose id begins so.

    Raises:
        ScanError: when there is no such scan, or the store cannot be read.
    """
    with Store.open(Workplace.at(data_dir, database_url).database_url) as store:
        found = store.find(scan_id)
        yield Desk(store, store.load_scan(found), store.seen(found))


def record_preparer(store: Store, scan_id: str, person: Person) -> None:
    """Records who ran a scan, once; a reviewer must be somebody else."""
    if preparation_of(store.decisions(), scan_id) is None:
        store.record(Decision(DecisionKind.PREPARATION, person, now(), "ran the scan", store.seen(scan_id)))


def now() -> datetime.datetime:
    """The moment of a decision, UTC, without the microseconds nobody decides in."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def document_digest(path: Path | None) -> str:
    """sha256 of a document that a decision rests on; only the digest is kept.

    Raises:
        DecisionError: when it cannot be read.
    """
    if path is None:
        return ""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DecisionError(f"document {path}: {error.strerror or error}") from error


def say_who(person: Person) -> None:
    """Says on stderr as whom something is recorded, and who said so."""
    click.echo(f"as {visible(person.in_words)} (from {visible(person.known_from)})", err=True)


def say_recorded(record: DecisionRecord, output: str, effect: str) -> None:
    """Prints the record, and on stderr what it changes."""
    from cli.workplace import as_json

    if output == "json":
        click.echo(as_json(as_plain(record)))
    else:
        click.echo(f"decision {record.number} recorded, sha256 {record.digest}")
    click.echo(visible(effect), err=True)


def as_plain(record: DecisionRecord) -> Any:  # noqa: ANN401 - the JSON edge
    """A record as plain values: the document that its digest is of, and the digest."""
    return to_builtins(record)
