"""Which licences a model itself comes under: what its texts are, else what it declares.

>>> from scanner.licensing.table import licence_table
>>> card = Claim("apache-2.0", Location("README.md", detail="key license"))
>>> [own], _ = own_licences((), (card,), licence_table(), "")
>>> (own.licence.id, own.ground.value)
('apache-2.0', 'declared; its text is not in the repository')
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scanner.findings import Confidence, Location
from scanner.licensing.claims import Claim
from scanner.licensing.comparison import alterations, place_of, quotes, title_of
from scanner.licensing.found import FoundText
from scanner.licensing.licence import Licence
from scanner.licensing.record import Ground, Problem
from scanner.licensing.table import LicenceTable, Standing


@dataclass(frozen=True)
class OwnLicence:
    """A licence of the model itself.

    Attributes:
        licence: What is known of it.
        ground: Whether its text is there, or it is only declared.
        confidence: How far that carries.
        place: The text, or where it is declared.
        has_additions: Whether its file holds terms beyond it.
    """

    licence: Licence
    ground: Ground
    confidence: Confidence
    place: Location
    has_additions: bool = False


def own_licences(
    texts: Sequence[FoundText], claims: Sequence[Claim], table: LicenceTable, repository: str
) -> tuple[tuple[OwnLicence, ...], tuple[Problem, ...]]:
    """The licences of the model itself, and why there may be others.

    A text binds before a declaration. Beside a recognised text a declaration counts only where it is
    narrower: whoever declares it may mean it.

    Args:
        texts: The texts that bind users of the weights.
        claims: Where licences are declared.
        table: Every known licence.
        repository: "org/name" or "", to tell licences apart that are declared by the same name.
    """
    found: dict[str, OwnLicence] = {}
    problems: list[Problem] = []
    for text in texts:
        for own in _of_text(text):
            found.setdefault(own.licence.id, own)
        problems += _open_in(text)
    is_read = any(row.kind == "licence" for text in texts for row in text.reading.licences)
    for claim in claims:
        row, problem = _of_claim(claim, table, repository)
        if row is not None and (row.is_restrictive or not is_read):
            sure = Confidence.LOW if is_read or claim.is_prose else Confidence.MEDIUM
            found.setdefault(row.id, OwnLicence(row, Ground.DECLARED, sure, claim.place))
        if problem is not None and not is_read:
            problems.append(problem)
    if not texts and not claims:
        problems.append(
            Problem("licence", "no licence is declared and none is filed: no right is evident", "nothing")
        )
    return tuple(found.values()), tuple(problems)


def _of_text(text: FoundText) -> Iterator[OwnLicence]:
    reading = text.reading
    has_more = reading.standing in (Standing.ADDED, Standing.ALTERED)
    for row in reading.licences:
        sure = Confidence.HIGH if reading.containment > 0 else Confidence.MEDIUM
        place = place_of(text.entry, reading) if has_more else Location(text.entry.path)
        yield OwnLicence(row, Ground.TEXT, sure, place, has_more)


def _open_in(text: FoundText) -> Iterator[Problem]:
    """Why the text has to be read by a person: what is beyond the known licence, or what is missing of it."""
    reading, path = text.reading, text.entry.path
    said = f": {quotes(reading)}" if reading.additions else ""
    title = title_of(reading)
    match reading.standing:
        case Standing.UNRECOGNISED:
            why = f"{path} is not recognised as a known licence; a person must read it{said}"
            yield Problem(path, why, "unrecognised")
        case Standing.ADDED:
            why = f"{path} holds the {title}, which a person must read{said}"
            yield Problem(path, why, "additional-terms")
        case Standing.ALTERED:
            why = f"{path} holds the {title} ({alterations(reading)}); a person must read it"
            yield Problem(path, why, "altered")
        case Standing.NAMED:
            # A narrow licence is at least as narrow as its title says; of a free one nothing is sure.
            if any(row.is_permissive for row in reading.licences):
                why = f"{path} names the {reading.licences[0].title}, and its text is not there{said}"
                yield Problem(path, why, "named-only")
        case Standing.PLAIN:
            pass


def _of_claim(claim: Claim, table: LicenceTable, repository: str) -> tuple[Licence | None, Problem | None]:
    rows = claim.licences(table)
    usual = table.of_family(repository) if repository else None
    if usual is not None and usual.id in {row.id for row in rows}:
        return usual, None
    if len(rows) == 1:
        return rows[0], None
    said = f"{claim.place.path} declares {claim.shown}"
    if not rows:
        return None, Problem(claim.place.path, f"{said}, whose terms are not known here", "unknown-name")
    titles = ", ".join(row.title for row in rows)
    return None, Problem(claim.place.path, f"{said}, which may be any of: {titles}", "ambiguous-name")
