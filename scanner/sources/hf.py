"""Models on the Hugging Face Hub or a mirror of it, pinned to one commit and hashed here.

The hub's own client accepts wrong bytes of the right length, and answers a failing server with whatever
an earlier download left behind. So the revision is resolved once, the tree listed once, everything is
fetched by commit, and every byte is hashed here and held against the tree. What a hub could do besides
is bounded in `scanner.hub.fence`; docs/hub-trust.md tells what was tried.

`hf://org/name` is the main branch, `hf://org/name@revision` a branch, tag, commit or `refs/pr/N`, and
`hf://org/name/path/to/file.gguf@revision` takes of the weights only those at that path.

Facts it puts into `Snapshot.source`: those of `scanner.hub.tree`, and "subset", "left_out" (a path of
the tree each; "left_out_more" counts those that are not named), "extra_file" (a path each, that lies in
the folder and not in the tree; "extra_file_more"), "resolved_from_cache", those of `scanner.hub.earlier`.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Final

from scanner.file_names import colliding
from scanner.hashing import HashingError, hash_model
from scanner.hub.client import hub_session
from scanner.hub.download import download
from scanner.hub.earlier import earlier_bytes, went_back
from scanner.hub.fence import HubLimits
from scanner.hub.folder import HubFolder, plain_status
from scanner.hub.listing import HubListing, keep_listing, kept_listing
from scanner.hub.ranges import HubSupply
from scanner.hub.tree import ask_listing
from scanner.inspection.files import inspect_files
from scanner.manifest import Snapshot, SourceDigest, is_weight_file
from scanner.path_patterns import is_taken
from scanner.recorded_digests import HUB_METADATA_FOLDER
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError

_MOST_NAMED: Final = 1000


class HubSource(Source):
    """Fetches from the hub into `cache/hub/<org>--<name>/<commit>` and takes up where it was stopped."""

    scheme: ClassVar[str] = "hf"
    serves_commits: ClassVar[bool] = True

    def __init__(self, limits: HubLimits | None = None) -> None:
        """Remembers how patient to be.

        Args:
            limits: None for the usual ones.
        """
        self._limits = limits or HubLimits()

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of one commit; in offline mode, of what an earlier fetch left in the cache.

        Raises:
            SourceError: when the repository, revision or network is not there, access is refused, the
                hub misbehaves, the disk is too small, or offline mode finds nothing.
        """
        repository, part = _split(ref)
        folder = options.cache / "hub" / repository.replace("/", "--")
        if options.offline:
            listing = kept_listing(folder, repository, ref.revision)
        else:
            listing = _fetch(repository, ref, folder, part, options, self._limits)
        return _snapshot(ref, listing, folder / listing.commit, part, options)

    def inspect(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of one commit, its weight files read no further than their headers.

        Raises:
            SourceError: as in `fetch`, in offline mode, and when the hub knows no range requests.
        """
        repository, part = _split(ref)
        if options.offline:
            raise SourceError(
                f"{ref.text}: an inspection asks the hub, and offline mode forbids it",
                hint="`weighbridge scan` in offline mode takes what an earlier fetch left in the cache",
            )
        folder = options.cache / "inspected" / repository.replace("/", "--")
        with hub_session(repository, ref.revision, options, self._limits) as session:
            listing = ask_listing(session, repository, ref.revision)
            selected = _selected(listing, part, options)
            place = HubFolder(folder, listing.commit)
            place.prepare()
            _require_own_places(place, selected)
            supply = HubSupply(session, repository, place)
            sizes = {file.path: file.size_bytes for file in listing.files if file.path in selected}
            files = inspect_files(supply, sizes, _digests(listing), options.progress)
        facts = _facts(listing, part, selected)
        return Snapshot(ref, listing.commit, str(place.root.resolve()), files, source=facts)


def _fetch(
    repository: str, ref: ModelRef, folder: Path, part: str, options: FetchOptions, limits: HubLimits
) -> HubListing:
    with hub_session(repository, ref.revision, options, limits) as session:
        listing = ask_listing(session, repository, ref.revision)
        place = HubFolder(folder, listing.commit)
        place.prepare()
        keep_listing(folder, ref.revision, listing)
        selected = _selected(listing, part, options)
        _require_own_places(place, selected)
        files = [file for file in listing.files if file.path in selected]
        absent = [file for file in files if not place.is_whole(file)]
        for file in absent:
            # Not whole: nobody shall take it for the file if the hub fails.
            (place.root / file.path).unlink(missing_ok=True)
        download(session, repository, place, absent, options.progress)
    return listing


def _require_own_places(place: HubFolder, paths: Collection[str]) -> None:
    """Refuses names that would overwrite one another on this disk."""
    clash = next(colliding(paths), None)
    if clash and place.ignores_case:
        raise SourceError(
            f"{place.root}: {' and '.join(clash)} are one file on this disk, which ignores letter case",
            hint="fetch onto a disk that does not, or leave one of them out; be wary of this repository",
        )


def _snapshot(ref: ModelRef, listing: HubListing, root: Path, part: str, options: FetchOptions) -> Snapshot:
    selected = _selected(listing, part, options)
    present = [path for path in selected if plain_status(root, path) is not None]
    if not present:
        raise SourceError(
            f"{ref.text}: no file of commit {listing.commit[:12]} is in the cache",
            hint="fetch the model once without offline mode",
        )
    try:
        hashed = hash_model(root, present, _digests(listing), options.progress)
    except HashingError as error:
        raise SourceError(str(error), hint=error.hint) from error
    listed = {file.path for file in listing.files}
    facts = (
        *_facts(listing, part, selected),
        *_named("extra_file", _on_disk(root) - listed),
        *earlier_bytes(root.parent, listing, hashed.files),
        *went_back(root.parent, listing),
    )
    missing = tuple(sorted(selected - set(present)))
    return Snapshot(
        ref, listing.commit, str(root.resolve()), hashed.files, missing, facts, hashed.tensors, hashed.weights
    )


def _digests(listing: HubListing) -> dict[str, list[SourceDigest]]:
    origin = f"hub tree at {listing.commit}"
    named = (file for file in listing.files if file.digest)
    return {file.path: [SourceDigest(file.algorithm, file.digest, origin)] for file in named}


def _facts(listing: HubListing, part: str, selected: set[str]) -> tuple[tuple[str, str], ...]:
    subset = [("subset", part)] if part else []
    listed = {file.path for file in listing.files}
    return (*listing.facts, *subset, *_named("left_out", listed - selected))


def _on_disk(root: Path) -> set[str]:
    """Every file and link below `root`, except the notes that the hub's client leaves."""
    notes = str(HUB_METADATA_FOLDER.parent)
    found: set[str] = set()
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found.update(Path(folder, name).relative_to(root).as_posix() for name in (*names, *links))
    return {path for path in found if not path.startswith(f"{notes}/")}


def _named(key: str, paths: Collection[str]) -> list[tuple[str, str]]:
    """A fact per path; of very many, the first and how many more there are."""
    # What lies on the disk may have any name.
    shown = sorted(path if path.isprintable() else ascii(path) for path in paths)
    more = [(f"{key}_more", str(len(shown) - _MOST_NAMED))] if len(shown) > _MOST_NAMED else []
    return [*((key, path) for path in shown[:_MOST_NAMED]), *more]


def _split(ref: ModelRef) -> tuple[str, str]:
    """Repository and path within it ("" for all)."""
    names = ref.location.rstrip("/").split("/")
    if len(names) < 2 or not all(names) or ".." in names:
        raise SourceError(
            f"{ref.text}: '{ref.location}' is not a repository",
            hint="write hf://org/name, hf://org/name@revision or hf://org/name/file.gguf",
        )
    return "/".join(names[:2]), "/".join(names[2:])


def _selected(listing: HubListing, part: str, options: FetchOptions) -> set[str]:
    """The paths to fetch: all, or those at `part` and what is no weight file, as far as the patterns go.

    Raises:
        SourceError: when nothing lies at `part`, or the patterns leave nothing.
    """
    paths = {file.path for file in listing.files}
    weights = f"weight files there: {', '.join(sorted(filter(is_weight_file, paths))[:5]) or 'none'}"
    chosen = paths
    if part:
        within = {path for path in paths if path == part or path.startswith(f"{part}/")}
        if not within:
            raise SourceError(
                f"hf://{listing.repository}: nothing at '{part}' in commit {listing.commit[:12]}",
                hint=weights,
            )
        chosen = within | {path for path in paths if not is_weight_file(path)}
    taken = {path for path in chosen if is_taken(path, options.allow, options.ignore)}
    if not taken:
        raise SourceError(
            f"hf://{listing.repository}: the patterns leave none of the {len(chosen)} files of commit "
            f"{listing.commit[:12]}",
            hint=weights,
        )
    return taken


SOURCE = HubSource()
