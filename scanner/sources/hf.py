"""Models on the Hugging Face Hub or a mirror of it, pinned to one commit and hashed here.

The hub's own client accepts wrong bytes of the right length, and answers a failing server with whatever
an earlier download left behind. So the revision is resolved once, the tree listed once, everything is
fetched by commit, and every byte is hashed here and held against the tree.

`hf://org/name` is the main branch, `hf://org/name@revision` a branch, tag, commit or `refs/pr/N`, and
`hf://org/name/path/to/file.gguf@revision` takes of the weights only those at that path.

Facts it puts into `Snapshot.source`: "endpoint", "requested_revision", "gated", "private", "author",
"last_modified", "unmerged_revision" (for `refs/pr/N`), "subset", "left_out", "resolved_from_cache".
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from scanner.hashing import HashingError, hash_files
from scanner.hub.client import PUBLIC_ENDPOINT, progress_bar, quiet_client, shown_endpoint, translated_errors
from scanner.hub.listing import HubFile, HubListing, keep_listing, kept_listing
from scanner.hub.ranges import HubSupply
from scanner.inspection.files import inspect_files
from scanner.manifest import Snapshot, SourceDigest, is_weight_file
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_DOWNLOADS: Final = 4
# What a file system needs beyond the bytes: blocks that are not full, the hub client's own notes.
_SPARE_BYTES: Final = 64 * 1024**2


class HubSource(Source):
    """Fetches from the hub into `cache/hub/<org>--<name>/<commit>` and takes up where it was stopped."""

    scheme: ClassVar[str] = "hf"

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of one commit; in offline mode, of what an earlier fetch left in the cache.

        Raises:
            SourceError: when the repository, revision or network is not there, access is refused, the
                disk is too small, or offline mode finds nothing.
        """
        repository, part = _split(ref)
        folder = options.cache / "hub" / repository.replace("/", "--")
        if options.offline:
            listing = kept_listing(folder, repository, ref.revision)
        else:
            listing = _fetch(repository, ref, folder, part, options)
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
        with translated_errors(repository, ref.revision, options), quiet_client(options):
            from huggingface_hub import HfApi

            api = HfApi(options.endpoint or PUBLIC_ENDPOINT, token=options.token or False)
            listing = _list(api, repository, ref, options)
            selected = _selected(listing, part)
            supply = HubSupply(api, repository, listing.commit, folder / listing.commit)
            sizes = {file.path: file.size_bytes for file in listing.files if file.path in selected}
            files = inspect_files(supply, sizes, _digests(listing), options.progress)
        root = str(supply.root.resolve())
        return Snapshot(ref, listing.commit, root, files, source=_facts(listing, part, selected))


def _fetch(repository: str, ref: ModelRef, folder: Path, part: str, options: FetchOptions) -> HubListing:
    with translated_errors(repository, ref.revision, options), quiet_client(options):
        from huggingface_hub import HfApi

        # token=False: the client must not look for a token of its own on this machine.
        api = HfApi(options.endpoint or PUBLIC_ENDPOINT, token=options.token or False)
        listing = _list(api, repository, ref, options)
        keep_listing(folder, ref.revision, listing)
        root = folder / listing.commit
        selected = _selected(listing, part)
        absent = [f for f in listing.files if f.path in selected and not _is_whole(root, f)]
        _require_space(root, sum(file.size_bytes for file in absent))
        for file in absent:
            # Not whole: the client would keep what is there, or fall back to it when the hub fails.
            (root / file.path).unlink(missing_ok=True)
        _download(api, repository, listing.commit, root, absent, options)
    return listing


def _list(api: HfApi, repository: str, ref: ModelRef, options: FetchOptions) -> HubListing:
    from huggingface_hub.hf_api import RepoFile

    try:
        info = api.model_info(repository, revision=ref.revision)
        commit = info.sha or ""
        entries = list(api.list_repo_tree(repository, recursive=True, revision=commit))
    except (KeyError, TypeError, AttributeError) as error:  # the client trusts the shape of answers
        raise SourceError(
            f"{shown_endpoint(options)}: does not answer like a hub ({type(error).__name__}: {error})",
            hint="check the endpoint; a proxy may have answered in its place",
        ) from error
    files = tuple(HubFile.of(entry) for entry in entries if isinstance(entry, RepoFile))
    facts = [
        ("endpoint", shown_endpoint(options)),
        ("requested_revision", ref.revision or "main"),
        ("gated", str(info.gated or False).lower()),
        ("private", str(bool(info.private)).lower()),
        ("author", info.author or repository.partition("/")[0]),
    ]
    if info.last_modified is not None:
        facts.append(("last_modified", info.last_modified.isoformat()))
    if (ref.revision or "").startswith("refs/pr/"):
        # Anybody may open a pull request: its commits stand under the repository's name, and are not its.
        facts.append(("unmerged_revision", ref.revision or ""))
    return HubListing(repository, commit, tuple(sorted(files, key=lambda file: file.path)), tuple(facts))


