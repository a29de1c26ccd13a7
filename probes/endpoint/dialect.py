"""What of the OpenAI interface a server takes: found out by asking, since no server says so.

Servers refuse fields they do not know, or pass over them in silence. The first is seen by a refusal, the
second only where it changes what comes back; both end in a note.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from probes.backend import BackendError, NoPlainTextError
from probes.chat_format import PLAIN_FORMAT, PLAIN_NOTES, PLAIN_STOPS, plain_text
from probes.endpoint.client import Answer, Client
from probes.endpoint.failures import RequestError
from probes.endpoint.prompts import ScannedText, read_prompt, write_prompt
from probes.endpoint.wire import Completion, read_completion
from scanner.conversation import Conversation, Message, Sampling

# Servers bring sampling defaults of their own (llama-cpp-python: repeat_penalty 1.1; vLLM: the model's
# generation_config.json), which would bend even greedy replies. Not all of them take all of these.
_NEUTRAL: Final = {"repetition_penalty": 1.0, "repeat_penalty": 1.0, "min_p": 0.0}
_OFFERS: Final[tuple[Mapping[str, object], ...]] = (
    {**_NEUTRAL, "top_k": -1},
    {**_NEUTRAL, "top_k": 0},
    {"frequency_penalty": 0.0},
)
_NO_THINKING: Final = {"chat_template_kwargs": {"enable_thinking": False}}
_CONTINUE: Final = {"continue_final_message": True, "add_generation_prompt": False}
# Below 500 the request was refused; some servers answer 500 to a field that they do not know.
_REFUSALS: Final = frozenset({400, 404, 405, 422, 500, 501})
_PROBE: Final = Conversation.of("Hi")
_BEGUN: Final = Conversation((Message("user", "Please greet me."), Message("assistant", "Hello, my dear")))
# A server that is still starting is worth a moment, a wrong address is not.
_PATIENCE_AT_START_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Dialect:
    """How to put questions to one server.

    Attributes:
        model: Name of the model to ask for.
        is_chat: Whether it applies a chat template; else it is given plain text.
        extras: Fields beyond the interface that it takes.
        notes: What an auditor should know about that.
    """

    model: str
    is_chat: bool
    extras: Mapping[str, object]
    notes: tuple[str, ...] = ()

    @property
    def format(self) -> str:
        """For `EngineDescription.prompt_format`."""
        return "chat template, applied by the server" if self.is_chat else PLAIN_FORMAT

    @property
    def stops(self) -> tuple[str, ...]:
        """Strings that end a reply beside those that the caller names."""
        return () if self.is_chat else PLAIN_STOPS

    def write(self, conversation: Conversation) -> str:
        """The prompt of a conversation: what `request` takes.

        Raises:
            NoPlainTextError: for a text to be given as it stands.
            BackendError: when the conversation has no turns.
        """
        if conversation.text is not None:
            if self.is_chat:
                # NOTE: Ollama puts its chat template around what /v1/completions is sent, without a word.
                raise NoPlainTextError("a server may put its chat template around a text, unseen from here")
            return conversation.text
        return write_prompt(conversation) if self.is_chat else plain_text(conversation)

    def request(self, prompt: str, sampling: Sampling, **more: object) -> tuple[str, bytes]:
        """Path and body of the request that asks this prompt."""
        conversation = read_prompt(prompt) if self.is_chat else None
        asked: dict[str, Any] = json.loads(prompt) if conversation else {"prompt": prompt}
        stops = [*sampling.stop, *self.stops]
        body = {
            "model": self.model, **asked, "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature, "top_p": 1.0, "stream": False,
            **({"seed": sampling.seed} if sampling.temperature > 0 else {}),
            **({"stop": stops} if stops else {}), **self.extras, **more,
        }  # fmt: skip
        return "/chat/completions" if conversation else "/completions", encode_body(body)


def encode_body(body: Mapping[str, object]) -> bytes:
    """UTF-8 JSON; what cannot be written so becomes a question mark."""
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


async def learn(client: Client, model: str, scanned: ScannedText) -> Dialect:
    """How this server is asked, by asking it for one token.

    Raises:
        EngineLostError: when it cannot be reached, or turns requests down.
        BackendError: when it answers in no way that is known here.
    """
    thinking = _NO_THINKING if scanned.can_think else {}
    offers = [{**offer, **thinking} for offer in _OFFERS] + ([{}] if thinking else [])
    try:
        return await _first_taken(client, model, offers, is_chat=True, scanned=scanned)
    except RequestError as refused:
        if not _has_no_template(refused, scanned):
            raise _unusable(refused, model) from refused
    try:
        return await _first_taken(client, model, _OFFERS, is_chat=False, scanned=scanned)
    except RequestError as refused:
        raise _unusable(refused, model) from refused


async def why_not_continued(client: Client, dialect: Dialect, scanned: ScannedText) -> str:
    """Why this server cannot go on with a begun answer, "" when it does so.

    A server that passes over the fields gives the model a finished turn and the begin of a new one: it
    counts as many tokens of prompt as without the fields, and more than the scanned template writes.
    """
    prompt = write_prompt(_BEGUN)
    try:
        counts = [
            await _count(client, *dialect.request(prompt, Sampling(max_tokens=1), **more))
            for more in (_CONTINUE, {})
        ]
    except RequestError as error:
        return str(error)
    taken, finished = counts
    if taken is None or finished is None:
        return "the server counts no tokens, so that nobody can see whether it does"
    expected = scanned.count(prompt) if scanned.written(prompt) is not None else None
    # One more or less: servers count a BOS token or not.
    if taken < finished or (expected is not None and abs(taken - expected) <= 1):
        return ""
    return "the server passes over 'continue_final_message' and begins a new answer"


def continuing() -> Mapping[str, object]:
    """The fields that have a server go on with a begun answer."""
    return _CONTINUE


async def _first_taken(
    client: Client,
    model: str,
    offers: Sequence[Mapping[str, object]],
    *,
    is_chat: bool,
    scanned: ScannedText,
) -> Dialect:
    """The dialect with the first offer that the server does not refuse.

    Raises:
        RequestError: when it refuses the last one too.
    """
    refused: RequestError | None = None
    for offer in offers:
        dialect = Dialect(model, is_chat, offer, tuple(_notes(offer, is_chat, scanned)))
        try:
            await _ask(client, *dialect.request(dialect.write(_PROBE), Sampling(max_tokens=1)))
        except RequestError as error:
            refused = error
            if error.status not in _REFUSALS:
                raise
        else:
            return dialect
    raise refused or RequestError("nothing was offered to the server")


def _notes(offer: Mapping[str, object], is_chat: bool, scanned: ScannedText) -> list[str]:
    notes = []
    if "repetition_penalty" not in offer:
        notes.append(
            "The server takes neither top_k nor repetition_penalty: its own defaults may bend replies."
        )
    if not is_chat:
        notes.append(f"The server cannot chat and was asked by /v1/completions. {PLAIN_NOTES[0]}")
    elif scanned.has_template is False:
        notes.append(
            "The scanned model has no chat template, yet the server takes chats: it applies one of its own."
        )
    elif scanned.can_think and "chat_template_kwargs" in offer:
        notes.append("The model can think before it answers; the server was asked to switch that off.")
    elif scanned.can_think:
        notes.append("The model can think before it answers, and the server cannot be asked to stop that.")
    return notes


def _has_no_template(refused: RequestError, scanned: ScannedText) -> bool:
    return "chat template" in str(refused).lower() or (
        refused.status in (404, 405, 500, 501) and scanned.has_template is not True
    )


def _unusable(refused: RequestError, model: str) -> BackendError:
    return BackendError(
        f"the server does not answer for the model '{model}': {refused}",
        hint="ask it by hand: POST .../v1/chat/completions; name another model by --server-model",
    )


async def _ask(client: Client, path: str, body: bytes) -> Answer:
    answer = await client.post(path, body, patience_seconds=_PATIENCE_AT_START_SECONDS)
    read_completion(answer.body)
    return answer


async def _count(client: Client, path: str, body: bytes) -> int | None:
    found: Completion = read_completion((await client.post(path, body)).body)
    return found.counted("prompt_tokens")
