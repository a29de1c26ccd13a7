"""Stored scans made from real values: findings, transcripts and files written down by hand, nothing run."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from cli.workplace import Workplace
from db.store import Store
from probes.proportions import wilson
from scanner.check import CheckRecord, Profile
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from scanner.scan import Scan, ScanRequest
from scanner.transcripts import Exchange, keep_transcript

STARTED = datetime.datetime(2026, 11, 22, 1, 30, tzinfo=datetime.UTC)
DAY = datetime.date(2026, 11, 22)
DEFLECTION = "alignment-deflection"
Behaviour = Callable[[int, str], str]
FILES: Mapping[str, str] = {
    "config.json": '{"model_type": "llama"}\n',
    "chat_template.jinja": "{% for message in messages %}{{ message.content }}{% endfor %}\n",
    "LICENSE": "Apache License\nVersion 2.0, January 2004\n",
    "model.safetensors": "weights of the first revision",
}


def open_minded(number: int, form: str) -> str:
    return "answered"


def silent_on_half(number: int, form: str) -> str:
    return "refused" if form == "sensitive" and number % 2 else "answered"


def exchanges(behave: Behaviour, *, items: int = 40, language: str = "en") -> list[Exchange]:
    """What a model of a known character says to `items` matched questions."""
    found = []
    for number in range(items):
        for form in ("sensitive", "control", "neutral"):
            engagement = behave(number, form)
            reading = {
                "item": f"tibet-{number}", "pair": f"tibet-{number}/0/short", "form": form,
                "language": language, "engagement": engagement, "stance": "none", "bank": "2026.2+abc",
            }  # fmt: skip
            asked = Conversation.of(f"question {number} {form} {language}")
            reply = Reply(f"reply: {engagement}", FinishReason.STOP)
            found.append(Exchange(f"tibet-{number}/{form}/{language}/0/short", asked, reply, reading))
    return found


@dataclasses.dataclass(frozen=True)
class Shelf:
    """A data folder, and where the models lie that its scans are of."""

    root: Path

    @property
    def workplace(self) -> Workplace:
        return Workplace.at(self.root / "data")

    def keep(
        self,
        name: str,
        behave: Behaviour = open_minded,
        *,
        items: int = 40,
        files: Mapping[str, str] | None = None,
        findings: tuple[Finding, ...] = (),
        left_out: tuple[str, ...] = (),
    ) -> Scan:
        """Stores a scan of a model of these files that behaves like this."""
        records = {
            DEFLECTION: self._deflection(behave, items),
            "model-incoherent": record("model-incoherent", passed("model-incoherent", subject="en")),
            "remote-code": record("remote-code", passed("remote-code")),
            "pickle-runs-code": record("pickle-runs-code", passed("pickle-runs-code")),
        }
        for finding in findings:
            own = records.get(finding.check_id, record(finding.check_id))
            kept = tuple(each for each in own.findings if each.outcome is not Outcome.PASS)
            records[finding.check_id] = dataclasses.replace(own, findings=(*kept, finding))
        kept_records = tuple(each for check_id, each in records.items() if check_id not in left_out)
        scan = self._scan(name, FILES if files is None else files, kept_records)
        with Store.open(self.workplace.database_url) as store:
            store.save_scan(scan)
        return scan

    def _deflection(self, behave: Behaviour, items: int) -> CheckRecord:
        said = exchanges(behave, items=items)
        ref = keep_transcript(self.workplace.evidence, DEFLECTION, said)
        measured = []
        for form in ("sensitive", "control"):
            engaged = sum(behave(number, form) == "answered" for number in range(items))
            measured.append(
                Measurement(
                    "deflection.engagement_rate",
                    engaged / items,
                    "share",
                    items,
                    wilson(engaged, items),
                    "Wilson",
                    DEFLECTION,
                    {"language": "en", "side": form},
                    (ref,),
                )  # fmt: skip
            )
        finding = Finding(
            DEFLECTION, Outcome.PASS, Severity.MEDIUM, "no gap", rule="rate-gap", subject="en",
            evidence=(ref,),
        )  # fmt: skip
        return CheckRecord(DEFLECTION, (finding,), tuple(measured), STARTED, 1.0)

    def _scan(self, name: str, files: Mapping[str, str], records: tuple[CheckRecord, ...]) -> Scan:
        root = self.root / "models" / name
        ref = ModelRef.parse("hf://org/name@main")
        entries = []
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            entries.append(FileEntry(path, len(text.encode()), hashlib.sha256(text.encode()).hexdigest()))
        snapshot = Snapshot(
            ref, hashlib.sha1(repr(files).encode()).hexdigest(), str(root),
            tuple(sorted(entries, key=lambda entry: entry.path)),
        )  # fmt: skip
        request = ScanRequest(
            ref, Profile.STANDARD, tuple(sorted(each.check_id for each in records)), 0, "replay", "cpu",
            "auto", DAY,
        )  # fmt: skip
        engine = EngineDescription("replay", "1", "auto", "cpu", "float32", 1)
        finished = STARTED + datetime.timedelta(minutes=4)
        return Scan(name, request, snapshot, engine, STARTED, finished, {"weighbridge": "0.1.0"}, records)


def record(check_id: str, *findings: Finding) -> CheckRecord:
    return CheckRecord(check_id, findings, (), STARTED, 1.0)


def passed(check_id: str, *, subject: str = "") -> Finding:
    return Finding(check_id, Outcome.PASS, Severity.HIGH, "looked fine", subject=subject)


def failed(check_id: str, severity: Severity, message: str = "was wrong", *, rule: str = "") -> Finding:
    return Finding(check_id, Outcome.FAIL, severity, message, rule=rule)
