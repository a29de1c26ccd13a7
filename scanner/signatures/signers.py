"""Whom a user accepts as signers, and who a signature turned out to be from.

Both meet twice: in the check that verifies, and later in a gate that judges a stored scan without the keys.
So what a signature showed travels as the dimensions of a measurement, and nothing has to be read again.

>>> release = Signatory(Kind.SIGSTORE, identity="release@example.org", issuer="https://accounts.example.org")
>>> Signer(identity="*@example.org").accepts(release)
True
>>> Signer(identity="*@example.org", issuer="https://other.example").accepts(release)
False
"""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from scanner.errors import InvalidValueError, ScanError
from scanner.records import decode, encode

Given = TypeVar("Given")
CHECK_ID: Final = "signature-not-valid"
# How much of a model one signatory signed; its dimensions say who that is.
COVERED: Final = "signature.files_covered"
SIGNERS_SETTING: Final = "signature.signers"
FILES_SETTING: Final = "signature.files"
TRUST_SETTING: Final = "signature.trust"
# The content decides the scan as the name does: another content is another scan.
TRUST_DIGEST_SETTING: Final = "signature.trust_sha256"
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# A public key of minisign: 42 bytes that begin with "Ed", in Base64.
_MINISIGN: Final = re.compile(r"RW[A-Za-z0-9+/]{54}")


class SignerError(ScanError):
    """Signers are named in a way that cannot be used."""


class Kind(enum.Enum):
    """What vouches for a signatory."""

    KEY = "public key"
    CERTIFICATE = "certificate"
    SIGSTORE = "Sigstore identity"
    OPENPGP = "OpenPGP key"
    MINISIGN = "minisign key"

    @property
    def is_key(self) -> bool:
        """Whether it is a bare key, which names nobody."""
        return self in (Kind.KEY, Kind.OPENPGP, Kind.MINISIGN)


@dataclass(frozen=True)
class Signatory:
    """Who made a signature, as it was verified.

    Attributes:
        kind: What vouches for them.
        identity: Address or URI of a certificate, its subject without one; user id of an OpenPGP key.
        issuer: Who vouched for the identity: an OpenID Connect issuer, or a certificate's issuer.
        key: Fingerprint of the key or of the signing certificate, as its kind is written.
        anchor: "sha256:" and the digest of the file that the user named as trusted, "" for Sigstore.
        named: That file as the user named it; for Sigstore the user's own trust configuration.
        signed_at: When, if somebody else attests the time: a log, a time stamp; "" otherwise.
    """

    kind: Kind
    identity: str = ""
    issuer: str = ""
    key: str = ""
    anchor: str = ""
    named: str = ""
    signed_at: str = ""

    @property
    def in_words(self) -> str:
        """For people: kind, name and fingerprint."""
        name = f"{self.identity} " if self.identity else ""
        issuer = f"(issuer {self.issuer}) " if self.issuer else ""
        key = f"{self.key} " if self.key else ""
        anchor = f"by {self.named} " if self.named else ""
        time = f"at {self.signed_at} " if self.signed_at else ""
        return f"{self.kind.value} {name}{issuer}{key}{anchor}{time}".strip()

    @property
    def dimensions(self) -> Mapping[str, str]:
        """The same as the dimensions of a measurement; without the time, which differs between signatures."""
        known = {
            "kind": self.kind.value,
            "identity": self.identity,
            "issuer": self.issuer,
            "key": self.key,
            "anchor": self.anchor,
            "named": self.named,
        }
        return {name: value for name, value in known.items() if value}

    @classmethod
    def of(cls, dimensions: Mapping[str, str]) -> Signatory:
        """The signatory of these dimensions.

        Raises:
            InvalidValueError: when they are those of something else.
        """
        try:
            return cls(
                Kind(dimensions["kind"]),
                **{name: value for name, value in dimensions.items() if name != "kind"},
            )
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidValueError(f"no signatory: {dict(dimensions)}") from error


