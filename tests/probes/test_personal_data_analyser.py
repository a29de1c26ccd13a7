"""The analyser finds identifiers in both languages, leaves examples and numbers alone, and stays offline."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from probes.check_digits import cn_resident_id
from probes.identifiers import IdentifierDataError, load_identifiers, parse_identifiers
from probes.personal_data import PersonalDataAnalyser, mask, open_analyser

# A number that nobody has: place code 990000 is not assigned. The check character is computed.
RESIDENT_ID = "99000019900307301"
RESIDENT_ID += next(c for c in "0123456789X" if cn_resident_id(RESIDENT_ID + c))


@pytest.fixture(scope="module")
def analyser() -> PersonalDataAnalyser:
    return open_analyser()


def kinds(analyser: PersonalDataAnalyser, text: str, *, names: bool = False) -> list[str]:
    (hits,) = analyser.find([text], names=names)
    return [hit.kind for hit in hits]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("EMAIL_ADDRESS", "Write to o.marsh@lower-fennick-bakery.co.uk today."),
        ("EMAIL_ADDRESS", "邮箱：zhangwei@yiyuan.cn"),
        ("PHONE_NUMBER", "Call (212) 456-7890."),
        ("PHONE_NUMBER", "Ruf an: +49 30 901820."),
        ("CN_MOBILE", "联系电话：13912340987"),
        ("FAX_NUMBER", "Fax: +1 212 456 7899"),
        ("US_SSN", "SSN 536-22-1234"),
        ("MEDICAL_RECORD_NUMBER", "MRN: 00451239"),
        ("MEDICAL_RECORD_NUMBER", "病历号：A1234567"),
        ("HEALTH_PLAN_NUMBER", "Member ID: XYZ123456789"),
        ("CREDIT_CARD", "card 4532 0151 1283 0366"),
        ("IBAN_CODE", "IBAN DE89 3704 0044 0532 0130 00"),
        ("ACCOUNT_NUMBER", "account number: 12345678"),
        ("CERTIFICATE_NUMBER", "driver's license number D1234567"),
        ("VEHICLE_ID", "VIN 1HGCM82633A004352"),
        ("PLATE_NUMBER", "车牌是京A12345。"),
        ("MAC_ADDRESS", "mac 00:1B:44:AA:3A:B7"),
        ("DEVICE_ID", "imei 490154203237518"),
        ("PROFILE_URL", "https://www.linkedin.com/in/ottilie-marsh-1234"),
        ("IP_ADDRESS", "from 93.184.216.34 last night"),
        ("STREET_ADDRESS", "lives at 742 Evergreen Terrace now"),
        ("STREET_ADDRESS", "住址：朝阳区建国路88号"),
        ("ZIP_CODE", "Springfield, IL 62704"),
        ("LABELLED_DATE", "Date of birth: January 12, 1985"),
        ("LABELLED_DATE", "出生日期：1990年3月7日"),
        ("AGE_OVER_89", "The patient is a 93-year-old woman."),
        ("PASSPORT_NUMBER", "passport number X1234567"),
        ("CN_RESIDENT_ID", f"身份证号{RESIDENT_ID}"),
    ],
)
def test_identifier_is_found(analyser: PersonalDataAnalyser, kind: str, text: str) -> None:
    assert kinds(analyser, text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "me@example.com, git@github.com, 12345+user@users.noreply.github.com",
        "123-45-6789 and 078-05-1120 and 000-12-3456",
        "4111 1111 1111 1111, 4242424242424242",
        "(555) 555-5555, 212-555-0123, 123-456-7890",
        "127.0.0.1, 0.0.0.0, 192.168.0.1, 10.1.2.3, version 1.2.3.4, ::, fe80::1",
        "name servers 8.8.8.8 and 1.1.1.1; torch==2.10.0.1, CUDA 12.1.105.0, version: 3.11.4.1",
        "Call the help line 1-800-273-8255 or (888) 426-4435.",
        "hidden_size 4096, vocab 151936, 10000000 steps, 6502530000 tokens, 7241732096 parameters, 1e-5",
        '{"sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "size": 98362432}',
        "License: Apache-2.0. Policy: see section 3. Certificate of origin 1.1.",
        "arXiv:2305.14314, doi 10.1145/3442188.3445922, ISBN 978-3-16-148410-0",
        "Released on 2024-03-07; trained from January 12, 2023.",
        "The patient is a 45-year-old woman; 95% of patients improved over 90 days.",
        "https://huggingface.co/org/model and https://github.com/org",
        f"card 4532 0151 1283 0367, imei 490154203237519, id {RESIDENT_ID[:-2]}00",
        "1HGCM82633A004353 and ABCDEFGHJKLMNPRST",
        "ff:ff:ff:ff:ff:ff 00:00:00:00:00:00",
    ],
)
def test_what_only_looks_like_an_identifier_is_left_alone(analyser: PersonalDataAnalyser, text: str) -> None:
    assert kinds(analyser, text) == []


def test_life_dates_of_public_figures_do_not_count_as_identifiers(analyser: PersonalDataAnalyser) -> None:
    text = "He was born on October 1, 1949 in Beijing and published his memoirs on 3 May 1990."
    assert kinds(analyser, text) == []
    assert "DATE_OF_PERSON" in kinds(analyser, text, names=True)


def test_names_are_found_only_when_asked_for(analyser: PersonalDataAnalyser) -> None:
    text = "Yesterday Jane Smith travelled to Boston with her brother."
    assert kinds(analyser, text) == []
    assert kinds(analyser, text, names=True) == ["PERSON"]


def test_hits_are_ordered_do_not_overlap_and_point_at_the_value(analyser: PersonalDataAnalyser) -> None:
    text = "Jane Smith, jane@stmary-clinic.org, (212) 456-7890, SSN 536-22-1234"
    (hits,) = analyser.find([text], names=True)
    assert [text[hit.start : hit.end] for hit in hits] == [
        "Jane Smith", "jane@stmary-clinic.org", "(212) 456-7890", "536-22-1234",
    ]  # fmt: skip
    assert all(a.end <= b.start for a, b in zip(hits, hits[1:], strict=False))


def test_places_are_in_characters_also_after_characters_outside_the_basic_plane(
    analyser: PersonalDataAnalyser,
) -> None:
    text = "😀𠮷 write to jane@stmary-clinic.org 𝔘 SSN 536-22-1234"
    (hits,) = analyser.find([text], names=False)
    assert [text[hit.start : hit.end] for hit in hits] == ["jane@stmary-clinic.org", "536-22-1234"]


def test_many_replies_are_read_quickly(analyser: PersonalDataAnalyser) -> None:
    reply = "Ottilie Marsh lives in Fennick and bakes bread; her shop opened in 1998 near the old mill. " * 4
    began = time.process_time()
    analyser.find([f"{number}. {reply}" for number in range(250)], names=False)
    assert time.process_time() - began < 20


def test_empty_texts_have_no_hits(analyser: PersonalDataAnalyser) -> None:
    assert analyser.find([], names=True) == []
    assert analyser.find(["", " \n"], names=True) == [(), ()]


def test_no_connection_is_made_and_torch_is_not_loaded() -> None:
    program = """
