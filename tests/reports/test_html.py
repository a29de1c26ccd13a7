from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import scanner
from policies.assessment import ControlStatus
from reports.contents import contents_of
from reports.format import Report, render
from reports.sections.controls import pack_views
from reports.sections.verdict import verdict_view
from reports.templating import csp_hash, template_text
from tests.reports import sample, sample_texts
from tests.reports.markup import Markup


@pytest.fixture(scope="module")
def page(html: str) -> Markup:
    return Markup(html)


def test_page_is_the_golden_one(html: str, golden: Path, update_golden: bool) -> None:
    """Style, script and version are left out: the golden holds what the page says."""
    shown = re.sub(r"<style>.*?</style>|<script>.*?</script>|'sha256-[^']*'", "", html, flags=re.DOTALL)
    shown = re.sub(r"&#39;sha256-[^&]*&#39;", "", shown).replace(
        f"Weighbridge {scanner.__version__}", "Weighbridge"
    )
    target = golden / "report.html"
    if update_golden:
        target.write_text(shown, encoding="utf-8")
    assert shown == target.read_text(encoding="utf-8"), (
        "run pytest tests/reports --update-golden and read the diff"
    )


def test_two_renderings_are_equal(report: Report, html: str) -> None:
    assert render(report, "html").decode() == html


def test_hostile_reply_creates_no_element(page: Markup) -> None:
    assert sample_texts.HOSTILE in page.text()
    assert len(page.named("script")) == 1
    assert not page.named("img", "iframe", "object", "embed", "link", "base", "form input[type=submit]")
    assert not [name for element in page.elements for name in element.attributes if name.startswith("on")]
    assert not [element for element in page.elements if "style" in element.attributes]


def test_template_code_in_a_reply_is_not_run(page: Markup) -> None:
    assert sample_texts.TEMPLATE_CODE in page.text() or "{{ 7 * 7 }}" not in page.text()
    assert "49 " not in page.text().split("dan.Ablation")[-1]


def test_links_lead_into_the_page_or_to_a_legal_source(page: Markup) -> None:
    hrefs = list(page.values("href"))
    outside = {href for href in hrefs if not href.startswith("#")}
    assert outside == {"https://eur-lex.europa.eu/eli/reg/2024/1689/oj"}
    ids = page.ids()
    assert {href[1:] for href in hrefs if href.startswith("#")} <= set(ids)
    assert max(ids.values()) == 1


def test_nothing_of_a_reply_stands_inside_a_link(page: Markup) -> None:
    linked = "".join(text for inside, text in page.texts if "a" in inside)
    assert "evil.example" not in linked
    assert "evil.example" in page.text()


def test_page_loads_nothing(page: Markup, html: str) -> None:
    assert not list(page.values("src"))
    assert "url(" not in html
    assert "@import" not in html


