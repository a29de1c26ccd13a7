"""One party on a published screening list, and the rows of three governments' files as such parties.

The columns are theirs: the Consolidated Screening List of the US (one row per party), the EU's consolidated
list of financial sanctions (CSV 1.1, one row per name, address or number), and the UK Sanctions List (one row
per name).

Source: https://developer.trade.gov, Consolidated Screening List; https://data.europa.eu, consolidated list of
persons, groups and entities subject to EU financial sanctions, CSV 1.1; https://www.gov.uk, UK Sanctions
List; columns as public programs that read these files have them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

_LONGEST_TEXT: Final = 500
_MOST_ALIASES: Final = 500
_SUCCESSORS: Final = re.compile(r",? and any successor,? sub-?units?,? or subsidiar(?:y|ies) thereof", re.I)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_WRITTEN_DAYS: Final = ("%d/%m/%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y")
# Lists in the US file that the shipped table knows too; matches count under the same rule.
_US_RULES: Final = {"(EL)": "bis-entity-list", "(SDN)": "ofac-sdn"}
_KINDS: Final = {
    "person": "Individual", "p": "Individual", "individual": "Individual", "enterprise": "Entity",
    "e": "Entity", "entity": "Entity", "ship": "Vessel", "vessel": "Vessel", "aircraft": "Aircraft",
}  # fmt: skip


class ScreenedParty(msgspec.Struct, frozen=True, omit_defaults=True):
    """One party on one of the lists in a file.

    Attributes:
        name: As the list has it.
        source: The list: "Entity List (EL) - Bureau of Industry and Security".
        rule: Under which id a match counts: "bis-entity-list", "consolidated-screening-list".
        aliases: Other names that the list gives.
        kind: "Entity", "Individual", "Vessel", "Aircraft", or "" where the list does not tell.
        number: Of the entry, or "".
        start: First day, ISO, or "".
        end: Last day, ISO, or "".
        cite: The notice that named it, or "".
        programs: Sanctions programmes, or none.
        url: Where the list itself is published, or "".
    """

    name: str
    source: str
    rule: str
    aliases: tuple[str, ...] = ()
    kind: str = ""
    number: str = ""
    start: str = ""
    end: str = ""
    cite: str = ""
    programs: tuple[str, ...] = ()
    url: str = ""

    def counts_on(self, day: datetime.date) -> bool:
        """Whether the file has it on its list on that day; days that cannot be read do not take it off."""
        shown = day.isoformat()
        begins = self.start if _DAY.fullmatch(self.start) else ""
        ends = self.end if _DAY.fullmatch(self.end) else ""
        return begins <= shown and (not ends or shown <= ends)


Cells = Mapping[str, object]


@dataclass(frozen=True)
class Layout:
    """How one government writes its list.

    Attributes:
        id: Of the whole list, "consolidated-screening-list"; also the rule of its parties without another.
        title: As people call it.
        delimiter: Between the cells of its CSV.
        needed: Columns without which it is another file, in lower case.
        party: The party that a row of it tells, None for a row that is broken.
        is_grouped: Whether several rows tell of one party, by its number; then a row may have no name.
    """

    id: str
    title: str
    delimiter: str
    needed: frozenset[str]
    party: Callable[[Cells], ScreenedParty | None]
    is_grouped: bool


def us_party(cells: Cells) -> ScreenedParty | None:
    """A row of the Consolidated Screening List; JSON and CSV differ in how they write lists."""
    name, source = _SUCCESSORS.sub("", text_of(cells.get("name"))), text_of(cells.get("source"))
    if not name or not source:
        return None
    return ScreenedParty(
        name=name,
        source=source,
        rule=next((rule for sign, rule in _US_RULES.items() if sign in source), US.id),
        aliases=tuple(alias for alias in _texts(cells.get("alt_names")) if alias != name),
        kind=_kind(cells.get("type")),
        number=text_of(cells.get("entity_number")) or text_of(cells.get("id")) or text_of(cells.get("_id")),
        start=iso_day(text_of(cells.get("start_date"))),
        end=iso_day(text_of(cells.get("end_date"))),
        cite=text_of(cells.get("federal_register_notice")),
        programs=_texts(cells.get("programs"))[:20],
        url=text_of(cells.get("source_list_url")) or text_of(cells.get("source_information_url")),
    )


def eu_party(cells: Cells) -> ScreenedParty | None:
    """A row of the EU's list: its entity and one of its names, or "" in rows that tell an address."""
    number, programme = (
        text_of(cells.get("entity_logicalid")),
        text_of(cells.get("entity_regulation_programme")),
    )
    if not number:
        return None
    parts = (text_of(cells.get(f"namealias_{part}name")) for part in ("first", "middle", "last"))
    return ScreenedParty(
        name=text_of(cells.get("namealias_wholename")) or " ".join(filter(None, parts)),
        source=f"{EU.title} ({programme})" if programme else EU.title,
        rule="eu-269-2014" if programme == "UKR" else EU.id,
        kind=_kind(cells.get("entity_subjecttype_classificationcode") or cells.get("entity_subjecttype")),
        number=number,
        start=iso_day(text_of(cells.get("entity_designationdate"))),
        cite=text_of(cells.get("entity_regulation_numbertitle")),
        programs=(programme,) if programme else (),
        url=text_of(cells.get("entity_regulation_publicationurl")),
    )


