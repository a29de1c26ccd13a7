"""Tells when a hub, a mirror or a cache silently gives what an older commit held.

Both comparisons are with listings that earlier fetches kept on this machine, so what was never fetched here
is not recognised.

>>> import tempfile, pathlib
>>> earlier_bytes(pathlib.Path(tempfile.mkdtemp()), HubListing("org/name", "0" * 40, ()), ())
[]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from scanner.errors import InvalidValueError
from scanner.hub.listing import COMMIT, HubListing
from scanner.manifest import FileEntry
from scanner.records import decode

# Newest first; who keeps more commits of one repository than that looks no further back.
_MOST_LISTINGS: Final = 200


def earlier_bytes(folder: Path, listing: HubListing, entries: Iterable[FileEntry]) -> list[tuple[str, str]]:
    """A fact "bytes_of_commit" ("<commit> <path>") per wrong file that is what another commit lists there.

    Args:
        folder: Where the listings of the repository are kept.
        listing: What was asked for.
        entries: What was fetched.
    """
    wrong = {entry.path: entry for entry in entries if entry.matches_source is False}
    found: dict[str, str] = {}
    if wrong:
        for other in _others(folder, listing):
            for file in other.files:
                entry = wrong.get(file.path)
                own = entry and (entry.sha256 if file.algorithm == "sha256" else entry.git_sha1)
                if own and own == file.digest:
                    found.setdefault(file.path, other.commit)
    return [("bytes_of_commit", f"{commit} {path}") for path, commit in sorted(found.items())]


def went_back(folder: Path, listing: HubListing) -> list[tuple[str, str]]:
    """A fact "branch_went_back" when the same revision was a younger commit at an earlier fetch.

    A hub that lies about its dates is not found out.
    """
    facts = dict(listing.facts)
    revision, now = facts.get("requested_revision", ""), _last_modified(listing)
    if now is None or COMMIT.fullmatch(revision):
        return []
    before = [
        (date, other.commit)
        for other in _others(folder, listing)
        if dict(other.facts).get("requested_revision") == revision
        and (date := _last_modified(other)) is not None
        and date > now
    ]
    if not before:
        return []
    then, commit = max(before)
    return [
        (
            "branch_went_back",
            f"{revision} is {listing.commit} of {now:%Y-%m-%d}, and was {commit} of {then:%Y-%m-%d} "
            "when it was fetched here before",
        )
    ]


def _others(folder: Path, listing: HubListing) -> Iterator[HubListing]:
    try:
        kept = sorted(folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)[:_MOST_LISTINGS]
    except OSError:
        return
    for path in kept:
        try:
            other = decode(path.read_bytes(), HubListing)
        except (OSError, InvalidValueError):
            continue
        if other.repository == listing.repository and other.commit != listing.commit:
            yield other


def _last_modified(listing: HubListing) -> datetime | None:
    text = dict(listing.facts).get("last_modified", "")
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
