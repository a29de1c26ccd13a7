"""Log-probabilities from servers that give those of a prompt, as vLLM and SGLang do.

llama-cpp-python gives them too, one place off (its issue 1983, seen in 0.3.36), which is why they are tried
before they are believed. The way is `echo` of /v1/completions. Chats have no such thing, so a conversation
is written out by the scanned chat template; where server and files disagree about it, so will the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from probes.endpoint.client import Client
from probes.endpoint.dialect import encode_body
from probes.endpoint.failures import RequestError
from probes.endpoint.prompts import ScannedText
from probes.endpoint.wire import EchoedLogprobs, read_completion
from scanner.conversation import TokenScores

_NO_BOUNDARY: Final = "the continuation does not begin at a token boundary"
_TRIED: Final = "The river was quiet in the morning."
_TRIED_TOKENS: Final = 8
# Between a greedy token and the likeliest one: servers round.
_NOISE_NATS: Final = 0.1


@dataclass(frozen=True)
class EchoScorer:
    """Asks one server how likely it holds texts.

    Attributes:
        client: The server.
        model: Name of the model to ask for.
        scanned: Writes conversations out.
    """

    client: Client
    model: str
    scanned: ScannedText

    async def why_not(self) -> str:
        """Why this server gives no log-probabilities to rely on, "" when it does."""
        if self.scanned.text is None:
            return "conversations cannot be written out: transformers cannot read the scanned files"
        try:
            told, length = await self._ask(_TRIED, _TRIED_TOKENS)
        except RequestError as error:
            return str(error)
        if length < 2 or len(told.tokens) < 2:
            return "the server passes over 'echo' and 'logprobs'"
        own = [value for value in told.token_logprobs[length:] if value is not None]
        top = _likeliest(told, length, own)
        fitting = sum(value >= most - _NOISE_NATS for value, most in zip(own, top, strict=False))
        if not top or fitting < len(top) / 2:
            return "its log-probabilities belong to other tokens: even greedy tokens are not the likeliest"
        return ""

    async def score(self, prompt: str, continuation: str) -> TokenScores:
        """The scores of a continuation after its prompt, or the reason why there are none.

        Raises:
            EngineLostError: when the server is gone.
        """
        written = self.scanned.written(prompt)
        if written is None:
            return _none("the chat template refused the conversation")
        try:
            head, whole = await self._echo(written), await self._echo(written + continuation)
        except RequestError as error:
            return _none(str(error))
        start = len(head.tokens)
        if whole.tokens[:start] != head.tokens or len(whole.tokens) <= start:
            return _none(_NO_BOUNDARY)
        told = [value for value in whole.token_logprobs[start:] if value is not None and math.isfinite(value)]
        if not start or len(told) < len(whole.tokens) - start:
            return _none("the server leaves out the log-probability of some tokens")
        own = [min(0.0, value) for value in told]
        return TokenScores((), tuple(own), _likeliest(whole, start, own))

    async def _echo(self, text: str) -> EchoedLogprobs:
        """Tokens of the text alone: the one that a server must add is cut off again.

        Raises:
            RequestError: when the server refuses, or its lists do not fit together.
        """
        told, length = await self._ask(text, 1)
        top = told.top_logprobs[:length] if told.top_logprobs is not None else None
        return EchoedLogprobs(told.tokens[:length], told.token_logprobs[:length], top)

    async def _ask(self, text: str, max_tokens: int) -> tuple[EchoedLogprobs, int]:
        """Tokens of the text and of its greedy continuation, and how many are the text's."""
        body = {
            "model": self.model, "prompt": text, "max_tokens": max_tokens, "temperature": 0.0,
            "echo": True, "logprobs": 1, "add_special_tokens": self.scanned.has_template is not True,
        }  # fmt: skip
        try:
            answer = await self.client.post("/completions", encode_body(body))
        except RequestError as error:
            if error.status not in (400, 422):
                raise
            del body["add_special_tokens"]  # only vLLM knows it
            answer = await self.client.post("/completions", encode_body(body))
        found = read_completion(answer.body)
        told = found.choices[0].logprobs or EchoedLogprobs()
        if len(told.tokens) != len(told.token_logprobs):
            raise RequestError(
                f"the server names {len(told.tokens)} tokens and {len(told.token_logprobs)} log-probabilities"
            )
        drawn = found.counted("completion_tokens")
        return told, max(0, len(told.tokens) - (max_tokens if drawn is None else drawn))


def _likeliest(whole: EchoedLogprobs, start: int, own: list[float]) -> tuple[float, ...]:
    top = (whole.top_logprobs or ())[start:]
    if len(top) != len(own) or not all(top):
        return ()
    return tuple(max(value, *(at or {}).values()) for value, at in zip(own, top, strict=True))


def _none(reason: str) -> TokenScores:
    return TokenScores((), (), error=reason)
