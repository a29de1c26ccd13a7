"""Models in object stores and other places that fsspec reaches: a folder (prefix) or a single file.

`s3://bucket/path`, `gs://`, `az://`, `abfs://` and fsspec's `memory://`. Each needs its package (s3fs,
gcsfs, adlfs), which uses its own ways to find credentials; ours are not handed on. `#sha256=...` behind a
single file is the digest that it must have.

The ETag of a store is no digest of the file (it is one of its parts, or none at all), so nothing vouches
for these files but our own record of the first fetch, against which offline scans hold them.

Facts it puts into `Snapshot.source`: "store_etag" and "store_version" (path and value; an ETag is no
digest), "left_out", "resolved_from_cache".

Source: fsspec 2026.9, spec.py: AbstractFileSystem.find, info, ukey, open.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from scanner.hashing import HashedModel, HashingError, hash_model
from scanner.manifest import Snapshot, SourceDigest, is_weight_file
from scanner.path_patterns import is_taken
from scanner.references import ModelRef
from scanner.remote.downloads import require_space
from scanner.remote.failures import one_line
from scanner.remote.names import DistinctNames, inside_path
from scanner.remote.records import FetchRecord, KeptFile, keep_record, kept_record, require_record, today
from scanner.source import FetchOptions, Source, SourceError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_PACKAGES: Final[Mapping[str, str]] = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_LIBRARY_ERRORS: Final = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("google.auth.exceptions", "GoogleAuthError"),
)
_BLOCK_BYTES: Final = 4 * 1024**2
_MOST_FILES: Final = 100_000
_ETAG_KEYS: Final = ("ETag", "etag", "content_md5", "md5Hash")
_VERSION_KEYS: Final = ("VersionId", "version_id", "generation")


@dataclass(frozen=True)
class _StoredFile:
    """One file of the store.

    Attributes:
        path: Inside the model.
        key: Its name for fsspec.
        size_bytes: As the store says.
        identity: What fsspec holds for unique to its bytes.
        etag: As the store says, or "".
        version: The same.
    """

    path: str
    key: str
    size_bytes: int
    identity: str
    etag: str
    version: str


class ObjectSource(Source):
    """Fetches files into `cache/objects/<scheme>/<digest of the address>`."""

    scheme: ClassVar[str] = "s3"
    aliases: ClassVar[tuple[str, ...]] = ("gs", "az", "abfs", "memory")

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of the folder or file.

        Raises:
            SourceError: when its package is not installed, there is no such thing, or it cannot be read.
        """
        address = f"{ref.scheme}://{ref.location}"
        name = f"{quote(ref.location.rstrip('/').rpartition('/')[2], safe='')[:60]}-{_short(address)}"
        folder = options.cache / "objects" / ref.scheme / name
        before = kept_record(folder)
        if options.offline:
            record = require_record(before, address)
            fact = ("resolved_from_cache", f"as it was fetched on {record.fetched_on}")
            hashed, missing = _hashed(folder / "files", record, ref, options, is_fresh=False)
            return _snapshot(ref, folder, hashed, missing, (*record.facts, fact))
        record = _fetched(address, folder / "files", before, options)
        hashed, missing = _hashed(folder / "files", record, ref, options, is_fresh=True)
        kept = tuple(
            KeptFile(entry.path, entry.size_bytes, entry.sha256, file.identity)
            for entry in hashed.files
            if (file := record.find(entry.path)) is not None
        )
        keep_record(folder, FetchRecord(kept, missing, record.facts, today()))
        return _snapshot(ref, folder, hashed, missing, record.facts)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fetched(address: str, root: Path, before: FetchRecord | None, options: FetchOptions) -> FetchRecord:
    """What the store holds there, fetched as far as it is not here already; sha256 is still ""."""
    store, top = _open(address)
    try:
        listed = _listing(store, top, address)
        left_out = {file.path for file in listed if not is_taken(file.path, options.allow, options.ignore)}
        taken = [file for file in listed if file.path not in left_out]
        absent = [file for file in taken if not _is_here(file, root, before)]
        require_space(root, sum(file.size_bytes for file in absent))
        with options.progress.task("Fetching", sum(file.size_bytes for file in absent), "bytes") as task:
            for file in absent:
                task.note(file.path)
                _copy(store, file, root / file.path, task.advance)
    except _errors() as error:
        raise SourceError(
            f"{address}: cannot be read ({one_line(error)})",
            hint="check the address, and that the package of this store finds your credentials",
        ) from error
    facts = [("store_etag", f"{file.path} {file.etag}") for file in taken if file.etag]
    facts += [("store_version", f"{file.path} {file.version}") for file in taken if file.version]
    facts += [("left_out", path) for path in sorted(left_out)]
    kept = tuple(KeptFile(file.path, file.size_bytes, "", file.identity) for file in taken)
    return FetchRecord(kept, (), tuple(facts), today())


