"""What can be wrong with an archive, and how bad each of it is.

>>> Fault(Rule.LEADS_OUT, "../x", "its name leads out of the folder").rule.grade
<Grade.ATTACK: 'attack'>
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from scanner.by_rule import ByRule
from scanner.errors import ScanError

_MOST_OF_A_RULE: Final = 50


class Grade(enum.Enum):
    """How bad a fault is."""

    ATTACK = "attack"  # unpacking or loading does harm, or the file is built to hide something
    MALFORMED = "malformed"  # breaks its format, which readers take in different ways
    REVIEW = "review"  # comes with code, or with what code does, that a person has to read
    REMARK = "remark"


class Rule(enum.Enum):
    """Kinds of faults: a stable code, and how bad it is."""

    grade: Grade

    # Two readers see two archives.
    HEADERS_DIFFER = ("headers-differ", Grade.ATTACK)
    TWO_DIRECTORIES = ("two-directories", Grade.ATTACK)
    DUPLICATE = ("duplicate-member", Grade.ATTACK)
    HIDDEN_MEMBER = ("hidden-member", Grade.ATTACK)
    OUTSIDE_ROOT = ("outside-torch-root", Grade.ATTACK)
    WRONG_FLAG = ("wrong-encryption-flag", Grade.ATTACK)
    HIDING_CHECKSUM = ("checksum-hides-pickle", Grade.ATTACK)
    POLYGLOT = ("two-kinds-of-file", Grade.ATTACK)
    HIDDEN_NAME = ("name-hides-something", Grade.ATTACK)
    # It writes where it should not, or unpacks without end.
    LEADS_OUT = ("name-leads-out", Grade.ATTACK)
    LINK_OUT = ("link-leads-out", Grade.ATTACK)
    DEVICE = ("device", Grade.ATTACK)
    SETUID = ("setuid", Grade.ATTACK)
    BOMB = ("bomb", Grade.ATTACK)
    TOO_DEEP = ("nested-too-deep", Grade.ATTACK)
    # It brings code.
    PROGRAM = ("holds-program", Grade.ATTACK)
    DANGEROUS_CODE = ("holds-dangerous-code", Grade.ATTACK)
    CODE = ("holds-code", Grade.REVIEW)
    NO_CHECKSUMS = ("no-checksums", Grade.REVIEW)
    # It breaks its format.
    BROKEN = ("broken-archive", Grade.MALFORMED)
    WRONG_CHECKSUM = ("wrong-checksum", Grade.MALFORMED)
    WRONG_SIZE = ("wrong-size", Grade.MALFORMED)
    OUTSIDE_BYTES = ("bytes-outside-members", Grade.MALFORMED)
    UNPORTABLE_NAME = ("name-means-something-else", Grade.MALFORMED)
    ENCRYPTED = ("encrypted", Grade.MALFORMED)
    UNKNOWN_METHOD = ("unknown-method", Grade.MALFORMED)
    NOT_AN_ARCHIVE = ("not-an-archive", Grade.MALFORMED)
    MANIFEST = ("broken-manifest", Grade.MALFORMED)
    OLD_NAME = ("name-without-encoding", Grade.REMARK)
    LINK = ("link", Grade.REMARK)  # to another member
    # It was not looked into far enough to tell.
    NOT_OPENED = ("not-opened", Grade.MALFORMED)
    NOT_FETCHED = ("not-fetched", Grade.MALFORMED)

    def __init__(self, code: str, grade: Grade) -> None:
        self.code = code
        self.grade = grade


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        rule: What kind.
        member: Path inside the archive, ":" between archives in archives; "" for the file itself.
        text: A clause about it, safe to print.
    """

    rule: Rule
    member: str
    text: str


class Faults(ByRule[Fault]):
    """Faults, of each rule no more than so many: a harmless one in numbers crowds out no grave one."""

    def __init__(self) -> None:
        super().__init__(attrgetter("rule"), _MOST_OF_A_RULE)


class UnpackingError(ScanError):
    """An archive or compressed stream that cannot be read on; `rule` says how it is to be told."""

    def __init__(self, text: str, rule: Rule = Rule.BROKEN) -> None:
        super().__init__(text)
        self.rule = rule


def shown(text: str | bytes, most: int = 80) -> str:
    """A name or text of a hostile file, cut and escaped, safe to print."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    cut = text if len(text) <= most else f"{text[:most]}..."
    return ascii(cut)
