"""Made values by name: `MadeValues(rng, held_out=False).make("date_us")`.

Names, streets and towns of the two halves differ: a half takes every second entry of seeds.yaml.
"""

from __future__ import annotations

import datetime
import functools
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.phi.numbers import NUMBERS, filled


@functools.cache
def load_seeds() -> Mapping[str, Any]:
    """The lists and patterns of seeds.yaml."""
    return yaml.safe_load(Path(__file__).with_name("seeds.yaml").read_text(encoding="utf-8"))


class MadeValues:
    """Makes values of one half.

    Attributes:
        names: Every value that can be made.
    """

    def __init__(self, rng: random.Random, *, held_out: bool) -> None:
        self._rng = rng
        self._half = 1 if held_out else 0
        self._makers: dict[str, Callable[[], str]] = {
            name: functools.partial(self._one, name)
            for name in load_seeds()
            if name not in ("patterns", "months")
        }
        # What is made from a list has the list's name, and comes after it.
        self._makers |= {name: functools.partial(self._of_pattern, name) for name in load_seeds()["patterns"]}
        self._makers |= {name: functools.partial(make, rng) for name, make in NUMBERS.items()}
        self._makers |= self._people() | self._places() | self._dates() | self._addresses()
        self.names = frozenset(self._makers)

    def make(self, name: str) -> str:
        """A fresh value; KeyError for an unknown name."""
        return self._makers[name]()

    def _of_pattern(self, name: str) -> str:
        return filled(self._rng, self._rng.choice(load_seeds()["patterns"][name]))

    def _one(self, name: str) -> str:
        return self._rng.choice(load_seeds()[name][self._half :: 2])

    def _people(self) -> dict[str, Callable[[], str]]:
        one = self._one
        return {
            "full": lambda: f"{one('first')} {one('last')}",
            "full_middle": lambda: f"{one('first')} {self._rng.choice('ABCDEGHJKLMPRST')}. {one('last')}",
            "last_first": lambda: f"{one('last')}, {one('first')}",
            "upper": lambda: f"{one('first')} {one('last')}".upper(),
            "name_es": lambda: f"{one('first_es')} {one('last_es')} {one('last_es')}",
            "name_de": lambda: f"{one('first_de')} {one('last_de')}",
            "name_fr": lambda: f"{one('first_fr')} {one('last_fr')}",
            "name_zh": lambda: one("last_zh") + one("first_zh"),
        }

    def _places(self) -> dict[str, Callable[[], str]]:
        one, rng = self._one, self._rng
        number = functools.partial(rng.randrange, 2, 9000)
        return {
            "street_us": lambda: f"{number()} {one('street')} {one('street_kind')}",
            "street_named": lambda: f"{one('street')} {rng.choice(('Street', 'Avenue', 'Road', 'Lane'))}",
            "street_uk": lambda: f"{rng.randrange(1, 200)} {one('street_uk')}",
            "street_es": lambda: f"{one('street_es')} {rng.randrange(1, 120)}",
            "street_de": lambda: f"{one('street_de')} {rng.randrange(1, 120)}",
            "street_fr": lambda: f"{rng.randrange(1, 120)} {one('street_fr')}",
        }

    def _dates(self) -> dict[str, Callable[[], str]]:
        return {
            "date_us": lambda: self._day().strftime(self._rng.choice(("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y"))),
            "date_iso": lambda: self._day().isoformat(),
            "date_long": lambda: self._written("en", "{month} {day}, {year}"),
            "date_short": lambda: self._written("en", self._rng.choice(("{month} {day}", "{day} {month}"))),
            "date_abbr": lambda: self._written(
                "en", self._rng.choice(("{abbr} {day}, {year}", "{day} {abbr} {year}"))
            ),
            "date_eu": lambda: self._day().strftime("%d.%m.%Y"),
            "date_slash_eu": lambda: self._day().strftime("%d/%m/%Y"),
            "date_es": lambda: self._written("es", "{day} de {month} de {year}"),
            "date_de": lambda: self._written("de", "{day}. {month} {year}"),
            "date_fr": lambda: self._written("fr", "{day} {month} {year}"),
            "date_zh": lambda: self._written("en", "{year}年{number}月{day}日"),
            "age90": lambda: str(self._rng.randrange(90, 106)),
            "age_young": lambda: str(self._rng.randrange(18, 75)),
        }

    def _day(self) -> datetime.date:
        return datetime.date(1950, 1, 1) + datetime.timedelta(days=self._rng.randrange(27_500))

    def _written(self, language: str, form: str) -> str:
        day = self._day()
        month = load_seeds()["months"][language][day.month - 1]
        return form.format(month=month, abbr=month[:3], day=day.day, year=day.year, number=day.month)

    def _addresses(self) -> dict[str, Callable[[], str]]:
        one, rng = self._one, self._rng

        def handle(by: str = ".") -> str:
            return f"{one('first')}{by}{one('last')}".lower().replace("'", "").replace("ö", "oe")

        def scheme() -> str:
            return rng.choice(("https://", "https://", ""))

        return {
            "email": lambda: f"{handle(rng.choice('._-'))}{rng.choice(('', '7', '84'))}@{one('mailhost')}",
            "profile": lambda: f"{scheme()}{one('profile_host')}{handle(rng.choice(('', '-', '.')))}",
            "profile_zh": lambda: f"https://{one('profile_host_zh')}{filled(rng, '##########')}",
            "portal": lambda: f"https://{one('portal_host')}{one('portal_path')}{filled(rng, '######')}",
            "personal": lambda: f"{scheme()}{one('personal_host')}{rng.choice(('', '/about', '/blog'))}",
            "fundraiser": lambda: f"{scheme()}{one('fundraiser_host')}{handle('-')}-{filled(rng, '###')}",
        }
