"""Verifies OpenSSF Model Signing bundles: by public key, by certificate chain, by Sigstore identity.

The verification is that of the `model_signing` library, and for Sigstore of `sigstore` below it; nothing is
asked of a network. What is added here: who is accepted, which files differ, and that a certificate still
counts on the day of judgement, since the library takes any day on which the certificate was new.

Source: https://github.com/sigstore/model-transparency (model_signing 1.1.1); OMS specification v1.0,
https://github.com/ossf/model-signing-spec.
"""

from __future__ import annotations

import contextlib
import datetime
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from scanner.manifest import Snapshot
from scanner.signatures.anchors import Anchor, shipped_on
from scanner.signatures.bundle import (
    Bundle,
    BundleError,
    OtherBundleError,
    pieces_by_file,
    plain,
    read_bundle,
)  # fmt: skip
from scanner.signatures.certificates import Claim, authorities_expired_on, claim_of, expired_on, key_hint
from scanner.signatures.examined import Examined, Problem, Standing, refused
from scanner.signatures.recognised import SignatureFile, UnreadableError
from scanner.signatures.signers import Kind, Signatory, Wanted

if TYPE_CHECKING:
    from model_signing.verifying import Config

    from scanner.signatures.snapshot_hashing import SnapshotHashing

# The list of 100,000 files, in Base64 in JSON, takes about 25 MB.
LIMIT_BYTES: Final = 32 * 1024**2
_NAMED_AT_MOST: Final = 3


@dataclass(frozen=True)
class Bench:
    """Everything that bundles of one model are judged by.

    Attributes:
        snapshot: The files.
        wanted: Whom the user accepts; none means that nobody was named.
        anchors: Keys and authorities among them.
        trust: File with the trust configuration of Sigstore.
        own_trust: Its name when it is the user's own, "" when it is the shipped one.
        signatures: Files that are signatures, which no signature has to be over.
        as_of: The day of judgement.
    """

    snapshot: Snapshot
    wanted: tuple[Wanted, ...]
    anchors: tuple[Anchor, ...]
    trust: Path
    own_trust: str
    signatures: frozenset[str]
    as_of: datetime.date

    def accepts(self, who: Signatory) -> bool:
        """Whether the user named this signatory."""
        return any(each.signer.accepts(who) for each in self.wanted)


def examine_bundle(bench: Bench, file: SignatureFile) -> Examined:
    """What the bundle in this file comes to."""
    try:
        bundle = read_bundle(file.read(bench.snapshot, LIMIT_BYTES))
    except OtherBundleError as error:
        return Examined(file, Standing.UNREAD, str(error))
    except (BundleError, UnreadableError) as error:
        return refused(file, Problem("UNREADABLE", str(error)))
    return _Judging(bench, file, bundle).examined()


