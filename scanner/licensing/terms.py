"""What each licence obliges its users to, as data: duties with the condition under which each applies.

>>> terms = licence_terms()["mit"]
>>> [duty.id for duty in terms.duties]
['notice']
"""

from __future__ import annotations

import datetime
import enum
import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.licensing.situation import Condition
from scanner.licensing.table import Grade, licence_table

_SCHEMA: Final = "weighbridge.licence-terms/1"
# The loader written in C reads the files in a tenth of the time.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TermsDataError(ScanError):
    """The shipped terms of licences are broken."""


class DutyKind(enum.Enum):
    """What sort of thing a licence asks for."""

    FORBIDDEN = "forbidden"  # no rights where the condition holds
    PERMISSION = "permission"  # no rights until the licensor agrees
    REGISTRATION = "registration"  # no rights until the user has told the licensor
    DISPLAY = "display"
    NAMING = "naming"
    NOTICE = "notice"
    COPY = "copy"
    CHANGES = "changes"
    USE_POLICY = "use-policy"
    PASS_ON = "pass-on"  # bind the next user to the restrictions
    SHARE_ALIKE = "share-alike"  # licence what is made from it on the same terms, or with source
    OUTPUTS = "outputs"  # conditions on outputs short of a ban, which is FORBIDDEN
    OTHER = "other"


class Inheritance(enum.Enum):
    """What of a licence binds whoever uses a model made from the licensed one."""

    NOTICES = "notices"
    USE_RESTRICTIONS = "use-restrictions"
    ALL = "all"
    NONE = "none"
    UNCLEAR = "unclear"


class Distillation(enum.Enum):
    """What a licence says of models trained on the model's outputs."""

    FREE = "free"
    NAMING = "naming"
    DERIVATIVE = "derivative"
    FORBIDDEN = "forbidden"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Duty:
    """One thing that a licence asks for, in our own words.

    Attributes:
        id: Unique within the licence.
        kind: What sort of thing.
        what: What is to be done or left, as a sentence without the full stop.
        when: Under which condition it applies.
        words: The exact words to show, name or write down, where the licence prescribes them.
        where: Where to show them.
        place: Section of the licence that says so.
        link: Address of a policy that is part of the licence.
        counted: When the users or the revenue of the condition are counted, where the licence says so.
        only_for: Which of the models under the licence it is about, "the vision models"; "" when all.
    """

    id: str
    kind: DutyKind
    what: str
    when: Condition = Condition()
    words: str = ""
    where: str = ""
    place: str = ""
    link: str = ""
    counted: str = ""
    only_for: str = ""


@dataclass(frozen=True)
class Terms:
    """What a licence grants and asks.

    Attributes:
        licence: Id of the licence in licences.yaml.
        duties: What it asks for.
        inheritance: What binds users of models made from the licensed one.
        distillation: What it says of models trained on outputs.
        courts: Where disputes go, "" where the text names none; the governing law is in licences.yaml.
        ends: What ends the licence, a phrase each.
        remote_restriction: Whether the licensor may restrict use from afar, or change terms later.
        source: Where the text was read or, when known from others who quote it, where it stands.
        grade: How they are known.
        checked: Day on which they were last checked.
    """

    licence: str
    source: str
    grade: Grade
    checked: datetime.date
    duties: tuple[Duty, ...] = ()
    inheritance: Inheritance = Inheritance.UNCLEAR
    distillation: Distillation = Distillation.UNCLEAR
    courts: str = ""
    ends: tuple[str, ...] = ()
    remote_restriction: bool = False

    @property
    def excluded_territories(self) -> tuple[str, ...]:
        """Where the licence gives no rights to anybody, in order: ISO codes and EU; () when nowhere."""
        barred = (duty for duty in self.duties if duty.kind is DutyKind.FORBIDDEN)
        alone = (duty.when for duty in barred if duty.when == Condition(territory=duty.when.territory))
        return tuple(dict.fromkeys(code for condition in alone for code in condition.territory))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    version: str
    licence: str
    terms: tuple[dict[str, object], ...]


@functools.cache
def licence_terms() -> Mapping[str, Terms]:
    """The terms of every licence of the table that they are known of, by its id.

    Raises:
        TermsDataError: when a file is broken; the message names file and row.
    """
    found: dict[str, Terms] = {}
    known = {row.id for row in licence_table().licences}
    folder = importlib.resources.files("scanner") / "data" / "licence_terms"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        for terms in parse_terms(file.read_text(encoding="utf-8"), file.name):
            if terms.licence not in known:
                raise TermsDataError(f"{file.name}, row {terms.licence}: no such row in licences.yaml")
            if terms.licence in found:
                raise TermsDataError(f"{file.name}, row {terms.licence}: stands twice")
            found[terms.licence] = terms
    return found


def parse_terms(text: str, name: str) -> tuple[Terms, ...]:
    """The terms written in one YAML file called `name`.

    Raises:
        TermsDataError: when it is broken; the message names the row.
    """
    try:
        document = msgspec.convert(yaml.load(text, Loader=_LOADER), _Document)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise TermsDataError(f"{name}: {error}") from error
    if document.schema != _SCHEMA:
        raise TermsDataError(f"{name}: schema is '{document.schema}'; expected '{_SCHEMA}'")
    return tuple(_terms(row, name) for row in document.terms)


def _terms(row: Mapping[str, object], name: str) -> Terms:
    where = f"{name}, row {row.get('licence')}"
    _refuse_unknown(row, Terms, where)
    for duty in _rows(row, "duties"):
        _refuse_unknown(duty, Duty, f"{where}, duty {duty.get('id')}")
        _refuse_unknown_condition(duty.get("when", {}), f"{where}, duty {duty.get('id')}, key when")
    try:
        terms = msgspec.convert(row, Terms)
    except msgspec.ValidationError as error:
        raise TermsDataError(f"{where}: {error}") from error
    ids = [duty.id for duty in terms.duties]
    if len(set(ids)) != len(ids):
        raise TermsDataError(f"{where}: a duty's id stands twice")
    return terms


def _refuse_unknown(row: Mapping[str, object], kind: type, where: str) -> None:
    # A misspelt key would silently leave a duty without its condition.
    if unknown := set(row) - set(kind.__dataclass_fields__):  # type: ignore[attr-defined]
        raise TermsDataError(f"{where}: unknown key '{min(unknown)}'")


def _refuse_unknown_condition(condition: object, where: str) -> None:
    if not isinstance(condition, dict):
        raise TermsDataError(f"{where}: is {type(condition).__name__}; expected a mapping")
    _refuse_unknown(condition, Condition, where)
    for part in _rows(condition, "any_of"):
        _refuse_unknown_condition(part, where)


def _rows(row: Mapping[str, object], key: str) -> list[dict[str, object]]:
    rows = row.get(key, [])
    return [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