def uk_party(cells: Cells) -> ScreenedParty | None:
    """A row of the UK's list: its designation and one of its names."""
    number, regime = text_of(cells.get("unique id")), text_of(cells.get("regime name"))
    if not number:
        return None
    parts = (text_of(cells.get(f"name {place}")) for place in (1, 2, 3, 4, 5, 6))
    return ScreenedParty(
        name=" ".join(filter(None, parts)),
        source=f"{UK.title} ({regime})" if regime else UK.title,
        rule="uk-russia-2019" if regime.startswith("The Russia (Sanctions)") else UK.id,
        kind=_kind(cells.get("designation type")),
        number=number,
        start=iso_day(text_of(cells.get("date designated"))),
        programs=(regime,) if regime else (),
    )


US: Final = Layout(
    "consolidated-screening-list", "Consolidated Screening List", ",", frozenset({"name", "source"}),
    us_party, is_grouped=False,
)  # fmt: skip
EU: Final = Layout(
    "eu-consolidated-list", "EU consolidated list of financial sanctions", ";",
    frozenset({"entity_logicalid", "namealias_wholename"}), eu_party, is_grouped=True,
)  # fmt: skip
UK: Final = Layout(
    "uk-sanctions-list", "UK Sanctions List", ",",
    frozenset({"unique id", "name 6", "designation type"}), uk_party, is_grouped=True,
)  # fmt: skip
LAYOUTS: Final = (EU, UK, US)


def grouped(parties: Iterable[ScreenedParty]) -> list[ScreenedParty]:
    """One party per number: the first name is its name, the others are aliases; without any name, none."""
    known: dict[str, list[ScreenedParty]] = {}
    for party in parties:
        known.setdefault(party.number, []).append(party)
    found = []
    for rows in known.values():
        names = tuple(dict.fromkeys(row.name for row in rows if row.name))
        if names:
            found.append(
                msgspec.structs.replace(rows[0], name=names[0], aliases=names[1 : _MOST_ALIASES + 1])
            )
    return found


def iso_day(text: str) -> str:
    """A day in one of the ways in which these files write it, as ISO; other texts as they are."""
    if not text or is_day(text):  # nearly all of them, and strptime is slow
        return text
    for written in _WRITTEN_DAYS:
        try:
            return datetime.datetime.strptime(text, written).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return text


def is_day(text: str) -> bool:
    """Whether this is a day in ISO form."""
    return bool(_DAY.fullmatch(text))


def text_of(value: object) -> str:
    """A cell as one printable line, "" for what is no text or number."""
    return one_line(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def one_line(text: str) -> str:
    """One printable line of bounded length."""
    joined = " ".join(text[: _LONGEST_TEXT * 4].split())
    if not joined.isprintable():
        joined = "".join(char for char in joined if char.isprintable())
    return joined[:_LONGEST_TEXT]


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts, or one text whose parts stand between semicolons, as the CSV has it."""
    whole: Iterable[object] = value if isinstance(value, list) else (value,)
    parts = (part.strip() for each in whole if isinstance(each, str) for part in each.split(";"))
    return tuple(dict.fromkeys(one_line(_SUCCESSORS.sub("", part)) for part in parts if part))[:_MOST_ALIASES]


def _kind(value: object) -> str:
    text = text_of(value)
    return _KINDS.get(text.casefold(), text)
