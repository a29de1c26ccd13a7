"""The replay backend, on transcripts of the tiny model and on lines written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.backend import BackendError, BackendOptions
from probes.backends.replay import BACKEND, ReplayBackend
from probes.backends.transformers import TransformersBackend
from scanner.conversation import Conversation, FinishReason, Message, Reply, Sampling
from scanner.evidence import EvidenceStore
from scanner.records import encode
from scanner.transcripts import Exchange, keep_transcript
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, QUESTIONS, Conformance, Subject

UNICODE = "naïve \u202e 你好 🙂 \x00 e\u0301"
SHORT = Sampling(max_tokens=8)


def _record(model: Path, folder: Path) -> list[Path]:
    """Transcripts of all that the conformance suite asks, as Weighbridge keeps them."""
    backend = TransformersBackend.load(snapshot_of(model), BackendOptions(device="cpu"))
    texts = (*QUESTIONS, UNICODE, "fox " * builder.CONTEXT_TOKENS)
    asked = [Conversation.of(text) for text in texts]
    store, paths = EvidenceStore(folder), []
    for size in (1, 5, GREEDY.max_tokens, 24):
        replies = backend.generate([backend.render(each) for each in asked], Sampling(max_tokens=size))
        said = [Exchange(str(n), *pair) for n, pair in enumerate(zip(asked, replies, strict=True))]
        paths.append(store.path(keep_transcript(store, "test", said).sha256))
    backend.close()
    return paths


class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        paths = tuple(_record(tiny_model, tmp_path_factory.mktemp("transcripts")))

        def load() -> ReplayBackend:
            return ReplayBackend.load(snapshot_of(tiny_model), BackendOptions(transcripts=paths))

        model = TransformersBackend.load(snapshot_of(tiny_model), BackendOptions(device="cpu"))
        asked = [model.render(Conversation.of(question)) for question in QUESTIONS]
        reference = [reply.text for reply in model.generate(asked, GREEDY)]
        model.close()
        return Subject(
            load(), load, builder.CONTEXT_TOKENS, speaks_template=False, has_own_stops=False,
            draws_by_seed=False, reference=reference,
        )  # fmt: skip


def _loaded(path: Path, *lines: str) -> ReplayBackend:
    path.write_text("\n".join(lines), encoding="utf-8")
    return ReplayBackend.load(snapshot_of(path), BackendOptions(transcripts=(path,)))


def _answer(backend: ReplayBackend, prompt: str, sampling: Sampling = SHORT, system: str = "") -> Reply:
    rendered = backend.render(Conversation.of(prompt, system=system))
    return backend.generate([rendered], sampling)[0]


def _line(prompt: str, reply: Reply) -> str:
    return encode(Exchange("q", Conversation.of(prompt), reply)).decode()


def test_the_registry_finds_it() -> None:
    assert BACKEND is ReplayBackend


def test_generic_lines_are_understood(tmp_path: Path) -> None:
    backend = _loaded(
        tmp_path / "a.jsonl",
        '{"prompt": "2+2?", "reply": "4"}',
        '{"prompt": "2+2?", "system": "Be brief.", "reply": "four"}',
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},'
        ' {"role": "user", "content": "And?"}], "reply": "And what?", "model": "some other field"}',
    )
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "And?"))
    assert _answer(backend, "2+2?").text == "4"
    assert _answer(backend, "2+2?", system="Be brief.").text == "four"
    assert backend.generate([backend.render(Conversation(turns))], SHORT)[0].text == "And what?"


def test_a_question_nobody_recorded_is_an_error_and_is_counted(tmp_path: Path) -> None:
    backend = _loaded(tmp_path / "a.jsonl", '{"prompt": "2+2?", "reply": "4"}')
    reply = _answer(backend, "3+3?")
    assert (reply.finish, reply.text) == (FinishReason.ERROR, "")
    assert "no reply to this question was recorded" in reply.error
    assert "1 questions had no recorded reply." in backend.describe().notes


@pytest.mark.parametrize(
    ("recorded", "limit", "fits"),
    [
        (Reply("a", FinishReason.STOP, 3, 8), 8, True),
        (Reply("a", FinishReason.STOP, 3, 9), 8, False),
        (Reply("a", FinishReason.LENGTH, 3, 8), 8, True),
        (Reply("a", FinishReason.LENGTH, 3, 7), 8, False),
        (Reply("a", FinishReason.LENGTH, 3, 9), 8, False),
        (Reply("a", FinishReason.LENGTH), 8, True),
    ],
)
def test_a_reply_made_under_another_length_limit_is_not_passed_off(
    tmp_path: Path, recorded: Reply, limit: int, fits: bool
) -> None:
    backend = _loaded(tmp_path / "a.jsonl", _line("?", recorded))
    reply = _answer(backend, "?", Sampling(max_tokens=limit))
    assert (reply.finish is not FinishReason.ERROR) is fits
    assert fits or "another length limit" in reply.error


def test_of_two_lengths_the_one_that_was_asked_for_is_taken(tmp_path: Path) -> None:
    lines = [_line("?", Reply("x" * size, FinishReason.LENGTH, 3, size, key=str(size))) for size in (4, 8)]
    backend = _loaded(tmp_path / "a.jsonl", *lines)
    assert [_answer(backend, "?", Sampling(max_tokens=size)).text for size in (8, 4)] == ["x" * 8, "x" * 4]


def test_contradicting_recordings_are_an_error(tmp_path: Path) -> None:
    backend = _loaded(tmp_path / "a.jsonl", *(f'{{"prompt": "?", "reply": "{text}"}}' for text in "ab"))
    assert "2 different replies" in _answer(backend, "?").error


def test_a_recorded_failure_stays_a_failure(tmp_path: Path) -> None:
    backend = _loaded(tmp_path / "a.jsonl", _line("?", Reply("", FinishReason.ERROR, error="too long")))
    assert _answer(backend, "?").error == "too long"


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"reply": "4"}', '{"prompt": "2+2?"}', '{"conversation": 3}', "4"]
)
def test_a_line_that_is_no_recording_names_file_and_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(BackendError, match=r"a\.jsonl, line 2: not a recorded reply"):
        _loaded(tmp_path / "a.jsonl", '{"prompt": "?", "reply": "!"}', line)


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt": "\xff\xfe", "reply": "x"}\n')
    with pytest.raises(BackendError, match="line 1"):
        ReplayBackend.load(snapshot_of(path), BackendOptions(transcripts=(path,)))


def test_no_transcript_and_an_empty_one_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n")
    for transcripts in ((), (path,), (tmp_path / "absent.jsonl",)):
        with pytest.raises(BackendError):
            ReplayBackend.load(snapshot_of(path), BackendOptions(transcripts=transcripts))


def test_a_folder_gives_all_its_transcripts_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.jsonl").write_text('{"prompt": "b", "reply": "B"}')
    (tmp_path / "notes.txt").write_text("not a transcript")
    backend = _loaded(tmp_path / "a.jsonl", '{"prompt": "a", "reply": "A"}')
    both = ReplayBackend.load(snapshot_of(tmp_path), BackendOptions(transcripts=(tmp_path,)))
    assert [_answer(both, text).text for text in "ab"] == ["A", "B"]
    assert both.describe().version != backend.describe().version
    assert {"sha256 of a.jsonl", "sha256 of b.jsonl"} <= set(both.describe().settings)
