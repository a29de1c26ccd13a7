"""Detached signatures: OpenPGP, minisign, and kinds that are only recognised."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import minisign
import pytest
from pysequoia import SignatureMode, Tsk, sign

from scanner.findings import Outcome
from scanner.signatures.signers import Kind, Signatory, Signer, Wanted
from tests.assets.signed_models import model_folder
from tests.scanner.signature_runs import named, refusal, run

SHA256SUMS = "SHA256SUMS"


@pytest.fixture(scope="module")
def release() -> Tsk:
    return Tsk.generate(user_id="Release <release@example.org>")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "model")


def public(folder: Path, key: Tsk, name: str = "release.asc") -> Path:
    path = folder / name
    path.write_text(str(key.extract_certificate()))
    return path


def sign_file(path: Path, key: Tsk, ending: str = ".asc", *, armor: bool = True) -> Path:
    signature = path.with_name(path.name + ending)
    signature.write_bytes(sign(key.signer(), path.read_bytes(), mode=SignatureMode.DETACHED, armor=armor))
    return signature


def sums(model: Path) -> Path:
    """SHA256SUMS over every file of the folder."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(model).as_posix()}\n"
        for path in sorted(model.rglob("*"))
        if path.is_file()
    ]
    (model / SHA256SUMS).write_text("".join(lines))
    return model / SHA256SUMS


def minisigned(path: Path, pair: minisign.KeyPair) -> None:
    path.with_name(f"{path.name}.minisig").write_bytes(bytes(pair.secret_key.sign(path.read_bytes())))


def test_signed_list_of_digests_reaches_every_listed_file(model: Path, tmp_path: Path, release: Tsk) -> None:
    sign_file(sums(model), release)
    (passed,), (measured,) = run(model, named(public(tmp_path, release)))
    assert passed.outcome is Outcome.PASS
    assert "Release <release@example.org>" in passed.message
    assert release.extract_certificate().fingerprint in passed.message
    assert (measured.value, measured.n) == (3.0, 3)
    who = Signatory.of(measured.dimensions)
    assert Signer(key=release.extract_certificate().fingerprint.upper()).accepts(who)


def test_file_that_differs_from_the_signed_list_is_refused_by_name(
    model: Path, tmp_path: Path, release: Tsk
) -> None:
    sign_file(sums(model), release)
    (model / "config.json").write_text("{}")
    failed = refusal(model, named(public(tmp_path, release)))
    assert failed.rule == "CHANGED"
    assert [place.path for place in failed.locations] == ["SHA256SUMS.asc", "config.json"]


def test_changed_list_is_refused(model: Path, tmp_path: Path, release: Tsk) -> None:
    sign_file(sums(model), release)
    (model / "config.json").write_text("{}")
    sums(model)
    failed = refusal(model, named(public(tmp_path, release)))
    assert failed.rule == "CHANGED"
    assert "SHA256SUMS differs from what was signed" in failed.message


@pytest.mark.parametrize(("ending", "armor"), [(".asc", True), (".gpg", False), (".sig", False)])
def test_one_signed_file_of_several_is_valid_and_leaves_the_others_bare(
    model: Path, tmp_path: Path, release: Tsk, ending: str, armor: bool
) -> None:
    sign_file(model / "model.safetensors", release, ending, armor=armor)
    (passed, failed), (measured,) = run(model, named(public(tmp_path, release)))
    assert passed.outcome is Outcome.PASS
    assert (failed.rule, [place.path for place in failed.locations]) == (
        "NOT-COVERED",
        ["config.json", "sub/vocab.txt"],
    )
    assert (measured.value, measured.n) == (1.0, 3)


def test_openpgp_signature_by_another_key_is_refused_by_its_fingerprint(
    model: Path, tmp_path: Path, release: Tsk
) -> None:
    other = Tsk.generate(user_id="Other")
    sign_file(sums(model), other)
    failed = refusal(model, named(public(tmp_path, release)))
    assert failed.rule == "WRONG-SIGNER"
    assert "OpenPGP key" in failed.message
    assert "release.asc" in failed.message


def test_openpgp_signature_without_a_key_is_not_run_and_tells_the_key(model: Path, release: Tsk) -> None:
    signature = sign_file(sums(model), release)
    from pysequoia import Sig

    (finding,), measurements = run(model)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "NO-KEY")
    assert (Sig.from_bytes(signature.read_bytes()).issuer_fingerprint or "?") in finding.reason
    assert measurements == []


