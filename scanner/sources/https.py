"""Single weight files at an address, with the other parts where the file is one of several.

`https://host/path/model.gguf`, and with `#sha256=...` behind it the digest that the file must have. Plain
http is asked on this machine only, or of hosts the user allows. A partial file is taken up when the server
confirms that it is still the same file.

An ETag is the server's name for the bytes and no digest of them. Where neither the reference nor the server
(Repr-Digest, X-Checksum-Sha256) gives one, nobody has vouched for the file, and `integrity-mismatch` says so.

Facts it puts into `Snapshot.source`: "final_url" (without the values of its query), "etag",
"last_modified", "resolved_from_cache".

Source: RFC 9110 sections 13 and 14 (conditional and range requests); RFC 9530 (Repr-Digest).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from scanner.hashing import HashedModel, HashingError, hash_model
from scanner.manifest import WEIGHT_SUFFIXES, FileEntry, Snapshot, SourceDigest, is_weight_file
from scanner.progress import Task
from scanner.references import ModelRef
from scanner.remote.addresses import require_askable, shown_url
from scanner.remote.client import Client, Patience
from scanner.remote.downloads import Delivery, Download, download, identity_of
from scanner.remote.failures import StatusError
from scanner.remote.names import inside_path
from scanner.remote.records import FetchRecord, KeptFile, keep_record, kept_record, require_record, today
from scanner.source import FetchOptions, Source, SourceError
from scanner.tensorfiles.gguf_header import MAGIC
from scanner.tensorfiles.shard_names import shard_names

_REPR_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_HUB_HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})


@dataclass
class _Brought:
    """The files of one model, before they are hashed.

    Attributes:
        identities: What the server calls the bytes, by path.
        digests: What others say the files should be, by path.
        missing: Parts that are not there.
        facts: As in `Snapshot.source`.
    """

    identities: dict[str, str] = field(default_factory=dict)
    digests: dict[str, list[SourceDigest]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)

    def expect(self, path: str, digest: SourceDigest) -> None:
        self.digests.setdefault(path, []).append(digest)


class AddressSource(Source):
    """Fetches files into `cache/https/<host>/<digest of the address>`."""

    scheme: ClassVar[str] = "https"
    aliases: ClassVar[tuple[str, ...]] = ("http",)

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of the file, and of its other parts.

        Raises:
            SourceError: when it is no weight file, the server refuses or fails, or the disk is too small.
        """
        url = require_askable(f"{ref.scheme}://{ref.location}", options.access.plain_http_hosts)
        name = _file_name(url)
        key = hashlib.sha256(url.encode()).hexdigest()[:16]
        folder = options.cache / "https" / quote(urlsplit(url).netloc, safe="") / key
        before = kept_record(folder)
        if options.offline:
            brought = _taken(require_record(before, shown_url(url)))
        else:
            with Client(options.access, self._patience) as client:
                brought = _fetched(client, url, name, folder / "files", before, options)
        if ref.revision:
            digest = SourceDigest("sha256", ref.revision.removeprefix("sha256:"), "demanded by the reference")
            brought.expect(name, digest)
        hashed = _hashed(folder / "files", brought, options)
        if not options.offline:
            keep_record(folder, _record(hashed.files, brought, before))
        root = str((folder / "files").resolve())
        return Snapshot(
            ref,
            None,
            root,
            hashed.files,
            tuple(brought.missing),
            tuple(brought.facts),
            hashed.tensors,
            hashed.weights,
        )


def _file_name(url: str) -> str:
    """The name of the file, by the last part of the address.

    Raises:
        SourceError: when it is not that of a weight file.
    """
    parts = urlsplit(url)
    name = unquote(parts.path.rpartition("/")[2])
    if not name or not is_weight_file(name):
        is_hub = (parts.hostname or "") in _HUB_HOSTS
        names = "/".join(parts.path.strip("/").split("/")[:2])
        raise SourceError(
            f"{shown_url(url)}: '{name[:100]}' is no weight file; expected one of "
            f"{' '.join(sorted(WEIGHT_SUFFIXES))}",
            hint=f"write hf://{names or 'org/name'} for a model on the hub" if is_hub else
            "name the weight file itself, or fetch the whole model into a folder and scan that",
        )  # fmt: skip
    if "/" in name:
        raise SourceError(f"{shown_url(url)}: '{name[:100]}' is no file name", hint="check the address")
    return inside_path(name, shown_url(url))


