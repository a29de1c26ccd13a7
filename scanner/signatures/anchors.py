"""The files that a user trusts: public keys, certificates of authorities, a trust configuration of Sigstore.

Sigstore's own is shipped: `scanner/data/sigstore_trust.json` with its date and source beside it, so that
nothing is asked of a network. It knows the public instance as of that day; a newer or a private one is the
user's to give.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from scanner.signatures.bundle import plain
from scanner.signatures.signers import (
    TRUST_DIGEST_SETTING,
    TRUST_SETTING,
    Kind,
    SignerError,
    Wanted,
)  # fmt: skip

_LIMIT_BYTES: Final = 4 * 1024**2
_SHIPPED: Final = "sigstore_trust.json"
_CONFIG_TYPE: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


@dataclass(frozen=True)
class Anchor:
    """A key or authority that the user trusts.

    Attributes:
        wanted: As the user named it.
        kind: What its content is.
        data: The content of its file, or the key itself.
    """

    wanted: Wanted
    kind: Kind
    data: bytes

    @property
    def digest(self) -> str:
        """What names its content: "sha256:" and 64 hex digits; a minisign key by itself."""
        return "" if self.wanted.signer.is_inline else f"sha256:{self.wanted.sha256}"

    @property
    def named(self) -> str:
        """The file as the user named it."""
        return self.wanted.signer.key or self.wanted.signer.certificate


def load_anchors(wanted: tuple[Wanted, ...]) -> tuple[Anchor, ...]:
    """The keys and authorities among the signers; an identity of Sigstore is none of its own.

    Raises:
        SignerError: when a file cannot be read, changed since the scan began, or is something else.
    """
    return tuple(_anchor(each) for each in wanted if each.path or each.signer.is_inline)


def _anchor(wanted: Wanted) -> Anchor:
    if wanted.signer.is_inline:
        return Anchor(wanted, Kind.MINISIGN, wanted.signer.key.encode())
    data = read_trusted(Path(wanted.path))
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise SignerError(f"{wanted.path}: is another file than when the scan began")
    kind = Kind.CERTIFICATE if wanted.signer.certificate else _kind_of_key(data, wanted.path)
    if kind is Kind.CERTIFICATE and b"-----BEGIN CERTIFICATE" not in data:
        raise SignerError(f"{wanted.path}: holds no certificate in PEM")
    return Anchor(wanted, kind, data)


def read_trusted(path: Path, limit_bytes: int = _LIMIT_BYTES) -> bytes:
    """The content of a file that the user named.

    Raises:
        SignerError: when it cannot be read or is far too long for what it should be.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as error:
        raise SignerError(f"{path}: {error.strerror or error}") from error
    if len(data) > limit_bytes:
        raise SignerError(f"{path}: longer than {limit_bytes} bytes; expected something far shorter")
    return data


def _kind_of_key(data: bytes, path: str) -> Kind:
    text = data.lstrip()
    if b"PRIVATE KEY" in data[:4096] or b"SECRET KEY" in data[:4096]:
        raise SignerError(f"{path}: is a private key", hint="give the public one, and keep this to yourself")
    if b"-----BEGIN PUBLIC KEY" in data:
        return Kind.KEY
    if text.startswith(b"untrusted comment:"):
        return Kind.MINISIGN
    if text.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK") or data[:1] >= b"\x80":
        return Kind.OPENPGP
    raise SignerError(
        f"{path}: no public key; expected PEM (BEGIN PUBLIC KEY), OpenPGP or minisign",
        hint="a certificate is named by --signer-certificate",
    )


@contextmanager
def trust_file(settings: Mapping[str, str]) -> Iterator[Path]:
    """A file with the trust configuration to use: the user's, else the shipped one.

    A user may give the whole configuration of an instance, or its trusted root alone.

    Raises:
        SignerError: when the user's file is neither, or changed since the scan began.
    """
    with TemporaryDirectory(prefix="weighbridge-trust-") as folder:
        path = Path(folder, "trust.json")
        path.write_text(json.dumps(_trust_config(settings)), encoding="utf-8")
        yield path


def _trust_config(settings: Mapping[str, str]) -> dict[str, Any]:
    named = settings.get(TRUST_SETTING, "")
    shipped: dict[str, Any] = json.loads(
        resources.files("scanner").joinpath("data", _SHIPPED).read_text(encoding="utf-8")
    )
    if not named:
        return shipped
    data = read_trusted(Path(named))
    expected = settings.get(TRUST_DIGEST_SETTING, "")
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise SignerError(f"{named}: is another file than when the scan began")
    own = _parsed(data, named)
    if "trustedRoot" not in own:
        own = {"mediaType": _CONFIG_TYPE, "trustedRoot": own, "signingConfig": shipped["signingConfig"]}
    _require_trust(own, named)
    return own


def _parsed(data: bytes, named: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SignerError(f"{named}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise SignerError(f"{named}: not a trust configuration of Sigstore")
    return value


def _require_trust(config: Mapping[str, Any], named: str) -> None:
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    try:
        ClientTrustConfig.from_json(json.dumps(config)).trusted_root.get_fulcio_certs()
    except (Error, ValueError, TypeError, KeyError, AttributeError) as error:
        first_line = str(error).partition("\n")[0]
        raise SignerError(
            f"{named}: not a trust configuration of Sigstore ({plain(first_line)})",
            hint="give the client trust configuration of your instance, or its trusted_root.json",
        ) from error


def shipped_on() -> str:
    """The day on which the shipped trust configuration was taken, "2026-11-26"."""
    source = resources.files("scanner").joinpath("data", "sigstore_trust.source.json")
    return str(json.loads(source.read_text(encoding="utf-8"))["retrieved"])
