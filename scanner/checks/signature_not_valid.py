"""signature-not-valid: a signature over the model does not hold, or is not by anybody that was named.

What it looks for: OpenSSF Model Signing bundles (`model.sig`, `*.sig`, `*.sigstore.json`) by public key, by
certificate chain or by Sigstore identity, detached OpenPGP signatures (`*.asc`, `*.gpg`) and minisign
(`*.minisig`), also over a SHA256SUMS, in the model or beside it (`--signature`). Each is verified against the
keys, authorities and identities that the user named, and the files against what was signed: a changed, an
extra, a missing file fails by name. So does a bundle that is cut off or malformed, an expired certificate,
an authority nobody trusts, a signer nobody named. Files that the signature says itself it is not over are
told, and fail where they decide what the model does.

Why it matters: a digest says that bytes are those on record; only a signature says whose they are, and it can
be checked years later without the place they came from.

How it can be wrong: a signature says who signed, not that the model is good, and holds for as long as its key
is only its owner's. A certificate without a log or time stamp counts by the day of judgement, so one that
ended fails even if it signed while it counted. The shipped trust configuration of Sigstore is of one day; a
log or authority that came later is unknown to it. A file that was left out of the model's folder on purpose
fails as missing.

What it needs: nothing of a network. Without any signature it has nothing to examine: that a model is unsigned
is a fact, and a failure only where signers were named. Signed, with nobody named to check against, it is not
run, and tells the key or identity; a bundle whose list contradicts the files fails all the same.

Source: OpenSSF Model Signing specification v1.0; Sigstore bundle format v0.3; RFC 9580; MITRE ATLAS
AML.T0010 (AI Supply Chain Compromise), AML.M0013 (Code Signing); CWE-347, CWE-345.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Interval, Location, Measurement, Severity
from scanner.records import encode_pretty
from scanner.signatures.coverage import coverage, to_be_signed
from scanner.signatures.examined import Examined, Standing
from scanner.signatures.examining import examine
from scanner.signatures.signers import (
    CHECK_ID,
    COVERED,
    FILES_SETTING,
    SIGNERS_SETTING,
    TRUST_DIGEST_SETTING,
    TRUST_SETTING,
    Wanted,
    from_setting,
)  # fmt: skip

_TAGS: Final = ("CWE-347", "CWE-345", "AML.T0010", "OWASP-LLM03:2025")
_REMEDIATION: Final = (
    "Do not load the model. Fetch it again from its publisher and compare; if it still does not verify, ask "
    "the publisher by another way which key or identity signs."
)
_FILES_LISTED: Final = 50


class SignatureNotValid(Check):
    """Verifies every signature that came with the model."""

    id: ClassVar[str] = CHECK_ID
    title: ClassVar[str] = "A signature does not hold"
    severity: ClassVar[Severity] = Severity.HIGH
    order: ClassVar[int] = 12
    # Signatures over shards, by BLAKE or by OpenPGP read the weights again.
    timeout_seconds: ClassVar[float] = 3600.0
    measures: ClassVar[tuple[MeasureSpec, ...]] = (
        MeasureSpec(COVERED, "files", "Files that one verified signatory signed, of all that should be"),
    )
    settings: ClassVar[tuple[str, ...]] = (
        SIGNERS_SETTING, FILES_SETTING, TRUST_SETTING, TRUST_DIGEST_SETTING
    )  # fmt: skip

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """What each signature comes to, and what everybody who signed signed together."""
        wanted = from_setting(context.settings.get(SIGNERS_SETTING, ""))
        examined = examine(context, wanted)
        if not examined:
            yield self._unsigned(wanted)
            return
        evidence = (context.evidence.put(encode_pretty(examined), "application/json", "signatures"),)
        yield from self._refused(examined, evidence)
        if any(each.standing is Standing.HOLDS for each in examined):
            yield from self._held(context, examined, evidence)
        elif wanted:
            yield from self._by_nobody_named(examined, wanted, evidence)
        else:
            yield from self._nobody_named(examined)
        yield from self._measured(context, examined, evidence)

    def _unsigned(self, wanted: Sequence[Wanted]) -> Finding:
        if wanted:
            return self.failed(
                f"the model carries no signature; it should carry one by {_named(wanted)}",
                rule="UNSIGNED",
                remediation=_REMEDIATION,
                tags=_TAGS,
            )
        # Not a reason to wait for anything: no verdict counts it as something that was left unjudged.
        return self.not_run("the model carries no signature", rule="nothing-to-examine")

    def _refused(self, examined: Sequence[Examined], evidence: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        for each in examined:
            for problem in each.problems:
                yield self.failed(
                    f"{each.file.path} ({each.file.what}) does not hold: {problem.says}",
                    rule=problem.rule,
                    locations=(
                        Location(each.file.path),
                        *(Location(path) for path in problem.paths[:_FILES_LISTED]),
                    ),
                    evidence=evidence,
                    remediation=_REMEDIATION,
                    tags=_TAGS,
                )

    def _held(
        self, context: CheckContext, examined: Sequence[Examined], evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        held = [each for each in examined if each.standing is Standing.HOLDS]
        beside = [each for each in examined if each.standing not in (Standing.HOLDS, Standing.REFUSED)]
        for each in held:
            yield self.passed(
                f"{each.file.path} ({each.file.what}) holds: signed by {each.says}, over "
                f"{len(each.covered)} files{_left_out(each)}{_beside(beside)}",
                locations=(Location(each.file.path),),
                evidence=evidence,
            )
        covered = {path for each in held for path in each.covered}
        bare = [path for path in to_be_signed(context.snapshot, examined) if path not in covered]
        if bare:
            yield self.failed(
                f"{_some(bare)}: not signed, though other files of the model are",
                severity=Severity.MEDIUM,
                rule="NOT-COVERED",
                locations=tuple(Location(path) for path in bare[:_FILES_LISTED]),
                evidence=evidence,
                remediation="Ask the publisher to sign the whole model, or do without these files.",
                tags=_TAGS,
            )

    def _by_nobody_named(
        self, examined: Sequence[Examined], wanted: Sequence[Wanted], evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        others = [each for each in examined if each.standing in (Standing.STRANGER, Standing.UNCHECKED)]
        if others and (bare := _known_by_fingerprint_alone(wanted)):
            yield self.not_run(
                f"{_found(others)}; {_named(bare)} is named by a fingerprint, and its file was not given "
                "(--signer-key, --signer-certificate)",
                rule="NO-KEY",
            )
        elif others:
            yield self.failed(
                f"not signed by {_named(wanted)}: {_found(others)}",
                rule="WRONG-SIGNER",
                locations=tuple(Location(each.file.path) for each in others),
                evidence=evidence,
                remediation=_REMEDIATION,
                tags=_TAGS,
            )
        yield from self._unread(examined)

    def _nobody_named(self, examined: Sequence[Examined]) -> Iterator[Finding]:
        for each in examined:
            if each.standing is Standing.STRANGER:
                yield self.not_run(
                    f"signed by {each.says}, and nobody was named as a signer to accept (--signer-identity)",
                    subject=each.file.path,
                    rule="SIGNER-NOT-NAMED",
                )
            elif each.standing is Standing.UNCHECKED:
                yield self.not_run(
                    f"signed by {each.says}, and no key was given to check that against (--signer-key)",
                    subject=each.file.path,
                    rule="NO-KEY",
                )
        yield from self._unread(examined)

    def _unread(self, examined: Sequence[Examined]) -> Iterator[Finding]:
        for each in examined:
            if each.standing is Standing.UNREAD:
                yield self.not_run(
                    f"{each.file.path} is not verified here: {each.says}",
                    subject=each.file.path,
                    rule="NOT-VERIFIED-HERE",
                )

    def _measured(
        self, context: CheckContext, examined: Sequence[Examined], evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Measurement]:
        for who, covered, of in coverage(context.snapshot, examined):
            yield self.measured(
                COVERED,
                float(covered),
                n=of,
                interval=Interval(float(covered), float(covered)),
                method="exact count over the files that decide what the model does",
                dimensions=who.dimensions,
                evidence=evidence,
            )


def _named(wanted: Sequence[Wanted]) -> str:
    return " or ".join(each.signer.in_words for each in wanted)


def _left_out(each: Examined) -> str:
    return f"; not over {_some(each.ignored)}" if each.ignored else ""


def _beside(others: Sequence[Examined]) -> str:
    return f". Beside it, not checked: {_found(others)}" if others else ""


def _found(others: Sequence[Examined]) -> str:
    return "; ".join(f"{each.file.path} is by {each.says}" for each in others)


def _known_by_fingerprint_alone(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Signers of whom no key is at hand; none where some was given, since it may be theirs."""
    bare = [
        each
        for each in wanted
        if (each.signer.key or each.signer.certificate) and not each.path and not each.signer.is_inline
    ]
    return [] if any(each.path for each in wanted) else bare


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(paths[:5]) + more


CHECK = SignatureNotValid()
