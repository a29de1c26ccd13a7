"""Models that are signed in every way that is verified, with keys made for the purpose."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterable
from pathlib import Path

import model_signing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf import json_format
from model_signing._signing.signing import Payload

from tests.assets.sigstore_world import SigstoreWorld, authority, new_key, usage

DAY = datetime.timedelta(days=1)
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": b"\2\0\0\0\0\0\0\0{}",
    "sub/vocab.txt": b"a\nb\n",
    "README.md": b"# tiny\n",
    ".gitattributes": b"*.safetensors filter=lfs\n",
}


def model_folder(folder: Path) -> Path:
    """A small folder that passes for a model."""
    for path, content in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def hashing(ignored: Iterable[str] = ("model.sig",)) -> model_signing.hashing.Config:
    return model_signing.hashing.Config().set_ignored_paths(paths=list(ignored))


def key_pair(folder: Path, name: str = "release") -> tuple[Path, Path]:
    """A private and a public key, in PEM."""
    key = new_key()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.write_bytes(pem(key))
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def sign_by_key(
    model: Path, private: Path, *, config: model_signing.hashing.Config | None = None, name: str = "model.sig"
) -> None:
    model_signing.signing.Config().use_elliptic_key_signer(private_key=private).set_hashing_config(
        config or hashing()
    ).sign(model, Path(os.path.normpath(model / name)))


def certified(
    folder: Path,
    identity: str,
    *,
    start: datetime.datetime | None = None,
    days: int = 30,
    authority_days: int = 3650,
    name: str = "ca",
) -> tuple[Path, Path, Path]:
    """An authority's certificate, and a private key with a certificate for `identity` by it."""
    now = datetime.datetime.now(datetime.UTC)
    since = start or now - DAY
    ca_key, key = new_key(), new_key()
    ca = authority(ca_key, f"test authority {name}", now - 3650 * DAY, now + authority_days * DAY)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Release signing")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + days * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs=True), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(identity)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}-signing.key", folder / f"{name}-signing.pem"
    paths[0].write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(pem(key))
    paths[2].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return paths


def sign_by_certificate(model: Path, authority_file: Path, private: Path, certificate: Path) -> None:
    model_signing.signing.Config().use_certificate_signer(
        private_key=private, signing_certificate=certificate, certificate_chain=[authority_file]
    ).set_hashing_config(hashing()).sign(model, model / "model.sig")


def sign_by_sigstore(
    model: Path,
    world: SigstoreWorld,
    identity: str = "release@example.org",
    issuer: str = "https://accounts.example.org",
    *,
    ignored: Iterable[str] = ("model.sig",),
    with_sct: bool = True,
    rekor: int = 1,
) -> None:
    payload = Payload(hashing(ignored).hash(model)).statement.pb
    statement = json_format.MessageToJson(payload).encode()
    bundle = world.bundle(statement, identity, issuer, with_sct=with_sct, rekor=rekor)
    (model / "model.sig").write_text(json.dumps(bundle))
