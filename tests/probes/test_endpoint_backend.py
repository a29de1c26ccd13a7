"""The backend `endpoint` against a server that misbehaves in every known way."""

from __future__ import annotations

import _thread
import dataclasses
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.backend import AnswererError, BackendError, BackendOptions, EngineLostError, ServerOptions
from probes.backends.endpoint import EndpointBackend
from probes.endpoint.address import locate
from probes.endpoint.client import MOST_ANSWER_BYTES
from probes.endpoint.wire import read_refusal, safe_line
from scanner.conversation import Conversation, FinishReason, Message, Reply, Sampling
from scanner.errors import NotAvailableError
from scanner.manifest import Snapshot
from scanner.records import decode, encode
from scanner.references import ModelRef
from tests.assets.tiny_model import snapshot_of
from tests.probes.hostile_server import Behaviour, Handler, Server, State, asked, chat, good, hostile_server

NOWHERE = Snapshot(ModelRef.parse("demo"), None, "/nowhere", ())
SAMPLING = Sampling(max_tokens=12)
# Of what a secret looks like; shorter ones are words.
API_KEY = "sk-weighbridge-0123456789"

Hostile = tuple[str, State, Server]
Load = Callable[..., EndpointBackend]


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with hostile_server() as found:
        yield found


@pytest.fixture
def load(hostile: Hostile) -> Iterator[Load]:
    """Opens the backend over the server, with little patience; closes what it opened."""
    opened: list[EndpointBackend] = []

    def open_it(
        snapshot: Snapshot = NOWHERE, *, dtype: str = "auto", batch_size: int = 0, **server: Any
    ) -> EndpointBackend:
        given = ServerOptions(url=hostile[0], patience_seconds=0.4, timeout_seconds=5.0)
        options = BackendOptions(
            server=dataclasses.replace(given, **server), dtype=dtype, batch_size=batch_size
        )
        opened.append(EndpointBackend.load(snapshot, options))
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


def _ask(backend: EndpointBackend, *texts: str) -> list[Reply]:
    return backend.generate([backend.render(Conversation.of(text)) for text in texts], SAMPLING)


def _only_for(text: str, bad: Behaviour) -> Behaviour:
    """Misbehaves for one prompt and answers the others."""
    return lambda handler, body: (bad if text in asked(body) else good)(handler, body)


