"""The check signature-not-valid, with the network cut."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import model_signing
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scanner.check import CheckContext
from scanner.checks.signature_not_valid import CHECK
from scanner.evidence import EvidenceStore
from scanner.findings import Outcome, Severity
from scanner.signatures.signers import (
    COVERED,
    SIGNERS_SETTING,
    Kind,
    Signatory,
    Signer,
    SignerError,
    Wanted,
    as_setting,
)
from tests.assets.signed_models import (
    FILES,
    certified,
    hashing,
    key_pair,
    model_folder,
    sign_by_certificate,
    sign_by_key,
    sign_by_sigstore,
)
from tests.assets.sigstore_world import BUNDLE_TYPE, PAYLOAD_TYPE, SigstoreWorld, b64, pae, signed
from tests.scanner.signature_runs import TODAY, named, refusal, run, snapshot

IDENTITY, ISSUER = "release@example.org", "https://accounts.example.org"
SIGSTORE = Wanted(Signer(identity=IDENTITY, issuer=ISSUER))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every connection and every look-up of a name fails the test that tries it."""
    tried: list[object] = []

    def refuse(*given: object, **_: object) -> NoReturn:
        tried.append(given)
        raise OSError("the network is cut")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert tried == []


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "model")


@pytest.fixture(scope="module")
def world() -> SigstoreWorld:
    return SigstoreWorld()


# --- signed, and it holds


