"""Reads Sigstore bundles over whole models as OpenSSF Model Signing writes them; believes nothing in them.

What is read here is what a bundle claims: which key or certificate is said to have signed, and the list of
files it is said to be over. Whether that is so is for `openssf` to find out.

Source: https://github.com/sigstore/protobuf-specs (bundle v0.1 to v0.3); model_signing 1.1.1,
`model_signing/_signing/signing.py` (predicates https://model_signing/signature/v1.0 and Digests/v0.1).
"""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from scanner.errors import ScanError
from scanner.signatures.signers import Kind

if TYPE_CHECKING:
    from model_signing.manifest import Manifest

# Smaller pieces than this make one digest of every few bytes: nobody signs so, but a bundle may say it.
_SMALLEST_SHARD_BYTES: Final = 1024**2
_FAMILY: Final = "application/vnd.dev.sigstore.bundle"
_MEDIA_TYPES: Final = (
    f"{_FAMILY}+json;version=0.1", f"{_FAMILY}+json;version=0.2", f"{_FAMILY}+json;version=0.3",
    f"{_FAMILY}.v0.3+json",
)  # fmt: skip
# Written otherwise, another reader may take them, and see another bundle than the one read here.
_PARTS: Final = frozenset({"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"})
_ENVELOPE: Final = frozenset({"payload", "payloadType", "signatures"})
_PREDICATES: Final = ("https://model_signing/signature/v1.0", "https://model_signing/Digests/v0.1")


class BundleError(ScanError):
    """It is no bundle that could hold."""


class OtherBundleError(ScanError):
    """It is a bundle, but of something else than a signature over a model, or of a later version."""


@dataclass(frozen=True)
class Bundle:
    """What a bundle claims.

    Attributes:
        kind: KEY, CERTIFICATE or SIGSTORE.
        key_hint: sha256 of the PEM of the key that is said to have signed, "" when not told.
        certificates: DER of the certificates that came along, the signing one first.
        signed: Digest by piece, each piece a file, or a file with the range of a shard.
        method: How the files were taken: "method", "hash_type" and, for shards, "shard_size".
        signed_at: When, by the log's promise or by the only time stamp, "" when neither tells; holds once the
            bundle is verified, since one of them must be then.
        text: The bundle as it was read, for who verifies: no two readers may see two bundles in one file.
    """

    kind: Kind
    key_hint: str
    certificates: tuple[bytes, ...]
    signed: Manifest
    method: Mapping[str, Any]
    signed_at: str
    text: str

    @functools.cached_property
    def signed_paths(self) -> frozenset[str]:
        """The files that it says it is over."""
        return frozenset(pieces_by_file(self.signed, self.method["method"]))


def pieces_by_file(manifest: Manifest, method: str) -> dict[str, dict[str, str]]:
    """Per file the hex digest of each of its pieces, by the name of the piece."""
    found: dict[str, dict[str, str]] = {}
    for piece in manifest.resource_descriptors():
        name = piece.identifier
        path = name.rsplit(":", 2)[0] if method == "shards" else name
        found.setdefault(str(PurePosixPath(path)), {})[name] = piece.digest.digest_hex
    return found


def read_bundle(data: bytes) -> Bundle:
    """What a bundle claims.

    Raises:
        BundleError: when it is cut off, not JSON, or misses a part.
        OtherBundleError: when it is no signature over a model, or of a version not known here.
    """
    document = _object(data, "the bundle")
    _require_media_type(document)
    try:
        return _claims(document)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, OSError) as error:
        raise BundleError(f"a part is missing or malformed ({_short(error)})") from error


def _object(data: bytes | str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{what} is cut off or not JSON ({_short(error)})") from error
    if not isinstance(value, dict):
        raise BundleError(f"{what} is no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is written twice")
    return value


def _require_media_type(document: Mapping[str, Any]) -> None:
    given = document.get("mediaType")
    if given in _MEDIA_TYPES:
        return
    shown = plain(given) if isinstance(given, str) else "none"
    if isinstance(given, str) and given.startswith(_FAMILY):
        raise OtherBundleError(f"a Sigstore bundle of a version not known here ({shown})")
    raise BundleError(f"no Sigstore bundle: its media type is {shown}, expected {_MEDIA_TYPES[-1]}")


def _claims(document: Mapping[str, Any]) -> Bundle:
    from model_signing._signing.signing import dsse_payload_to_manifest

    if "dsseEnvelope" not in document:
        raise OtherBundleError("a Sigstore bundle over one file, not over a model")
    if strange := sorted((document.keys() - _PARTS) | (document["dsseEnvelope"].keys() - _ENVELOPE)):
        raise BundleError(f"a part that no bundle has ({plain(strange[0])})")
    statement = _object(_decoded(document["dsseEnvelope"]["payload"]), "the signed statement")
    if (predicate := statement["predicateType"]) not in _PREDICATES:
        raise OtherBundleError(f"a statement of another kind ({plain(str(predicate))})")
    signed = dsse_payload_to_manifest(statement)
    method = signed.serialization_type
    if method["method"] == "shards":
        method = {**method, "shard_size": int(method["shard_size"])}
        if method["shard_size"] < _SMALLEST_SHARD_BYTES:
            raise BundleError(f"cut into shards of {method['shard_size']} bytes")
    if not all(isinstance(path, str) for path in method.get("ignore_paths", ())):
        raise BundleError("what it says to ignore are no paths")
    material = document["verificationMaterial"]
    entries = material.get("tlogEntries") or []
    certificates = _certificates(material)
    kind = Kind.SIGSTORE if entries and certificates else Kind.CERTIFICATE if certificates else Kind.KEY
    hint = str(material["publicKey"].get("hint") or "") if kind is Kind.KEY else ""
    signed_at = _signed_at(material, entries[0]) if kind is Kind.SIGSTORE else ""
    return Bundle(kind, plain(hint), certificates, signed, method, signed_at, json.dumps(document))


def _signed_at(material: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """The time that a verification must have relied on, "" when it may have been one of several."""
    from rfc3161_client import decode_timestamp_response

    stamps = (material.get("timestampVerificationData") or {}).get("rfc3161Timestamps") or []
    seconds = int(entry.get("integratedTime") or 0)
    if seconds and entry.get("inclusionPromise"):
        return _time(datetime.datetime.fromtimestamp(seconds, datetime.UTC))
    if len(stamps) != 1:
        return ""
    return _time(decode_timestamp_response(_decoded(stamps[0]["signedTimestamp"])).tst_info.gen_time)


def _time(time: datetime.datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _certificates(material: Mapping[str, Any]) -> tuple[bytes, ...]:
    if "certificate" in material:
        return (_decoded(material["certificate"]["rawBytes"]),)
    chain = material.get("x509CertificateChain", {}).get("certificates", [])
    return tuple(_decoded(each["rawBytes"]) for each in chain)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BundleError("a part is not Base64") from error


def plain(text: str) -> str:
    """Text of others, safe to print: one line, at most 200 characters, nothing invisible."""
    cut = text if len(text) <= 200 else f"{text[:200]}..."
    return "".join(character if character.isprintable() else "?" for character in cut)


def _short(error: Exception) -> str:
    return plain(str(error) or type(error).__name__)