def _say_bytes(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    return lambda handler, _: handler.send(body, status, **headers)


def _say(document: object) -> Behaviour:
    return lambda handler, _: handler.say(document)


def _half(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(b'{"choices": [{"mess', length=4000)
    handler.hang_up()


BAD_ANSWERS: dict[str, tuple[Behaviour, str]] = {
    "dies mid-answer": (_half, "broke off within its answer"),
    "hangs up at once": (lambda handler, _: handler.hang_up(), "broke off within its answer"),
    "HTML": (_say_bytes(b"<!DOCTYPE html><html>Log in</html>"), "no JSON (it is a web page)"),
    "half JSON": (_say_bytes(b'{"choices": [{"message": {"content": "He'), "no JSON"),
    "empty": (_say_bytes(b""), "no JSON (it is empty)"),
    "a list": (_say([1, 2]), "not of the form"),
    "nested": (_say_bytes(b'{"choices": [{"index": ' + b"[" * 100_000), "nested too deeply"),
    "invalid UTF-8": (_say_bytes(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'), "no JSON"),
    "lone surrogate": (_say_bytes(b'{"choices": [{"message": {"content": "\\ud800"}}]}'), "no JSON"),
    "no choices": (_say({"choices": []}), "holds 0 choices"),
    "two choices": (_say({"choices": chat("a")["choices"] * 2}), "holds 2 choices"),
    "content is a number": (_say(chat(7)), "not of the form"),
    "content is an image": (_say(chat([{"type": "image_url"}])), "parts that are no text: image_url"),
    "a tool call": (_say(chat(None, finish_reason="tool_calls")), "called a tool"),
    "filtered": (_say(chat("", finish_reason="content_filter")), "filter of the server withheld"),
    "no message": (_say({"choices": [{"finish_reason": "stop"}]}), "neither a message nor a text"),
    "400": (lambda handler, _: handler.say({"error": {"message": "bad prompt"}}, 400), "HTTP 400"),
    "500": (_say_bytes(b"Internal Server Error", 500), "HTTP 500"),
    "redirect": (
        _say_bytes(b"", 307, Location="http://192.0.2.1/v1/chat/completions"), "elsewhere (HTTP 307",
    ),
    "huge": (_say_bytes(b" " * (MOST_ANSWER_BYTES + 1)), "longer than 16 MiB"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_a_bad_answer_is_an_error_with_a_reason_and_spoils_no_other(
    kind: str, hostile: Hostile, load: Load
) -> None:
    behaviour, reason = BAD_ANSWERS[kind]
    backend = load()
    hostile[1].behaviour = _only_for("spoil", behaviour)
    first, spoiled, last = _ask(backend, "one", "spoil", "two")
    assert (spoiled.finish, spoiled.text) == (FinishReason.ERROR, "")
    assert reason in spoiled.error
    assert "\n" not in spoiled.error
    assert [first.text, last.text] == ["You said: one", "You said: two"]
    assert _ask(backend, "three")[0].text == "You said: three"


def test_an_endless_answer_is_cut_off_by_the_clock(hostile: Hostile, load: Load) -> None:
    def trickle(handler: Handler, _: dict[str, Any]) -> None:
        handler.send(b"{", length=10**9)
        while not hostile[1].released.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    backend = load(timeout_seconds=0.5)
    hostile[1].behaviour = _only_for("spoil", trickle)
    began = time.monotonic()
    spoiled, other = _ask(backend, "spoil", "one")
    assert time.monotonic() - began < 3
    assert "no whole answer within 0.5 s" in spoiled.error
    assert other.text == "You said: one"


def test_a_stalled_server_is_given_up_after_two_rounds(hostile: Hostile, load: Load) -> None:
    backend = load(timeout_seconds=0.2, concurrency=2)
    hostile[1].behaviour = lambda handler, body: hostile[1].released.wait(10) or None
    assert "within 0.2 s" in _ask(backend, "one")[0].error
    with pytest.raises(EngineLostError, match="the server hangs"):
        _ask(backend, *"abcdefgh")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\n" * 100_000, "\n" * 100_000),
        ("\x1b[2J\x1b]0;owned\x07 hi", "\x1b[2J\x1b]0;owned\x07 hi"),
        ("", ""),
        (None, ""),
        ([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}], "in parts"),
        ("\u202e\x00é🙂", "\u202e\x00é🙂"),
    ],
)
def test_odd_texts_are_kept_as_they_are(text: object, kept: str, hostile: Hostile, load: Load) -> None:
    backend = load()
    hostile[1].behaviour = _say(chat(text))
    (reply,) = _ask(backend, "one")
    assert (reply.text, reply.finish) == (kept, FinishReason.STOP)
    assert decode(encode(reply), Reply) == reply


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_a_model_that_only_thought_is_not_taken_for_silent(name: str, hostile: Hostile, load: Load) -> None:
    message = {"role": "assistant", "content": None, name: "Let me see"}
    backend = load()
    hostile[1].behaviour = _say({"choices": [{"message": message, "finish_reason": "length"}]})
    (reply,) = _ask(backend, "one")
    assert (reply.text, reply.finish) == ("<think>Let me see", FinishReason.LENGTH)


@pytest.mark.parametrize(("status", "header"), [(429, "1"), (503, ""), (502, "soon"), (504, "")])
def test_a_busy_server_is_asked_again(status: int, header: str, hostile: Hostile, load: Load) -> None:
    seen: list[float] = []

    def busy_twice(handler: Handler, body: dict[str, Any]) -> None:
        seen.append(time.monotonic())
        if len(seen) <= 2:
            handler.say({"error": "busy"}, status, **({"Retry-After": header} if header else {}))
        else:
            good(handler, body)

    backend = load(patience_seconds=10)
    hostile[1].behaviour = busy_twice
    assert _ask(backend, "one")[0].text == "You said: one"
    assert len(seen) == 3
    if header.isdigit():
        assert seen[1] - seen[0] >= float(header)


def test_a_server_that_stays_busy_is_lost_with_its_own_reason(hostile: Hostile, load: Load) -> None:
    backend = load()
    hostile[1].behaviour = lambda handler, _: handler.say({"error": "overloaded"}, 503)
    with pytest.raises(EngineLostError, match=r"HTTP 503 .*overloaded, after 0\.4 s"):
        _ask(backend, "one", "two")
    with pytest.raises(EngineLostError):
        _ask(backend, "three")


def test_a_wait_that_is_longer_than_the_patience_is_not_waited_for(hostile: Hostile, load: Load) -> None:
    backend = load(patience_seconds=5)
    hostile[1].behaviour = lambda handler, _: handler.say({}, 429, **{"Retry-After": "3600"})
    began = time.monotonic()
    with pytest.raises(EngineLostError):
        _ask(backend, "one")
    assert time.monotonic() - began < 3


def test_a_server_that_dies_keeps_the_replies_it_gave(hostile: Hostile, load: Load) -> None:
    backend = load(concurrency=1)

    def die_after_one(handler: Handler, body: dict[str, Any]) -> None:
        good(handler, body)
        hostile[2].server_close()
        handler.hang_up()
        threading.Thread(target=hostile[2].shutdown, daemon=True).start()

    hostile[1].behaviour = die_after_one
    replies = _ask(backend, "one", "two", "three")
    assert replies[0].text == "You said: one"
    assert all("cannot be reached" in reply.error for reply in replies[1:])
    with pytest.raises(EngineLostError, match="cannot be reached"):
        _ask(backend, "four")


def test_nobody_listening_is_an_error_that_names_the_address() -> None:
    with hostile_server() as (url, _, _):
        pass
    with pytest.raises(AnswererError, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        EndpointBackend.load(NOWHERE, BackendOptions(server=ServerOptions(url=url)))


def test_a_refused_key_stops_everything(hostile: Hostile, load: Load) -> None:
    backend = load()
    hostile[1].behaviour = lambda handler, _: handler.say({"error": "no"}, 401)
    with pytest.raises(BackendError, match="refuses the API key"):
        _ask(backend, "one", "two")


def test_the_key_reaches_the_server_and_nothing_else(hostile: Hostile, load: Load) -> None:
    hostile[1].documents["/v1/models"] = {"data": [{"id": f"tiny {API_KEY}"}]}
    backend = load(api_key=API_KEY)
    hostile[1].behaviour = _only_for(
        "spoil", lambda handler, _: handler.say({"error": handler.headers["authorization"]}, 400)
    )
    spoiled, good_reply = _ask(backend, "spoil", f"say {API_KEY}")
    assert all(sent["Authorization"] == f"Bearer {API_KEY}" for sent in hostile[1].headers)
    for told in (spoiled, good_reply, backend.describe()):
        assert API_KEY.encode() not in encode(told)
        assert API_KEY not in repr(told)
    assert "[API key]" in spoiled.error


def test_no_more_requests_are_in_flight_than_allowed_and_the_pipe_is_full(
    hostile: Hostile, load: Load
) -> None:
    backend = load(concurrency=3)

    def slowly(handler: Handler, body: dict[str, Any]) -> None:
        time.sleep(0.05)
        good(handler, body)

    hostile[1].behaviour = slowly
    assert len(_ask(backend, *"abcdefghijkl")) == 12
    assert hostile[1].most_in_flight == 3
    assert backend.describe().batch_size % 3 == 0
    assert load(concurrency=3, batch_size=10).describe().batch_size == 12


def test_an_interrupt_ends_requests_in_flight(hostile: Hostile, load: Load) -> None:
    backend = load()
    hostile[1].behaviour = lambda handler, body: hostile[1].released.wait(10) or None
    threading.Timer(0.3, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _ask(backend, "one", "two")
    assert time.monotonic() - began < 3
    hostile[1].behaviour = good
    assert _ask(backend, "three")[0].text == "You said: three"


def test_no_proxy_is_taken_from_the_environment(
    hostile: Hostile, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert _ask(load(), "one")[0].text == "You said: one"


def test_the_only_model_is_taken_and_others_are_asked_for(hostile: Hostile, load: Load) -> None:
    load()
    assert {request["model"] for request in hostile[1].requests} == {"tiny"}
    hostile[1].documents["/v1/models"] = {"data": [{"id": "a"}, {"id": "b\x1b[2J"}]}
    with pytest.raises(BackendError, match=r"lists 2 models: a, b\[2J"):
        load()
    load(model="b")
    assert hostile[1].requests[-1]["model"] == "b"


def test_a_server_without_a_list_needs_a_model_name(hostile: Hostile, load: Load) -> None:
    hostile[1].documents.clear()
    with pytest.raises(BackendError, match="does not list its models") as caught:
        load()
    assert "--server-model" in caught.value.hint
    notes = load(model="tiny").describe().notes
    assert any("did not list its models" in note for note in notes)


def test_what_the_server_says_of_itself_is_recorded_as_its_word(hostile: Hostile, load: Load) -> None:
    served = {"id": "tiny", "max_model_len": 512, "owned_by": "vllm"}
    hostile[1].documents |= {"/v1/models": {"data": [served]}, "/version": {"version": "9.9\x1b[2J"}}
    described = load(dtype="bfloat16").describe()
    assert described.version == "vLLM 9.9[2J, model tiny"
    assert described.device.startswith("server 127.0.0.1:")
    assert described.dtype == "declared: bfloat16"
    assert described.settings["context_tokens"] == "512"
    assert load().describe().dtype == "unknown"
    assert not load().is_exact
    assert any("operator's word" in note for note in described.notes)


def test_fields_that_a_server_refuses_are_left_out_and_noted(hostile: Hostile, load: Load) -> None:
    def strict(handler: Handler, body: dict[str, Any]) -> None:
        if body.keys() & {"top_k", "repetition_penalty"}:
            handler.say({"detail": "Unexpected fields"}, 422)
        else:
            good(handler, body)

    hostile[1].at_start = hostile[1].behaviour = strict
    backend = load()
    assert _ask(backend, "one")[0].text == "You said: one"
    assert any("its own defaults may bend" in note for note in backend.describe().notes)


def test_replies_are_asked_for_as_the_sampling_says(hostile: Hostile, load: Load) -> None:
    backend = load()
    prompt = backend.render(Conversation.of("one", system="Be brief."))
    backend.generate([prompt], Sampling(7, temperature=0.5, seed=3, stop=("said",)))
    sent = hostile[1].requests[-1]
    assert [turn["role"] for turn in sent["messages"]] == ["system", "user"]
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (7, 0.5, 3)
    assert sent["stop"] == ["said"]
    assert backend.generate([prompt], Sampling(7, stop=(" said",)))[0].text == "You"


def test_a_model_without_a_chat_template_is_given_plain_text(hostile: Hostile, load: Load) -> None:
    def no_template(handler: Handler, body: dict[str, Any]) -> None:
        if "messages" in body:
            reason = "default chat template is no longer allowed, you must provide a chat template"
            handler.say({"error": {"message": reason}}, 400)
        else:
            handler.say({"choices": [{"text": " Fine.\nUser: more", "finish_reason": "length"}]})

    hostile[1].at_start = hostile[1].behaviour = no_template
    backend = load()
    (reply,) = _ask(backend, "How are you?")
    assert hostile[1].requests[-1]["prompt"] == "User: How are you?\nAssistant:"
    assert (reply.text, reply.finish) == (" Fine.", FinishReason.STOP)
    assert backend.describe().prompt_format.startswith("plain text")
    assert any("no chat template" in note for note in backend.describe().notes)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 4}, (5, 4)),
        ({"prompt_tokens": -1, "completion_tokens": "many"}, None),
        ({"prompt_tokens": 5, "completion_tokens": 400}, (5, 12)),
        (None, None),
    ],
)
def test_tokens_are_counted_by_the_server_else_estimated(
    usage: object, tokens: tuple[int, int] | None, hostile: Hostile, load: Load
) -> None:
    backend = load()
    hostile[1].behaviour = _say({**chat("You said"), "usage": usage})
    (reply,) = _ask(backend, "one")
    if tokens:
        assert (reply.prompt_tokens, reply.reply_tokens) == tokens
    else:
        assert reply.prompt_tokens > 0
        assert 0 < reply.reply_tokens <= 12


@pytest.mark.parametrize("heeds", [True, False])
def test_a_begun_answer_is_gone_on_with_only_where_the_server_heeds_it(
    heeds: bool, hostile: Hostile, load: Load
) -> None:
    def count(handler: Handler, body: dict[str, Any]) -> None:
        is_continued = heeds and body.get("continue_final_message")
        handler.say({**chat("friend"), "usage": {"prompt_tokens": 10 if is_continued else 14}})

    backend = load()
    hostile[1].at_start = hostile[1].behaviour = count
    begun = backend.render(Conversation((Message("user", "Hi"), Message("assistant", "Hello, my"))))
    (reply,) = backend.generate([begun], SAMPLING)
    if heeds:
        assert reply.text == "friend"
        assert hostile[1].requests[-1]["add_generation_prompt"] is False
    else:
        assert reply.finish is FinishReason.ERROR
        assert "cannot go on with a begun answer" in reply.error
        assert any("Begun answers could not be asked for" in note for note in backend.describe().notes)


def test_without_log_probabilities_scoring_says_why(load: Load) -> None:
    backend = load()
    assert backend.describe().capabilities == ("generate",)
    with pytest.raises(NotAvailableError, match="gives no log-probabilities"):
        backend.score([("a", "b")])


def test_log_probabilities_are_cut_to_the_continuation(
    hostile: Hostile, load: Load, tiny_model: Path
) -> None:
    hostile[1].behaviour = hostile[1].at_start = _score_words
    backend = load(snapshot_of(tiny_model))
    assert "logprobs" in backend.describe().capabilities
    prompt = backend.render(Conversation.of("Hi"))
    scores, unfit = backend.score([(prompt, "and so"), ("User: Hi", "ya")])
    assert scores.logprobs == (-1.0, -1.0, -1.0)
    assert scores.top_logprobs == (-0.5, -0.5, -0.5)
    assert "token boundary" in unfit.error


def test_log_probabilities_of_the_wrong_tokens_are_not_believed(
    hostile: Hostile, load: Load, tiny_model: Path
) -> None:
    hostile[1].behaviour = hostile[1].at_start = lambda handler, body: _score_words(handler, body, drawn=-7.0)
    backend = load(snapshot_of(tiny_model))
    assert "logprobs" not in backend.describe().capabilities
    with pytest.raises(NotAvailableError, match="belong to other tokens"):
        backend.score([("a", "b")])


def test_a_server_that_dies_while_scoring_is_lost(hostile: Hostile, load: Load, tiny_model: Path) -> None:
    hostile[1].behaviour = hostile[1].at_start = _score_words
    backend = load(snapshot_of(tiny_model))
    hostile[1].behaviour = hostile[1].at_start = lambda handler, _: handler.say({}, 503)
    with pytest.raises(EngineLostError):
        backend.score([("User: Hi", " there"), ("User: Ho", " there")])
    with pytest.raises(EngineLostError):
        _ask(backend, "one")


def _score_words(handler: Handler, body: dict[str, Any], drawn: float = -0.5) -> None:
    """Chats, and echoes a completion's words as its tokens, followed by the ones it drew."""
    if "messages" in body:
        good(handler, body)
        return
    words = re.findall(r"\w+|\W", body["prompt"])
    more = body["max_tokens"]
    logprobs = {
        "tokens": [*words, *["x"] * more],
        "token_logprobs": [None, *[-1.0] * (len(words) - 1), *[drawn] * more],
        "top_logprobs": [None, *[{"y": -0.5}] * (len(words) + more - 1)],
    }
    usage = {"prompt_tokens": len(words), "completion_tokens": more}
    handler.say({"choices": [{"text": body["prompt"] + "x" * more, "logprobs": logprobs}], "usage": usage})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "needs the address"),
        ("127.0.0.1:8000", "does not begin with http"),
        ("ftp://127.0.0.1/v1", "does not begin with http"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://127.0.0.1:99999/v1", "no URL"),
        ("http://127.0.0.1/v1?key=1", "query"),
        ("http://no-such-host.invalid/v1", "is not known"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, says: str) -> None:
    with pytest.raises(BackendError, match=says):
        locate(url)


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(BackendError, match="user name or password") as caught:
        locate("http://someone:s3cret@127.0.0.1/v1")
    assert "s3cret" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "[2001:db8::1]", "169.254.169.254", "10.0.0.1"])
