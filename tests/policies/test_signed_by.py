"""The demand of a policy that a model be signed by somebody."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from policies.assess import assess
from policies.assessment import VerdictReason, VerdictValue
from policies.policy_file import PolicyFile, load_policy
from scanner.check import CheckRecord
from scanner.findings import Measurement
from scanner.scan import Scan
from scanner.signatures.signers import SIGNERS_SETTING, Signer, Wanted, as_setting
from tests.policies.fake_checks import (
    AS_OF,
    CHECKS,
    NOW,
    errored,
    failed,
    measured,
    not_run,
    passed,
    record,
    scan_of,
    scan_without,
)  # fmt: skip

CHECK = "signature-not-valid"
IDENTITY, ISSUER = "release@example.org", "https://accounts.example.org"
SIGSTORE = Signer(identity="*@example.org", issuer=ISSUER)
KEY = Signer(key="keys/release.pub")
BY_IDENTITY = {"kind": "Sigstore identity", "identity": IDENTITY, "issuer": ISSUER}
BY_KEY = {
    "kind": "public key",
    "key": "ab" * 32,
    "anchor": f"sha256:{'cd' * 32}",
    "named": "keys/release.pub",
}
BLOCK, INCOMPLETE, PASS = VerdictValue.BLOCK, VerdictValue.INCOMPLETE, VerdictValue.PASS


def demanding(*signers: Signer) -> PolicyFile:
    return dataclasses.replace(load_policy(checks=CHECKS), signers=signers)


def by(dimensions: Mapping[str, str], files: int = 3, of: int = 3) -> Measurement:
    return measured(CHECK, "signature.files_covered", float(files), n=of, dimensions=dimensions)


def scan(found: CheckRecord, *given: Signer) -> Scan:
    made = scan_of(None, found)
    settings = {SIGNERS_SETTING: as_setting(tuple(Wanted(signer) for signer in given))} if given else {}
    return dataclasses.replace(made, request=dataclasses.replace(made.request, settings=settings))


def reasons(scan: Scan, policy: PolicyFile) -> list[VerdictReason]:
    verdict = assess(scan, [], policy, as_of=AS_OF, assessed_at=NOW).verdict
    return [reason for reason in verdict.reasons if reason.rule == "signers"]


def only(scan: Scan, *signers: Signer) -> tuple[VerdictValue, str]:
    (reason,) = reasons(scan, demanding(*signers))
    return reason.value, reason.text


def test_nothing_is_demanded_without_signers() -> None:
    assert reasons(scan(record(CHECK, not_run(CHECK, rule="nothing-to-examine"))), demanding()) == []


@pytest.mark.parametrize("rule", ["nothing-to-examine", "NO-KEY", "SIGNER-NOT-NAMED"])
def test_signed_or_not_the_default_gate_waits_for_no_signature(rule: str) -> None:
    found = scan(record(CHECK, not_run(CHECK, rule=rule)))
    verdict = assess(found, [], load_policy(checks=CHECKS), as_of=AS_OF, assessed_at=NOW).verdict
    assert (verdict.value, verdict.reasons) == (PASS, ())


def test_broken_signature_blocks_by_the_default_gate() -> None:
    found = scan(record(CHECK, failed(CHECK, rule="CHANGED")))
    verdict = assess(found, [], load_policy(checks=CHECKS), as_of=AS_OF, assessed_at=NOW).verdict
    assert verdict.value is BLOCK


@pytest.mark.parametrize(
    "signer",
    [
        SIGSTORE,
        Signer(identity=IDENTITY),
        KEY,
        Signer(key="ab" * 32),
        Signer(key=f"sha256:{'cd' * 32}"),
    ],
    ids=lambda signer: signer.in_words,
)
def test_model_signed_by_one_that_is_demanded_passes_and_says_so(signer: Signer) -> None:
    signed = record(CHECK, passed(CHECK), by(BY_IDENTITY if signer.identity else BY_KEY))
    value, text = only(scan(signed, KEY), signer, Signer(identity="nobody@example.net"))
    assert value is PASS
    assert (IDENTITY if signer.identity else "ab" * 32) in text


@pytest.mark.parametrize(
    "signer",
    [
        Signer(identity="mallory@example.org", issuer=ISSUER),
        Signer(identity=IDENTITY, issuer="https://evil.example"),
        Signer(identity="*@example.net"),
    ],
    ids=lambda signer: signer.in_words,
)
def test_model_signed_by_somebody_else_is_blocked_and_both_are_named(signer: Signer) -> None:
    found = record(CHECK, not_run(CHECK, rule="SIGNER-NOT-NAMED"), by(BY_IDENTITY))
    value, text = only(scan(found), signer)
    assert value is BLOCK
    assert signer.in_words in text
    assert IDENTITY in text


def test_identity_is_judged_though_the_scan_was_not_told_of_it() -> None:
    found = record(CHECK, not_run(CHECK, rule="SIGNER-NOT-NAMED"), by(BY_IDENTITY))
    assert only(scan(found), SIGSTORE)[0] is PASS


def test_unsigned_model_is_blocked() -> None:
    unsigned = record(CHECK, not_run(CHECK, rule="nothing-to-examine"))
    for found in (unsigned, record(CHECK, failed(CHECK, rule="UNSIGNED"))):
        value, text = only(scan(found), KEY)
        assert value is BLOCK
        assert "carries no signature" in text


def test_signature_that_does_not_hold_is_blocked() -> None:
    value, text = only(scan(record(CHECK, failed(CHECK, rule="CHANGED")), KEY), KEY)
    assert value is BLOCK
    assert "was wrong" in text


def test_model_that_is_signed_in_part_is_blocked() -> None:
    value, text = only(scan(record(CHECK, passed(CHECK), by(BY_KEY, 2)), KEY), KEY)
    assert value is BLOCK
    assert "signed 2 of 3 files" in text


def test_key_that_the_scan_was_not_given_is_incomplete() -> None:
    found = record(CHECK, not_run(CHECK, rule="NO-KEY"))
    value, text = only(scan(found), KEY)
    assert value is INCOMPLETE
    assert "keys/release.pub" in text


@pytest.mark.parametrize("finding", [errored(CHECK), not_run(CHECK, rule="NOT-VERIFIED-HERE")])
def test_what_could_not_be_judged_is_incomplete(finding: object) -> None:
    assert only(scan(record(CHECK, finding), KEY), KEY)[0] is INCOMPLETE  # type: ignore[arg-type]


def test_scan_without_the_check_is_incomplete() -> None:
    assert only(scan_without(CHECK), SIGSTORE)[0] is INCOMPLETE