def test_model_signed_by_key_passes_and_names_the_key(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    sign_by_key(model, private)
    (passed,), (measured,) = run(model, named(public))
    assert passed.outcome is Outcome.PASS
    assert hashlib.sha256(public.read_bytes()).hexdigest() in passed.message
    assert "release.pub" in passed.message
    assert (measured.name, measured.value, measured.n) == (COVERED, 3.0, 3)
    assert Signatory.of(measured.dimensions).kind is Kind.KEY


def test_model_signed_by_certificate_passes_and_names_it(model: Path, tmp_path: Path) -> None:
    authority, private, certificate = certified(tmp_path, IDENTITY)
    sign_by_certificate(model, authority, private, certificate)
    (passed,), (measured,) = run(model, named(authority, certificate=True, identity="*@example.org"))
    assert passed.outcome is Outcome.PASS
    assert IDENTITY in passed.message
    assert "CN=test authority ca" in passed.message
    assert measured.dimensions["identity"] == IDENTITY


def test_model_signed_by_sigstore_identity_passes_offline(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world)
    (passed,), (measured,) = run(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert passed.outcome is Outcome.PASS
    assert IDENTITY in passed.message
    assert ISSUER in passed.message
    assert f"at {world.now:%Y-%m-%dT%H:}" in passed.message
    assert (measured.value, measured.n) == (3.0, 3)
    assert dict(measured.dimensions) == {
        "kind": "Sigstore identity",
        "identity": IDENTITY,
        "issuer": ISSUER,
        "named": str(tmp_path / "trust.json"),
    }


def test_time_comes_from_a_time_stamp_where_the_log_gives_none(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world, rekor=2)
    trust = world.trust_file(tmp_path / "trust.json")
    (passed,), _ = run(model, SIGSTORE, trust=trust)
    assert passed.outcome is Outcome.PASS
    assert f"at {world.now:%Y-%m-%dT%H:}" in passed.message
    bundle = json.loads((model / "model.sig").read_text())
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = []
    (model / "model.sig").write_text(json.dumps(bundle))
    assert refusal(model, SIGSTORE, trust=trust).rule == "INVALID"


def test_time_stamp_over_another_signature_is_refused(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world, rekor=2)
    bundle = json.loads((model / "model.sig").read_text())
    stamp = base64.b64encode(world.stamps.stamp(b"another", world.now)).decode()
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = [
        {"signedTimestamp": stamp}
    ]
    (model / "model.sig").write_text(json.dumps(bundle))
    failed = refusal(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert failed.rule == "INVALID"
    assert "time" in failed.message


def test_trusted_root_alone_serves_as_trust_configuration(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world)
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps(world.trust_config()["trustedRoot"]))
    assert [finding.outcome for finding in run(model, SIGSTORE, trust=root)[0]] == [Outcome.PASS]


def test_nothing_is_read_twice_when_files_are_signed_by_sha256(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = key_pair(tmp_path)
    sign_by_key(model, private)
    taken = snapshot(model)
    for path in FILES:
        (model / path).unlink()
    context = CheckContext(
        taken, EvidenceStore(tmp_path / "e"), settings={SIGNERS_SETTING: as_setting((named(public),))}
    )
    assert next(iter(CHECK.run(context))).outcome is Outcome.PASS  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "choose",
    [
        lambda config: config.use_shard_serialization(shard_size=1024**2),
        lambda config: config.use_file_serialization(hashing_algorithm="blake3"),
        lambda config: config.use_file_serialization(hashing_algorithm="blake2"),
    ],
    ids=["shards", "blake3", "blake2"],
)
def test_other_ways_of_hashing_are_read_from_the_files(
    model: Path, tmp_path: Path, choose: Callable[[Any], Any]
) -> None:
    (model / "model.safetensors").write_bytes(bytes(range(256)) * 5000)
    private, public = key_pair(tmp_path)
    sign_by_key(model, private, config=choose(hashing()))
    assert [finding.outcome for finding in run(model, named(public))[0]] == [Outcome.PASS]
    (model / "model.safetensors").write_bytes(bytes(range(256)) * 4999 + bytes(256))
    failed = refusal(model, named(public))
    assert (failed.rule, failed.locations[1].path) == ("CHANGED", "model.safetensors")


def test_bundle_of_before_version_1_holds_by_a_key_it_does_not_name(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its statement lists the files as subjects; the library warns of it on standard output."""
    private, public = key_pair(tmp_path)
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": path, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
            for path, content in FILES.items()
        ],
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": "Unused, just passed due to API requirements"},
    }
    payload = json.dumps(statement).encode()
    envelope = {
        "payload": b64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": b64(signed(key, pae(payload))), "keyid": ""}],
    }
    material = {"publicKey": {"rawBytes": b64(public.read_bytes()), "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}
    bundle = {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    (model / "model.sig").write_text(json.dumps(bundle))
    _, other = key_pair(tmp_path, "other")
    assert run(model, named(public))[0][0].outcome is Outcome.PASS
    assert refusal(model, named(other)).rule == "INVALID"
    assert run(model, named(other), named(public))[0][0].outcome is Outcome.PASS
    assert capsys.readouterr().out == ""


def test_git_files_that_were_signed_count_and_others_do_not(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    whole = model_signing.hashing.Config().set_ignored_paths(paths=["model.sig"], ignore_git_paths=False)
    sign_by_key(model, private, config=whole)
    assert run(model, named(public))[0][0].outcome is Outcome.PASS
    (model / ".gitattributes").write_text("changed")
    assert refusal(model, named(public)).locations[1].path == ".gitattributes"


def test_signature_beside_the_model_holds(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    sign_by_key(model, private, name="../beside.sig")
    beside = (model.parent / "beside.sig").resolve()
    (passed,), (measured,) = run(model, named(public), beside=beside)
    assert (passed.outcome, passed.locations[0].path) == (Outcome.PASS, "beside.sig")
    assert (measured.value, measured.n) == (3.0, 3)
    (model / "config.json").write_text("{}")
    assert refusal(model, named(public), beside=beside).locations[1].path == "config.json"


@pytest.mark.parametrize("method", ["sha256", "blake3"])
def test_model_of_one_file_is_signed_as_that_file(tmp_path: Path, method: Any) -> None:
    model = new_folder(tmp_path / "model")
    (model / "tiny.safetensors").write_bytes(FILES["model.safetensors"])
    private, public = key_pair(tmp_path)
    how = hashing().use_file_serialization(hashing_algorithm=method)
    sign_by_key(model / "tiny.safetensors", private, config=how, name="../../beside.sig")
    beside = tmp_path / "beside.sig"
    (passed,), (measured,) = run(model, named(public), beside=beside)
    assert passed.outcome is Outcome.PASS
    assert (measured.value, measured.n) == (1.0, 1)
    (model / "tiny.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0[]")
    failed = refusal(model, named(public), beside=beside)
    assert (failed.rule, failed.locations[1].path) == ("CHANGED", "tiny.safetensors")


# --- signed, and it does not hold: in each of the three ways


def by_key(model: Path, folder: Path, world: SigstoreWorld) -> tuple[Wanted, Path | None]:
    private, public = key_pair(folder)
    sign_by_key(model, private)
    return named(public), None


def by_certificate(model: Path, folder: Path, world: SigstoreWorld) -> tuple[Wanted, Path | None]:
    authority, private, certificate = certified(folder, IDENTITY)
    sign_by_certificate(model, authority, private, certificate)
    return named(authority, certificate=True), None


def by_sigstore(model: Path, folder: Path, world: SigstoreWorld) -> tuple[Wanted, Path | None]:
    sign_by_sigstore(model, world)
    return SIGSTORE, world.trust_file(folder / "trust.json")


def by_sigstore_v2(model: Path, folder: Path, world: SigstoreWorld) -> tuple[Wanted, Path | None]:
    sign_by_sigstore(model, world, rekor=2)
    return SIGSTORE, world.trust_file(folder / "trust.json")


WAYS = pytest.mark.parametrize("way", [by_key, by_certificate, by_sigstore, by_sigstore_v2])
Way = Callable[[Path, Path, SigstoreWorld], tuple[Wanted, Path | None]]


@WAYS
def test_one_changed_byte_is_refused_by_name(
    way: Way, model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    wanted, trust = way(model, tmp_path, world)
    (model / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{]")
    failed = refusal(model, wanted, trust=trust)
    assert (failed.rule, failed.severity) == ("CHANGED", Severity.HIGH)
    assert "model.safetensors differs from what was signed" in failed.message
    assert [place.path for place in failed.locations] == ["model.sig", "model.safetensors"]


@WAYS
def test_one_extra_file_is_refused_by_name(
    way: Way, model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    wanted, trust = way(model, tmp_path, world)
    (model / "sub" / "modeling.py").write_text("pass")
    failed = refusal(model, wanted, trust=trust)
    assert failed.rule == "EXTRA"
    assert "sub/modeling.py was not there when it was signed" in failed.message


@WAYS
def test_one_missing_file_is_refused_by_name(
    way: Way, model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    wanted, trust = way(model, tmp_path, world)
    (model / "sub" / "vocab.txt").unlink()
    failed = refusal(model, wanted, trust=trust)
    assert failed.rule == "MISSING"
    assert "sub/vocab.txt was signed and is not there" in failed.message


@WAYS
def test_changed_signed_list_is_refused(way: Way, model: Path, tmp_path: Path, world: SigstoreWorld) -> None:
    """Whoever changes a file and its digest in the statement breaks the signature over the statement."""
    wanted, trust = way(model, tmp_path, world)
    other = model_folder(tmp_path / "other")
    (other / "config.json").write_text("{}")
    way(other, new_folder(tmp_path / "theirs"), SigstoreWorld())
    mine, theirs = (json.loads((folder / "model.sig").read_text()) for folder in (model, other))
    mine["dsseEnvelope"]["payload"] = theirs["dsseEnvelope"]["payload"]
    (other / "model.sig").write_text(json.dumps(mine))
    failed = refusal(other, wanted, trust=trust)
    assert failed.rule == "INVALID"


@WAYS
def test_cut_off_bundle_is_refused(way: Way, model: Path, tmp_path: Path, world: SigstoreWorld) -> None:
    wanted, trust = way(model, tmp_path, world)
    text = (model / "model.sig").read_text()
    for size in (0, 1, len(text) // 2, len(text) - 1):
        (model / "model.sig").write_text(text[:size])
        failed = refusal(model, wanted, trust=trust)
        assert (failed.rule, failed.locations[0].path) == ("UNREADABLE", "model.sig")


# The signature does not rest on these: which of the user's keys to try, an empty list of time stamps, the
# place in the whole log beside that in its proof.
NOT_RELIED_ON = ("hint", "publicKey", "keyid", "timestampVerificationData", "rfc3161Timestamps")


@WAYS
def test_bundle_with_any_one_part_replaced_is_never_accepted(
    way: Way, model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    wanted, trust = way(model, tmp_path, world)
    whole = json.loads((model / "model.sig").read_text())
    accepted, tried = set(), 0
    for *above, last in paths_in(whole):
        for value in (None, [], {}, "", 5, "AAAA"):
            broken = json.loads(json.dumps(whole))
            holder = broken
            for step in above:
                holder = holder[step]
            if holder[last] == value:
                continue
            holder[last] = value
            (model / "model.sig").write_text(json.dumps(broken))
            tried += 1
            if {finding.outcome for finding in run(model, wanted, trust=trust)[0]} == {Outcome.PASS}:
                accepted.add(last)
    assert accepted <= {*NOT_RELIED_ON, "logIndex"}
    assert tried > 40


def new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def paths_in(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in steps:
        yield (*above, step)
        yield from paths_in(below, (*above, step))


@WAYS
@pytest.mark.parametrize("name", ["dsse_envelope", "dsseEnvelope"])
def test_second_envelope_cannot_tell_another_list_of_files(
    way: Way, name: str, model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    """Two readers of one file may each take another envelope: one to verify, one to look at the files."""
    wanted, trust = way(model, tmp_path, world)
    genuine = json.loads((model / "model.sig").read_text())["dsseEnvelope"]
    statement = json.loads(base64.b64decode(genuine["payload"]))
    statement["predicate"]["serialization"]["ignore_paths"].append("evil.py")
    forged = {**genuine, "payload": base64.b64encode(json.dumps(statement).encode()).decode()}
    (model / "evil.py").write_text("pass")
    text = (model / "model.sig").read_text()
    for first, second in ((genuine, forged), (forged, genuine)):
        double = json.loads(text)
        double["dsseEnvelope"] = first
        written = json.dumps(double)[:-1] + f', "{name}": {json.dumps(second)}}}'
        (model / "model.sig").write_text(written)
        assert refusal(model, wanted, trust=trust).rule == "UNREADABLE"


def test_not_json_is_refused(model: Path, tmp_path: Path) -> None:
    (model / "model.sig").write_bytes(b"MEUCIQDx")
    failed = refusal(model)
    assert failed.rule == "UNREADABLE"
    assert "not JSON" in failed.message


def test_deeply_nested_bundle_is_refused(model: Path) -> None:
    (model / "model.sig").write_text('{"a":' + "[" * 100_000)
    assert refusal(model).rule == "UNREADABLE"


def test_wrong_media_type_is_refused(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    sign_by_key(model, private)
    bundle = json.loads((model / "model.sig").read_text())
    bundle["mediaType"] = "application/json"
    (model / "model.sig").write_text(json.dumps(bundle))
    failed = refusal(model, named(public))
    assert failed.rule == "UNREADABLE"
    assert "application/json" in failed.message


def test_bundle_of_a_later_version_is_not_run(model: Path, tmp_path: Path) -> None:
    private, _ = key_pair(tmp_path)
    sign_by_key(model, private)
    text = (model / "model.sig").read_text().replace("bundle.v0.3", "bundle.v0.9")
    (model / "model.sig").write_text(text)
    (finding,), _ = run(model)
    assert finding.outcome is Outcome.NOT_RUN
    assert "v0.9" in finding.reason


def test_too_long_bundle_is_refused_unread(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.signatures.openssf.LIMIT_BYTES", 1000)
    (model / "model.sig").write_text("{" + " " * 1000)
    failed = refusal(model)
    assert "longer than 1000 bytes" in failed.message


# --- by somebody else


def test_wrong_sigstore_identity_is_refused_by_name(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world, "mallory@example.net")
    failed = refusal(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert failed.rule == "WRONG-SIGNER"
    assert "mallory@example.net" in failed.message
    assert IDENTITY in failed.message


def test_right_identity_by_another_issuer_is_refused(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world, issuer="https://evil.example")
    failed = refusal(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert failed.rule == "WRONG-SIGNER"
    assert "https://evil.example" in failed.message


def test_another_sigstore_instance_is_not_believed(model: Path, tmp_path: Path, world: SigstoreWorld) -> None:
    sign_by_sigstore(model, SigstoreWorld())
    failed = refusal(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert failed.rule == "AUTHORITY"
    assert IDENTITY in failed.message


def test_shipped_trust_does_not_know_a_private_instance(model: Path, world: SigstoreWorld) -> None:
    sign_by_sigstore(model, world)
    failed = refusal(model, SIGSTORE)
    assert failed.rule == "AUTHORITY"
    assert "the public instance as of 2026-" in failed.message


def test_sigstore_certificate_without_its_timestamp_is_refused(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world, with_sct=False)
    failed = refusal(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert failed.rule == "INVALID"
    assert "timestamp" in failed.message


def test_wrong_key_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path, "mallory")
    _, release = key_pair(tmp_path)
    sign_by_key(model, private)
    failed = refusal(model, named(release))
    assert failed.rule == "WRONG-SIGNER"
    assert hashlib.sha256(public.read_bytes()).hexdigest()[:16] in failed.message
    assert "release.pub" in failed.message


def test_wrong_key_that_claims_to_be_the_right_one_is_refused(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path, "mallory")
    _, release = key_pair(tmp_path)
    sign_by_key(model, private)
    hints = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (public, release)]
    (model / "model.sig").write_text((model / "model.sig").read_text().replace(*hints))
    assert refusal(model, named(release)).rule == "INVALID"


def test_unknown_authority_is_refused(model: Path, tmp_path: Path) -> None:
    authority, private, certificate = certified(tmp_path, IDENTITY, name="theirs")
    sign_by_certificate(model, authority, private, certificate)
    other, *_ = certified(tmp_path, IDENTITY, name="ours")
    failed = refusal(model, named(other, certificate=True))
    assert failed.rule == "AUTHORITY"
    assert "ours.pem" in failed.message


def test_certificate_for_somebody_else_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    authority, private, certificate = certified(tmp_path, "mallory@example.org")
    sign_by_certificate(model, authority, private, certificate)
    failed = refusal(model, named(authority, certificate=True, identity=IDENTITY))
    assert failed.rule == "WRONG-SIGNER"
    assert "mallory@example.org" in failed.message


def test_of_several_authorities_the_one_that_certified_counts(model: Path, tmp_path: Path) -> None:
    authority, private, certificate = certified(tmp_path, IDENTITY, name="ours")
    sign_by_certificate(model, authority, private, certificate)
    other, *_ = certified(tmp_path, IDENTITY, name="theirs")
    wanted = (named(other, certificate=True), named(authority, certificate=True))
    for order in (wanted, wanted[::-1]):
        assert [finding.outcome for finding in run(model, *order)[0]] == [Outcome.PASS]


def test_expired_certificate_is_refused_and_counts_on_its_days(model: Path, tmp_path: Path) -> None:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=90)
    authority, private, certificate = certified(tmp_path, IDENTITY, start=start, days=30)
    sign_by_certificate(model, authority, private, certificate)
    wanted = named(authority, certificate=True)
    failed = refusal(model, wanted)
    assert failed.rule == "EXPIRED"
    assert str(TODAY) in failed.message
    then = (start + datetime.timedelta(days=3)).date()
    assert run(model, wanted, as_of=then)[0][0].outcome is Outcome.PASS


@pytest.mark.parametrize("is_brought", [True, False])
def test_authority_that_ended_is_refused_though_the_bundle_need_not_bring_it(
    model: Path, tmp_path: Path, is_brought: bool
) -> None:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=90)
    authority, private, certificate = certified(tmp_path, IDENTITY, start=start, days=365, authority_days=-30)
    sign_by_certificate(model, authority, private, certificate)
    if not is_brought:
        bundle = json.loads((model / "model.sig").read_text())
        del bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][1:]
        (model / "model.sig").write_text(json.dumps(bundle))
    failed = refusal(model, named(authority, certificate=True))
    assert failed.rule == "EXPIRED"
    assert "CN=test authority ca" in failed.message


# --- what the signature is not over


def test_file_that_the_signature_ignores_is_named(model: Path, tmp_path: Path, world: SigstoreWorld) -> None:
    sign_by_sigstore(model, world, ignored=("model.sig", "sub", "README.md"))
    (model / "sub" / "modeling.py").write_text("pass")
    findings, (measured,) = run(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    passed, failed = findings
    assert passed.outcome is Outcome.PASS
    assert "not over .gitattributes, README.md, sub/modeling.py, sub/vocab.txt" in passed.message
    assert (failed.rule, failed.severity) == ("NOT-COVERED", Severity.MEDIUM)
    assert [place.path for place in failed.locations] == ["sub/modeling.py", "sub/vocab.txt"]
    assert (measured.value, measured.n) == (2.0, 4)


def test_signature_that_ignores_everything_is_refused(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world, ignored=(".",))
    failed = refusal(model, SIGSTORE, trust=world.trust_file(tmp_path / "trust.json"))
    assert "over no file" in failed.message


# --- nobody to check against


def test_unsigned_is_a_fact_and_nothing_left_unjudged(model: Path) -> None:
    (finding,), measurements = run(model)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "nothing-to-examine")
    assert measurements == []


def test_unsigned_fails_where_signers_are_named(model: Path) -> None:
    failed = refusal(model, SIGSTORE)
    assert (failed.rule, failed.severity) == ("UNSIGNED", Severity.HIGH)
    assert IDENTITY in failed.message


def test_signed_by_key_with_nobody_named_is_not_run_and_tells_the_key(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    sign_by_key(model, private)
    (finding,), measurements = run(model)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "NO-KEY")
    assert hashlib.sha256(public.read_bytes()).hexdigest()[:16] in finding.reason
    assert measurements == []


def test_changed_file_fails_even_with_nobody_named(model: Path, tmp_path: Path) -> None:
    private, _ = key_pair(tmp_path)
    sign_by_key(model, private)
    (model / "config.json").write_text("{}")
    assert refusal(model).locations[1].path == "config.json"


def test_sigstore_identity_with_nobody_named_is_told_and_measured(
    model: Path, tmp_path: Path, world: SigstoreWorld
) -> None:
    sign_by_sigstore(model, world)
    (finding,), (measured,) = run(model, trust=world.trust_file(tmp_path / "trust.json"))
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "SIGNER-NOT-NAMED")
    assert IDENTITY in finding.reason
    assert measured.dimensions["identity"] == IDENTITY


def test_second_signature_by_somebody_else_does_not_spoil_the_first(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    other, _ = key_pair(tmp_path, "other")
    sign_by_key(model, private)
    sign_by_key(model, other, config=hashing(("model.sig", "other.sig")), name="other.sig")
    (passed,), _ = run(model, named(public))
    assert passed.outcome is Outcome.PASS
    assert "other.sig is by key" in passed.message


def test_changed_key_file_is_not_used(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    sign_by_key(model, private)
    wanted = named(public)
    _, other = key_pair(tmp_path, "other")
    public.write_bytes(other.read_bytes())
    with pytest.raises(SignerError, match="another file than when the scan began"):
        run(model, wanted)


def test_private_key_is_refused_as_a_signer(model: Path, tmp_path: Path) -> None:
    private, _ = key_pair(tmp_path)
    sign_by_key(model, private)
    with pytest.raises(SignerError, match="is a private key"):
        run(model, named(private))


def test_file_that_is_no_trust_configuration_is_named(model: Path, tmp_path: Path) -> None:
    sign_by_key(model, key_pair(tmp_path)[0])
    for text in ("", "[]", "{}", '{"trustedRoot": {}}'):
        trust = tmp_path / "mine.json"
        trust.write_text(text)
        with pytest.raises(SignerError, match=r"mine\.json"):
            run(model, SIGSTORE, trust=trust)