def test_other_machines_are_refused_unless_allowed(host: str) -> None:
    with pytest.raises(BackendError, match="not on this machine") as caught:
        locate(f"http://{host}:8000/v1")
    assert host.strip("[]") in str(caught.value)
    assert f"--allow-host {host.strip('[]')}" in caught.value.hint
    assert locate(f"http://{host}:8000/v1", [host]).label == f"{host}:8000"


def test_a_name_that_also_means_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("127.0.0.1", 80)), (2, 1, 6, "", ("192.0.2.7", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(BackendError, match=r"innocent\.example \(the address 192\.0\.2\.7\)"):
        locate("http://innocent.example/v1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_every_loopback_address_is_this_machine(host: str) -> None:
    assert locate(f"http://{host}:8000").path == "/v1"


def test_requests_go_to_the_address_that_was_checked(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    url = hostile[0].replace("127.0.0.1", "localhost")
    backend = EndpointBackend.load(NOWHERE, BackendOptions(server=ServerOptions(url=url)))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up again"))
    backend._client.run(backend._client._http.aclose())  # so that the next request must connect anew
    backend.close()
    port = url.rpartition(":")[2].partition("/")[0]
    assert hostile[1].headers[-1]["Host"] == f"localhost:{port}"


def test_foreign_text_cannot_drive_a_terminal() -> None:
    assert safe_line("a\x1b[31m\r\nb\u202e\x00 c") == "a[31m b c"
    assert read_refusal(b"<html><body>502</body></html>") == ""
    assert read_refusal(b'{"detail": [{"msg": "missing"}]}') == "[{'msg': 'missing'}]"