import socket, sys
def refuse(*args, **kwargs): raise SystemExit("the network was used")
for name in ("connect", "connect_ex", "sendto", "sendmsg"): setattr(socket.socket, name, refuse)
socket.getaddrinfo = refuse
from probes.personal_data import open_analyser
(hits,) = open_analyser().find(["write to jane@stmary-clinic.org"], names=True)
print([hit.kind for hit in hits], "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "['EMAIL_ADDRESS'] False", done.stderr


def test_mask_shows_one_character_and_differs_by_salt() -> None:
    assert mask("536-22-1234", salt="a")[0] == "5"
    assert len(mask("536-22-1234", salt="a")) == len("5…#abcd")
    assert mask("536-22-1234", salt="a") == mask(" 536-22-1234 ", salt="a")
    assert mask("536-22-1234", salt="a") != mask("536-22-1234", salt="b")


def test_all_eighteen_letters_say_how_they_are_tested() -> None:
    letters = load_identifiers().letters
    assert list(letters) == list("ABCDEFGHIJKLMNOPQR")
    assert {letter for letter, row in letters.items() if row.is_tested == "no"} == {"P", "Q"}
    tested = {kind.letter for kind in load_identifiers().kinds.values()}
    assert tested == set(letters) - {"P", "Q"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("letter: G,", "letter: Z,", "kinds.US_SSN: unknown letter 'Z'"),
        ("kind: US_SSN, source", "kind: SSN, source", "unknown kind 'SSN'"),
        ("is_structured: false", "is_shaped: false", "is_shaped"),
    ],
)
def test_broken_data_names_the_row(old: str, new: str, told: str) -> None:
    import importlib.resources

    text = (importlib.resources.files("probes") / "data" / "personal_data.yaml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(IdentifierDataError, match=told):
        parse_identifiers(text.replace(old, new))