def _download(
    api: HfApi, repository: str, commit: str, root: Path, files: list[HubFile], options: FetchOptions
) -> None:
    total_bytes = sum(file.size_bytes for file in files)
    with options.progress.task("Fetching", total_bytes, "bytes") as task:
        bar = progress_bar(task)

        def download(file: HubFile) -> None:
            task.note(file.path)
            from huggingface_hub import hf_hub_download

            hf_hub_download(
                repository,
                file.path,
                revision=commit,
                local_dir=root,
                cache_dir=options.cache / "hub-client",
                endpoint=api.endpoint,
                token=options.token or False,
                library_name="weighbridge",
                tqdm_class=bar,
            )

        with ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="fetching") as threads:
            try:
                for _ in threads.map(download, files):
                    pass
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise


def _snapshot(ref: ModelRef, listing: HubListing, root: Path, part: str, options: FetchOptions) -> Snapshot:
    selected = _selected(listing, part)
    present = [path for path in selected if (root / path).is_file()]
    if not present:
        raise SourceError(
            f"{ref.text}: no file of commit {listing.commit[:12]} is in the cache",
            hint="fetch the model once without offline mode",
        )
    try:
        files = hash_files(root, present, _digests(listing), options.progress)
    except HashingError as error:
        raise SourceError(str(error), hint=error.hint) from error
    missing = tuple(sorted(selected - set(present)))
    facts = _facts(listing, part, selected)
    return Snapshot(ref, listing.commit, str(root.resolve()), files, missing, facts)


def _digests(listing: HubListing) -> dict[str, list[SourceDigest]]:
    origin = f"hub tree at {listing.commit}"
    named = (file for file in listing.files if file.digest)
    return {file.path: [SourceDigest(file.algorithm, file.digest, origin)] for file in named}


def _facts(listing: HubListing, part: str, selected: set[str]) -> tuple[tuple[str, str], ...]:
    if not part:
        return listing.facts
    left_out = sorted(file.path for file in listing.files if file.path not in selected)
    return (*listing.facts, ("subset", part), *(("left_out", path) for path in left_out))


def _split(ref: ModelRef) -> tuple[str, str]:
    """Repository and path within it ("" for all)."""
    names = ref.location.rstrip("/").split("/")
    if len(names) < 2 or not all(names) or ".." in names:
        raise SourceError(
            f"{ref.text}: '{ref.location}' is not a repository",
            hint="write hf://org/name, hf://org/name@revision or hf://org/name/file.gguf",
        )
    return "/".join(names[:2]), "/".join(names[2:])


def _selected(listing: HubListing, part: str) -> set[str]:
    """The paths to fetch: all, or those at `part` and everything that is not a weight file.

    Raises:
        SourceError: when nothing lies at `part`.
    """
    paths = {file.path for file in listing.files}
    if not part:
        return paths
    within = {path for path in paths if path == part or path.startswith(f"{part}/")}
    if not within:
        raise SourceError(
            f"hf://{listing.repository}: nothing at '{part}' in commit {listing.commit[:12]}",
            hint=f"weight files there: {', '.join(sorted(filter(is_weight_file, paths))[:5]) or 'none'}",
        )
    return within | {path for path in paths if not is_weight_file(path)}


def _is_whole(root: Path, file: HubFile) -> bool:
    """Whether an earlier fetch left the file; its bytes are hashed in any case."""
    path = root / file.path
    return path.is_file() and path.stat().st_size == file.size_bytes


def _require_space(root: Path, needed_bytes: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(root).free
    if needed_bytes and needed_bytes + _SPARE_BYTES > free_bytes:
        raise SourceError(
            f"{root}: {needed_bytes / 1e9:.1f} GB to fetch and {free_bytes / 1e9:.1f} GB free",
            hint="free some disk space, choose another folder with --data-dir, or fetch one weight file only",
        )


SOURCE = HubSource()