@dataclass(frozen=True)
class _Judging:
    """One bundle before the bench."""

    bench: Bench
    file: SignatureFile
    bundle: Bundle

    def examined(self) -> Examined:
        partly = [entry.path for entry in self._hashing().included() if not entry.is_whole]
        if partly:
            return Examined(self.file, Standing.UNREAD, f"{_some(partly)} was not read whole")
        match self.bundle.kind:
            case Kind.SIGSTORE:
                return self._by_sigstore()
            case Kind.CERTIFICATE:
                return self._by_certificate()
            case _:
                return self._by_key()

    def _by_key(self) -> Examined:
        anchors = [anchor for anchor in self.bench.anchors if anchor.kind is Kind.KEY]
        named = [anchor for anchor in anchors if key_hint(anchor.data) == self.bundle.key_hint]
        # A bundle without a hint comes from before version 1.0: any of the keys may be its own.
        looked_at = [self._by_one_key(each) for each in (named if self.bundle.key_hint else anchors)]
        return _best(looked_at) or self._unchecked(f"key {self.bundle.key_hint[:16] or 'without a name'}")

    def _by_one_key(self, anchor: Anchor) -> Examined:
        who = Signatory(Kind.KEY, key=key_hint(anchor.data), anchor=anchor.digest, named=anchor.named)
        with _as_file(anchor.data) as path:
            return self._verified(lambda config: config.use_elliptic_key_verifier(public_key=path), who)

    def _by_certificate(self) -> Examined:
        claim = claim_of(self.bundle.certificates[0])
        if isinstance(claim, Problem):
            return refused(self.file, claim)
        authorities = [anchor for anchor in self.bench.anchors if anchor.kind is Kind.CERTIFICATE]
        looked_at = [self._by_authority(anchor, claim) for anchor in authorities]
        return _best(looked_at) or self._unchecked(f"certificate of {claim.identity} (issuer {claim.issuer})")

    def _by_authority(self, anchor: Anchor, claim: Claim) -> Examined:
        who = Signatory(
            Kind.CERTIFICATE, claim.identity, claim.issuer, claim.fingerprint, anchor.digest, anchor.named
        )
        with _as_file(anchor.data) as path:
            examined = self._verified(
                lambda config: config.use_certificate_verifier(certificate_chain=[path]), who
            )
        if examined.who is None:
            return examined
        brought, day = self.bundle.certificates, self.bench.as_of
        if not (ended := expired_on(brought, day) or authorities_expired_on(brought, anchor.data, day)):
            return examined
        # Nobody attests when this was signed, so a certificate that ended may be used by whoever found it.
        return refused(self.file, Problem("EXPIRED", ended), *examined.problems, who=who)

    def _by_sigstore(self) -> Examined:
        claim = claim_of(self.bundle.certificates[0])
        if isinstance(claim, Problem):
            return refused(self.file, claim)
        if not claim.oidc_issuer:
            return refused(self.file, Problem("INVALID", f"{claim.identity}: no issuer vouches for it"))
        who = Signatory(
            Kind.SIGSTORE,
            claim.identity,
            claim.oidc_issuer,
            named=self.bench.own_trust,
            signed_at=self.bundle.signed_at,
        )
        return self._verified(
            lambda config: config.use_sigstore_verifier(
                identity=claim.identity, oidc_issuer=claim.oidc_issuer, trust_config=self.bench.trust
            ),
            who,
        )

    def _verified(self, choose: Callable[[Config], Config], who: Signatory) -> Examined:
        """What the library says; it asks for digests only once the signature itself is genuine."""
        hashing = self._hashing()
        with _as_file(self.bundle.text.encode()) as path:
            failure = _failure(choose, hashing, Path(self.bench.snapshot.root), path)
        if hashing.actual is None:
            rule, says = failure or ("INVALID", "the files were not looked at")
            is_by_shipped = who.kind is Kind.SIGSTORE and not self.bench.own_trust
            against = f", by the public instance as of {shipped_on()}" if is_by_shipped else ""
            return refused(self.file, Problem(rule, f"{says} ({who.in_words}{against})"))
        problems = self._differences(hashing)
        if failure and not problems:
            problems = [Problem("INVALID", failure[1])]
        covered = tuple(entry.path for entry in hashing.included() if hashing.is_signed(entry.path))
        if not covered and not problems:
            problems = [Problem("INVALID", "it is over no file of this model")]
        if problems:
            return refused(self.file, *problems, who=who)
        standing = Standing.HOLDS if self.bench.accepts(who) else Standing.STRANGER
        known = {*covered, *self.bench.signatures}
        ignored = tuple(entry.path for entry in self.bench.snapshot.files if entry.path not in known)
        return Examined(self.file, standing, who.in_words, who, covered, ignored)

    def _unchecked(self, whose: str) -> Examined:
        """Nobody to check it against; whether its own list fits the files can be seen all the same."""
        hashing = self._hashing()
        if self.bundle.method.get("hash_type") == "sha256" and self.bundle.method["method"] == "files":
            hashing.hash(self.bench.snapshot.root)
            if problems := self._differences(hashing):
                return refused(self.file, *problems)
        return Examined(self.file, Standing.UNCHECKED, whose)

    def _hashing(self) -> SnapshotHashing:
        from scanner.signatures.snapshot_hashing import SnapshotHashing

        return SnapshotHashing(self.bench.snapshot, self.bundle, self.bench.signatures)

    def _differences(self, hashing: SnapshotHashing) -> list[Problem]:
        if hashing.actual is None:
            return []
        method = str(self.bundle.method["method"])
        signed = hashing.by_path(pieces_by_file(self.bundle.signed, method))
        actual = hashing.by_path(pieces_by_file(hashing.actual, method))
        changed = [path for path in sorted(signed.keys() & actual.keys()) if signed[path] != actual[path]]
        extra, missing = sorted(actual.keys() - signed.keys()), sorted(signed.keys() - actual.keys())
        return [
            Problem(rule, f"{_some(paths)} {says}", tuple(map(plain, paths)))
            for rule, paths, says in (
                ("CHANGED", changed, "differs from what was signed"),
                ("EXTRA", extra, "was not there when it was signed"),
                ("MISSING", missing, "was signed and is not there"),
            )
            if paths
        ]


def _best(looked_at: Sequence[Examined]) -> Examined | None:
    """What the signature is worth by the anchor that says most for it; None without any."""
    return min(looked_at, key=lambda each: list(Standing).index(each.standing), default=None)


def _failure(
    choose: Callable[[Config], Config], hashing: SnapshotHashing, root: Path, bundle: Path
) -> tuple[str, str] | None:
    """Why the library refuses a signature, None when it does not: a rule and a sentence fragment."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import ExtensionNotFound, UnsupportedGeneralNameType
    from model_signing.verifying import Config
    from OpenSSL import crypto
    from sigstore.errors import CertValidationError, Error

    try:
        # NOTE: the library prints a warning about bundles of before 1.0 on standard output.
        with contextlib.redirect_stdout(io.StringIO()):
            config = choose(Config())  # type: ignore[no-untyped-call]
            config.set_hashing_config(hashing)
            config.verify(root, bundle)
    except (CertValidationError, crypto.Error, crypto.X509StoreContextError) as error:
        return "AUTHORITY", f"its certificate does not lead to a trusted authority: {plain(str(error))}"
    except InvalidSignature:
        return "INVALID", "the signature does not fit what it is said to be over"
    except (
        Error, ExtensionNotFound, UnsupportedGeneralNameType, ValueError, KeyError, TypeError,
        AttributeError, IndexError,
    ) as error:  # fmt: skip
        return "INVALID", plain(str(error) or type(error).__name__)
    return None


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    """A file with what was read once, for the library: what lies at the first path may change meanwhile."""
    with TemporaryDirectory(prefix="weighbridge-signature-") as folder:
        path = Path(folder, "content")
        path.write_bytes(content)
        yield path


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED_AT_MOST} more" if len(paths) > _NAMED_AT_MOST else ""
    return ", ".join(map(plain, paths[:_NAMED_AT_MOST])) + more
