"""Whether a model is signed by one of those that a policy demands, by what a stored scan says.

No key is needed for it: the scan verified each signature, and kept who it was by and how much it is over.
A policy that names a key by its file is held against the file's name as the scan was given it, or against
its digest or fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from policies.assessment import VerdictReason, VerdictValue
from policies.policy_file import PolicyFile
from policies.scope import NOTHING_TO_EXAMINE
from policies.statuses import capitalised
from scanner.check import CheckRecord
from scanner.findings import Finding, Measurement, Outcome
from scanner.runner import records_by_id
from scanner.scan import Scan
from scanner.signatures.signers import CHECK_ID, COVERED, SIGNERS_SETTING, Signatory, Signer, from_setting

_RULE: Final = "signers"
_UNSIGNED: Final = (NOTHING_TO_EXAMINE, "UNSIGNED")
# Signatures by others: what they are by is known, if not whether they hold.
_OTHERS: Final = ("SIGNER-NOT-NAMED", "NO-KEY")


def about_signers(scan: Scan, policy: PolicyFile) -> Iterator[VerdictReason]:
    """Nothing without a demand; else one reason: BLOCK, INCOMPLETE, or the PASS that tells who signed."""
    if not policy.signers:
        return
    record = records_by_id(scan.records).get(CHECK_ID)
    wanted = " or ".join(signer.in_words for signer in policy.signers)
    if record is None:
        yield _reason(VerdictValue.INCOMPLETE, f"{_must(wanted)}; {CHECK_ID} was not part of the scan")
        return
    signed = [(Signatory.of(one.dimensions), one) for one in record.measurements if one.name == COVERED]
    accepted = [(who, one) for who, one in signed if _is_accepted(who, policy.signers)]
    whole = next((who for who, one in accepted if one.value >= one.n), None)
    if whole is not None:
        yield _reason(VerdictValue.PASS, f"the model is signed by {whole.in_words}, as the policy asks")
    elif accepted:
        yield _partly(*accepted[0], wanted, record)
    else:
        yield _by_none(wanted, [who for who, _ in signed], record, _not_looked_for(scan, policy.signers))


def _is_accepted(who: Signatory, signers: Sequence[Signer]) -> bool:
    return any(signer.accepts(who) for signer in signers)


def _partly(who: Signatory, measured: Measurement, wanted: str, record: CheckRecord) -> VerdictReason:
    text = (
        f"{_must(wanted)}; {who.in_words} signed {measured.value:.0f} of {measured.n} files that decide what "
        "it does"
    )
    return _reason(VerdictValue.BLOCK, text, _failed(record))


def _by_none(
    wanted: str, others: Sequence[Signatory], record: CheckRecord, not_looked_for: str
) -> VerdictReason:
    failed = _failed(record)
    if all(finding.rule in _UNSIGNED for finding in record.findings):
        return _reason(VerdictValue.BLOCK, f"{_must(wanted)}; it carries no signature", failed)
    if not_looked_for:
        text = f"{_must(wanted)}; the scan was not given {not_looked_for}: scan again with this policy"
        return _reason(VerdictValue.INCOMPLETE, text)
    if unjudged := [one for one in record.findings if not one.outcome.is_judged and one.rule not in _OTHERS]:
        return _reason(VerdictValue.INCOMPLETE, f"{_must(wanted)}; {unjudged[0].reason}", unjudged)
    found = " and ".join(who.in_words for who in others)
    why = f"it is by {found}" if found else failed[0].message if failed else record.findings[0].reason
    return _reason(VerdictValue.BLOCK, f"{_must(wanted)}; {why}", failed)


def _not_looked_for(scan: Scan, signers: Sequence[Signer]) -> str:
    """The keys and authorities that the scan had no file of, so that it could not see their signatures."""
    given = [each.signer for each in from_setting(scan.request.settings.get(SIGNERS_SETTING, ""))]
    return " and ".join(signer.in_words for signer in signers if not _was_given(signer, given))


def _was_given(signer: Signer, given: Sequence[Signer]) -> bool:
    if not (signer.key or signer.certificate):
        return True  # every identity of Sigstore is looked for
    if signer.file or signer.is_inline:
        return any((one.key, one.certificate) == (signer.key, signer.certificate) for one in given)
    # A fingerprint: whether it is that of a file that was given shows only once it has verified something.
    return any(one.key if signer.key else one.certificate for one in given)


def _must(wanted: str) -> str:
    return f"the model must be signed by {wanted}"


def _failed(record: CheckRecord) -> list[Finding]:
    return [finding for finding in record.findings if finding.outcome is Outcome.FAIL]


def _reason(value: VerdictValue, text: str, findings: Sequence[Finding] = ()) -> VerdictReason:
    fingerprints = dict.fromkeys(finding.fingerprint for finding in findings)
    return VerdictReason(value, _RULE, capitalised(text), tuple(fingerprints))
