"""The garak process: `python -m probes.garak.child FOLDER` reads orders and answers them, one line each.

Its standard output carries nothing but answers: what garak prints goes to standard error.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from pathlib import Path
from typing import IO, Final

from probes.garak import surface
from probes.garak.confinement import BlockedError, Doorkeeper
from probes.garak.messages import Answer, Minted, MintOrder, Order, Problem, Scored, sendable
from probes.garak.minting import AsksItselfError, Batch, UnsuitableProbeError, mint
from scanner.errors import NotAvailableError
from scanner.records import decode, encode

# What probes, detectors and the libraries under them say when a download or a key is missing.
_MISSING: Final = re.compile(
    r"offline|hugging ?face|\bhub\b|api.key|max retries|couldn't (connect|reach)|network is off"
    r"|nltk_data|download|resource .* not found",
    re.IGNORECASE,
)
# garak's own cap, for the probes that listen to it; ours comes on top and holds for all.
GARAK_PROMPT_CAP: Final = 256


class Workshop:
    """Carries out orders, and keeps the prompts of a probe until their replies are scored."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper
        self._batches: dict[MintOrder, Batch] = {}

    def answer(self, order: Order) -> Answer:
        """What came of one order; a probe that breaks is part of the answer."""
        try:
            answer = self._carried_out(order)
        except Exception as error:  # noqa: BLE001 - third-party probes: what they raise is the answer
            problem = self._problem(error)
            answer = (
                Answer(minted=Minted(problem=problem))
                if order.mint
                else Answer(scored=Scored(problem=problem))
            )
        return dataclasses.replace(answer, blocked=self._doorkeeper.report())

    def _carried_out(self, order: Order) -> Answer:
        if order.mint is not None:
            batch = self._batches[order.mint] = mint(order.mint)
            return Answer(minted=batch.minted)
        if order.score is not None:
            # A process that was started after a crash makes the prompts again: they are the same.
            kept = self._batches.pop(order.score.mint) if order.score.mint in self._batches else None
            batch = mint(order.score.mint) if kept is None else kept
            return Answer(scored=batch.score(order.score.replies))
        return Answer()

    def _problem(self, error: BaseException) -> Problem:
        if isinstance(error, (UnsuitableProbeError, AsksItselfError)):
            return Problem(str(error), is_unavailable=True)
        chain = list(_chain(error))
        words = " | ".join(f"{type(link).__name__}: {link}" for link in chain)
        is_unavailable = (
            self._doorkeeper.has_turned_down()
            or any(isinstance(link, (BlockedError, ModuleNotFoundError)) for link in chain)
            or _MISSING.search(words) is not None
        )
        return Problem(sendable(f"{type(chain[-1]).__name__}: {chain[-1]}"[:500]), is_unavailable)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it came from, each once, the root last."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


def serve(orders: IO[bytes], answers: IO[bytes], folder: Path) -> None:
    """Greets, then answers order by order until there are no more."""
    doorkeeper = Doorkeeper()
    doorkeeper.stand()
    refusal = _refusal(folder)
    _say(answers, Answer(refusal=refusal, blocked=doorkeeper.report()))
    workshop = Workshop(doorkeeper)
    for line in orders:
        _say(answers, workshop.answer(decode(line, Order)))


def _refusal(folder: Path) -> str:
    """Why this garak cannot serve, "" when it can; importing garak happens here."""
    try:
        surface.installed_version()
    except NotAvailableError as error:
        return f"{error} ({error.hint})"
    missing = surface.missing_names()
    if not missing:
        surface.configure(seed=0, prompt_cap=GARAK_PROMPT_CAP, report_path=folder / "garak-report.jsonl")
    return "; ".join(missing)


def _say(answers: IO[bytes], answer: Answer) -> None:
    answers.write(encode(answer) + b"\n")
    answers.flush()


def main() -> None:
    """Takes the pipes for itself before anything of garak can print, and serves."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
