"""Transcripts: one exchange a line, back as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.conversation import Conversation, FinishReason, Reply
from scanner.evidence import EvidenceError, EvidenceStore
from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, Exchange, keep_transcript, read_transcript
from tests.strategies import exchanges


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(said=st.lists(exchanges, max_size=4))
def test_exchanges_come_back_in_order(tmp_path: Path, said: list[Exchange]) -> None:
    store = EvidenceStore(tmp_path)
    assert read_transcript(store, keep_transcript(store, "a-check", said)) == said


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\u2028b\u0085c", "\x00\x1b[31m", "\u202ertl"])
def test_hostile_replies_stay_on_their_line(tmp_path: Path, text: str) -> None:
    store = EvidenceStore(tmp_path)
    said = [Exchange(str(n), Conversation.of(text), Reply(text, FinishReason.STOP)) for n in range(2)]
    ref = keep_transcript(store, "a-check", said)
    assert ref.media_type == TRANSCRIPT_MEDIA_TYPE
    assert ref.title == "transcript of a-check"
    lines = store.get(ref.sha256).split(b"\n")
    assert len(lines) == 3
    assert json.loads(lines[0])["reply"]["text"] == text
    assert read_transcript(store, ref) == said


def test_changed_transcript_is_refused(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    ref = keep_transcript(
        store, "a-check", [Exchange("q", Conversation.of("?"), Reply("!", FinishReason.STOP))]
    )
    store.path(ref.sha256).write_bytes(store.get(ref.sha256).replace(b'"!"', b'"?"'))
    with pytest.raises(EvidenceError, match="was changed"):
        read_transcript(store, ref)


def test_system_prompt_stands_before_the_question() -> None:
    roles = [message.role for message in Conversation.of("hello", system="be brief").messages]
    assert roles == ["system", "user"]
