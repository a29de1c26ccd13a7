"""Opens the model that a user names as judge of replies, and says which one it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from probes.backend import BackendOptions
    from probes.deflection.judge import JudgeReading
    from probes.deflection.rows import ReplyRow
    from scanner.conversation import Judge
    from scanner.source import FetchOptions


# As in probes/deflection/second_reader.py, which is too slow to import for --help.
JUDGE_SETTING: Final = "deflection.judge"


def judge_record(judge: Judge) -> dict[str, str]:
    """Who judged and by which rubric, as plain values."""
    from probes.deflection.judge import rubric_digest

    engine = judge.questioner.engine
    return {
        "model": judge.model,
        "commit": judge.commit,
        "digest": judge.digest,
        "rubric": rubric_digest(),
        "engine": f"{engine.version}, {engine.device}, {engine.dtype}",
    }


@dataclass(frozen=True)
class Judged:
    """What a judge said.

    Attributes:
        judge: Who judged, as plain values.
        readings: In the order of the rows.
    """

    judge: Mapping[str, Any]
    readings: Sequence[JudgeReading]

    def row(self, index: int, reply: ReplyRow) -> dict[str, Any]:
        """The reading of a row as plain values: evidence placed in the response, and whose reading it is."""
        from probes.deflection.thinking import separate

        reading = self.readings[index]
        place = None if reading.span is None else separate(reply.response).place(reading.span)
        spans = [] if place is None else [{"axis": "engagement", "start": place[0], "end": place[1]}]
        who = {name: self.judge[name] for name in ("model", "commit", "digest", "rubric")}
        return {**reading.as_mapping(), "spans": spans, **who}


@contextmanager
def open_judge(
    model: str,
    backend: str,
    options: BackendOptions,
    workplace: Workplace,
    fetching: FetchOptions,
) -> Iterator[Judge]:
    """The judge; its answers are kept in the data folder, so that the same question is asked once.

    Raises:
        ScanError: when the model cannot be fetched or loaded, or another process is using it as judge.
    """
    from cli.libraries import hub_forbidden
    from probes.questioning import model_digest, open_questioner
    from scanner.conversation import Judge
    from scanner.fetching import fetch
    from scanner.journal import Journal
    from scanner.references import ModelRef

    ref = ModelRef.parse(model)
    snapshot = fetch(ref, fetching)
    name = f"judge-{model_digest(snapshot)[:24]}"
    path = workplace.root / "judges" / name / "journal.jsonl"
    with workplace.locked(name), hub_forbidden(), Journal(path) as journal:
        opening = open_questioner(
            snapshot,
            backend=backend,
            options=options,
            journal=journal,
            progress=fetching.progress,
        )
        with opening as questioner:
            yield Judge(questioner, ref.text, snapshot.commit or "", snapshot.digest)
