"""A private Sigstore of our own: authority, certificate log and transparency log, all with fresh keys.

It signs models as the public instance would, on this machine alone: a certificate for ten minutes with a
signed certificate timestamp, and an entry of a Rekor log with inclusion proof and checkpoint. The time comes
from the log's promise (Rekor v1), or from a time stamp authority (Rekor v2).

Source: sigstore-python 4.5.1, `sigstore/verify/verifier.py` and `sigstore/_internal/`; RFC 6962, section 3.2;
https://github.com/sigstore/protobuf-specs (bundle v0.3, trusted root v0.1, client trust config v0.1).
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.assets.time_stamps import TimeStampAuthority

_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ORIGIN = "log.example.test"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pae(payload: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def signed(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def usage(*, signs: bool = False, certifies: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, key_cert_sign=certifies, crl_sign=certifies, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def authority(
    key: ec.EllipticCurvePrivateKey, name: str, start: datetime.datetime, end: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(usage(certifies=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


@dataclass
class SigstoreWorld:
    """One instance; `now` is when it signs."""

    now: datetime.datetime = field(
        default_factory=lambda: datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    )
    ca_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ct_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        year = datetime.timedelta(days=365)
        self.ca = authority(self.ca_key, "test-fulcio", self.now - year, self.now + year)
        self.stamps = TimeStampAuthority(self.ca, self.ca_key)

    def trust_config(self) -> dict[str, Any]:
        """The client trust configuration that its users keep."""
        since = {"start": "2020-01-01T00:00:00Z"}
        logs = [
            {
                "baseUrl": f"https://{name}.example.test",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(spki(key)),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": since,
                },
                "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
            }
            for name, key in (("rekor", self.log_key), ("ct", self.ct_key))
        ]
        certificate = b64(self.ca.public_bytes(serialization.Encoding.DER))
        stamping = b64(self.stamps.certificate.public_bytes(serialization.Encoding.DER))
        service = {"majorApiVersion": 1, "validFor": since, "operator": "example.test"}
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [logs[0]],
                "certificateAuthorities": [
                    {
                        "subject": {"organization": "example.test", "commonName": "test-fulcio"},
                        "uri": "https://fulcio.example.test",
                        "certChain": {"certificates": [{"rawBytes": certificate}]},
                        "validFor": since,
                    }
                ],
                "ctlogs": [logs[1]],
                "timestampAuthorities": [
                    {
                        "subject": {"organization": "example.test", "commonName": "test-tsa"},
                        "uri": "https://tsa.example.test",
                        "certChain": {"certificates": [{"rawBytes": stamping}, {"rawBytes": certificate}]},
                        "validFor": since,
                    }
                ],
            },
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [{"url": "https://fulcio.example.test", **service}],
                "oidcUrls": [{"url": "https://oidc.example.test", **service}],
                "rekorTlogUrls": [{"url": "https://rekor.example.test", **service}],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def trust_file(self, path: Path) -> Path:
        path.write_text(json.dumps(self.trust_config()))
        return path

    def certificate(
        self, key: ec.EllipticCurvePrivateKey, identity: str, issuer: str, *, with_sct: bool = True
    ) -> x509.Certificate:
        """A certificate for `identity`, valid for ten minutes from now."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now)
            .not_valid_after(self.now + datetime.timedelta(minutes=10))
            .add_extension(usage(signs=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(identity)]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER, issuer.encode()), critical=False)
        )
        if not with_sct:
            return builder.sign(self.ca_key, hashes.SHA256())
        before = builder.sign(self.ca_key, hashes.SHA256())
        return builder.add_extension(
            x509.UnrecognizedExtension(_SCT_LIST, self._sct_list(before.tbs_certificate_bytes)),
            critical=False,
        ).sign(self.ca_key, hashes.SHA256())

    def _sct_list(self, tbs: bytes) -> bytes:
        time = int(self.now.timestamp() * 1000)
        issuer = hashlib.sha256(spki(self.ca_key)).digest()
        entry = issuer + len(tbs).to_bytes(3, "big") + tbs
        proof = signed(self.ct_key, struct.pack("!BBQH", 0, 0, time, 1) + entry + b"\0\0")
        log_id = hashlib.sha256(spki(self.ct_key)).digest()
        sct = struct.pack("!B32sQHBBH", 0, log_id, time, 0, 4, 3, len(proof)) + proof
        listed = struct.pack("!HH", len(sct) + 2, len(sct)) + sct
        return b"\x04" + _der_length(len(listed)) + listed

    def bundle(
        self, payload: bytes, identity: str, issuer: str, *, with_sct: bool = True, rekor: int = 1
    ) -> dict[str, Any]:
        """A bundle over an in-toto statement, as `sigstore` writes it for a log of this version."""
        key = new_key()
        certificate = self.certificate(key, identity, issuer, with_sct=with_sct)
        signature = signed(key, pae(payload))
        envelope = {
            "payload": b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": b64(signature)}]
        }  # fmt: skip
        der = b64(certificate.public_bytes(serialization.Encoding.DER))
        if rekor == 1:
            entry, stamps = self._entry_v1(payload, envelope, signature, certificate), []
        else:
            entry = self._entry_v2(payload, signature, der)
            stamp = self.stamps.stamp(signature, self.now + datetime.timedelta(seconds=5))
            stamps = [{"signedTimestamp": b64(stamp)}]
        return {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {
                "certificate": {"rawBytes": der},
                "tlogEntries": [entry],
                "timestampVerificationData": {"rfc3161Timestamps": stamps},
            },
            "dsseEnvelope": envelope,
        }

    def _entry_v2(self, payload: bytes, signature: bytes, der: str) -> dict[str, Any]:
        verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": der}}
        record = {
            "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(pae(payload)).digest())},
            "signature": {"content": b64(signature), "verifier": verifier},
        }
        spec = {"hashedRekordV002": record}
        body = canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})
        return self._entry(body, "hashedrekord", "0.0.2")

    def _entry_v1(
        self, payload: bytes, envelope: Any, signature: bytes, certificate: x509.Certificate
    ) -> dict[str, Any]:
        pem = b64(certificate.public_bytes(serialization.Encoding.PEM))
        body = canonical(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {
                        "algorithm": "sha256",
                        "value": hashlib.sha256(json.dumps(envelope).encode()).hexdigest(),
                    },
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
                    "signatures": [{"signature": b64(signature), "verifier": pem}],
                },
            }
        )
        log_id, time = hashlib.sha256(spki(self.log_key)).digest(), int(self.now.timestamp()) + 5
        promise = {"body": b64(body), "integratedTime": time, "logID": log_id.hex(), "logIndex": 0}
        return {
            **self._entry(body, "dsse", "0.0.1"),
            "integratedTime": str(time),
            "inclusionPromise": {"signedEntryTimestamp": b64(signed(self.log_key, canonical(promise)))},
        }

    def _entry(self, body: bytes, kind: str, version: str) -> dict[str, Any]:
        log_id = hashlib.sha256(spki(self.log_key)).digest()
        # A log of two entries, ours the first: leaves are hashed behind 0, nodes behind 1 (RFC 6962, 2.1).
        leaf, other = (hashlib.sha256(b"\0" + entry).digest() for entry in (body, b"another entry"))
        root = hashlib.sha256(b"\1" + leaf + other).digest()
        note = f"{_ORIGIN}\n2\n{b64(root)}\n"
        checkpoint = f"{note}\n\u2014 {_ORIGIN} {b64(log_id[:4] + signed(self.log_key, note.encode()))}\n"
        return {
            "logIndex": "0",
            "logId": {"keyId": b64(log_id)},
            "kindVersion": {"kind": kind, "version": version},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(other)],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": b64(body),
        }


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _der_length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    return b"\x81" + bytes([size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