@dataclass(frozen=True)
class Signer:
    """Whose signature is accepted: that of a key, of an authority's certificates, or of a Sigstore identity.

    Attributes:
        key: File with a public key (PEM, OpenPGP or minisign); or instead "sha256:" and the digest of that
            file, an OpenPGP fingerprint, or a minisign key itself.
        certificate: File with the certificates of authorities (PEM), or "sha256:" and its digest.
        identity: As it stands in the certificate: an address or the URI of a workflow; `*` stands for
            anything. Alone it is an identity that Sigstore vouches for.
        issuer: Who vouches for the identity, "" for anybody.
    """

    key: str = ""
    certificate: str = ""
    identity: str = ""
    issuer: str = ""

    @property
    def fault(self) -> str:
        """Why this names nobody, "" when it does."""
        if self.key and (self.certificate or self.identity or self.issuer):
            return "a key stands alone: it says nothing about certificate, identity or issuer"
        if not (self.key or self.certificate or self.identity):
            return "names nobody: give a key, a certificate or an identity"
        if self.issuer and not self.identity:
            return "an issuer needs the identity that it vouches for"
        return ""

    @property
    def in_words(self) -> str:
        """For people: "key release.pub", "release@example.org of https://accounts.example.org"."""
        if self.key:
            return f"key {self.key}"
        whose = f"{self.identity}{f' of {self.issuer}' if self.issuer else ''}"
        if self.certificate:
            return f"a certificate by {self.certificate}{f' for {whose}' if whose else ''}"
        return f"Sigstore identity {whose}"

    @property
    def file(self) -> str:
        """The file that it names, "" when it names none and can be told by its text alone."""
        named = self.key or self.certificate
        return "" if _DIGEST.fullmatch(named) or self.is_inline or self._fingerprint else named

    @property
    def is_inline(self) -> bool:
        """Whether the key itself stands here."""
        return bool(_MINISIGN.fullmatch(self.key))

    @property
    def _fingerprint(self) -> str:
        text = self.key.replace(" ", "").removeprefix("0x").upper()
        return text if _FINGERPRINT.fullmatch(text) else ""

    def accepts(self, who: Signatory) -> bool:
        """Whether that is the signer named here."""
        if self.key:
            return who.kind.is_key and self._is_key_of(who)
        if self.certificate:
            return (
                who.kind is Kind.CERTIFICATE
                and self.certificate in (who.named, who.anchor)
                and self._is_called(who)
            )
        return who.kind is Kind.SIGSTORE and self._is_called(who)

    def _is_key_of(self, who: Signatory) -> bool:
        by_fingerprint = self._fingerprint != "" and self._fingerprint == who.key.upper()
        return by_fingerprint or self.key in (who.named, who.anchor, who.key)

    def _is_called(self, who: Signatory) -> bool:
        is_named = not self.identity or fnmatch.fnmatchcase(who.identity, self.identity)
        return is_named and self.issuer in ("", who.issuer)


@dataclass(frozen=True)
class Wanted:
    """A signer that a scan looks for.

    Attributes:
        signer: As the user named it.
        path: Where its file lies, "" when it names none.
        sha256: Digest of that file when the scan began: another content is another scan.
    """

    signer: Signer
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Elsewhere:
    """A signature that lies beside the model, not in it.

    Attributes:
        path: Where.
        sha256: Digest of the file when the scan began.
    """

    path: str
    sha256: str


def as_setting(given: tuple[Wanted, ...] | tuple[Elsewhere, ...]) -> str:
    """The text of the setting `signature.signers` or `signature.files`."""
    return encode(given).decode()


def from_setting(text: str) -> tuple[Wanted, ...]:
    """The signers of the setting `signature.signers`, none for "".

    Raises:
        SignerError: when the text is not what `as_setting` writes.
    """
    hint = "name signers by --signer-key and its neighbours"
    return _from_setting(SIGNERS_SETTING, text, tuple[Wanted, ...], hint) if text else ()


def files_from_setting(text: str) -> tuple[Elsewhere, ...]:
    """The signatures of the setting `signature.files`, none for "".

    Raises:
        SignerError: when the text is not what `as_setting` writes.
    """
    hint = "name signatures by --signature"
    return _from_setting(FILES_SETTING, text, tuple[Elsewhere, ...], hint) if text else ()


def _from_setting(name: str, text: str, kind: type[Given], hint: str) -> Given:
    try:
        return decode(text, kind)
    except InvalidValueError as error:
        raise SignerError(f"setting {name}: {error}", hint=hint) from error
