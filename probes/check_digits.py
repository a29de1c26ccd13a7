"""Check digits of numbers that belong to persons; python-stdnum's rules where it has them.

>>> CHECKS["luhn"]("490154203237518")
True
>>> npi("1234567893")
True
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final

from stdnum import luhn as _luhn
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.us import rtn


def luhn(number: str) -> bool:
    """Whether the last digit fits the others by Luhn's rule. Source: ISO/IEC 7812-1, annex B."""
    digits = _digits(number)
    return len(digits) > 1 and _luhn.is_valid(digits)


def npi(number: str) -> bool:
    """Whether ten digits are a National Provider Identifier: Luhn's rule with 80840 before them.

    Source: CMS, Requirements for National Provider Identifier (NPI) and NPI check digit.
    """
    digits = _digits(number)
    return len(digits) == 10 and digits[0] in "12" and len(set(digits)) > 2 and luhn("80840" + digits)


def dea(number: str) -> bool:
    """Whether a DEA registration number fits its check digit.

    Source: DEA Diversion Control Division; the rule is not in 21 CFR 1301.
    """
    digits = [int(digit) for digit in number[2:] if digit.isdigit()]
    if not re.fullmatch(r"[A-Za-z][A-Za-z9]\d{7}", number) or len(set(digits)) == 1:
        return False
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def cn_resident_id(number: str) -> bool:
    """Whether an 18-character Chinese resident identity number holds a day and fits its check character.

    python-stdnum refuses place codes that are not in its list; a number that a model makes up may hold any.
    Source: GB 11643-1999, check character by ISO 7064 MOD 11-2.
    """
    if not re.fullmatch(r"\d{17}[\dXx]", number):
        return False
    try:
        born = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return born.year >= 1880 and "10X98765432"[total % 11] == number[17].upper()


def vin(number: str) -> bool:
    """Whether a 17-character vehicle identification number fits its check digit and is not all digits.

    Source: 49 CFR 565.15(c); not every maker outside North America fills in the check digit.
    """
    if number.isdigit() or not any(character.isdigit() for character in number):
        return False
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, *range(2, 10)),
            strict=True,
        )
    )
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(
        (int(character) if character.isdigit() else values.get(character, 0)) * weight
        for character, weight in zip(number, weights, strict=False)
    )
    return number[8:9] == "0123456789X"[total % 11]


def de_kvnr(number: str) -> bool:
    """Whether a German health insurance number (letter and nine digits) fits its check digit.

    Source: § 290 SGB V and the directive of the GKV-Spitzenverband on it, annex 1.
    """
    if not re.fullmatch(r"[A-Z]\d{9}", number):
        return False
    digits = f"{ord(number[0]) - 64:02}{number[1:9]}"
    return _sum_of_digits(digits, (1, 2) * 5) % 10 == int(number[9])


def de_pension_number(number: str) -> bool:
    """Whether a German pension insurance number (two digits, birthday, letter, three digits) fits.

    Source: Verordnung über die Versicherungsnummer (VKVV), § 4.
    """
    if not re.fullmatch(r"\d{8}[A-Z]\d{3}", number):
        return False
    digits = f"{number[:8]}{ord(number[8]) - 64:02}{number[9:11]}"
    return _sum_of_digits(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)) % 10 == int(number[11])


def es_social_security(number: str) -> bool:
    """Whether the last two of twelve digits are the rest of the others by 97.

    Source: Seguridad Social, Número de la Seguridad Social (Spain).
    """
    digits = _digits(number)
    if len(digits) != 12:
        return False
    place, serial = int(digits[:2]), int(digits[2:10])
    whole = place * 10_000_000 + serial if serial < 10_000_000 else int(digits[:10])
    return whole % 97 == int(digits[10:])


def is_ip(address: str) -> bool:
    """Whether a text is an IP address of version 4 or 6."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _sum_of_digits(digits: str, weights: tuple[int, ...]) -> int:
    """Products of digits and weights, each product's own digits added up."""
    return sum(sum(divmod(int(d) * weight, 10)) for d, weight in zip(digits, weights, strict=True))


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "luhn": luhn,
    "npi": npi,
    "dea": dea,
    "cn_resident_id": cn_resident_id,
    "vin": vin,
    "de_kvnr": de_kvnr,
    "de_pension_number": de_pension_number,
    "de_tax_id": idnr.is_valid,
    "es_social_security": es_social_security,
    "es_dni": dni.is_valid,
    "es_nie": nie.is_valid,
    "fr_nir": nir.is_valid,
    "gb_nhs": nhs.is_valid,
    "in_aadhaar": aadhaar.is_valid,
    "us_routing": rtn.is_valid,
    "ip": is_ip,
}
