"""JSON for the vocabulary: every value comes back equal, and nothing else comes back at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.errors import InvalidValueError
from scanner.findings import Finding, Location, Outcome, Severity
from scanner.records import decode, digest, encode, encode_pretty, to_builtins
from tests.strategies import VALUES, findings


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_value_comes_back_equal(kind: type, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert decode(encode(value), kind) == value
    assert decode(encode_pretty(value), kind) == value
    assert json.loads(encode(value)) == json.loads(json.dumps(to_builtins(value)))
    assert digest(decode(encode(value), kind)) == digest(value)


@given(findings(), findings())
def test_digest_tells_values_apart(one: Finding, other: Finding) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_pretty_json_is_for_people() -> None:
    assert encode_pretty(Location("a.json", 3)) == (
        b'{\n  "path": "a.json",\n  "line": 3,\n  "detail": ""\n}\n'
    )


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "[]", "null", '{"path": 1}', '{"line": 1}', '{"path": "a", "line": "1"}', b"\xff",
    ],
)  # fmt: skip
def test_what_is_not_the_value_is_refused(data: bytes | str) -> None:
    with pytest.raises(InvalidValueError, match="not a Location"):
        decode(data, Location)


@pytest.mark.parametrize(
    ("field", "value"),
    [("outcome", "maybe"), ("reason", "because"), ("outcome", "not_run"), ("severity", None)],
)
def test_stored_value_that_breaks_an_invariant_is_refused(field: str, value: object) -> None:
    plain = to_builtins(Finding("a-check", Outcome.PASS, Severity.LOW, "fine"))
    with pytest.raises(InvalidValueError, match="not a Finding"):
        decode(json.dumps({**plain, field: value}), Finding)
