"""Verifies detached signatures over single files: OpenPGP (Sequoia) and minisign.

Such a signature is over one file. Where that file is a list of digests (SHA256SUMS), it reaches on to every
listed file whose sha256, computed by us, is the listed one. Only keys that the user gives count: what lies
beside the signature is as much somebody's claim as the signature itself.

NOTE: an OpenPGP signature is over the file's bytes and cannot be checked by a digest we have, so that the
signed file is read a second time. So is that of a minisign signature.

Source: RFC 9580; pysequoia 0.1.35 (https://github.com/wiktor-k/pysequoia); https://jedisct1.github.io/minisign/;
py-minisign 0.21.1 (https://github.com/x13a/py-minisign).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scanner.manifest import FileEntry, Snapshot
from scanner.recorded_digests import recorded_digests
from scanner.signatures.anchors import Anchor
from scanner.signatures.bundle import plain
from scanner.signatures.examined import Examined, Problem, Standing, refused
from scanner.signatures.openssf import Bench
from scanner.signatures.recognised import Form, SignatureFile, UnreadableError
from scanner.signatures.signers import Kind, Signatory

if TYPE_CHECKING:
    from pysequoia import Cert

_LIMIT_BYTES: Final = 1024**2
# Minisign's first form takes the whole file into memory; it is for small ones.
_IN_MEMORY_BYTES: Final = 256 * 1024**2


@dataclass(frozen=True)
class _Opened:
    """A detached signature that was read.

    Attributes:
        whose: The key that is said to have made it, for people.
        by: Who made it by this anchor; None when the anchor is another key; raises when it does not fit.
        kind: What kind of key made it.
        takes_whole_file: Whether checking it needs the whole file in memory.
    """

    whose: str
    by: Callable[[Anchor, str], Signatory | None]
    kind: Kind
    takes_whole_file: bool = False


class _BrokenError(Exception):
    """The signature cannot be read, or does not fit the file."""


def examine_detached(bench: Bench, file: SignatureFile) -> Examined:
    """What a detached signature comes to."""
    entry = bench.snapshot.find(file.signed_path)
    try:
        data = file.read(bench.snapshot, _LIMIT_BYTES)
        opened = _openpgp(data) if file.form is Form.OPENPGP else _minisign(data)
    except (_BrokenError, UnreadableError) as error:
        return refused(file, Problem("UNREADABLE", str(error)))
    if opened is None:
        return Examined(file, Standing.UNREAD, "OpenPGP data that is no detached signature")
    if entry is None:
        says = f"{plain(file.signed_path)}, which it is over by its name, is not there"
        return refused(file, Problem("MISSING", says, (plain(file.signed_path),)))
    if not entry.is_whole:
        return Examined(file, Standing.UNREAD, f"{plain(entry.path)} was not read whole")
    if opened.takes_whole_file and entry.size_bytes > _IN_MEMORY_BYTES:
        return Examined(file, Standing.UNREAD, "a minisign signature of the first form over a large file")
    try:
        who = _maker(bench, opened, entry)
    except _BrokenError as error:
        says = f"{plain(entry.path)} differs from what was signed, or the signature does ({error})"
        return refused(file, Problem("CHANGED", says, (entry.path,)))
    if who is None:
        return Examined(file, Standing.UNCHECKED, opened.whose)
    return _reaching(bench, file, entry, who)


def _maker(bench: Bench, opened: _Opened, entry: FileEntry) -> Signatory | None:
    path = str(bench.snapshot.local_path(entry.path))
    found = (opened.by(anchor, path) for anchor in bench.anchors if anchor.kind is opened.kind)
    return next((who for who in found if who is not None), None)


def _reaching(bench: Bench, file: SignatureFile, entry: FileEntry, who: Signatory) -> Examined:
    """A genuine signature with every file that it is over, directly or by a list of digests."""
    listed = dict(_listed(bench.snapshot, entry.path))
    if changed := sorted(path for path, is_same in listed.items() if not is_same):
        says = (
            f"{', '.join(map(plain, changed[:3]))} differs from the digest in the signed {plain(entry.path)}"
        )
        return refused(file, Problem("CHANGED", says, tuple(changed)), who=who)
    standing = Standing.HOLDS if bench.accepts(who) else Standing.STRANGER
    return Examined(file, standing, who.in_words, who, (entry.path, *sorted(listed)))


def _listed(snapshot: Snapshot, sums_path: str) -> Iterator[tuple[str, bool]]:
    """The files that a list of digests names and that are there, and whether they are the listed ones."""
    digests = recorded_digests(snapshot.local_path("."), [sums_path]).digests
    for path, recorded in digests.items():
        entry = snapshot.find(path)
        own = [digest for digest in recorded if digest.origin == sums_path]
        if entry is not None and entry.is_whole and own:
            yield path, all(digest.value == entry.sha256 for digest in own)


def _openpgp(data: bytes) -> _Opened | None:
    from pysequoia import Cert, Sig, verify

    if data.lstrip().startswith((b"-----BEGIN PGP MESSAGE", b"-----BEGIN PGP SIGNED MESSAGE")):
        return None
    try:
        signature = Sig.from_bytes(data)
    except RuntimeError as error:
        raise _BrokenError(f"no OpenPGP signature ({_first_line(error)})") from error
    issuer = signature.issuer_fingerprint or signature.issuer_key_id or ""

    def by(anchor: Anchor, path: str) -> Signatory | None:
        try:
            certificates = [each for each in Cert.split_bytes(anchor.data) if _has_key(each, issuer)]
        except RuntimeError as error:
            raise _BrokenError(f"{anchor.named} cannot be read: {_first_line(error)}") from error
        if not certificates:
            return None
        try:
            valid = verify(file=path, store=lambda _ids: certificates, signature=signature).valid_sigs
        except RuntimeError as error:
            raise _BrokenError(_first_line(error)) from error
        maker = next(each for each in certificates if each.fingerprint == valid[0].certificate)
        names = [plain(str(name)) for name in maker.user_ids]
        return Signatory(
            Kind.OPENPGP, next(iter(names), ""), "", maker.fingerprint, anchor.digest, anchor.named
        )

    return _Opened(f"OpenPGP key {plain(issuer) or 'without a name'}", by, Kind.OPENPGP)


def _has_key(certificate: Cert, issuer: str) -> bool:
    """Whether a key or subkey of a certificate made the signature; true when that is not told."""
    from pysequoia.packet import PacketPile, Tag

    keys = (
        packet
        for packet in PacketPile.from_bytes(bytes(certificate))
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey)
    )
    return not issuer or any(issuer in (key.fingerprint, key.key_id) for key in keys)


def _minisign(data: bytes) -> _Opened:
    import minisign

    try:
        signature = minisign.Signature.from_bytes(data)
    except minisign.Error as error:
        raise _BrokenError(f"no minisign signature ({plain(str(error))})") from error
    key_id = signature._key_id  # the library tells it in no other way

    def by(anchor: Anchor, path: str) -> Signatory | None:
        try:
            text = anchor.data
            is_inline = anchor.wanted.signer.is_inline
            key = minisign.PublicKey.from_base64(text) if is_inline else minisign.PublicKey.from_bytes(text)
        except minisign.Error as error:
            raise _BrokenError(f"{anchor.named} cannot be read: {plain(str(error))}") from error
        if key._keynum_pk.key_id != key_id:
            return None
        try:
            key.verify_file(path, signature)
        except minisign.Error as error:
            raise _BrokenError(plain(str(error))) from error
        return Signatory(
            Kind.MINISIGN, key=key.to_base64().decode(), anchor=anchor.digest, named=anchor.named
        )

    # As minisign prints it: the eight bytes as a number that begins with the lowest.
    whose = f"minisign key {key_id[::-1].hex().upper()}"
    return _Opened(whose, by, Kind.MINISIGN, takes_whole_file=not signature.is_prehashed())


def _first_line(error: Exception) -> str:
    """Sequoia's messages carry a backtrace below their first line."""
    return plain(str(error).partition("\n")[0])
