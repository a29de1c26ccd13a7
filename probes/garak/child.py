"""The garak process: `python -m probes.garak.child FOLDER MODELS` answers orders, one line each.

Its standard output carries nothing but answers: what garak prints goes to standard error.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from probes.garak import surface
from probes.garak.confinement import BlockedError, Doorkeeper
from probes.garak.messages import Answer, Minted, MintOrder, Order, Problem, ReplyOrder, Scored, sendable
from probes.garak.minting import UnsuitableProbeError, Working
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
    """Carries out orders, and keeps the probes that wait for their replies."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper
        self._working: dict[MintOrder, Working] = {}

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
            working = self._working[order.mint] = Working(order.mint)
            return Answer(minted=working.begin())
        if order.reply is not None:
            said = self._taken_up(order.reply).go_on(order.reply.turns[-1])
            if isinstance(said, Minted):
                return Answer(minted=said)
            del self._working[order.reply.mint]
            return Answer(scored=said)
        surface.close_report()
        return Answer()

    def _taken_up(self, order: ReplyOrder) -> Working:
        """The probe as it waits for the last turn's replies; made again in a process that lacks it."""
        earlier = order.turns[:-1]
        working = self._working.get(order.mint)
        if working is None or working.turns_done != len(earlier):
            working = self._working[order.mint] = Working(order.mint)
            working.begin()
            for replies in earlier:
                working.go_on(replies)
        return working

    def _problem(self, error: BaseException) -> Problem:
        if isinstance(error, UnsuitableProbeError):
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


def serve(orders: IO[bytes], answers: IO[bytes], folder: Path, models: Mapping[str, str]) -> None:
    """Greets, then answers order by order until there are no more."""
    doorkeeper = Doorkeeper()
    doorkeeper.stand()
    refusal = _refusal(folder, models)
    _say(answers, Answer(refusal=refusal, blocked=doorkeeper.report()))
    workshop = Workshop(doorkeeper)
    for line in orders:
        _say(answers, workshop.answer(decode(line, Order)))


def _refusal(folder: Path, models: Mapping[str, str]) -> str:
    """Why this garak cannot serve, "" when it can; importing garak happens here."""
    try:
        surface.installed_version()
    except NotAvailableError as error:
        return f"{error} ({error.hint})"
    missing = surface.missing_names()
    if not missing:
        surface.configure(seed=0, prompt_cap=GARAK_PROMPT_CAP, folder=folder, models=models)
    return "; ".join(missing)


def _say(answers: IO[bytes], answer: Answer) -> None:
    answers.write(encode(answer) + b"\n")
    answers.flush()


def main() -> None:
    """Takes the pipes for itself before anything of garak can print, and serves."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, Path(sys.argv[1]), json.loads(sys.argv[2]))


if __name__ == "__main__":
    main()
