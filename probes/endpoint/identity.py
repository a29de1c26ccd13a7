"""What a server says about itself. None of it is checked, and any of it may be missing."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from probes.backend import BackendError, EngineLostError
from probes.endpoint.client import Client
from probes.endpoint.failures import RequestError, TryAgainError
from probes.endpoint.wire import ListedModel, read_models, read_object, safe_line

_MOST_LISTED: Final = 10
_VLLM: Final = "vLLM"
# Where each engine tells its version, and under which key; the first that answers names the engine.
_VERSIONS: Final = (
    (_VLLM, "/version", "version"),
    ("Ollama", "/api/version", "version"),
    ("llama-server", "/props", "build_info"),
    ("SGLang", "/get_server_info", "version"),
)


@dataclass(frozen=True)
class ServerIdentity:
    """Who answers, by its own account.

    Attributes:
        engine: "vLLM 0.32.0", or what else it lets be known.
        models: What it lists.
        notes: What it did not say.
    """

    engine: str
    models: tuple[ListedModel, ...]
    notes: tuple[str, ...]

    def choose(self, wanted: str) -> str:
        """The model to ask for: the one that the user named, or the only one listed.

        Raises:
            BackendError: when none was named and the server does not list exactly one.
        """
        if wanted:
            return wanted
        names = [model.id for model in self.models]
        if len(names) == 1:
            return names[0]
        shown = ", ".join(safe_line(name) for name in names[:_MOST_LISTED])
        told = f"lists {len(names)} models: {shown}" if names else "does not list its models"
        raise BackendError(f"the server {told}", hint="name the one to ask for by --server-model")

    def context_of(self, name: str) -> int | None:
        """The context of a model in tokens, where the server tells."""
        return next((model.max_model_len for model in self.models if model.id == name), None)


async def identify(client: Client) -> ServerIdentity:
    """What the server says it is.

    Raises:
        EngineLostError: when it cannot be reached.
        KeyRefusedError: when it refuses the API key.
    """
    models: tuple[ListedModel, ...] = ()
    notes: tuple[str, ...] = ()
    server = ""
    try:
        answer = await client.get("/models")
        models, server = read_models(answer.body), answer.server
    except TryAgainError as error:
        if not error.status:
            raise EngineLostError(str(error), hint="start the server, or correct its address") from error
        notes = (f"The server did not list its models: {error}.",)
    except RequestError as error:
        notes = (f"The server did not list its models: {error}.",)
    owners = {model.owned_by for model in models}
    return ServerIdentity(await _engine(client, owners, server), models, notes)


async def _engine(client: Client, owners: Set[str], server: str) -> str:
    for name, path, key in _VERSIONS:
        try:
            told = read_object((await client.get(path, is_in_api=False)).body)
        except RequestError:
            continue
        version = _text(told, key)
        if version and (name != _VLLM or "vllm" in owners):
            return f"{name} {version}"
        if version:  # other servers have a /version as well
            return f"a server of version {version} that does not tell its name"
    return f"a server that does not tell its name ({server or 'no Server header'})"


def _text(told: dict[str, Any], key: str) -> str:
    found = told.get(key)
    return safe_line(found, 60) if isinstance(found, str) else ""


def listed(models: Sequence[ListedModel]) -> str:
    """Names for the evidence: "tiny", "a, b", "none"."""
    return ", ".join(safe_line(model.id) for model in models[:_MOST_LISTED]) or "none"
