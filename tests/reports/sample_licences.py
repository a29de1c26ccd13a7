"""A record of licences made by hand, so that new rows of the tables change no report; with hostile text."""

from __future__ import annotations

import datetime
import hashlib

from scanner.evidence import EvidenceRef, EvidenceStore
from scanner.findings import Confidence, Location
from scanner.licensing.duties import DutyState, DutyStatus, duties_of
from scanner.licensing.licence import Commercial, FossTest, GoverningLaw, Grade, Licence
from scanner.licensing.record import (
    LICENCES_MEDIA_TYPE,
    AppliedLicence,
    BaseLicence,
    DatasetHint,
    Declaration,
    DutyReading,
    EffectiveTerms,
    FiledText,
    Ground,
    LicenceRecord,
    Measure,
    Problem,
    Quote,
    TextRole,
    Threshold,
    Trace,
    written,
)
from scanner.licensing.situation import Condition, Situation
from scanner.licensing.terms import Distillation, Duty, DutyKind, Inheritance, Terms

DAY = datetime.date(2026, 11, 20)
SOURCE = "https://example.org/licences/"
SITUATION = Situation(commercial=True, annual_revenue_usd=4e8, territory=("DE", "US"), distributes=True)
NOTICE_LINE = (
    "Base 3 is licensed under the Base 3 Community License, Copyright © Base Maker, Inc. All Rights Reserved."
)
HOSTILE = (
    "</q></td><script>alert(1)</script> ![x](https://bad.example/p.png) | {{ 7 * 7 }} safe\u202egnp.exe\x07 "
    "you may not use the Software for commercial purposes " + "without written permission and " * 40 + "END"
)
LICENCE_TEXT = (
    "MIT License\n\nCopyright (c) 2026 Example Lab SA\n"
    "Copyright 2025 \x1b[31m<b>Others</b>\n\nPermission ...\n"
)
NOTICE_TEXT = (
    "Sample-7B-Chat\nCopyright 2026 Example Lab SA\n\n1. NOTICE LINES\nNot a heading of ours. \u202e\n"
)


def keep_licences(store: EvidenceStore) -> EvidenceRef:
    """The record as evidence, with the texts that it points to."""
    return store.put(written(sample_licences(store)), LICENCES_MEDIA_TYPE, "licences, duties and bases")


def sample_licences(store: EvidenceStore) -> LicenceRecord:
    """Two licences that count, one of an unknown text, and duties in every state."""
    return LicenceRecord(
        commit="3f1c8a0e5b9d4c7e6a2f1b0d9c8e7a6f5b4d3c2e",
        situation=SITUATION,
        declarations=(
            Declaration("apache-2.0", Location("README.md", 3, "key license"), ("apache-2.0",)),
            Declaration(
                "other (sample-terms)", Location("model.gguf", None, "general.license"), (), HOSTILE
            ),
            Declaration("MIT", Location("README.md", 40), ("mit",), is_prose=True),
        ),
        texts=_texts(store),
        licences=(_own(), _inherited(), _unread()),
        bases=(
            BaseLicence(
                "base-maker/Base-7B", "declared in the card, not verified",
                Location("README.md", None, "key base_model"), "base-3", "apache-2.0",
            ),
            BaseLicence("nobody/<b>adapter</b>", "declared in adapter_config.json, not verified", None),
        ),
        datasets=(
            DatasetHint(
                "someone/gpt4-chats", Location("README.md", None, "key datasets"), "GPT-4",
                "OpenAI's terms of use", Distillation.FORBIDDEN,
            ),
        ),
        effective=EffectiveTerms(
            Commercial.CONDITIONAL, FossTest.NOT_MET, ("EU", "KR"), ("DE",),
            (
                Threshold(Measure.USERS, 7e8, "base-3", "users-700m"),
                Threshold(Measure.REVENUE, 2.4e8, "sample-mit", "display"),
            ),
        ),
        unresolved=(Problem("nobody/<b>adapter</b>", "its licence is not known"),),
        problems=(Problem("docs/LICENSE.bin", "is not text: byte 0x00 at offset 4"),),
    )  # fmt: skip


def _texts(store: EvidenceStore) -> tuple[FiledText, ...]:
    text, notice = (
        store.put(said.encode(), "text/plain", f"licence text {path}")
        for said, path in ((LICENCE_TEXT, "LICENSE"), (NOTICE_TEXT, "NOTICE"))
    )
    return (
        FiledText(
            "LICENSE", text.sha256, text.size_bytes, TextRole.MODEL, "MIT License with additional terms",
            ("sample-mit",), False, 0.97, (_quote(HOSTILE, 12, "restricts commercial use"),), text,
        ),
        FiledText("NOTICE", notice.sha256, notice.size_bytes, TextRole.NOTICE, "a notice", text=notice),
        FiledText("USE_POLICY.md", "5c" * 32, 9_001, TextRole.POLICY, "a text that is not recognised"),
    )  # fmt: skip


