"""What looking at one signature came to; the vocabulary of the modules that verify."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from scanner.signatures.recognised import SignatureFile
from scanner.signatures.signers import Signatory


class Standing(enum.Enum):
    """What one signature is worth."""

    HOLDS = "holds"  # made by somebody the user named, over what it should be over
    STRANGER = "stranger"  # holds, but by somebody the user did not name
    UNCHECKED = "unchecked"  # nothing here can tell whose it is
    UNREAD = "unread"  # of a kind that is not verified here, or over files that were not read whole
    REFUSED = "refused"


@dataclass(frozen=True)
class Problem:
    """One reason to refuse a signature.

    Attributes:
        rule: "CHANGED", "EXTRA", "MISSING", "BROKEN", "EXPIRED", "AUTHORITY", "INVALID", "UNREADABLE".
        says: A sentence fragment that names the file or the identity.
        paths: The files that it is about, besides the signature.
    """

    rule: str
    says: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examined:
    """What looking at one signature came to.

    Attributes:
        file: The signature.
        standing: What it is worth.
        says: For people: by whom, or what stood in the way.
        who: Who made it; None unless that was verified.
        covered: The files that it was shown to be over.
        ignored: Files that it says itself it is not over, though they came with the model.
        problems: Why it is refused.
    """

    file: SignatureFile
    standing: Standing
    says: str
    who: Signatory | None = None
    covered: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def refused(file: SignatureFile, *problems: Problem, who: Signatory | None = None) -> Examined:
    """A signature that does not hold."""
    return Examined(file, Standing.REFUSED, problems[0].says, who, problems=problems)
