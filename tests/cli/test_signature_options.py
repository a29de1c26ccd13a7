"""Signers that the command line names: what cannot be one is an error of the call, not of the check."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.signature_options import SigningChoice
from scanner.signatures.signers import SIGNERS_SETTING, SignerError

PUBLIC = "-----BEGIN PUBLIC KEY-----\nMFk=\n-----END PUBLIC KEY-----\n"
PRIVATE = "-----BEGIN PRIVATE KEY-----\nMFk=\n-----END PRIVATE KEY-----\n"


def choice(key: Path | None = None, certificate: Path | None = None) -> SigningChoice:
    return SigningChoice((key,) if key else (), (certificate,) if certificate else (), (), "", (), None)


def written(folder: Path, text: str) -> Path:
    path = folder / "given.pem"
    path.write_text(text, encoding="ascii")
    return path


def test_public_key_is_taken(tmp_path: Path) -> None:
    found = choice(written(tmp_path, PUBLIC)).settings((), tmp_path, ())
    assert "given.pem" in found[SIGNERS_SETTING]


@pytest.mark.parametrize(("text", "problem"), [(PRIVATE, "private key"), ("x", "no public key")])
def test_file_that_is_no_public_key_is_refused_before_the_scan(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(SignerError, match=problem):
        choice(written(tmp_path, text)).settings((), tmp_path, ())


def test_file_without_certificate_is_refused_before_the_scan(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match="no certificate"):
        choice(certificate=written(tmp_path, PUBLIC)).settings((), tmp_path, ())
