"""What an inspection says about a model is what a scan says, or that it was not judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.checks import personal_data_in_repository
from scanner.check import Check, CheckContext
from scanner.checks.file_kind_unclear import LEFT_TO_OTHERS
from scanner.errors import NotAvailableError
from scanner.evidence import EvidenceStore
from scanner.fetching import fetch, inspect
from scanner.findings import Finding, Location, Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.registry import load_checks
from scanner.source import FetchOptions
from tests.hub_server import HubServer
from tests.scanner.inspected_models import MADE

CHECKS = [*load_checks().values(), personal_data_in_repository.CHECK]
# They need every byte; everything else is in headers, texts and code.
WHOLE_BYTES = {
    "integrity-mismatch", "pickle-runs-code", "file-kind-unclear", "archive-unsafe", "weights-implausible",
    "skops-runs-code",
}  # fmt: skip
# What each repository was made to show, seen without its weights.
SHOWN = {
    "demo": {"name-contradicts-metadata"},
    "sharded": {"personal-data-in-repository", "licence-contradiction"},
    "code": {"remote-code", "chat-template-unsafe"},
    "checkpoints": {"pickle-runs-code"},
    "broken": {"safetensors-malformed", "gguf-malformed", "pickle-runs-code"},
    "graphs": {"onnx-unsafe", "tensorflow-graph-unsafe", "tflite-unsafe"},
    "gguf": {"chat-template-unsafe", "name-contradicts-metadata", "personal-data-in-repository"},
}  # fmt: skip


@pytest.fixture(scope="module", params=list(SHOWN))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Both]:
    folder = tmp_path_factory.mktemp(request.param)
    options = FetchOptions(folder / "cache")
    if request.param == "demo":
        ref = ModelRef.parse("demo")
        yield _Both(request.param, fetch(ref, options), inspect(ref, options), folder)
        return
    MADE[request.param](folder / "model")
    with HubServer() as hub:
        files = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
        hub.add("org/made", {}, files)
        options = FetchOptions(folder / "cache", endpoint=hub.url)
        ref = ModelRef.parse("hf://org/made")
        yield _Both(request.param, fetch(ref, options), inspect(ref, options), folder)


class _Both:
    """The same model, scanned and inspected; findings by check."""

    def __init__(self, name: str, whole: Snapshot, parts: Snapshot, folder: Path) -> None:
        self.name, self.whole, self.parts = name, whole, parts
        evidence = EvidenceStore(folder / "evidence")
        self.scanned = {check.id: _said(check, CheckContext(whole, evidence)) for check in CHECKS}
        self.inspected = {check.id: _said(check, CheckContext(parts, evidence)) for check in CHECKS}


def _said(check: Check, context: CheckContext) -> list[Finding]:
    """As the runner records it."""
    findings = []
    try:
        findings = [item for item in check.run(context) if isinstance(item, Finding)]
    except NotAvailableError as error:
        findings.append(check.not_run(str(error)))
    return findings


def _marks(findings: list[Finding]) -> set[tuple[str, Outcome, str]]:
    """What the findings say. Masked values carry a salt of the bytes that were read; it is left out."""
    return {
        (found.fingerprint, found.outcome, re.sub(r"\[[^]]*\]|#\w+", "", found.message + found.reason))
        for found in findings
    }


def _passed(findings: list[Finding]) -> set[tuple[str, str]]:
    """The files that pass, under which rule; a PASS joins those of a scan, and fewer in an inspection."""
    return {
        (found.rule, place.path)
        for found in findings
        if found.outcome is Outcome.PASS
        for place in found.locations or (Location(""),)
    }


def test_inspection_reads_little_and_the_same_files(both: _Both) -> None:
    assert [entry.path for entry in both.parts.files] == [entry.path for entry in both.whole.files]
    assert [entry.size_bytes for entry in both.parts.files] == [each.size_bytes for each in both.whole.files]
    assert both.parts.partly_read
    assert both.parts.bytes_read < both.whole.total_bytes
    same = {entry.sha256 for entry in both.parts.files if entry.is_whole}
    assert same <= {entry.sha256 for entry in both.whole.files}


def test_whatever_an_inspection_concludes_a_scan_concludes_too(both: _Both) -> None:
    for check_id, findings in both.inspected.items():
        scanned = both.scanned[check_id]
        failed = [found for found in findings if found.outcome in (Outcome.FAIL, Outcome.ERROR)]
        assert _marks(failed) <= _marks(scanned), check_id
        assert _passed(findings) <= _passed(scanned), check_id


def test_checks_that_need_no_weights_say_all_that_a_scan_says(both: _Both) -> None:
    for check_id in both.scanned.keys() - WHOLE_BYTES:
        assert _marks(both.inspected[check_id]) == _marks(both.scanned[check_id]), check_id


def test_checks_that_need_every_byte_never_pass_an_inspection(both: _Both) -> None:
    for check_id in WHOLE_BYTES:
        findings = both.inspected[check_id]
        assert Outcome.NOT_RUN in {found.outcome for found in findings}, check_id
        judged = {path for rule, path in _passed(findings) if rule != LEFT_TO_OTHERS}
        assert both.name == "checkpoints" or not both.parts.partly_read.keys() & judged, check_id


def test_what_the_model_was_made_to_show_is_seen_without_its_weights(both: _Both) -> None:
    failed = {
        id_ for id_, found in both.inspected.items() if any(one.outcome is Outcome.FAIL for one in found)
    }
    assert SHOWN[both.name] <= failed


def test_every_pickle_that_a_scan_condemns_is_condemned_by_its_header(both: _Both) -> None:
    def condemned(findings: list[Finding]) -> set[str]:
        return {found.fingerprint for found in findings if found.outcome is Outcome.FAIL}

    of_scan = condemned(both.scanned["pickle-runs-code"])
    assert condemned(both.inspected["pickle-runs-code"]) == of_scan
