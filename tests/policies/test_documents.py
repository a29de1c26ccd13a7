# ruff: noqa: E501 - tables of messages, one a line
from __future__ import annotations

from pathlib import Path

import pytest

from policies.documents import DocumentError, check_shape, parse_yaml, place, read_document
from tests.policies.pack_files import LEFT_OUT, control, write_pack


def test_key_given_twice_is_an_error_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"policy file x.yaml, line 3: the key 'a' is given twice"):
        parse_yaml(b"a: 1\nb: 2\na: 3\n", "policy file x.yaml")


def test_key_given_twice_deep_inside_is_an_error() -> None:
    with pytest.raises(DocumentError, match="the key 'since' is given twice"):
        parse_yaml(b"list:\n- {since: 1, since: 2}\n", "x")


def test_only_true_and_false_are_booleans_so_that_no_stays_a_word() -> None:
    assert parse_yaml(b"{a: no, b: yes, on: off, c: true, d: NO}", "x") == {
        "a": "no", "b": "yes", "on": "off", "c": True, "d": "NO",
    }  # fmt: skip


def test_numbers_are_read_as_people_write_them() -> None:
    assert parse_yaml(b"{a: 1e25, b: 1.5, c: 12, d: 2026.11.1, e: 1:30, f: 0777}", "x") == {
        "a": 1e25, "b": 1.5, "c": 12, "d": "2026.11.1", "e": "1:30", "f": "0777",
    }  # fmt: skip


def test_dates_become_iso_days() -> None:
    assert parse_yaml(b"since: 2026-12-02", "x") == {"since": "2026-12-02"}


@pytest.mark.parametrize(
    "content", [b"a: [1", b"\xff\xfe\x00", b"a: !!python/object:os.system {}", b"? [1]\n: 2"]
)
def test_what_is_no_plain_yaml_is_an_error_that_names_the_file(content: bytes) -> None:
    with pytest.raises(DocumentError, match=r"policy pack x\.yaml"):
        parse_yaml(content, "policy pack x.yaml")


def test_key_that_is_no_text_is_an_error() -> None:
    with pytest.raises(DocumentError, match="the key 1 is no text"):
        parse_yaml(b"1: a", "x")


def test_missing_file_is_an_error_with_the_path_as_hint(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="policy pack gone.yaml: cannot be read") as caught:
        read_document(tmp_path / "gone.yaml", "policy pack", "pack")
    assert str(tmp_path) in caught.value.hint


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = write_pack(tmp_path)
    before = read_document(path, "policy pack", "pack").digest
    path.write_bytes(path.read_bytes() + b"# a comment\n")
    assert read_document(path, "policy pack", "pack").digest != before


def test_place_names_items_by_their_id() -> None:
    data = {"controls": [{"id": "art-10", "effective": [{"since": "x"}]}]}
    assert place(data, ["controls", 0, "effective", 0, "since"]) == ", control art-10, key effective[0].since"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"severity_if_failed": "hgh"}, "key severity_if_failed: got 'hgh', expected one of info, low, medium, high, critical; did you mean 'high'?"),
        ({"checkz": []}, "unknown key 'checkz'; did you mean 'checks'?"),
        ({"title": LEFT_OUT}, "the key 'title' is missing"),
        ({"title": 3}, "key title: got 3, expected text"),
        ({"sources": []}, "key sources: got [], expected at least 1"),
        ({"effective": [{"since": "02.08.2025"}]}, "key effective[0].since: got '02.08.2025', expected a day, 2026-12-02"),
        ({"effective": [{"since": "2025-02-30"}]}, "key effective[0].since: got '2025-02-30', expected a day, 2026-12-02"),
        ({"evidence": "automatik"}, "did you mean 'automatic'?"),
        ({"supported_if": {"all": []}}, "key supported_if.all: got [], expected at least 1"),
        ({"checks": ["a", "a"]}, "key checks: got [\"a\", \"a\"], expected each item once"),
        ({"exempt_if": {"all": [{"rule": "org.eu_market", "says": "so"}]}}, "key exempt_if: the key 'note' is missing"),
        ({"maps": {"NIST": ["x"]}}, "expected the id of a framework in policies/data/frameworks"),
        ({"sources": [{"url": "http://x", "retrieved": "2026-01-01", "confidence": "primary"}]}, "expected an address that begins with https://"),
    ],
)  # fmt: skip
def test_wrong_shape_says_file_control_key_got_and_expected(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        read_document(write_pack(tmp_path, control(**changes)), "policy pack", "pack")
    assert str(caught.value).startswith("policy pack test_act.yaml, control art-10, key ") or (
        str(caught.value).startswith("policy pack test_act.yaml, control art-10: ")
    )
    assert message in str(caught.value)
    assert "pack.schema.json" in caught.value.hint


def test_shape_of_something_that_is_no_map_is_an_error() -> None:
    with pytest.raises(DocumentError, match="expected a map of keys"):
        check_shape(["a"], "pack", "policy pack x.yaml")


def test_long_values_are_cut_in_errors() -> None:
    with pytest.raises(DocumentError) as caught:
        check_shape({"pack": "x" * 500, "controls": []}, "pack", "policy pack x.yaml")
    assert len(str(caught.value)) < 200
