"""Reads who a certificate is for, and whether it counts on a day. Nothing here verifies one."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scanner.signatures.bundle import plain
from scanner.signatures.examined import Problem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# Fulcio's extensions for the OpenID Connect issuer: as bare text, and since 2023 as a UTF8String.
# Source: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_ISSUER_V1: Final = "1.3.6.1.4.1.57264.1.1"
_ISSUER_V2: Final = "1.3.6.1.4.1.57264.1.8"
# A name of another kind, used by Fulcio for user names of an issuer.
_OTHER_NAME: Final = "1.3.6.1.4.1.57264.1.7"


@dataclass(frozen=True)
class Claim:
    """Who a certificate says it is for.

    Attributes:
        identity: Address or URI among its alternative names, else its subject.
        issuer: Name of the authority that issued it.
        oidc_issuer: Who told that authority who asked, "" outside Sigstore.
        fingerprint: sha256 of the certificate, hex.
    """

    identity: str
    issuer: str
    oidc_issuer: str
    fingerprint: str


def claim_of(der: bytes) -> Claim | Problem:
    """The claim of a certificate, or why it cannot be read."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        return Claim(
            plain(_identity(certificate)),
            plain(certificate.issuer.rfc4514_string()),
            plain(_oidc_issuer(certificate)),
            hashlib.sha256(der).hexdigest(),
        )
    except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension) as error:
        return Problem("UNREADABLE", f"its certificate cannot be read ({plain(str(error))})")


def _identity(certificate: Certificate) -> str:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return certificate.subject.rfc4514_string()
    known = [
        *names.get_values_for_type(x509.RFC822Name),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
        *(
            each.value.decode("utf-8", "replace")
            for each in names.get_values_for_type(x509.OtherName)
            if each.type_id.dotted_string == _OTHER_NAME
        ),
        *names.get_values_for_type(x509.DNSName),
    ]
    return str(known[0]) if known else certificate.subject.rfc4514_string()


def _oidc_issuer(certificate: Certificate) -> str:
    from cryptography import x509

    for number in (_ISSUER_V1, _ISSUER_V2):
        try:
            extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(number)).value
        except x509.ExtensionNotFound:
            continue
        if isinstance(extension, x509.UnrecognizedExtension):
            text = extension.value if number == _ISSUER_V1 else extension.value[2:]
            return text.decode("utf-8", "replace")
    return ""


def expired_on(certificates: Sequence[bytes], day: datetime.date) -> str:
    """Which of these certificates does not count on that day, or cannot be read, and why; "" when all do."""
    from cryptography import x509

    for der in certificates:
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError as error:
            return f"a certificate that came along cannot be read ({plain(str(error))})"
        start, end = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
        if not start <= day <= end:
            name = plain(certificate.subject.rfc4514_string() or _identity(certificate))
            return f"the certificate of {name} counts from {start} to {end}, not on {day}"
    return ""


def authorities_expired_on(certificates: Sequence[bytes], trusted: bytes, day: datetime.date) -> str:
    """Why none of the trusted authorities that these certificates name counts on that day; "" when one does.

    A bundle need not bring its authority along, so that the user's own copy is looked at as well.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    issuers = {x509.load_der_x509_certificate(der).issuer for der in certificates}
    ended = [
        expired_on([authority.public_bytes(Encoding.DER)], day)
        for authority in x509.load_pem_x509_certificates(trusted)
        if authority.subject in issuers
    ]
    return ended[0] if ended and all(ended) else ""


def key_hint(pem: bytes) -> str:
    """What bundles call a public key: sha256 over its PEM, which is that of a file as OpenSSL writes it.

    "" when it is no key in PEM; the library then says what it is.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return ""
    plain_pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(plain_pem).hexdigest()
