"""Makes the hub's client behave: no reports about this machine, no detours, errors that say what to do.

with hub_session("org/name", None, options) as session:
    session.api.model_info("org/name")
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scanner.hub.fence import Fence, HubLimits
from scanner.progress import Task
from scanner.source import FetchOptions, SourceError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PUBLIC_ENDPOINT: Final = "https://huggingface.co"
# The client has one factory of connections for the whole process, so that sessions take turns.
_TURN: Final = threading.RLock()
_USER_IN_ADDRESS: Final = re.compile(r"://[^/\s@]*@")


@dataclass(frozen=True)
class HubSession:
    """The hub's client, fenced, for one endpoint.

    Attributes:
        api: Asks with the token of the options, or with none.
        fence: Counts and bounds what is asked and answered.
        limits: How patient we are.
        endpoint: Address without a slash at its end; may hold a password.
        shown: The same to show to people.
        headers: For requests of our own; they hold the token.
    """

    api: HfApi
    fence: Fence
    limits: HubLimits
    endpoint: str
    shown: str
    headers: dict[str, str]


@contextlib.contextmanager
def hub_session(
    repository: str, revision: str | None, options: FetchOptions, limits: HubLimits | None = None
) -> Iterator[HubSession]:
    """A session in which the hub's client, as a whole, is fenced; afterwards it is as it was before.

    Another thread that wants a session waits until this one ends.

    Raises:
        SourceError: for everything that the hub or the way to it does wrong, inside the context.
    """
    endpoint = _endpoint(options)
    if not (options.token.isascii() and options.token.isprintable()):
        raise SourceError("the hub token holds characters that no token has", hint="give it anew")
    shown = shown_endpoint(options)
    limits = limits or HubLimits()
    fence = Fence(endpoint, shown, limits)
    with _TURN, translated_errors(repository, revision, options), _fenced_client(fence, endpoint):
        from huggingface_hub import HfApi
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        # token=False: the client must not look for a token of its own on this machine.
        token = options.token or False
        headers = build_hf_headers(token=token, library_name="weighbridge")
        api = HfApi(endpoint, token=token, library_name="weighbridge")
        yield HubSession(api, fence, limits, endpoint, shown, headers)


def shown_endpoint(options: FetchOptions) -> str:
    """The address of the hub that is asked, without the password that a mirror's may hold."""
    return _USER_IN_ADDRESS.sub("://", (options.endpoint or PUBLIC_ENDPOINT).rstrip("/"))


def progress_bar(task: Task) -> type:
    """A progress bar class for the hub's client that shows nothing and tells `task` instead."""
    from huggingface_hub.utils.tqdm import tqdm

    class TaskBar(tqdm):
        def __init__(self, *args: object, **settings: object) -> None:
            super().__init__(*args, **{**settings, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            task.advance(int(n or 0))

        def update_transfer(self, n: float | None = 1) -> None:
            """Xet counts bytes of the wire here, beside those of the file; one count is enough."""

        def set_transfer_postfix_str(self, *_: object, **__: object) -> None:
            """Xet tells its speed here."""

    return TaskBar


def _endpoint(options: FetchOptions) -> str:
    endpoint = (options.endpoint or PUBLIC_ENDPOINT).rstrip("/")
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_address = False
    if not is_address or not endpoint.isprintable() or parts.query or parts.fragment:
        raise SourceError(
            f"{shown_endpoint(options)!a}: not the address of a hub",
            hint="write it as https://host or https://host/path",
        )
    return endpoint


@contextlib.contextmanager
def _fenced_client(fence: Fence, endpoint: str) -> Iterator[None]:
    """Keeps the hub's client behind `fence`, from reporting about this machine, from going around a mirror.

    NOTE: with Xet the bytes come from a host of their own, whatever the endpoint is
    (https://github.com/huggingface/huggingface_hub/issues/4700). The client takes both settings from
    its constants, and its connections from one factory for the whole process; they are set while it
    works, and put back.
    """
    from huggingface_hub import constants, set_client_factory
    from huggingface_hub.utils import _http

    wanted = {"HF_HUB_DISABLE_TELEMETRY": True}
    if endpoint != PUBLIC_ENDPOINT:
        wanted["HF_HUB_DISABLE_XET"] = True
    before = {name: getattr(constants, name) for name in wanted}
    # The one private name: the client tells nobody which factory it has.
    factory = _http._GLOBAL_CLIENT_FACTORY
    set_client_factory(fence.client)
    for name, value in wanted.items():
        setattr(constants, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(constants, name, value)
        set_client_factory(factory)


@contextlib.contextmanager
def translated_errors(repository: str, revision: str | None, options: FetchOptions) -> Iterator[None]:
    """Turns what the hub's client raises into SourceErrors that say what to do."""
    from huggingface_hub import errors

    page = f"{shown_endpoint(options)}/{repository}"
    ask = "and your token has no access" if options.token else "and no token was given"
    known: tuple[tuple[type[Exception], str, str], ...] = (
        (errors.GatedRepoError, f"access is gated, {ask}",
         f"ask for access at {page}, then give the token of that account (--token or HF_TOKEN)"),
        (errors.DisabledRepoError, "the hub has disabled this repository", "ask its publisher why"),
        (errors.RepositoryNotFoundError, "no such repository, or it is private",
         "check the name; private repositories need a token"),
        (errors.RevisionNotFoundError, f"no revision '{revision}'",
         "name a branch, a tag or a commit of 40 hex digits"),
        (errors.OfflineModeIsEnabled, "the hub's client is in offline mode",
         "unset HF_HUB_OFFLINE, or scan in offline mode"),
        (errors.HFValidationError, "not a name that the hub allows", "write hf://org/name@revision"),
    )  # fmt: skip
    # The client's transport errors are those of httpx (1.x) or httpx2 (2.x). Both are bases of its own
    # error, so neither needs to be named. RuntimeError is what Xet's native code raises.
    transport = [kind for kind in errors.HfHubHTTPError.__bases__ if issubclass(kind, Exception)]
    other: tuple[type[Exception], ...] = (*transport, OSError, ValueError, RuntimeError)
    try:
        yield
    except SourceError:
        raise
    except other as error:
        for kind, problem, hint in known:
            if isinstance(error, kind):
                raise SourceError(f"hf://{repository}: {problem}", hint=hint) from error
        brief = _brief(error).replace(options.token, "***") if options.token else _brief(error)
        raise SourceError(
            f"hf://{repository}: {shown_endpoint(options)} could not deliver it ({brief})",
            hint=_hint_of(error),
        ) from error


def _hint_of(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in (401, 403, 407):
        return "give a token that may read this repository, or check the one that is given"
    return "try again later (fetching resumes), or scan in offline mode what the cache holds"


def _brief(error: BaseException) -> str:
    """One line of an error and of what caused it, without what could steer a terminal or tell a password."""
    own, cause = str(error).strip(), str(error.__cause__ or "").strip()
    texts = [f"{type(error).__name__}: {_first_line(own)}"]
    if cause and _first_line(cause) != _first_line(own):
        texts.append(_first_line(cause))
    shown = "".join(character if character.isprintable() else "?" for character in "; ".join(texts))
    return _USER_IN_ADDRESS.sub("://", shown)[:400]


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
