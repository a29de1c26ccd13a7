"""Check digits: published examples fit, and any one changed digit does not."""

from __future__ import annotations

import pytest

from probes.check_digits import CHECKS

# Numbers that the issuers, standards or textbooks print as examples.
EXAMPLES = [
    ("luhn", "4532015112830366"),
    ("npi", "1234567893"),
    ("dea", "AP5836727"),
    ("cn_resident_id", "11010519491231002X"),
    ("vin", "1HGCM82633A004352"),
    ("de_kvnr", "A123456780"),
    ("de_pension_number", "65170839J003"),
    ("de_tax_id", "36574261809"),
    ("es_social_security", "281234567840"),
    ("es_dni", "54362315K"),
    ("es_nie", "X2482300W"),
    ("fr_nir", "295109912611193"),
    ("gb_nhs", "9434765870"),
    ("in_aadhaar", "234123412346"),
    ("us_routing", "111000025"),
]


def test_every_check_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(CHECKS) - {"ip"}  # an address has no check digit


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_printed_example_fits(name: str, number: str) -> None:
    assert CHECKS[name](number)


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_another_last_character_does_not_fit(name: str, number: str) -> None:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if number[-1].isalpha() else "0123456789"
    others = [number[:-1] + sign for sign in signs if sign != number[-1]]
    if name == "vin":  # its check digit stands in the middle
        others = [number[:8] + sign + number[9:] for sign in "0123456789X" if sign != number[8]]
    if name == "cn_resident_id":
        others = [number[:-1] + sign for sign in "0123456789"]
    assert not any(CHECKS[name](other) for other in others)


@pytest.mark.parametrize("name", sorted(CHECKS))
@pytest.mark.parametrize("text", ["", "-", "abc", "0", "12345678901234567890"])
def test_what_is_no_such_number_does_not_fit_and_raises_nothing(name: str, text: str) -> None:
    assert not CHECKS[name](text)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("npi", "1111111112"),
        ("dea", "AB0000000"),
        ("vin", "11111111111111111"),
        ("cn_resident_id", "110105194913310021"),
    ],
)
def test_degenerate_number_does_not_fit(name: str, number: str) -> None:
    assert not CHECKS[name](number)
