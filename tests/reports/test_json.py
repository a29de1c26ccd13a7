from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from reports.contents import Contents, contents_of
from reports.format import Report, render
from reports.schema import encoded_schema, shipped_schema
from scanner.records import decode
from tests.reports.figures import assert_controls_traced


def test_schema_file_is_that_of_the_types(update_golden: bool) -> None:
    if update_golden:
        target = Path(__file__).parents[2] / "reports" / "data" / "report.schema.json"
        target.write_bytes(encoded_schema())
    assert shipped_schema() == encoded_schema(), "run pytest tests/reports --update-golden"


@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_output_is_valid_against_the_shipped_schema(name: str, request: pytest.FixtureRequest) -> None:
    schema = json.loads(shipped_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(render(request.getfixturevalue(name), "json"))
    jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("key", ["model", "findings", "assessment", "evidence", "reperformance"])
def test_schema_rejects_a_report_without_a_part(key: str, json_bytes: bytes) -> None:
    document = json.loads(json_bytes)
    del document[key]
    with pytest.raises(jsonschema.ValidationError, match=key):
        jsonschema.validate(document, json.loads(shipped_schema()))


def test_schema_rejects_an_unknown_status(json_bytes: bytes) -> None:
    document = json.loads(json_bytes)
    document["assessment"]["packs"][0]["controls"][0]["status"] = "compliant"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(shipped_schema()))


def test_stale_pack_and_whose_duty_a_control_is_are_in_the_json(json_bytes: bytes) -> None:
    packs = {pack["id"]: pack for pack in json.loads(json_bytes)["assessment"]["packs"]}
    assert {name: pack["is_stale"] for name, pack in packs.items()} == {
        "eu-ai-act": False, "hipaa-security": True, "hipaa-nprm": False,
    }  # fmt: skip
    assert {one["standing"] for one in packs["eu-ai-act"]["controls"]} == {"own", "reliance", "open"}


def test_json_decodes_to_the_same_contents(report: Report, json_bytes: bytes) -> None:
    assert decode(json_bytes, Contents) == contents_of(report)


def test_every_control_leads_to_bytes_on_disk(report: Report, json_bytes: bytes) -> None:
    assert assert_controls_traced(json.loads(json_bytes), report.evidence.root) >= 5


def test_personal_data_stays_out_of_the_json(json_bytes: bytes) -> None:
    assert b"jane.roe@example.org" not in json_bytes
