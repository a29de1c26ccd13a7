"""The trust configuration that is shipped, and which files of a model are signatures."""

from __future__ import annotations

import datetime
import hashlib
import json
from importlib import resources

import pytest
from sigstore.models import ClientTrustConfig

from scanner.signatures.anchors import shipped_on, trust_file
from scanner.signatures.coverage import decides_what_a_model_does
from scanner.signatures.recognised import Form, kind_of
from scanner.signatures.signers import Kind, Signatory, Signer, SignerError, files_from_setting, from_setting

DATA = resources.files("scanner") / "data"


def test_shipped_trust_is_the_one_its_source_describes() -> None:
    source = json.loads((DATA / "sigstore_trust.source.json").read_text())
    assert hashlib.sha256((DATA / "sigstore_trust.json").read_bytes()).hexdigest() == source["sha256"]
    assert datetime.date.fromisoformat(shipped_on()) <= datetime.datetime.now(datetime.UTC).date()
    assert source["licence"] == "Apache-2.0"


def test_shipped_trust_knows_authorities_logs_and_stamps_of_the_public_instance() -> None:
    with trust_file({}) as path:
        root = ClientTrustConfig.from_json(path.read_text()).trusted_root
    assert any("O=sigstore.dev" in each.subject.rfc4514_string() for each in root.get_fulcio_certs())
    assert root.get_timestamp_authorities()
    assert not path.exists()


@pytest.mark.parametrize("text", ["x", "{}", '[{"path": 5}]', '[{"signer": {"kee": 1}, "path": []}]'])
def test_setting_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(SignerError, match="setting signature"):
        from_setting(text)
    with pytest.raises(SignerError, match="setting signature"):
        files_from_setting(text)


@pytest.mark.parametrize(
    ("signer", "other"),
    [
        (Signer(key="a.pub"), Signatory(Kind.KEY, key="ab", named="b.pub")),
        (Signer(key="a.pub"), Signatory(Kind.CERTIFICATE, named="a.pub")),
        (Signer(key="AB" * 20), Signatory(Kind.OPENPGP, key="ab" * 19 + "ac")),
        (Signer(certificate="ca.pem", identity="a@x"), Signatory(Kind.CERTIFICATE, "b@x", named="ca.pem")),
        (Signer(identity="a@x"), Signatory(Kind.CERTIFICATE, "a@x", named="ca.pem")),
        (Signer(identity="a@x", issuer="i"), Signatory(Kind.SIGSTORE, "a@x", "j")),
        (Signer(identity="A@x"), Signatory(Kind.SIGSTORE, "a@x")),
    ],
)
def test_nobody_else_is_accepted(signer: Signer, other: Signatory) -> None:
    assert not signer.accepts(other)


@pytest.mark.parametrize("key", ["", "sha256:x", "a"])
def test_empty_names_accept_nobody(key: str) -> None:
    assert not Signer(key=key).accepts(Signatory(Kind.KEY))


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        ("a.sig", b"\x88\x75\x04\x00", Form.OPENPGP),
        ("a.sig", b"\xc2\x75\x04\x00", Form.OPENPGP),
        ("a.sig", b"\x88\x75\x09\x00", Form.OTHER),
        ("a.sig", b"\x99\x01\x0d\x04", Form.OTHER),
        ("a.sig", b"", Form.OTHER),
        ("a.sig", b"\x88", Form.OTHER),
        ("sub/model.sig", b"", Form.BUNDLE),
        ("a.sig", b"-----BEGIN PGP SIGNATURE-----", Form.OPENPGP),
    ],
)
def test_form_is_told_by_first_bytes(name: str, head: bytes, form: Form) -> None:
    assert kind_of(name, head) is form


@pytest.mark.parametrize("path", ["model.gguf", "merges.txt", "modeling.py", "a/README", "tokenizer.json"])
def test_what_a_loader_may_read_has_to_be_signed(path: str) -> None:
    assert decides_what_a_model_does(path)
