"""Numbers with check digits, made by chance: valid in form, assigned to nobody whom we know.

A check character is found by trying each, so that the validators of python-stdnum and presidio decide.

>>> luhn.is_valid(card(random.Random(1)).replace(" ", ""))
True
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from stdnum import ean, iban, isbn, luhn
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.us import rtn

from probes.check_digits import de_kvnr, de_pension_number, dea, es_social_security, npi, vin

_DIGITS: Final = "0123456789"
_CAPITALS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNMISTAKEN: Final = "ACDEFGHJKMNPQRTUVWXY"  # letters that the MBI allows


def filled(rng: random.Random, pattern: str) -> str:
    """A pattern with its signs replaced: "#" by a digit, "@" by a capital, "%" by a hexadecimal digit."""
    signs = {"#": _DIGITS, "@": "ABCDEFGHJKLMNPRSTUVWXYZ", "%": "0123456789abcdef"}
    return "".join(rng.choice(signs[sign]) if sign in signs else sign for sign in pattern).strip()


def completed(start: str, is_valid: Callable[[str], bool], signs: str = _DIGITS, end: str = "") -> str:
    """The start with the check character that makes it valid; "" when none does."""
    return next((start + sign + end for sign in signs if is_valid(start + sign + end)), "")


def _tried(make: Callable[[], str]) -> str:
    """The first made number that is one; some starts have no valid check digit."""
    return next(number for number in (make() for _ in range(1000)) if number)


def _grouped(number: str, *sizes: int, by: str = " ") -> str:
    parts, place = [], 0
    for size in sizes:
        parts.append(number[place : place + size])
        place += size
    return by.join([*parts, number[place:]] if number[place:] else parts)


def card_plain(rng: random.Random) -> str:
    """A payment card number without spaces."""
    pattern = rng.choice(("4##############", "52#############", "54#############", "37############"))
    return completed(filled(rng, pattern), luhn.is_valid)


def card(rng: random.Random) -> str:
    """A payment card number, grouped."""
    number = card_plain(rng)
    sizes = (4, 4, 4, 4) if len(number) == 16 else (4, 6, 5)
    return _grouped(number, *sizes, by=rng.choice((" ", "-")))


def bank_iban(rng: random.Random) -> str:
    """An IBAN of Germany, the Netherlands or Great Britain, grouped or not."""
    country, pattern = rng.choice(
        (("DE", "##################"), ("NL", "ABNA##########"), ("GB", "NWBK##############"))
    )
    rest = filled(rng, pattern)
    number = country + iban.calc_check_digits(f"{country}00{rest}") + rest
    return number if rng.random() < 0.5 else " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def ssn(rng: random.Random) -> str:
    """Nine digits in the range that the Social Security Administration issues."""
    area = rng.choice([*range(1, 666), *range(667, 900)])
    return f"{area:03}{rng.randrange(1, 100):02}{rng.randrange(1, 10000):04}"


def mbi(rng: random.Random) -> str:
    """A Medicare beneficiary identifier without dashes."""
    signs = {"N": "123456789", "A": _UNMISTAKEN, "X": _UNMISTAKEN + _DIGITS, "D": _DIGITS}
    return "".join(rng.choice(signs[sign]) for sign in "NAXDAXDAADD")


def udi(rng: random.Random) -> str:
    """A unique device identifier as GS1 writes it: product, expiry, lot, serial number."""
    gtin = completed(filled(rng, "008##########"), ean.is_valid)
    return f"(01){gtin}(17)27{rng.randrange(1, 13):02}30(10){filled(rng, '@##')}(21){filled(rng, '@#####')}"


def _idnr(rng: random.Random) -> str:
    digits = rng.sample(_DIGITS, 9)
    digits.insert(rng.randrange(1, 9), digits[0])
    return completed("".join(digits), idnr.is_valid)


def _ric(rng: random.Random) -> str:
    place = rng.choice(("110105", "310115", "440106", "510107", "330106"))
    born = f"{rng.randrange(1940, 2010)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"
    return completed(place + born + filled(rng, "###"), ric.is_valid, "0123456789X")


def _pension(rng: random.Random) -> str:
    born = f"{rng.randrange(1, 29):02}{rng.randrange(1, 13):02}{rng.randrange(30, 99)}"
    start = rng.choice(("65", "12", "53")) + born + rng.choice(_CAPITALS) + filled(rng, "##")
    return completed(start, de_pension_number)


def _nir(rng: random.Random) -> str:
    start = f"{rng.choice('12')}{rng.randrange(30, 99)}{rng.randrange(1, 13):02}75{filled(rng, '######')}"
    return _grouped(start + nir.calc_check_digits(start), 1, 2, 2, 2, 3, 3, 2)


def _spanish_pension(rng: random.Random) -> str:
    start = filled(rng, "28########")
    return next(f"{start}{check:02}" for check in range(97) if es_social_security(f"{start}{check:02}"))


def _us_number(rng: random.Random) -> tuple[str, str, str]:
    area = rng.choice(("212", "312", "415", "617", "206", "303", "404", "713", "602", "503", "614", "802"))
    exchange = f"{rng.choice('2346789')}{rng.choice('2345678')}{rng.choice(_DIGITS)}"
    return area, exchange, filled(rng, "####")


def phone_us(rng: random.Random) -> str:
    """A valid number of the United States in one of the usual forms."""
    form = rng.choice(("({}) {}-{}", "{}-{}-{}", "{} {} {}", "1-{}-{}-{}", "({}){}-{}"))
    return form.format(*_us_number(rng))


NUMBERS: Final[Mapping[str, Callable[[random.Random], str]]] = {
    "card": card,
    "card_plain": card_plain,
    "card4": lambda rng: filled(rng, "####"),
    "iban": bank_iban,
    "ssn": lambda rng: _grouped(ssn(rng), 3, 2, 4, by="-"),
    "ssn_spaces": lambda rng: _grouped(ssn(rng), 3, 2, 4),
    "ssn_plain": ssn,
    "ssn4": lambda rng: filled(rng, "####"),
    "mbi": lambda rng: _grouped(mbi(rng), 4, 3, 4, by="-"),
    "mbi_plain": mbi,
    "nhs": lambda rng: _grouped(_tried(lambda: completed(filled(rng, "4########"), nhs.is_valid)), 3, 3, 4),
    "npi": lambda rng: completed(filled(rng, "1########"), npi),
    "dea": lambda rng: completed(filled(rng, "B@######"), dea),
    "vin": lambda rng: _tried(
        lambda: completed(filled(rng, "1HG@#826"), vin, "0123456789X", filled(rng, "#A######"))
    ),
    "imei": lambda rng: completed(filled(rng, "35############"), luhn.is_valid),
    "mac": lambda rng: ":".join(filled(rng, "%%").upper() for _ in range(6)).replace("FF:FF", "A0:B1"),
    "udi": udi,
    "kvnr": lambda rng: completed(filled(rng, "@########"), de_kvnr),
    "nss_es": _spanish_pension,
    "svnr_de": _pension,
    "nir": _nir,
    "dni": lambda rng: completed(filled(rng, "########"), dni.is_valid, _CAPITALS),
    "nie": lambda rng: completed(filled(rng, "X#######"), nie.is_valid, _CAPITALS),
    "idnr_de": lambda rng: _tried(lambda: _idnr(rng)),
    "ric": lambda rng: _tried(lambda: _ric(rng)),
    "aadhaar": lambda rng: _grouped(completed(filled(rng, "4##########"), aadhaar.is_valid), 4, 4, 4),
    "rtn": lambda rng: completed(filled(rng, "0210####"), rtn.is_valid),
    "isbn": lambda rng: isbn.format(completed(filled(rng, "978316######"), isbn.is_valid)),
    "phone_us": phone_us,
    "phone_dots": lambda rng: ".".join(_us_number(rng)),
    "phone_plus_us": lambda rng: "+1 {} {} {}".format(*_us_number(rng)),
    "ipv4": lambda rng: (
        f"{rng.choice((24, 73, 81, 93, 176, 212))}.{rng.randrange(1, 255)}."
        f"{rng.randrange(1, 255)}.{rng.randrange(1, 255)}"
    ),
    "ipv6": lambda rng: "2a02:8108:" + ":".join(filled(rng, "%%%%") for _ in range(6)),
}