def test_policy_allows_only_this_script_and_style(page: Markup) -> None:
    (policy,) = [
        meta.attributes["content"]
        for meta in page.named("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    style = template_text("base.css") + template_text("screen.css")
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src {csp_hash(style)};" in policy
    assert f"script-src {csp_hash(template_text('filter.js'))};" in policy
    assert "unsafe" not in policy


def test_personal_data_is_masked(html: str) -> None:
    assert "[person masked] at [email address masked] or on [phone number masked]" in html
    assert "Jane Roe" not in html
    assert "jane.roe" not in html
    assert "7946" not in html


def test_replies_are_withheld_when_nobody_looked_for_personal_data(tmp_path: Path) -> None:
    page = render(sample.report(tmp_path, with_spans=False), "html").decode()
    assert "jane.roe" not in page
    assert "Withheld: this reply was not examined for personal data." in page
    assert "evil.example" not in page


def test_hidden_characters_are_shown(page: Markup) -> None:
    text = page.text()
    assert "safe⟨U+202E⟩gnp.exe⟨U+202C⟩ and a bell⟨U+0007⟩" in text
    assert "⟨U+E0041⟩, zero⟨U+200B⟩width" in text
    assert not {"\u202e", "\x07", "\x1b", "\U000e0041", "\u200b"} & set(text)


def test_words_of_other_scripts_stay_as_they_are(page: Markup) -> None:
    assert "苏格兰是联合王国的一部分" in page.text()
    assert "人工智能实验室" in page.text()


def test_damaged_evidence_is_announced(tmp_path: Path) -> None:
    damaged = sample.report(tmp_path)
    sample.damage(damaged)
    text = Markup(render(damaged, "html").decode()).text()
    assert "12 of 14 pieces of evidence read back with the recorded digest" in text
    assert "Changed" in text
    assert "Missing" in text


def test_stale_and_proposed_packs_are_announced(page: Markup) -> None:
    assert "due for review on 1 November 2026" in page.text()
    assert "reads the law as it is since 1 December 2026, which is later" in page.text()
    assert "proposed, not law. Its controls bind nobody today" in page.text()
    assert "This pack is proposed, not law. A gap against it is none against the law" in page.text()


def test_what_is_only_proposed_is_no_gap_on_the_first_page(tmp_path: Path) -> None:
    report = sample.report(tmp_path)
    contents = contents_of(report)
    law = [pack for pack in report.assessment.packs if pack.status != "proposed"]
    assert len(law) < len(report.assessment.packs)
    gaps = [one for pack in law for one in pack.controls if one.status is ControlStatus.NOT_SUPPORTED]
    counts = verdict_view(contents).statuses
    shown = sum(one.count for one in counts if one.tag.key in ("not_supported", "gap_of_others"))
    assert shown == len(gaps) > 0
    proposed = next(view for view in pack_views(contents) if view.state)
    assert {control.force for control in proposed.controls} == {"proposed, not law"}


def test_voluntary_pack_is_called_that_and_never_in_force(report: Report) -> None:
    packs = tuple(
        dataclasses.replace(pack, status="voluntary", is_stale=False) for pack in report.assessment.packs
    )
    adopted = dataclasses.replace(report, assessment=dataclasses.replace(report.assessment, packs=packs))
    text = Markup(render(adopted, "html").decode()).text()
    assert "This pack is voluntary, not law. A gap against it is none against the law" in text
    assert "in force" not in text
    assert "bind nobody" not in text


def test_gap_of_others_is_told_from_ones_own(page: Markup) -> None:
    text = page.text()
    assert "□Gap of others" in text
    assert "provider of the general-purpose AI model, on whom you rely" in text
    assert "whether that is you is open" in text


def test_landmarks_headings_and_tables_serve_a_screen_reader(page: Markup) -> None:
    for name in ("header", "nav", "main", "footer", "h1"):
        assert len(page.named(name)) == 1, name
    assert page.named("html")[0].attributes["lang"] == "en"
    assert all("scope" in element.attributes for element in page.named("th"))
    levels = [int(element.name[1]) for element in page.named("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert all(svg.attributes["aria-label"] for svg in page.named("svg"))


def test_page_is_whole_without_script(html: str) -> None:
    """Only the filter waits for the script; findings are shown without it."""
    page = Markup(html)
    hidden = [element for element in page.elements if "hidden" in element.attributes]
    assert [element.attributes.get("id") for element in hidden] == ["filters"]


def test_least_report_renders_and_says_why_it_is_empty(empty_report: Report) -> None:
    text = Markup(render(empty_report, "html").decode()).text()
    assert "Incomplete" in text
    assert "No pack was applied: no control was judged." in text
    assert "This scan measured nothing." in text
    assert "This scan kept no evidence." in text
    assert "The check alignment-deflection was not part of this scan." in text


def test_control_says_what_it_means_who_answered_and_how_well_its_source_is_known(page: Markup) -> None:
    text = page.text()
    assert "This is the information you may rely on." in text
    assert "Pat Doe, counsel, answered 'partly' </td><script>" in text
    assert "(known from others' accounts, 22 November 2026)" in text
    assert "(from memory, to be checked, 22 November 2026)" in text


def test_pack_says_who_reviewed_it(page: Markup) -> None:
    assert "Held against the law by Counsel Roe." in page.text()
    assert "No person has yet held it against the law." in page.text()
    assert "No person has yet held these control packs against the law: " in page.text()


def test_source_that_is_no_web_address_is_no_link(page: Markup) -> None:
    assert "javascript:alert(1)" in page.text()
    assert not [href for href in page.values("href") if href.startswith("javascript")]


def test_severity_of_what_was_not_judged_is_conditional(page: Markup) -> None:
    outcomes = list(page.values("data-outcome"))
    assert page.text().count("If it failed") == outcomes.count("not_run") + outcomes.count("error") > 0


def _ratio(first: str, second: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("sheet", ["base.css", "screen.css"])
def test_every_colour_of_text_has_enough_contrast(sheet: str) -> None:
    """WCAG 2.2, success criterion 1.4.3: 4.5 to 1; base.css is light, screen.css dark."""
    block = re.search(r":root \{([^}]*--ink[^}]*)\}", template_text(sheet))
    assert block
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block.group(1)))
    for ink in ("ink", "soft", "link", "good", "bad", "warn", "open"):
        for ground in ("page", "panel"):
            assert _ratio(colours[ink], colours[ground]) >= 4.5, f"{sheet}: {ink} on {ground}"
