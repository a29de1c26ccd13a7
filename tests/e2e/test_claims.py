"""No text of Weighbridge says that it certifies anything, or that anything complies with anything.

A scan shows evidence for and gaps against controls; whether a law or standard is met is for people to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

import pytest

from cli.main import COMMANDS, run

ROOT: Final = Path(__file__).parents[2]
CLAIMS: Final = re.compile(
    r"\bnon-?complian\w*|\bcomplian(?:t|ce)\b|\bcompl(?:y|ies|ied)\b|\bcertif(?:y|ies|ied|ying|ication|iable)\b"
    r"|\bcertificate (?:of|that)\b|\bno certificate\b|\bguarantee\w*|\bconform(?:s|ed|ity)\b"
    r"|\bseal of approval\b|\blegally safe\b"
    r"|\b(?:approved|endorsed) by (?:the )?(?:EU|Commission|HHS|NIST|ISO|OWASP|MITRE)\b",
    re.IGNORECASE,
)  # fmt: skip
# Each of these denies such a claim, or says whose it would be to make.
DENIALS: Final = (
    "it never certifies",
    "no report says that anything is compliant",
    "That Weighbridge certifies. It shows evidence for and gaps against controls, as of a date",
    "nothing is ever called compliant",
    "it never says that anything is compliant",
    "It is no certificate and no legal advice",
    "or conforms to any act or standard",
    "A scan cannot certify; conformity assessment is the act of a provider or a notified body",
    "no body certifies under HIPAA",
)


def texts() -> Iterator[tuple[str, str]]:
    """Every text that people read, by where it stands: in one line, without addresses and comment signs."""
    files = [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("cli/*.py"),
        *ROOT.glob("reports/**/*.py"),
        *ROOT.glob("reports/templates/**/*.j2"),
        *ROOT.glob("policies/**/*.py"),
        *ROOT.glob("policies/**/*.yaml"),
    ]
    for path in files:
        yield str(path.relative_to(ROOT)), _flat(path.read_text(encoding="utf-8"))


def claims(text: str) -> list[str]:
    """Whatever claims something after the denials are taken out, with the words around it."""
    for denial in DENIALS:
        text = re.sub(re.escape(denial), " ", text, flags=re.IGNORECASE)
    return [text[max(0, found.start() - 60) : found.end() + 60] for found in CLAIMS.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        "This model is HIPAA compliant.",
        "Complies with Art. 15.",
        "certified under ISO 42001",
        "we guarantee that",
        "conformity established",
        "Approved by NIST",
        "It never certifies. The model is certified.",
    ],
)
def test_claims_are_found(text: str) -> None:
    assert claims(text)


def test_no_text_claims_more_than_evidence_shows() -> None:
    found = {where: claims(text) for where, text in texts()}
    assert {where: said for where, said in found.items() if said} == {}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_help_text_claims_more_than_evidence_shows(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.split(), "--help"]) == 0
    shown = _flat(capsys.readouterr().out)
    assert shown
    assert claims(shown) == []


def test_every_denial_still_stands_somewhere() -> None:
    """A sentence that nobody says any more must not excuse another one later."""
    everything = " ".join(text for _, text in texts()).lower()
    assert [denial for denial in DENIALS if denial.lower() not in everything] == []


def test_texts_include_packs_templates_docs_and_commands() -> None:
    """So that the search cannot become empty without anybody noticing."""
    where = {path.split("/")[0] for path, _ in texts()}
    assert where == {"README.md", "docs", "cli", "reports", "policies"}
    packs = {file.name for file in resources.files("policies").joinpath("packs").iterdir()}
    assert {Path(path).name for path, _ in texts() if path.startswith("policies/packs/")} == packs
    assert any(path.endswith(".j2") for path, _ in texts())


def _flat(text: str) -> str:
    return " ".join(re.sub(r"https?://\S+", " ", text).replace("#", " ").split())
