"""The Consolidated Screening List is read from JSON and CSV alike; what is something else is refused."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
import tracemalloc
from pathlib import Path

import pytest

from scanner.origins import screening_file
from scanner.origins.screened_parties import EU, UK
from scanner.origins.screening_file import ScreeningFileError, read_screening_file
from tests.scanner import screening_files as files


@pytest.mark.parametrize(("name", "text"), [("c.json", files.as_json()), ("c.csv", files.as_csv())])
def test_json_and_csv_give_the_same_parties(tmp_path: Path, name: str, text: str) -> None:
    read = read_screening_file(files.write(tmp_path / name, text))
    huawei, sber, person, gone = read.parties
    assert (huawei.name, huawei.source) == ("Huawei Technologies Co., Ltd. (Huawei)", files.ENTITY_LIST)
    assert huawei.aliases == ("Shenzhen Huawei Technologies", "Huawei Technology")
    assert (huawei.start, huawei.cite, huawei.kind) == ("2019-05-16", "84 FR 22961", "")
    assert (sber.number, sber.programs, sber.kind) == ("18715", ("RUSSIA-EO14024",), "Entity")
    assert person.kind == "Individual"
    assert gone.name == "Made-Up Mountain Instruments Group Ltd."
    assert read.broken_count == 0
    assert read.newest_entry == "2022-04-06"
    assert read.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_list_of_the_eu_is_read_with_its_day_one_party_per_number(tmp_path: Path) -> None:
    read = read_screening_file(files.write(tmp_path / "c", files.EU_TEXT))
    assert (read.layout, read.published) == (EU, "2026-11-20")
    company, person, plant = read.parties
    assert (company.name, company.aliases) == ("Aleph Alpha Limited", ("Alef Alfa; OOO",))
    assert (company.rule, company.kind, company.start) == ("eu-269-2014", "Entity", "2022-07-21")
    assert person.kind == "Individual"
    assert (plant.name, plant.rule) == ("Made-up Plant", EU.id)


def test_list_of_the_uk_is_read_below_its_day(tmp_path: Path) -> None:
    read = read_screening_file(files.write(tmp_path / "c", files.UK_TEXT))
    assert (read.layout, read.published) == (UK, "2026-11-18")
    bank, company, person = read.parties
    assert (bank.name, bank.aliases, bank.rule) == ("MADE-UP BANK", ("MUB",), "uk-russia-2019")
    assert (bank.start, company.rule) == ("2022-04-06", UK.id)
    assert (person.name, person.kind) == ("Mistral AI", "Individual")


def test_kind_of_file_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    assert len(read_screening_file(files.write(tmp_path / "download", files.as_json())).parties) == 4
    assert len(read_screening_file(files.write(tmp_path / "x.json", files.as_csv())).parties) == 4
    marked = files.write(tmp_path / "bom.json", "\ufeff" + files.as_json())
    assert len(read_screening_file(marked).parties) == len(files.ROWS)


def test_party_counts_between_its_days_and_unreadable_days_do_not_take_it_off(tmp_path: Path) -> None:
    read = read_screening_file(files.write(tmp_path / "c.json", files.as_json()))
    gone = read.parties[3]
    assert gone.counts_on(datetime.date(2020, 6, 1))
    assert not gone.counts_on(datetime.date(2021, 6, 1))
    odd = files.as_json([{**files.ROWS[3], "end_date": "until further notice"}])
    (party,) = read_screening_file(files.write(tmp_path / "odd.json", odd)).parties
    assert party.counts_on(datetime.date(2030, 1, 1))


def test_few_broken_rows_are_counted_and_named_and_the_rest_is_read(tmp_path: Path) -> None:
    good = [{"name": f"Made-up {number} Ltd.", "source": "List"} for number in range(400)]
    rows = [*good, {"name": None, "source": "List"}, ["no", "object"], {"name": "No source Ltd."}]
    read = read_screening_file(files.write(tmp_path / "c.json", json.dumps({"results": rows})))
    assert (len(read.parties), read.broken_count) == (400, 3)
    assert read.broken[0] == "row 401: no name or no source"
    assert read.broken[1].startswith("row 402: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 bytes"),
        ("[]", "it holds no rows"),
        ('{"results": []}', "it holds no rows"),
        ('{"error": "no key"}', "results"),
        ('{"results": [{"title": "x"}]}', "1 of 1 rows cannot be read"),
        ('{"results": [{"name": "A", "source": "B"', "as JSON"),
        ("<html><body>Sign in</body></html>", "columns name, source"),
        ("name,country\nA,B\n", "columns name, source"),
        ("Entity_LogicalId;NameAlias_WholeName\n1;\n", "no row has a name"),
        ("Entity_LogicalId;NameAlias_WholeName\n;A\n;B\n", "no number"),
        ("name,source\n" + ",\n" * 9, "rows cannot be read"),
        ('name,source\n"A,B\n', "rows cannot be read"),
        ("[" * 100_000, "as JSON"),
    ],
)
def test_what_is_something_else_is_refused_with_what_was_expected(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ScreeningFileError) as caught:
        read_screening_file(files.write(tmp_path / "c", text))
    assert said in str(caught.value)
    assert "trade.gov" in str(caught.value.hint)
    assert "nothing was imported" in str(caught.value.hint)


def test_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8)
    with pytest.raises(ScreeningFileError, match="is none of the lists that can be imported"):
        read_screening_file(tmp_path / "c.csv")


def test_file_larger_than_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tmp_path / "huge.json"
    with huge.open("wb") as stream:
        stream.truncate(screening_file.LIMIT_BYTES + 1)  # sparse: nothing is written
    with pytest.raises(ScreeningFileError, match="expected a file of 1 byte to 256 MB"):
        read_screening_file(huge)


def test_line_without_an_end_does_not_fill_memory(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(b"name,source\n" + b"x" * (2 * screening_file.LONGEST_LINE))
    with pytest.raises(ScreeningFileError, match="longer than"):
        read_screening_file(path)


def test_control_characters_and_long_texts_of_a_row_do_not_come_through(tmp_path: Path) -> None:
    rows = [{"name": "Evil\x1b[31m\nLtd." + "x" * 9000, "source": "List", "alt_names": ["a;" * 5000, 7]}]
    (party,) = read_screening_file(files.write(tmp_path / "c.json", json.dumps({"results": rows}))).parties
    assert party.name.startswith("Evil[31m Ltd.x")
    assert len(party.name) <= 500
    assert party.aliases == ("a",)


def test_whole_list_is_read_within_two_seconds_and_little_memory(tmp_path: Path) -> None:
    """25,000 rows of 1.3 KB, 33 MB, as large as the real file; memory on a fifth of it. Prints both."""
    address = {"address": "x" * 700, "city": "Somewhere", "country": "ZZ"}
    rows = [
        {
            **files.ROWS[1],
            "name": f"Made-up party {number} Ltd.",
            "entity_number": number,
            "addresses": [address],
            "remarks": "y" * 200,
        }
        for number in range(25_000)
    ]
    path = files.write(tmp_path / "c.json", json.dumps({"results": rows}))
    part = files.write(tmp_path / "part.json", json.dumps({"results": rows[:5_000]}))
    began = time.process_time()
    read = read_screening_file(path)
    seconds = time.process_time() - began
    tracemalloc.start()
    read_screening_file(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = path.stat().st_size
    shown = f"{size / 1e6:.0f} MB, {len(read.parties)} rows: {seconds:.2f} s CPU"
    print(f"\n{shown}, peak {peak / part.stat().st_size:.1f} times the file")  # noqa: T201 - the figure is wanted in the log
    assert len(read.parties) == 25_000
    assert seconds < 2
    assert peak < 3 * part.stat().st_size
