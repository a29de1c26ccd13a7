"""The backend `endpoint`: a model behind an OpenAI-compatible server on this machine.

vLLM and vLLM-Ascend, SGLang, MindIE, Ollama, llama-server, `transformers serve` and others speak it. The
weights stay in the server: which it loaded, in which dtype and on which device, is its operator's word.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from probes.backend import (
    AnswererError,
    Availability,
    Backend,
    BackendError,
    BackendOptions,
    EngineLostError,
    ServerOptions,
)
from probes.endpoint.address import locate
from probes.endpoint.client import Client, Limits
from probes.endpoint.dialect import Dialect, continuing, learn, why_not_continued
from probes.endpoint.failures import RequestError, RequestTimeoutError
from probes.endpoint.identity import ServerIdentity, identify, listed
from probes.endpoint.prompts import ScannedText, is_begun, read_prompt
from probes.endpoint.replies import make_reply, no_reply
from probes.endpoint.scores import EchoScorer
from probes.endpoint.wire import read_completion, safe_line
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling, TokenScores
from scanner.errors import NotAvailableError
from scanner.manifest import Snapshot

_CONCURRENCY: Final = 8
_TIMEOUT_SECONDS: Final = 300.0
_PATIENCE_SECONDS: Final = 120.0
# Prompts per request slot in one batch: the slots of early answers are filled from the same batch.
_PROMPTS_PER_SLOT: Final = 4
# Batches' worth of requests that may time out one after the other before the server counts as hung.
_ROUNDS_OF_TIMEOUTS: Final = 2


class EndpointBackend(Backend):
    """A model that a server answers for."""

    name = "endpoint"
    title = "any OpenAI-compatible server on this machine: vLLM, vLLM-Ascend, SGLang, MindIE, Ollama"

    def __init__(self, snapshot: Snapshot, options: BackendOptions) -> None:
        server = options.server
        self._options = options
        self._concurrency = server.concurrency or _CONCURRENCY
        self._address = locate(server.url, server.allowed_hosts)
        self._scanned = ScannedText(snapshot)
        self._client = Client(self._address, api_key=server.api_key, limits=_limits(server))
        self._lost: BackendError | None = None
        self._timeouts = 0
        self._no_continuing: str | None = None
        try:
            self._client.run(self._learn(server.model))
        except BaseException:
            self._client.close()
            raise

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> EndpointBackend:
        """The server that answers for the model of this snapshot; no weights are loaded here.

        Raises:
            AnswererError: when the address is none or not allowed, the server refuses us or cannot be
                reached, or it serves several models and none was named.
        """
        try:
            return cls(snapshot, options)
        except BackendError as error:
            # Nothing was asked yet: it is the server that was named, not a scan that was cut short.
            raise AnswererError(str(error), hint=error.hint) from error

    @classmethod
    def availability(cls) -> Availability:
        """Always here; whether a server is, only its address can tell."""
        version = importlib.metadata.version("httpx2")
        return Availability(True, f"asks servers by HTTP, httpx2 {version}")

    def describe(self) -> EngineDescription:
        """What answers, by its own account and its operator's word."""
        options, where = self._options, f"server {self._address.label}"
        declared = options.device not in ("", "auto")
        dtype = "unknown" if options.dtype in ("", "auto") else f"declared: {options.dtype}"
        size = options.batch_size or _PROMPTS_PER_SLOT * self._concurrency
        return EngineDescription(
            backend=self.name,
            version=f"{self._identity.engine}, model {safe_line(self._dialect.model)}",
            device_asked=options.device,
            device=f"{where} (declared: {options.device})" if declared else where,
            dtype=dtype,
            # Whole rounds, so that no request slot is idle.
            batch_size=-(-size // self._concurrency) * self._concurrency,
            prompt_format=self._dialect.format,
            capabilities=("generate",) if self._no_scores else ("generate", "logprobs"),
            notes=(*self._notes(), *self._identity.notes, *self._dialect.notes),
            settings=self._settings(),
        )

    @property
    def batch_tokens(self) -> int:
        """Without a limit: the memory is the server's, which queues what does not fit."""
        return sys.maxsize

    def render(self, conversation: Conversation) -> str:
        """The messages of the request as JSON, which the server's chat template writes out.

        Raises:
            NoPlainTextError: for a text to be given as it stands.
            BackendError: when the conversation has no turns.
        """
        return self._dialect.write(conversation)

    def count_tokens(self, prompt: str) -> int:
        """Length of a prompt by the scanned tokenizer and template, else an estimate by its bytes."""
        return max(1, self._scanned.count(prompt))

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """One reply per prompt, in order; at most `concurrency` requests are in flight.

        Raises:
            EngineLostError: when the server is gone, and no prompt of this batch got a reply.
            BackendError: when the server refuses the API key.
        """
        if not prompts:
            return []
        self._require_server()
        replies = self._client.run(self._answer_all(prompts, sampling))
        # Replies that came in before a server's end are worth keeping; the next batch raises.
        if all(reply.finish is FinishReason.ERROR for reply in replies):
            self._require_server()
        return replies

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        """Log-probabilities of each continuation; conversations are written out by the scanned template.

        Raises:
            NotAvailableError: when the server gives none.
            EngineLostError: when the server is gone.
        """
        if self._no_scores:
            raise NotAvailableError(f"the server gives no log-probabilities: {self._no_scores}")
        self._require_server()
        scores = self._client.run(self._score_all(pairs))
        self._require_server()
        return scores

    def close(self) -> None:
        """Ends every connection; the server stays as it is."""
        self._client.close()

    def _require_server(self) -> None:
        if self._lost is not None:
            raise self._lost

    async def _learn(self, wanted: str) -> None:
        self._identity: ServerIdentity = await identify(self._client)
        model = self._identity.choose(wanted)
        self._dialect: Dialect = await learn(self._client, model, self._scanned)
        self._scorer = EchoScorer(self._client, model, self._scanned)
        self._no_scores = await self._scorer.why_not()

    async def _answer_all(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        begun = [prompt for prompt in prompts if _is_begun(prompt)]
        if begun and self._no_continuing is None:
            self._no_continuing = await why_not_continued(self._client, self._dialect, self._scanned)
        gate = asyncio.Semaphore(self._concurrency)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(gate, prompt, sampling)) for prompt in prompts]
        return [task.result() for task in tasks]

    async def _answer(self, gate: asyncio.Semaphore, prompt: str, sampling: Sampling) -> Reply:
        """Never raises: a failed request must not end those beside it."""
        refusal = self._refusal(prompt, sampling)
        if refusal:
            return no_reply(refusal, prompt_tokens=self._scanned.count(prompt))
        async with gate:
            if self._lost is not None:
                return no_reply(self._lost)
            try:
                reply = await self._ask(prompt, sampling)
            except RequestTimeoutError as error:
                self._count_timeout()
                return no_reply(error)
            except RequestError as error:
                return no_reply(error)
            except BackendError as error:  # the server is gone, or refuses the key: so for all
                self._lost = error
                return no_reply(error)
        self._timeouts = 0
        return reply

    async def _ask(self, prompt: str, sampling: Sampling) -> Reply:
        more: Mapping[str, object] = continuing() if _is_begun(prompt) else {}
        path, body = self._dialect.request(prompt, sampling, **more)
        answer = read_completion((await self._client.post(path, body)).body)
        stops = (*sampling.stop, *self._dialect.stops)
        return make_reply(answer, prompt, sampling, stops, self._scanned)

    async def _score_all(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        gate = asyncio.Semaphore(self._concurrency)

        async def score(prompt: str, continuation: str) -> TokenScores:
            async with gate:
                if self._lost is not None:
                    return TokenScores((), (), error=str(self._lost))
                try:
                    return await self._scorer.score(prompt, continuation)
                except BackendError as error:
                    self._lost = error
                    return TokenScores((), (), error=str(error))

        return list(await asyncio.gather(*(score(*pair) for pair in pairs)))

    def _refusal(self, prompt: str, sampling: Sampling) -> str:
        if _is_begun(prompt) and self._no_continuing:
            return f"the server cannot go on with a begun answer: {self._no_continuing}"
        limit = self._identity.context_of(self._dialect.model)
        return self._scanned.refusal(prompt, sampling.max_tokens, limit)

    def _count_timeout(self) -> None:
        self._timeouts += 1
        if self._timeouts >= _ROUNDS_OF_TIMEOUTS * self._concurrency:
            self._lost = EngineLostError(
                f"{self._timeouts} requests in a row got no answer in time: the server hangs",
                hint="restart the server and run the same command, or give more --server-timeout",
            )

    def _notes(self) -> list[str]:
        notes = [
            "The weights were loaded by the server: which files, which dtype and which device it uses is "
            "its operator's word."
        ]
        if self._scanned.reason:
            notes.append(
                f"Prompts are counted by their bytes: the tokenizer cannot be read: {self._scanned.reason}."
            )
        if self._no_continuing:
            notes.append(f"Begun answers could not be asked for: {self._no_continuing}.")
        return notes

    def _settings(self) -> dict[str, str]:
        context = self._identity.context_of(self._dialect.model)
        return {
            "server": f"{self._address.scheme}://{self._address.label}{self._address.path}",
            "models listed": listed(self._identity.models),
            "context_tokens": str(context or "not told by the server"),
            "concurrency": str(self._concurrency),
            "weights": "not told by the server",
            "logprobs": self._no_scores or "from the server",
        }


def _limits(server: ServerOptions) -> Limits:
    return Limits(
        timeout_seconds=server.timeout_seconds or _TIMEOUT_SECONDS,
        patience_seconds=server.patience_seconds or _PATIENCE_SECONDS,
        concurrency=server.concurrency or _CONCURRENCY,
    )


def _is_begun(prompt: str) -> bool:
    conversation = read_prompt(prompt)
    return conversation is not None and is_begun(conversation)


BACKEND = EndpointBackend
