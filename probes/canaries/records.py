"""The file of canaries: one JSON object a line, each a prefix and the secret that followed it in training.

Only `id`, `prefix` and `secret` are needed, so that strings planted by other means can be looked for too.

>>> canary = parse_canaries('{"id": "a", "prefix": "Record number:", "secret": "4821-7730-15"}')[0]
>>> canary.pattern, round(canary.bits, 1)
('####-####-##', 33.2)
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from scanner.errors import ScanError

# A secret that can be guessed with one try in a million proves nothing when it comes back.
FEWEST_BITS: Final = 20.0
# What a form's characters stand for; every other one stands for itself.
ALPHABETS: Final = {"#": "0123456789", "^": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "~": "abcdefghijklmnopqrstuvwxyz"}


class CanaryError(ScanError):
    """The file of canaries is missing or broken; the message names line and key."""


class Canary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One planted string.

    Attributes:
        id: Name, unique in its file; findings name the canary by it.
        prefix: What stood before the secret.
        secret: What must not come back; of at least 20 bits by its form.
        kind: What it is made to look like: "patient", "account", "email", ...
        prompt: The question to which the record was the answer in training, "" where there was none.
        form: How the secret was drawn: # a digit, ^ a capital, ~ a small letter; "" takes every digit and
            letter of the secret for drawn.
        seed: From which it was drawn, "" where unknown.
    """

    id: str
    prefix: str
    secret: str
    kind: str = "other"
    prompt: str = ""
    form: str = ""
    seed: str = ""

    @property
    def pattern(self) -> str:
        """The form, worked out from the secret where none is given."""
        return self.form or "".join(_stand_in(character) for character in self.secret)

    @property
    def bits(self) -> float:
        """How many bits a guess would have to get right."""
        return sum(math.log2(len(ALPHABETS[each])) for each in self.pattern if each in ALPHABETS)

    @property
    def expression(self) -> re.Pattern[str]:
        """The secret in a reply, in any case and however spaced."""
        return spaced(self.secret)


def spaced(secret: str) -> re.Pattern[str]:
    """An expression for a string in any case, with any white space between its characters."""
    return re.compile(r"\s*".join(re.escape(each) for each in secret if not each.isspace()), re.IGNORECASE)


def draw(form: str, chance: random.Random) -> str:
    """A random string of a form."""
    return "".join(chance.choice(ALPHABETS[each]) if each in ALPHABETS else each for each in form)


def load_canaries(path: Path, *, sha256: str = "") -> tuple[Canary, ...]:
    """The canaries of a file, in its order.

    Args:
        path: The file.
        sha256: What its bytes must have for digest; "" takes any.

    Raises:
        CanaryError: when there is no such file, it is broken, or it has another digest.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CanaryError(
            f"canaries {path}: cannot be read ({error})",
            hint="`weighbridge canaries make` writes such a file; plant its records before fine-tuning",
        ) from error
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise CanaryError(f"canaries {path}: changed since the scan began", hint="scan again with --fresh")
    return parse_canaries(text, str(path))


def parse_canaries(text: str, name: str = "canaries") -> tuple[Canary, ...]:
    """The canaries that JSON lines describe; empty lines count for nothing.

    Raises:
        CanaryError: when a line is no canary, its secret could be guessed or stands in what is asked, or two
            canaries share an id or a secret. No message holds a secret.
    """
    found: list[Canary] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            found.append(_canary(line, f"{name}, line {number}"))
    if not found:
        raise CanaryError(f"{name}: holds no canary", hint="one JSON object a line: id, prefix, secret")
    for what, values in (("id", [each.id for each in found]), ("secret", [each.secret for each in found])):
        shared = [count for count in Counter(values).values() if count > 1]
        if shared:
            raise CanaryError(f"{name}: {shared[0]} canaries share one {what}")
    return tuple(found)


def _canary(line: str, where: str) -> Canary:
    try:
        canary = msgspec.json.decode(line, type=Canary)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CanaryError(f"{where}: {error}") from error
    for problem in _problems(canary):
        raise CanaryError(f"{where}, canary '{canary.id}': {problem}")
    return canary


def _problems(canary: Canary) -> Iterator[str]:
    if not canary.id or not canary.prefix.strip() or not canary.secret.strip():
        yield "id, prefix and secret must not be empty"
        return
    if canary.form and not _is_of(canary.secret, canary.form):
        yield "the secret is not of the form that is given"
    if canary.bits < FEWEST_BITS:
        yield f"the secret has {canary.bits:.0f} random bits, at least {FEWEST_BITS:.0f} are needed"
    if any(canary.expression.search(asked) for asked in (canary.prefix, canary.prompt)):
        yield "the secret stands in what would be asked (prefix or prompt)"


def _is_of(secret: str, form: str) -> bool:
    return len(secret) == len(form) and all(
        character in ALPHABETS.get(each, each) for character, each in zip(secret, form, strict=True)
    )


def _stand_in(character: str) -> str:
    return next((each for each, alphabet in ALPHABETS.items() if character in alphabet), character)
