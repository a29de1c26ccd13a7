"""What `weighbridge controls --format json` prints: packs, checks and crosswalks as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from policies.controls import Control, Pack
from policies.crosswalk import Crosswalk, PackControl
from scanner.check import Check


def pack_document(pack: Pack) -> dict[str, object]:
    """A pack with its controls."""
    return {
        "id": pack.id,
        "version": pack.version,
        "title": pack.title,
        "status": pack.status,
        "digest": pack.digest,
        "cite": pack.cite,
        "reviewed_by": pack.reviewed_by,
        "review_due": pack.review_due.isoformat(),
        "controls": [_control(control) for control in pack.controls],
    }


def check_documents(
    checks: Mapping[str, Check], feeds: Mapping[str, Sequence[PackControl]], excused: Mapping[str, str]
) -> list[dict[str, object]]:
    """Each check with the controls that it feeds, and why it feeds none where that is so."""
    return [
        {
            "id": check,
            "title": checks[check].title,
            "controls": [_reference(one) for one in controls],
            "feeds_none_because": excused.get(check, ""),
        }
        for check, controls in feeds.items()
    ]


def crosswalk_documents(crosswalks: Iterable[Crosswalk]) -> list[dict[str, object]]:
    """Each framework with its mapped ids, the controls behind them and the checks that feed those."""
    return [
        {
            "framework": one.framework.id,
            "title": one.framework.title,
            "published": one.framework.published.isoformat(),
            "is_whole": one.framework.is_whole,
            "sources": [source.url for source in one.framework.sources],
            "ids": [
                {
                    "id": row.id,
                    "title": row.title,
                    "checks": list(row.checks),
                    "controls": [_reference(each) for each in row.controls],
                }
                for row in one.rows
            ],
            "unmapped": list(one.unmapped),
        }
        for one in crosswalks
    ]


def _control(control: Control) -> dict[str, object]:
    return {
        "id": control.id,
        "label": control.label,
        "title": control.title,
        "requirement": control.requirement,
        "duty_holder": control.duty_holder,
        "evidence": control.evidence.value,
        "effective": [
            {
                "since": entry.since.isoformat(),
                "when": [clause.says for clause in entry.when.clauses] if entry.when else [],
            }
            for entry in control.effective
        ],
        "checks": list(control.checks),
        "fed_by": list(control.fed_by),
        "measurements": list(control.measurements),
        "attestation": control.attestation,
        "limits": control.limits,
        "severity_if_failed": control.severity_if_failed,
        "maps": {name: list(ids) for name, ids in control.maps.items()},
        "sources": [
            {"url": one.url, "retrieved": one.retrieved.isoformat(), "confidence": one.confidence}
            for one in control.sources
        ],
    }


def _reference(one: PackControl) -> dict[str, object]:
    """A control as another one points to it, with what a result of it does not show."""
    return {
        "pack": one.pack.id,
        "pack_version": one.pack.version,
        "id": one.control.id,
        "label": one.control.label,
        "evidence": one.control.evidence.value,
        "checks": list(one.control.fed_by),
        "limits": one.control.limits,
        "reviewed_by": one.pack.reviewed_by,
    }
