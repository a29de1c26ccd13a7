"""Whether a repository made from another model keeps what that model's licence asks of whoever passes it on.

Only what can be seen in files and names is looked for: a copy of the licence, prescribed words, the
beginning of the name.

>>> from scanner.licensing.terms import licence_terms
>>> [name] = [duty for duty in licence_terms()["llama3.1"].duties if duty.id == "name"]
>>> _of_name(name.words, ModelRef.parse("hf://acme/Tiny-Llama-8B"), ()).is_kept
False
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from scanner.findings import Location
from scanner.licensing.found import FoundText, LicencesFound
from scanner.licensing.licence import Licence
from scanner.licensing.prescribed import begins_with, line_of, sentence_with
from scanner.licensing.record import Quote, TextRole, Trace
from scanner.licensing.situation import Condition
from scanner.licensing.terms import Duty, DutyKind
from scanner.references import ModelRef

_HUB: Final = "hf"


def trace_of(
    duty: Duty, licence: Licence, found: LicencesFound, ref: ModelRef, bases: Sequence[str] = ()
) -> Trace | None:
    """Whether the repository keeps this duty of a base's licence; None where its files cannot show that.

    What hangs on users, revenue or territory is nobody's to see in a repository. A copy that bears the whole
    name of one of its `bases`, as quantised ones do, bears the licensor's own name.
    """
    if _hangs_on_business(duty.when):
        return None
    match duty.kind:
        case DutyKind.NAMING:
            return _of_name(duty.words, ref, bases)
        case DutyKind.COPY:
            return _of_copy(licence, found)
        case DutyKind.NOTICE | DutyKind.DISPLAY:
            return _of_words(duty.words, found) if duty.words else None
        case _:
            return None


def quote_of(duty: Duty, texts: Sequence[FoundText]) -> Quote | None:
    """The sentence of a licence text that prescribes the words of a duty."""
    for text in texts if duty.words else ():
        sentence = sentence_with(text.text, duty.words)
        if sentence is not None:
            return Quote(text.entry.path, sentence[0], sentence[1], text.entry.sha256)
    return None


def _of_name(words: str, ref: ModelRef, bases: Sequence[str]) -> Trace | None:
    if ref.scheme != _HUB or not words:
        return None
    name = PurePosixPath(ref.location).name
    accepted = (words, *(PurePosixPath(base).name for base in bases))
    is_kept = any(begins_with(name, each) for each in accepted)
    return Trace(is_kept, f"a name that begins with '{words}'")


def _of_copy(licence: Licence, found: LicencesFound) -> Trace:
    sought = f"a copy of the {licence.title}"
    for text in found.texts:
        # A mere mention has no containment; of texts without fingerprint the title is all that is known.
        is_copy = text.reading.containment > 0 or not licence.fingerprints
        if is_copy and any(row.id == licence.id for row in text.reading.licences):
            return Trace(True, sought, Location(text.entry.path))
    return Trace(False, sought)


def _of_words(words: str, found: LicencesFound) -> Trace:
    sought = f"the words '{words}'"
    for text in found.texts:
        # The licence itself quotes the words it asks for; standing there they are not kept.
        is_own_word = text.role is TextRole.NOTICE or not text.reading.licences
        if is_own_word and (line := line_of(text.text, words)):
            return Trace(True, sought, Location(text.entry.path, line))
    if found.card is not None and line_of(found.card.text, words):
        return Trace(True, sought, Location(found.card.path, detail=f"text '{words[:60]}'"))
    return Trace(False, sought)


def _hangs_on_business(condition: Condition) -> bool:
    limits = (condition.mau_above, condition.annual_revenue_usd_above, condition.monthly_revenue_usd_above)
    is_bound = any(limit is not None for limit in limits) or bool(condition.territory or condition.seat)
    return is_bound or any(_hangs_on_business(part) for part in condition.any_of)
