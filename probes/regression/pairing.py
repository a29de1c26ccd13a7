"""Puts the same question to two models side by side, from the transcripts of their scans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.regression.behaviours import BEHAVIOURS, Behaviour
from scanner.comparison import Flip
from scanner.evidence import EvidenceError, EvidenceRef, EvidenceStore
from scanner.findings import Finding, Measurement
from scanner.scan import Scan
from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, Exchange, read_transcript


@dataclass(frozen=True)
class PairedCell:
    """One figure over the questions that both models were asked and answered readably.

    Attributes:
        behaviour: What the figure counts.
        dimensions: What it is measured for.
        pairs: Base and candidate, question by question, with what each shows.
    """

    behaviour: Behaviour
    dimensions: Mapping[str, str]
    pairs: tuple[tuple[Exchange, bool, Exchange, bool], ...]

    @property
    def flips(self) -> Iterator[Flip]:
        """The questions that came out differently."""
        for old, before, new, after in self.pairs:
            if before != after:
                is_worse = (after - before) * self.behaviour.worse.sign > 0
                yield Flip(self.behaviour.measure, self.dimensions, is_worse, old, new)


@dataclass(frozen=True)
class Pairing:
    """Everything that two transcripts of a scan have in common.

    Attributes:
        cells: Per figure the pairs; none without a pair.
        notes: What was left out, a sentence each.
    """

    cells: tuple[PairedCell, ...]
    notes: tuple[str, ...]


def pair_scans(base: Scan, candidate: Scan, evidence: EvidenceStore) -> Pairing:
    """The pairs of every check whose transcripts both scans kept."""
    cells: list[PairedCell] = []
    notes: list[str] = []
    for check_id in dict.fromkeys(behaviour.check_id for behaviour in BEHAVIOURS):
        try:
            before, after = (_exchanges(scan, check_id, evidence) for scan in (base, candidate))
        except EvidenceError as error:
            notes.append(f"{check_id} is compared by its figures alone: {error}")
            continue
        if before and after:
            found, told = pair_exchanges(check_id, before, after)
            cells += found
            notes += told
    return Pairing(tuple(cells), tuple(notes))


def pair_exchanges(
    check_id: str, base: Sequence[Exchange], candidate: Sequence[Exchange]
) -> tuple[list[PairedCell], list[str]]:
    """The cells of one check, and what was left out of them."""
    earlier = {exchange.id: exchange for exchange in base}
    same = [
        (earlier[new.id], new)
        for new in candidate
        if new.id in earlier and earlier[new.id].conversation == new.conversation
    ]
    notes, unread, cells = [], set(), []
    if len(same) < max(len(base), len(candidate)):
        notes.append(
            f"{check_id}: {len(same)} questions were put to both models word for word, "
            f"of {len(base)} in the base and {len(candidate)} in the candidate"
        )
    for behaviour in (each for each in BEHAVIOURS if each.check_id == check_id):
        by_cell: dict[tuple[tuple[str, str], ...], list[tuple[Exchange, bool, Exchange, bool]]] = {}
        for old, new in (pair for pair in same if behaviour.concerns(pair[1])):
            before, after = behaviour.shows(old), behaviour.shows(new)
            if before is None or after is None:
                unread.add(new.id)
            else:
                where = tuple(behaviour.dimensions(new).items())
                by_cell.setdefault(where, []).append((old, before, new, after))
        cells += [PairedCell(behaviour, dict(where), tuple(pairs)) for where, pairs in by_cell.items()]
    if unread:
        notes.append(f"{check_id}: {len(unread)} questions are left out: a reply to them could not be read")
    return cells, notes


def _exchanges(scan: Scan, check_id: str, evidence: EvidenceStore) -> list[Exchange]:
    """Everything that a check asked in a scan; a judge's answers are kept under another title."""
    title = f"transcript of {check_id}"
    refs: dict[str, EvidenceRef] = {}
    for record in (each for each in scan.records if each.check_id == check_id):
        grounds: list[Finding | Measurement] = [*record.findings, *record.measurements]
        for ref in (ref for ground in grounds for ref in ground.evidence):
            is_own = ref.title == title or ref.title.startswith(f"{title}, ")
            if ref.media_type == TRANSCRIPT_MEDIA_TYPE and is_own:
                refs[ref.sha256] = ref
    return [exchange for ref in refs.values() for exchange in read_transcript(evidence, ref)]
