"""What a user does with a model, and the conditions on it that terms of licences are under: three-valued.

What the user did not answer is unknown, never no: a duty that may apply is told as such.

>>> situation = Situation.of({"licence.commercial": "yes", "licence.territory": "DE"})
>>> Condition(commercial=True, territory=("EU",)).holds(situation)
True
>>> Condition(mau_above=100e6).holds(situation) is None
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from scanner.errors import InvalidValueError

PREFIX: Final = "licence."
_YES_NO: Final[Mapping[str, bool]] = {"yes": True, "true": True, "no": False, "false": False}
# Source: Art. 52 of the Treaty on European Union, after the United Kingdom left on 2020-01-31.
EU_MEMBERS: Final = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES",
        "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
        "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
# Iceland, Liechtenstein and Norway with the EU.
EEA_MEMBERS: Final = EU_MEMBERS | {"IS", "LI", "NO"}
_MONTHS: Final = 12


@dataclass(frozen=True)
class Situation:
    """The answers of a user; None is not answered.

    Attributes:
        commercial: Whether the model is used commercially.
        mau: Monthly active users of all products together.
        annual_revenue_usd: In US dollars.
        territory: Where the model is used or passed on: ISO 3166-1 alpha-2 codes, or EU.
        distributes: Whether the model, or one made from it, is passed on.
        trains_on_outputs: Whether other models are trained on what it answers.
        fine_tunes: Whether it is fine-tuned.
        serves_others: Whether others use a service or product of the user's that the model works in.
        seat: Where the user lives, or has the main place of business: codes as in `territory`.
    """

    commercial: bool | None = None
    mau: float | None = None
    annual_revenue_usd: float | None = None
    territory: tuple[str, ...] | None = None
    distributes: bool | None = None
    trains_on_outputs: bool | None = None
    fine_tunes: bool | None = None
    serves_others: bool | None = None
    seat: tuple[str, ...] | None = None

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Situation:
        """The situation written in settings of a check, "licence.mau" -> "2e6".

        Raises:
            InvalidValueError: when an answer is none of the kind asked for.
        """
        given = {field.name: settings.get(PREFIX + field.name, "") for field in fields(cls)}
        return cls(
            mau=_number("mau", given["mau"]),
            annual_revenue_usd=_number("annual_revenue_usd", given["annual_revenue_usd"]),
            territory=_codes("territory", given["territory"]),
            seat=_codes("seat", given["seat"]),
            **{name: _yes_no(name, given[name]) for name in _YES_NO_KEYS},
        )


_YES_NO_KEYS: Final = ("commercial", "distributes", "trains_on_outputs", "fine_tunes", "serves_others")
SETTINGS: Final = tuple(PREFIX + field.name for field in fields(Situation))


@dataclass(frozen=True)
class Condition:
    """When a term applies: everything that is stated has to hold; nothing stated is always.

    Attributes:
        commercial: As in `Situation`.
        distributes: As in `Situation`.
        trains_on_outputs: As in `Situation`.
        fine_tunes: As in `Situation`.
        serves_others: As in `Situation`.
        mau_above: Monthly active users.
        annual_revenue_usd_above: US dollars a year.
        monthly_revenue_usd_above: US dollars a month; a twelfth of the annual revenue is held against it.
        territory: The user is active in one of these.
        seat: The user has the seat in one of these.
        any_of: At least one of these holds.
    """

    commercial: bool | None = None
    distributes: bool | None = None
    trains_on_outputs: bool | None = None
    fine_tunes: bool | None = None
    serves_others: bool | None = None
    mau_above: float | None = None
    annual_revenue_usd_above: float | None = None
    monthly_revenue_usd_above: float | None = None
    territory: tuple[str, ...] = ()
    seat: tuple[str, ...] = ()
    any_of: tuple[Condition, ...] = ()

    def holds(self, situation: Situation) -> bool | None:
        """Whether it holds; None when an answer that decides it is missing."""
        return _all(truth for _, truth in self._parts(situation))

    def open_questions(self, situation: Situation) -> tuple[str, ...]:
        """The keys of the answers that are missing, "mau"; () when the condition is decided."""
        if self.holds(situation) is not None:
            return ()
        undecided = [key for key, truth in self._parts(situation) if truth is None]
        return tuple(dict.fromkeys(name for key in undecided for name in key))

    def _parts(self, situation: Situation) -> Iterator[tuple[tuple[str, ...], bool | None]]:
        """Every stated part: the answers it needs, and what it comes to."""
        for name in _YES_NO_KEYS:
            wanted, answer = getattr(self, name), getattr(situation, name)
            if wanted is not None:
                yield (name,), None if answer is None else answer is wanted
        revenue = situation.annual_revenue_usd
        monthly = None if revenue is None else revenue / _MONTHS
        for key, limit, amount in (
            ("mau", self.mau_above, situation.mau),
            ("annual_revenue_usd", self.annual_revenue_usd_above, revenue),
            ("annual_revenue_usd", self.monthly_revenue_usd_above, monthly),
        ):
            if limit is not None:
                yield (key,), None if amount is None else amount > limit
        for key, active, named in (
            ("territory", situation.territory, self.territory),
            ("seat", situation.seat, self.seat),
        ):
            if named:
                yield (key,), _touches(active, named)
        if self.any_of:
            questions = tuple(name for each in self.any_of for name in each.open_questions(situation))
            yield questions, _any(each.holds(situation) for each in self.any_of)


def _all(truths: Iterable[bool | None]) -> bool | None:
    found = list(truths)
    return False if False in found else None if None in found else True


def _any(truths: Iterable[bool | None]) -> bool | None:
    found = list(truths)
    return True if True in found else None if None in found else False


def _touches(active: tuple[str, ...] | None, named: tuple[str, ...]) -> bool | None:
    if active is None:
        return None
    return not countries(active).isdisjoint(countries(named))


def countries(codes: Iterable[str]) -> frozenset[str]:
    """The countries that codes mean, EU and EEA as their members."""
    groups = {"EU": EU_MEMBERS, "EEA": EEA_MEMBERS}
    return frozenset(country for code in codes for country in groups.get(code, {code}))


def _yes_no(name: str, text: str) -> bool | None:
    if not text:
        return None
    if text.casefold() not in _YES_NO:
        raise InvalidValueError(f"{PREFIX}{name}: is '{text}'; expected yes or no")
    return _YES_NO[text.casefold()]


def _number(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace("_", ""))
    except ValueError as error:
        raise InvalidValueError(f"{PREFIX}{name}: is '{text}'; expected a number, such as 2e6") from error
    if not 0 <= value < float("inf"):
        raise InvalidValueError(f"{PREFIX}{name}: is '{text}'; expected a number that is not negative")
    return value


def _codes(name: str, text: str) -> tuple[str, ...] | None:
    codes = tuple(code.strip().upper() for code in text.replace(";", ",").split(",") if code.strip())
    for code in codes:
        if not (code in ("EU", "EEA") or (len(code) == 2 and code.isalpha() and code.isascii())):
            raise InvalidValueError(
                f"{PREFIX}{name}: '{code}' is no ISO 3166-1 alpha-2 code; expected EU, US, GB, ..."
            )
    return codes or None
