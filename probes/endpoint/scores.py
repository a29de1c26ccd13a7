"""Log-probabilities from servers that give those of a prompt: vLLM, SGLang and llama-cpp-python do.

The way is `echo` of /v1/completions. Chats have no such thing, so a conversation is written out by the
scanned chat template first; where server and files disagree about it, so will the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from probes.endpoint.client import Client
from probes.endpoint.dialect import encode_body
from probes.endpoint.failures import RequestError
from probes.endpoint.prompts import ScannedText
from probes.endpoint.wire import EchoedLogprobs, read_completion
from scanner.conversation import TokenScores

_NO_BOUNDARY = "the continuation does not begin at a token boundary"
_TRIED = "The river was quiet in the morning."


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
        """Why this server gives no log-probabilities, "" when it does."""
        if self.scanned.text is None:
            return "conversations cannot be written out: transformers cannot read the scanned files"
        try:
            found = await self._echo(_TRIED)
        except RequestError as error:
            return str(error)
        return "" if len(found.tokens) > 1 else "the server passes over 'echo' and 'logprobs'"

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
        """Tokens of the text alone: the one that the server must add is cut off again.

        Raises:
            RequestError: when the server refuses, or its lists do not fit together.
        """
        body = {
            "model": self.model, "prompt": text, "max_tokens": 1, "temperature": 0.0, "echo": True,
            "logprobs": 1, "add_special_tokens": self.scanned.has_template is not True,
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
        counted = found.counted("prompt_tokens")
        kept = len(told.tokens) if counted is None else min(counted, len(told.tokens))
        top = told.top_logprobs[:kept] if told.top_logprobs is not None else None
        return EchoedLogprobs(told.tokens[:kept], told.token_logprobs[:kept], top)


def _likeliest(whole: EchoedLogprobs, start: int, own: list[float]) -> tuple[float, ...]:
    top = (whole.top_logprobs or ())[start:]
    if len(top) != len(own) or not all(top):
        return ()
    return tuple(max(value, *(at or {}).values()) for value, at in zip(own, top, strict=True))


def _none(reason: str) -> TokenScores:
    return TokenScores((), (), error=reason)
