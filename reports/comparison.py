"""A comparison of two scans in words: as Markdown for a pull request, as plain values for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from reports.markdown_text import fenced, folded, inline, table
from scanner.comparison import Comparison, Fate, Flip, PartState, Side
from scanner.findings import Finding
from scanner.measured_change import MeasuredChange
from scanner.measures import Worse
from scanner.records import to_builtins

SCHEMA: Final = "weighbridge.comparison/1"
_LONGEST_REPLY: Final = 600


def share(value: float | None, unit: str) -> str:
    """A value as tables show it: shares as percentages, others as they are, "-" for none."""
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if unit.startswith("share") else f"{value:.4g}"


def change_in_words(change: MeasuredChange, alpha: float) -> str:
    """How a figure moved: difference, interval, p, and what could have been missed where it did not."""
    test = change.test
    if test is None or change.delta is None:
        return f"not tested: {change.untested}"
    scale, unit = (100.0, " points") if change.unit.startswith("share") else (1.0, f" {change.unit}")
    low, high = scale * test.interval.low, scale * test.interval.high
    told = f"{scale * change.delta:+.3g}{unit} [{low:.3g}, {high:.3g}]"
    if change.is_found(alpha):
        return f"{told}, p = {test.adjusted_p:.2g}: {_direction(change)}"
    if test.detectable is None:
        return f"{told}: too few to see any change"
    return f"{told}: none above {scale * test.detectable:.3g}{unit} detectable"


def counts_in_words(found: Comparison) -> str:
    """The last line: how much of each kind there is."""
    fates = Counter(change.fate for change in found.findings)
    told = [f"{fates[fate]} {fate.value}" for fate in Fate]
    worse = sum(_is_worse(change) for change in found.moved)
    moved = sum(1 for _ in found.moved)
    states = Counter(part.state for part in found.parts)
    return (
        f"{', '.join(told)}; {len(found.lost)} no longer judged; "
        f"{worse} of {sum(1 for _ in found.tested)} figures worse, {moved - worse} otherwise moved; "
        f"{len(found.flips)} flipped; {states[PartState.CHANGED]} parts changed, "
        f"{states[PartState.UNKNOWN]} unknown"
    )


def comparison_document(found: Comparison) -> dict[str, Any]:
    """The comparison as plain values, with what was concluded from them."""
    document: dict[str, Any] = {"schema": SCHEMA, **to_builtins(found)}
    for said, change in zip(document["measurements"], found.measurements, strict=True):
        said["is_found"] = change.is_found(found.alpha)
        said["worsening"], said["fingerprint"] = change.worsening, change.fingerprint
    for said, finding_change in zip(document["findings"], found.findings, strict=True):
        said["fingerprint"] = finding_change.finding.fingerprint
    for said, file in zip(document["files"], found.files, strict=True):
        said["path"], said["verb"] = file.path, file.verb
    return document


def comparison_markdown(found: Comparison, *, most_flips: int = 10) -> str:
    """The comparison as Markdown, the news first."""
    return "\n".join(part for part in _blocks(found, most_flips) if part)


def _blocks(found: Comparison, most_flips: int) -> Iterator[str]:
    yield f"## Compared with {inline(found.base.scan_id)}\n"
    yield table(
        ("", "scan", "model", "weights sha256"), (_side("base", found.base), _side("now", found.candidate))
    )
    yield inline(counts_in_words(found)) + "\n"
    yield "".join(f"- {inline(note)}\n" for note in found.notes)
    news = [
        _finding(change.fate, change.finding) for change in found.findings if change.fate is not Fate.SAME
    ]
    yield _titled("Findings", table(("fate", "severity", "check", "finding", "fingerprint"), news))
    lost = [[inline(lost.check_id), inline(lost.subject), inline(lost.reason)] for lost in found.lost]
    yield _titled("No longer judged", table(("check", "part", "reason"), lost))
    rows = [_figure(change, found.alpha) for change in found.tested]
    yield _titled("Figures", table(("figure", "n", "base", "now", "change"), rows))
    parts = [
        [part.part.value, part.state.value, "<br>".join(map(inline, part.told))]
        for part in found.parts
        if part.state is not PartState.SAME
    ]
    yield _titled("Files", table(("part", "state", "what"), parts))
    for part in found.parts:
        if part.diff:
            yield folded(f"Changes in {part.part.value}", fenced(part.diff, "diff"))
    if found.flips and most_flips:
        shown = "\n".join(map(_flip, found.flips[:most_flips]))
        yield folded(f"{min(most_flips, len(found.flips))} of {len(found.flips)} flipped questions", shown)


def _titled(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _side(name: str, side: Side) -> list[str]:
    model = f"{side.model}@{side.commit[:12]}" if side.commit else side.model
    return [name, inline(side.scan_id), inline(model), side.weights_digest[:16]]


def _finding(fate: Fate, finding: Finding) -> list[str]:
    return [
        fate.value, finding.severity.value, inline(finding.check_id), inline(finding.message),
        finding.fingerprint,
    ]  # fmt: skip


def _figure(change: MeasuredChange, alpha: float) -> list[str]:
    return [
        inline(change.label), str(change.n), share(change.base, change.unit),
        share(change.candidate, change.unit), inline(change_in_words(change, alpha)),
    ]  # fmt: skip


def _flip(flip: Flip) -> str:
    direction = "worse" if flip.is_worse else "better"
    reading = flip.candidate.reading
    asked = reading.get("in_english") or flip.candidate.conversation.messages[-1].content
    # A comment is read by many: what was not examined for personal data is not quoted in it.
    replies = [
        inline(_cut(each.reply.text)) if flip.is_examined else "(not examined for personal data, not quoted)"
        for each in (flip.base, flip.candidate)
    ]
    told = [
        f"**{inline(flip.candidate.id)}** ({inline(flip.name)}, {direction}): {inline(_cut(asked))}\n",
        table(("base", "now"), [replies]),
    ]
    return "\n".join(told)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REPLY else f"{text[:_LONGEST_REPLY]} [...]"


def _direction(change: MeasuredChange) -> str:
    if change.worse is Worse.NEITHER:
        return "changed"
    return "worse" if _is_worse(change) else "better"


def _is_worse(change: MeasuredChange) -> bool:
    return (change.worsening or 0) > 0