def test_key_that_is_named_by_its_fingerprint_alone_cannot_be_judged(
    model: Path, tmp_path: Path, release: Tsk
) -> None:
    sign_file(sums(model), release)
    fingerprint = Wanted(Signer(key=release.extract_certificate().fingerprint.upper()))
    (finding,), _ = run(model, fingerprint)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "NO-KEY")
    assert run(model, fingerprint, named(public(tmp_path, release)))[0][0].outcome is Outcome.PASS


def test_cut_off_openpgp_signature_is_refused(model: Path, tmp_path: Path, release: Tsk) -> None:
    signature = sign_file(sums(model), release)
    signature.write_bytes(signature.read_bytes()[:120])
    assert refusal(model, named(public(tmp_path, release))).rule == "UNREADABLE"


def test_signature_over_a_file_that_is_gone_is_refused(model: Path, tmp_path: Path, release: Tsk) -> None:
    sign_file(model / "sub" / "vocab.txt", release)
    (model / "sub" / "vocab.txt").unlink()
    failed = refusal(model, named(public(tmp_path, release)))
    assert (failed.rule, failed.locations[1].path) == ("MISSING", "sub/vocab.txt")


def test_public_key_beside_the_files_is_no_signature_and_not_trusted(model: Path, release: Tsk) -> None:
    (model / "KEY.asc").write_text(str(release.extract_certificate()))
    (finding,), _ = run(model)
    assert finding.rule == "nothing-to-examine"


def test_minisign_signature_holds_by_key_file_and_by_the_key_itself(model: Path, tmp_path: Path) -> None:
    pair = minisign.KeyPair.generate()
    minisigned(sums(model), pair)
    file = tmp_path / "release.minisign"
    file.write_bytes(bytes(pair.public_key))
    inline = Wanted(Signer(key=pair.public_key.to_base64().decode()))
    for wanted in (named(file), inline):
        (passed,), (measured,) = run(model, wanted)
        assert passed.outcome is Outcome.PASS
        assert measured.value == 3.0
        assert Signatory.of(measured.dimensions).kind is Kind.MINISIGN
        assert inline.signer.accepts(Signatory.of(measured.dimensions))


def test_minisign_signature_over_changed_bytes_is_refused(model: Path) -> None:
    pair = minisign.KeyPair.generate()
    minisigned(model / "config.json", pair)
    (model / "config.json").write_text("{}")
    failed = refusal(model, Wanted(Signer(key=pair.public_key.to_base64().decode())))
    assert (failed.rule, failed.locations[1].path) == ("CHANGED", "config.json")


def test_minisign_signature_by_another_key_is_refused_by_its_number(model: Path) -> None:
    pair, other = minisign.KeyPair.generate(), minisign.KeyPair.generate()
    minisigned(sums(model), other)
    failed = refusal(model, Wanted(Signer(key=pair.public_key.to_base64().decode())))
    assert failed.rule == "WRONG-SIGNER"
    number = base64.b64decode(other.public_key.to_base64())[2:10]
    assert number[::-1].hex().upper() in failed.message


def test_signature_by_minisign_itself_holds(model: Path) -> None:
    """The example of https://jedisct1.github.io/minisign/, made by the program in C."""
    (model / "test").write_bytes(b"test")
    (model / "test.minisig").write_text(
        "untrusted comment: signature from minisign secret key\n"
        "RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\n"
        "trusted comment: timestamp:1555779966\tfile:test\n"
        "QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==\n"
    )
    (finding,), _ = run(model)
    assert "minisign key E7620F1842B4E81F" in finding.reason
    key = Wanted(Signer(key="RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"))
    assert run(model, key)[0][0].outcome is Outcome.PASS


def test_broken_minisign_signature_is_refused(model: Path) -> None:
    (model / "config.json.minisig").write_text("untrusted comment: x\nRWQ=\n")
    assert refusal(model).rule == "UNREADABLE"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("config.json.sig", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", "SSH signature"),
        ("config.json.sig", b"MEUCIQDnQ9x", "signature of another kind"),
        ("config.json.asc", b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n", "OpenPGP data"),
        ("a.sigstore.json", b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}', "one file"),
    ],
)
def test_other_kinds_are_recognised_and_not_guessed_at(
    model: Path, name: str, content: bytes, what: str
) -> None:
    (model / name).write_bytes(content)
    (finding,), _ = run(model)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "NOT-VERIFIED-HERE")
    assert what in finding.reason