def _errors() -> tuple[type[Exception], ...]:
    """What the packages of stores raise: OSError as fsspec asks, and what their libraries have beside it."""
    loaded = (getattr(sys.modules.get(module), name, None) for module, name in _LIBRARY_ERRORS)
    return (OSError, ValueError, *(kind for kind in loaded if kind is not None))


def _open(address: str) -> tuple[AbstractFileSystem, str]:
    """The file system of an address, and the address as that names it."""
    import fsspec

    scheme = address.partition("://")[0]
    try:
        store, top = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        package = _PACKAGES.get(scheme, "its fsspec package")
        raise SourceError(
            f"{address}: {scheme}:// needs the package {package}, which is not installed ({one_line(error)})",
            hint=f"pip install {package}",
        ) from error
    return store, top.rstrip("/")


def _listing(store: AbstractFileSystem, top: str, address: str) -> list[_StoredFile]:
    """Every file at or below `top`, its path inside the model."""
    found: Mapping[str, Mapping[str, Any]] = store.find(top, detail=True)
    if not found:
        raise SourceError(f"{address}: nothing is there", hint="check bucket and path")
    if len(found) > _MOST_FILES:
        raise SourceError(
            f"{address}: {len(found)} files; at most {_MOST_FILES} are fetched",
            hint="name the model's folder",
        )
    names, files = DistinctNames(), []
    for key, info in sorted(found.items()):
        inside = key.rpartition("/")[2] if key == top else key.removeprefix(f"{top}/")
        path = inside_path(inside, address)
        names.add(path, address)
        files.append(_StoredFile(path, key, int(info.get("size") or 0), store.ukey(key),
                                 _told(info, _ETAG_KEYS), _told(info, _VERSION_KEYS)))  # fmt: skip
    if not any(is_weight_file(file.path) or file.path == "config.json" for file in files):
        raise SourceError(
            f"{address}: not a model: neither weights nor config.json among its {len(files)} files",
            hint="name the folder that holds the weights",
        )
    return files


def _told(info: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    value = next((str(info[key]) for key in keys if info.get(key)), "")
    return "".join(character for character in value if character.isprintable())[:200]


def _is_here(file: _StoredFile, root: Path, before: FetchRecord | None) -> bool:
    kept = before.find(file.path) if before else None
    path = root / file.path
    is_same = kept is not None and kept.identity == file.identity
    return is_same and path.is_file() and path.stat().st_size == file.size_bytes


def _copy(
    store: AbstractFileSystem, file: _StoredFile, target: Path, on_bytes: Callable[[int], None]
) -> None:
    """Fetches one file; what came of the same bytes before is taken up."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{file.identity[:16]}.part")
    start = part.stat().st_size if part.is_file() else 0
    if start > file.size_bytes:
        part.unlink()
        start = 0
    on_bytes(start)
    size = start
    with store.open(file.key, "rb") as source, part.open("ab") as stream:
        source.seek(start)
        while piece := source.read(_BLOCK_BYTES):
            size += len(piece)
            if size > file.size_bytes:
                break
            stream.write(piece)
            on_bytes(len(piece))
    if size != file.size_bytes:
        part.unlink()
        raise SourceError(
            f"{file.key}: has {size} bytes or more; expected {file.size_bytes}, as the store lists it",
            hint="wait until nothing writes to the model any more, then fetch again",
        )
    part.replace(target)


def _hashed(
    root: Path, record: FetchRecord, ref: ModelRef, options: FetchOptions, *, is_fresh: bool
) -> tuple[HashedModel, tuple[str, ...]]:
    """The files, held against our own record where they are not fresh; and those that are gone."""
    digests = {} if is_fresh else {file.path: [record.digest(file)] for file in record.files}
    if ref.revision and len(record.files) == 1:
        demanded = SourceDigest("sha256", ref.revision.removeprefix("sha256:"), "demanded by the reference")
        digests.setdefault(record.files[0].path, []).append(demanded)
    elif ref.revision:
        raise SourceError(
            f"{ref.text}: a digest is demanded of a folder with {len(record.files)} files",
            hint="name the one file that must have it",
        )
    missing = {file.path for file in record.files if not (root / file.path).is_file()}
    present = [file.path for file in record.files if file.path not in missing]
    try:
        hashed = hash_model(root, present, digests, options.progress)
    except HashingError as error:
        raise SourceError(str(error), hint=error.hint) from error
    return hashed, tuple(sorted(missing))


def _snapshot(
    ref: ModelRef,
    folder: Path,
    hashed: HashedModel,
    missing: tuple[str, ...],
    facts: tuple[tuple[str, str], ...],
) -> Snapshot:
    root = str((folder / "files").resolve())
    return Snapshot(ref, None, root, hashed.files, missing, facts, hashed.tensors, hashed.weights)


SOURCE = ObjectSource()
