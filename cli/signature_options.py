"""Options of a scan that name whose signatures are accepted; signers of the policy file join them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from scanner.signatures.signers import (
    CHECK_ID,
    FILES_SETTING,
    SIGNERS_SETTING,
    TRUST_DIGEST_SETTING,
    TRUST_SETTING,
    Elsewhere,
    Signer,
    SignerError,
    Wanted,
    as_setting,
    from_setting,
)  # fmt: skip

Command = TypeVar("Command", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class SigningChoice:
    """Whose signatures one call accepts.

    Attributes:
        signer_keys: Files with public keys.
        signer_certificates: Files with certificates of authorities.
        signer_identities: Identities that certificates must be for.
        signer_issuer: Who vouches for them, "" for anybody.
        signature_paths: Signatures that lie beside the model.
        trust_config: Trust configuration of a Sigstore instance, None for the shipped one.
    """

    signer_keys: tuple[Path, ...]
    signer_certificates: tuple[Path, ...]
    signer_identities: tuple[str, ...]
    signer_issuer: str
    signature_paths: tuple[Path, ...]
    trust_config: Path | None

    def settings(
        self, of_policy: Sequence[Signer], policy_folder: Path, checks: Sequence[str], already: str = ""
    ) -> Mapping[str, str]:
        """What these options and a policy's signers set for the check, each file with its digest.

        Signers that are set `already`, as the text of the setting, stay.

        A scan without the check ignores the policy's signers; its verdict says that the check is missing.

        Raises:
            SignerError: when a file cannot be read, or holds no key or certificate fit to verify with.
            BadParameter: when an issuer is named and nobody it vouches for.
        """
        from scanner.signatures.anchors import load_anchors

        if self.signer_issuer and not self.signer_identities:
            raise click.BadParameter("--signer-issuer needs the identity that it vouches for")
        wanted = [*from_setting(already), *self._named()]
        if CHECK_ID in checks:
            wanted += [_of_policy(signer, policy_folder) for signer in of_policy]
        load_anchors(tuple(wanted))  # what is no key is an error of the call, before anything is fetched
        found = {SIGNERS_SETTING: as_setting(tuple(dict.fromkeys(wanted)))} if wanted else {}
        if self.signature_paths:
            given = (Elsewhere(str(path.absolute()), _digest(path)) for path in self.signature_paths)
            found[FILES_SETTING] = as_setting(tuple(dict.fromkeys(given)))
        if self.trust_config is not None:
            found[TRUST_SETTING] = str(self.trust_config.absolute())
            found[TRUST_DIGEST_SETTING] = _digest(self.trust_config)
        return found

    def _named(self) -> Iterator[Wanted]:
        for path in self.signer_keys:
            yield _read(Signer(key=str(path)), path)
        identities = self.signer_identities or ("",)
        for path in self.signer_certificates:
            for identity in identities:
                yield _read(Signer(certificate=str(path), identity=identity, issuer=self.signer_issuer), path)
        for identity in () if self.signer_certificates else self.signer_identities:
            yield Wanted(Signer(identity=identity, issuer=self.signer_issuer))


def signatures(command: Command) -> Command:
    """`--signer-key`, `-certificate`, `-identity`, `-issuer`, `--signature` and `--trust-config`."""
    options = (
        click.option(
            "--signer-key",
            "signer_keys",
            multiple=True,
            metavar="FILE",
            type=_FILE,
            help="Public key (PEM, OpenPGP or minisign) that must have signed the model; of several signers, "
            "one is enough. May be repeated.",
        ),
        click.option(
            "--signer-certificate",
            "signer_certificates",
            multiple=True,
            metavar="FILE",
            type=_FILE,
            help="Certificates (PEM) of authorities, one of which must have issued the signer's; "
            "may be repeated.",
        ),
        click.option(
            "--signer-identity",
            "signer_identities",
            multiple=True,
            metavar="ID",
            help="Address or URI that must have signed the model, * for anything: by Sigstore, or in a "
            "certificate where --signer-certificate is given. May be repeated.",
        ),
        click.option(
            "--signer-issuer",
            default="",
            metavar="URL",
            show_default="anybody",
            help="Who vouches for the identities, such as https://accounts.google.com.",
        ),
        click.option(
            "--signature",
            "signature_paths",
            multiple=True,
            metavar="FILE",
            type=_FILE,
            help="Signature over the model that lies beside it, not in it; may be repeated.",
        ),
        click.option(
            "--trust-config",
            metavar="FILE",
            type=_FILE,
            default=None,
            show_default="Sigstore's public instance, as shipped",
            help="Trust configuration of a Sigstore instance, or its trusted_root.json.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _of_policy(signer: Signer, folder: Path) -> Wanted:
    return _read(signer, folder / signer.file) if signer.file else Wanted(signer)


def _read(signer: Signer, path: Path) -> Wanted:
    return Wanted(signer, str(path.absolute()), _digest(path))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SignerError(
            f"{path}: {error.strerror or error}",
            hint="a policy's key files lie beside it; to judge a stored scan, `weighbridge gate` needs none",
        ) from error
