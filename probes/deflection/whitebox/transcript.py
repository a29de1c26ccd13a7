"""Replies that the deflection probe already has: read from its transcript, never asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from probes.deflection.readability import without_thinking
from probes.deflection.reader import Engagement
from probes.deflection.whitebox.matched import SIDES
from probes.deflection.whitebox.phrases import Said
from probes.privacy_transcripts import earlier_transcripts
from scanner.check import CheckContext
from scanner.conversation import Conversation
from scanner.transcripts import read_transcript

_PROBE: Final = "alignment-deflection"


@dataclass(frozen=True)
class Told:
    """One readable reply and the conversation that it was the reply to."""

    said: Said
    conversation: Conversation


def told_in(context: CheckContext, language: str) -> list[Told]:
    """The readable replies in one language to sensitive questions and controls, in the order asked.

    Empty when the deflection probe did not run, or read no reply on one of the sides.

    Raises:
        EvidenceError: when its transcript is missing or was changed.
    """
    records = {name: record for name, record in context.earlier.items() if name == _PROBE}
    told = []
    for ref in earlier_transcripts(records):
        for exchange in read_transcript(context.evidence, ref):
            reading = exchange.reading
            if reading.get("language") != language or reading.get("form") not in SIDES:
                continue
            if reading.get("engagement", Engagement.ERROR.value) == Engagement.ERROR.value:
                continue
            spoken, _ = without_thinking(exchange.reply.text)
            asked = " ".join(message.content for message in exchange.conversation.messages)
            said = Said(reading["item"], reading.get("topic", ""), reading["form"], spoken, asked)
            told.append(Told(said, exchange.conversation))
    return told if {each.said.side for each in told} == set(SIDES) else []