def _fetched(
    client: Client, url: str, name: str, root: Path, before: FetchRecord | None, options: FetchOptions
) -> _Brought:
    names = sorted({name, *shard_names(name)})
    brought = _Brought()
    for part in names:
        kept = before.find(part) if before else None
        unless = kept.identity if kept and (root / part).is_file() else ""
        wanted = Download(_beside(url, part), root / part, _authorization(options), unless=unless)
        try:
            delivery = _shown_download(client, wanted, options)
        except StatusError as error:
            if error.status != 404 or part == name:
                raise
            brought.missing.append(part)
            continue
        if delivery.is_unchanged and before and kept:
            brought.identities[part] = kept.identity
            brought.expect(part, before.digest(kept))
        else:
            _require_weights(root / part, delivery, wanted.url)
            brought.identities[part] = identity_of(delivery.headers)
        _note(brought, part, delivery, is_one=len(names) == 1)
    return brought


def _shown_download(client: Client, wanted: Download, options: FetchOptions) -> Delivery:
    """Fetches the file, and shows how far that is once the server told its size."""
    tasks: list[Task] = []
    with ExitStack() as stack:

        def begin(size_bytes: int) -> None:
            if not tasks:
                tasks.append(stack.enter_context(options.progress.task("Fetching", size_bytes, "bytes")))
                tasks[0].note(wanted.target.name)

        return download(client, wanted, lambda size_bytes: tasks[0].advance(size_bytes), begin)


def _authorization(options: FetchOptions) -> dict[str, str]:
    credential = options.access.credential
    if not credential:
        return {}
    if ":" in credential:
        return {"Authorization": f"Basic {base64.b64encode(credential.encode()).decode()}"}
    return {"Authorization": f"Bearer {credential}"}


def _beside(url: str, name: str) -> str:
    """The address with another file name."""
    parts = urlsplit(url)
    folder = parts.path.rpartition("/")[0]
    return urlunsplit(parts._replace(path=f"{folder}/{quote(name)}", fragment=""))


def _note(brought: _Brought, part: str, delivery: Delivery, *, is_one: bool) -> None:
    """Takes over what the server told beside the bytes."""
    prefix = "" if is_one else f"{part}: "
    facts = (
        ("final_url", shown_url(delivery.url)),
        ("etag", delivery.headers.get("etag", "")),
        ("last_modified", delivery.headers.get("last-modified", "")),
    )
    brought.facts += [(key, f"{prefix}{_plain(value)}") for key, value in facts if value]
    if delivery.is_unchanged:
        return
    host = urlsplit(delivery.url).netloc
    if match := _REPR_SHA256.search(delivery.headers.get("repr-digest", "")):
        try:
            value = base64.b64decode(match[1], validate=True).hex()
        except binascii.Error:
            value = ""
        if _HEX.fullmatch(value):
            brought.expect(part, SourceDigest("sha256", value, f"Repr-Digest of {host}"))
    told = delivery.headers.get("x-checksum-sha256", "").lower()
    if _HEX.fullmatch(told):
        brought.expect(part, SourceDigest("sha256", told, f"X-Checksum-Sha256 of {host}"))


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:500]


def _require_weights(path: Path, delivery: Delivery, url: str) -> None:
    """Refuses pages that were sent in the file's place."""
    kind = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC))
    is_page = kind in ("text/html", "application/xhtml+xml")
    if is_page or (path.suffix.lower() == ".gguf" and start != MAGIC):
        path.unlink()
        raise SourceError(
            f"{shown_url(url)}: not the file, but {_plain(kind) or 'something'} that starts with {start!r}",
            hint="check the address in a browser; a page for people, or to log in at, may be there",
        )


def _taken(record: FetchRecord) -> _Brought:
    """What an earlier fetch left."""
    brought = _Brought(missing=list(record.missing), facts=list(record.facts))
    brought.facts.append(("resolved_from_cache", f"as it was fetched on {record.fetched_on}"))
    for file in record.files:
        brought.identities[file.path] = file.identity
        brought.expect(file.path, record.digest(file))
    return brought


def _hashed(root: Path, brought: _Brought, options: FetchOptions) -> HashedModel:
    present = [path for path in brought.identities if (root / path).is_file()]
    brought.missing += [path for path in brought.identities if path not in present]
    try:
        return hash_model(root, present, brought.digests, options.progress)
    except HashingError as error:
        raise SourceError(str(error), hint=error.hint) from error


def _record(files: tuple[FileEntry, ...], brought: _Brought, before: FetchRecord | None) -> FetchRecord:
    """What to keep of this fetch; bytes that are not as recorded are fetched anew by the next one."""
    kept = []
    for entry in files:
        is_right = entry.matches_source is not False
        known = before.find(entry.path) if before and not is_right else None
        sha256 = known.sha256 if known and known.identity == brought.identities[entry.path] else entry.sha256
        identity = brought.identities[entry.path] if is_right else ""
        kept.append(KeptFile(entry.path, entry.size_bytes, sha256, identity))
    return FetchRecord(tuple(kept), tuple(brought.missing), tuple(brought.facts), today())


SOURCE = AddressSource()
