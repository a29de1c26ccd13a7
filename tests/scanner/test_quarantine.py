"""Raw values are written for the private key's holder and readable to nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage
import pytest

from scanner.quarantine import Quarantine, QuarantineError, RawValue

VALUE = RawValue("README.md:3", "US_SSN", "536-22-1234", "5…#abcd")
DIGEST = "ab" * 32


def pair() -> tuple[pyrage.x25519.Identity, str]:
    identity = pyrage.x25519.Identity.generate()
    return identity, str(identity.to_public())


def settings(folder: Path, *keys: str) -> dict[str, str]:
    return {"quarantine.to": str(folder), "quarantine.recipient": ",".join(keys)}


def opened(file: Path, identity: pyrage.x25519.Identity) -> list[dict[str, str]]:
    return [json.loads(line) for line in pyrage.decrypt(file.read_bytes(), [identity]).splitlines()]


def kept(folder: Path, *keys: str, values: tuple[RawValue, ...] = (VALUE,)) -> Path:
    quarantine = Quarantine.of(settings(folder, *keys))
    assert quarantine is not None
    return quarantine.keep("some-check", DIGEST, values)


def test_holder_of_the_key_reads_what_was_kept_and_nobody_else(tmp_path: Path) -> None:
    identity, public = pair()
    file = kept(tmp_path / "q", public)
    assert opened(file, identity) == [
        {"place": "README.md:3", "kind": "US_SSN", "value": "536-22-1234", "masked": "5…#abcd"}
    ]
    stranger, _ = pair()
    with pytest.raises(pyrage.DecryptError):
        opened(file, stranger)
    assert b"536-22" not in file.read_bytes()


def test_nothing_else_is_written(tmp_path: Path) -> None:
    file = kept(tmp_path / "q", pair()[1])
    assert list((tmp_path / "q").iterdir()) == [file]
    assert file.stat().st_mode & 0o077 == 0


def test_every_named_key_opens_it(tmp_path: Path) -> None:
    (one, first), (two, second) = pair(), pair()
    file = kept(tmp_path, first, second)
    assert opened(file, one) == opened(file, two) != []


def test_no_value_makes_an_empty_file_so_that_an_older_one_is_not_taken_for_new(tmp_path: Path) -> None:
    identity, public = pair()
    before = kept(tmp_path, public)
    assert opened(before, identity)
    after = kept(tmp_path, public, values=())
    assert after == before
    assert opened(after, identity) == []


def test_private_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    secret = str(pair()[0])
    with pytest.raises(QuarantineError) as caught:
        Quarantine.of(settings(tmp_path, secret))
    assert "private key" in str(caught.value)
    assert secret[16:] not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("key", ["", "age1", "age1notakey", "ssh-rsa AAAA", "hello"])
def test_what_is_no_public_key_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(QuarantineError):
        Quarantine.of(settings(tmp_path, key))


def test_folder_and_key_are_needed_together(tmp_path: Path) -> None:
    with pytest.raises(QuarantineError, match=r"quarantine\.to is not set"):
        Quarantine.of({"quarantine.recipient": pair()[1]})
    with pytest.raises(QuarantineError, match=r"quarantine\.recipient is not set"):
        Quarantine.of({"quarantine.to": str(tmp_path)})


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(QuarantineError, match="quarantine"):
        kept(tmp_path / "file", pair()[1])
