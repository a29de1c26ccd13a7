"""The pages of docs/ that come from the control packs: an index, a page a pack, and the crosswalk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cli.control_words import DECIDED_BY, NON_CLAIM, checks_of, days, standing, summary
from policies.controls import Control, EvidenceKind, Pack
from policies.crosswalk import Crosswalk, CrosswalkRow, PackControl, controls_by_check, crosswalks
from policies.frameworks import Framework, load_frameworks
from policies.pack_lint import excused_checks
from reports.wording import duty_holder_text, pack_state
from scanner.check import Check
from scanner.runner import in_order

_MADE = "Written by `make docs` from the packs."


def control_pages(packs: Sequence[Pack], checks: Mapping[str, Check]) -> dict[str, str]:
    """Every page by its path below docs/."""
    frameworks = load_frameworks()
    return {
        "controls.md": _text(_index(packs, checks)),
        **{f"controls/{pack.id}.md": _text(_pack_page(pack, frameworks)) for pack in packs},
        "crosswalk.md": _text(_crosswalk_page(crosswalks(packs, frameworks.values()))),
    }


def _index(packs: Sequence[Pack], checks: Mapping[str, Check]) -> Iterator[str]:
    yield from ("# Control packs", "", f"{_MADE} Paraphrases, not legal advice.", "")
    yield "A *voluntary* pack binds whoever adopts its framework, or agreed to it: it is no law. It is judged"
    yield "only where a policy lists it, and its gaps count in the gate only where a policy names it."
    yield "`weighbridge controls PACK` prints a pack; [crosswalk.md](crosswalk.md) is what it is mapped to."
    yield ""
    yield from _table(
        "pack", "instrument", "status", "controls", *DECIDED_BY.values(), "checks", "review due"
    )
    for pack in packs:
        kinds = [control.evidence for control in pack.controls]
        fed_by = {check for control in pack.controls for check in control.fed_by}
        yield _row(
            f"[{pack.id}](controls/{pack.id}.md)", pack.cite, pack_state(pack.status), len(kinds),
            *(kinds.count(kind) for kind in DECIDED_BY), len(fed_by), pack.review_due,
        )  # fmt: skip
    yield from ("", "## What each check feeds", "")
    yield from _table("check", "controls that rest on it")
    excused = excused_checks()
    feeds = controls_by_check(packs, [check.id for check in in_order(list(checks.values()))])
    for check, controls in feeds.items():
        yield _row(f"`{check}`", _grouped(controls) or f"none: {excused.get(check, 'no pack names it')}")
    yield from ("", "## What no check feeds", "")
    yield "These only a person can answer; the reason is what a scan cannot see."
    yield ""
    yield from _table("pack", "control", "why no check feeds it")
    for pack in packs:
        for control in pack.controls:
            if control.evidence is EvidenceKind.ATTESTATION:
                yield _row(pack.id, f"{control.label}: {control.title}", control.limits)


def _pack_page(pack: Pack, frameworks: Mapping[str, Framework]) -> Iterator[str]:
    yield from (f"# {pack.title}", "", f"{_MADE} Paraphrases, not legal advice.", "")
    yield f"`{pack.id}` {pack.version}, {pack_state(pack.status)}: {pack.cite}."
    yield f"{standing(pack).capitalize()}. {summary(pack)}."
    yield from ("", "Read at:", "")
    for source in pack.sources:
        yield f"- <{source.url}>, {source.retrieved}, {source.confidence}"
    for control in pack.controls:
        yield from _control(control, pack, frameworks)


def _control(control: Control, pack: Pack, frameworks: Mapping[str, Framework]) -> Iterator[str]:
    yield from ("", f"## {control.label}: {control.title}", "", _flat(control.requirement), "")
    facts = {
        "id": f"`{control.id}`",
        "owed by": duty_holder_text(control.duty_holder),
        "dates": days(control, pack),
        "decided by": DECIDED_BY[control.evidence],
        "for the adopter": control.relevance,
        "checks": checks_of(control),
        "question to a person": control.attestation,
        "does not show": control.limits if control.fed_by else "",
        "severity of a gap": control.severity_if_failed,
        "mapped to": "; ".join(
            f"{frameworks[name].title}: {', '.join(ids)}" for name, ids in control.maps.items()
        ),
        "read at": "; ".join(f"<{one.url}> ({one.retrieved}, {one.confidence})" for one in control.sources),
    }
    yield from (f"- {name}: {_flat(value)}" for name, value in facts.items() if value)


def _crosswalk_page(found: Sequence[Crosswalk]) -> Iterator[str]:
    yield from ("# Crosswalk", "", f"{_MADE} `weighbridge controls --crosswalk` prints the same.", "")
    yield NON_CLAIM
    yield "What a result of a control does not show stands with the control."
    for one in found:
        yield from ("", f"## {one.framework.title}", "")
        yield f"`{one.framework.id}`, published {one.framework.published}. Ids read at:"
        yield ""
        for source in one.framework.sources:
            yield f"- <{source.url}>, {source.retrieved}, {source.confidence}"
        yield ""
        if not one.rows:
            yield "No control is mapped to it."
            continue
        yield from _table("id", "about", "pack", "control", "fed by")
        for row in one.rows:
            yield from _crosswalk_rows(row)
        if one.unmapped:
            whole = "" if one.framework.is_whole else " (of those that a scan of a model can touch)"
            yield from ("", f"No control is mapped to{whole}: {', '.join(one.unmapped)}.")


def _crosswalk_rows(row: CrosswalkRow) -> Iterator[str]:
    for number, one in enumerate(row.controls):
        first = (row.id, row.title) if number == 0 else ("", "")
        yield _row(*first, one.pack.id, one.control.label, ", ".join(one.control.fed_by) or "a person alone")


def _grouped(controls: Sequence[PackControl]) -> str:
    labels: dict[str, list[str]] = {}
    for one in controls:
        labels.setdefault(one.pack.id, []).append(one.control.label)
    return "<br>".join(f"{pack_id}: {'; '.join(found)}" for pack_id, found in labels.items())


def _table(*heads: str) -> tuple[str, str]:
    return _row(*heads), "|" + "---|" * len(heads)


def _row(*cells: object) -> str:
    return "| " + " | ".join(_flat(str(cell)).replace("|", "\\|") for cell in cells) + " |"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
