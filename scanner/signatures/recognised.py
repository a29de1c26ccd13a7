"""Tells which files of a model are signatures, and of which kind, by name and first bytes.

Nothing is guessed: what is no signature of a known kind is reported as one of another kind.

>>> kind_of("model.sig", b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"')
<Form.BUNDLE: 'Sigstore bundle'>
>>> kind_of("weights.bin.sig", b"untrusted comment: signature from minisign secret key")
<Form.MINISIGN: 'minisign signature'>
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from scanner.errors import ScanError
from scanner.manifest import Snapshot

# Of detached signatures: the signed file is named like the signature without its ending.
_DETACHED: Final = (".asc", ".gpg", ".pgp", ".minisig", ".sig")
_BUNDLES: Final = (".sigstore", ".sigstore.json")
_BUNDLE_NAMES: Final = ("model.sig",)
_HEAD_BYTES: Final = 4096
_OTHER_KINDS: Final = {
    b"-----BEGIN SSH SIGNATURE-----": "SSH signature",
    b"-----BEGIN PKCS7-----": "PKCS #7 signature",
    b"-----BEGIN CMS-----": "CMS signature",
}


class UnreadableError(ScanError):
    """A signature cannot be read, or is too long to be one."""


class Form(enum.Enum):
    """How a signature is written."""

    BUNDLE = "Sigstore bundle"
    OPENPGP = "OpenPGP signature"
    MINISIGN = "minisign signature"
    OTHER = "signature of another kind"


@dataclass(frozen=True)
class SignatureFile:
    """A file that is a signature, or says so by its name.

    Attributes:
        path: Inside the snapshot; the bare name of one that lies elsewhere.
        form: How it is written.
        what: The form for people; for another kind, what it looks like.
        elsewhere: Where it lies when it is not in the snapshot, else "".
    """

    path: str
    form: Form
    what: str
    elsewhere: str = ""

    @property
    def signed_path(self) -> str:
        """The file that a detached signature of this name is about."""
        return str(PurePosixPath(self.path).with_suffix(""))

    def read(self, snapshot: Snapshot, limit_bytes: int) -> bytes:
        """Its bytes.

        Raises:
            UnreadableError: when it cannot be read or is longer than the limit.
        """
        try:
            with self._place(snapshot).open("rb") as stream:
                data = stream.read(limit_bytes + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror or error})") from error
        if len(data) > limit_bytes:
            raise UnreadableError(f"longer than {limit_bytes} bytes, so not read")
        return data

    def _place(self, snapshot: Snapshot) -> Path:
        return Path(self.elsewhere) if self.elsewhere else snapshot.local_path(self.path)


def signature_files(snapshot: Snapshot) -> Iterator[SignatureFile]:
    """The signatures of a snapshot, in its order; public keys that end in .asc or .gpg are none.

    Raises:
        OSError: when a file cannot be read.
    """
    for entry in snapshot.with_suffix(*_DETACHED, *_BUNDLES):
        with snapshot.open(entry.path) as stream:
            head = stream.read(_HEAD_BYTES)
        if not _is_key(head):
            yield recognised(entry.path, head)


def recognised(path: str, head: bytes, elsewhere: str = "") -> SignatureFile:
    """The signature of this name with these first bytes."""
    form = kind_of(path, head)
    return SignatureFile(path, form, _looks(head) if form is Form.OTHER else form.value, elsewhere)


def kind_of(path: str, head: bytes) -> Form:
    """The form of a signature with this name and these first bytes."""
    name, text = PurePosixPath(path).name.lower(), head.lstrip()
    if text.startswith(b"untrusted comment:") or name.endswith(".minisig"):
        return Form.MINISIGN
    if text.startswith(b"-----BEGIN PGP") or name.endswith((".asc", ".gpg", ".pgp")):
        return Form.OPENPGP
    if text.startswith(b"{") or name in _BUNDLE_NAMES or name.endswith(_BUNDLES):
        return Form.BUNDLE
    return Form.OPENPGP if _is_signature_packet(head) else Form.OTHER


def _is_signature_packet(head: bytes) -> bool:
    """Whether this begins with an OpenPGP packet of tag 2, and its version after the length octets.

    Source: RFC 9580, section 4.2 (packet headers) and 5.2 (a signature's version is 3, 4, 5 or 6).
    """
    if len(head) < 4 or not head[0] & 0x80:
        return False
    if head[0] & 0x40:
        is_signature = head[0] & 0x3F == 2
        length_octets = 1 if head[1] < 192 else 2 if head[1] < 224 else 5
    else:
        is_signature = (head[0] >> 2) & 0x0F == 2
        length_octets = 1 << (head[0] & 3)
    version = head[1 + length_octets] if len(head) > 1 + length_octets else 0
    return is_signature and version in (3, 4, 5, 6)


def _is_key(head: bytes) -> bool:
    """Whether this is an armoured public key; publishers put theirs beside the files that it signs."""
    return head.lstrip().startswith((b"-----BEGIN PGP PUBLIC KEY BLOCK", b"-----BEGIN PUBLIC KEY"))


def _looks(head: bytes) -> str:
    """What a signature of another kind looks like."""
    text = head.lstrip()
    return next((what for start, what in _OTHER_KINDS.items() if text.startswith(start)), Form.OTHER.value)