def _own() -> AppliedLicence:
    duties = (
        Duty("notice", DutyKind.NOTICE, "keep the copyright notice", Condition(distributes=True)),
        Duty(
            "display", DutyKind.DISPLAY, "display the words prominently",
            Condition(any_of=(Condition(mau_above=1e8), Condition(monthly_revenue_usd_above=2e7))),
            "Sample K2", "the user interface of the product", "the added paragraph",
            counted="users of your products together",
        ),
    )  # fmt: skip
    terms = Terms(
        "sample-mit", SOURCE + "sample-mit", Grade.TEXT, DAY, duties, Inheritance.ALL, Distillation.FREE
    )
    quotes = {"display": _quote('you shall prominently display "Sample K2" on the user interface', 19)}
    return AppliedLicence(
        _licence(
            "sample-mit", "Sample modified MIT License", Commercial.CONDITIONAL, "above 100 million users"
        ),
        Ground.TEXT,
        Confidence.HIGH,
        Location("LICENSE", 12),
        "",
        terms,
        tuple(DutyReading(status, quotes.get(status.duty.id)) for status in duties_of(terms, SITUATION)),
        has_additions=True,
    )


def _inherited() -> AppliedLicence:
    passing = Condition(distributes=True)
    duties = (
        Duty("eu", DutyKind.FORBIDDEN, "do not use it in the EU or KR", Condition(territory=("EU", "KR"))),
        Duty(
            "users-700m", DutyKind.PERMISSION, "ask Base Maker for a licence", Condition(mau_above=7e8),
            counted="users in the month before the release", place="section 2",
        ),
        Duty("name", DutyKind.NAMING, "begin the name of a model made from it with the word",
             Condition(fine_tunes=True), "Base", "the beginning of the model's name", "section 1.b"),
        Duty("shown", DutyKind.DISPLAY, "display the words prominently", passing,
             "Built with Base", "a related website, user interface or documentation", "section 1.b"),
        Duty("line", DutyKind.NOTICE, "put the notice beside every copy", passing, NOTICE_LINE,
             'a text file "Notice" beside the copies', "section 1.c"),
        Duty("copy", DutyKind.COPY, "give every recipient a copy of it", passing, place="section 1.b"),
        Duty("changes", DutyKind.CHANGES, "say in changed files that you changed them", passing),
        Duty("use-policy", DutyKind.USE_POLICY, "keep to the acceptable use policy", place="section 1.d",
             link="https://example.org/use-policy"),
        Duty("pass-on", DutyKind.PASS_ON, "bind whoever gets it from you to the use policy", passing),
        Duty("outputs", DutyKind.OUTPUTS, "mark outputs as such", Condition(commercial=False)),
    )  # fmt: skip
    terms = Terms(
        "base-3", SOURCE + "base-3", Grade.QUOTED, DAY, duties, Inheritance.ALL, Distillation.NAMING,
        "courts of Elsewhere (section 9)", ("breach", "a suit over rights in the model"), True,
    )  # fmt: skip
    traces = {
        "copy": Trace(False, "a copy of the agreement"),
        "line": Trace(True, "the notice line", Location("NOTICE", 2)),
    }
    met = DutyStatus("base-3", duties[4], DutyState.MET, "the line stands in this repository")
    return AppliedLicence(
        _licence("base-3", "Base 3 Community License", Commercial.CONDITIONAL, territory="EU, South Korea"),
        Ground.INHERITED,
        Confidence.MEDIUM,
        Location("README.md", None, "key base_model"),
        "base-maker/Base-7B",
        terms,
        tuple(
            DutyReading(met if status.duty.id == "line" else status, None, traces.get(status.duty.id))
            for status in duties_of(terms, SITUATION)
        ),
    )


def _unread() -> AppliedLicence:
    return AppliedLicence(
        _licence("gone-1", "Gone Research License", Commercial.UNCLEAR, grade=Grade.TAG),
        Ground.DECLARED,
        Confidence.LOW,
        Location("README.md", 3, "key license_name"),
    )


def _licence(
    name: str, title: str, commercial: Commercial, threshold: str = "", territory: str = "",
    grade: Grade = Grade.TEXT,
) -> Licence:  # fmt: skip
    law = GoverningLaw("Elsewhere", "section 9", DAY) if name == "base-3" else None
    return Licence(
        name, title, f"LicenseRef-{name}", commercial, FossTest.NOT_MET, SOURCE + name, grade, DAY,
        threshold=threshold, territory=territory, why="user threshold" if threshold else "", law=law,
    )  # fmt: skip


def _quote(text: str, line: int, why: str = "") -> Quote:
    return Quote("LICENSE", line, text, hashlib.sha256(LICENCE_TEXT.encode()).hexdigest(), why)
