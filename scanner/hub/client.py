"""Makes the hub's client behave: no reports about this machine, no detours, errors that say what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from scanner.progress import Task
from scanner.source import FetchOptions, SourceError

PUBLIC_ENDPOINT: Final = "https://huggingface.co"


def shown_endpoint(options: FetchOptions) -> str:
    """The address of the hub that is asked, without the password that a mirror's may hold."""
    scheme, separator, rest = (options.endpoint or PUBLIC_ENDPOINT).partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


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


@contextlib.contextmanager
def quiet_client(options: FetchOptions) -> Iterator[None]:
    """Keeps the hub's client from reporting about this machine and from going around a mirror.

    NOTE: with Xet the bytes come from a host of their own, whatever the endpoint is
    (https://github.com/huggingface/huggingface_hub/issues/4700). The client takes both settings from
    its constants, so these are set while it works, and put back.
    """
    from huggingface_hub import constants

    wanted = {"HF_HUB_DISABLE_TELEMETRY": True}
    if (options.endpoint or PUBLIC_ENDPOINT).rstrip("/") != PUBLIC_ENDPOINT:
        wanted["HF_HUB_DISABLE_XET"] = True
    before = {name: getattr(constants, name) for name in wanted}
    for name, value in wanted.items():
        setattr(constants, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(constants, name, value)


@contextlib.contextmanager
def translated_errors(repository: str, revision: str | None, options: FetchOptions) -> Iterator[None]:
    """Turns what the hub's client raises into SourceErrors that say what to do."""
    from huggingface_hub import errors

    known: tuple[tuple[type[Exception], str, str], ...] = (
        (errors.GatedRepoError, "access is gated",
         f"ask for access at {shown_endpoint(options)}/{repository}, then give your token"),
        (errors.DisabledRepoError, "the hub has disabled this repository", "ask its publisher why"),
        (errors.RepositoryNotFoundError, "no such repository, or it is private",
         "check the name; private repositories need a token"),
        (errors.RevisionNotFoundError, f"no revision '{revision}'",
         "name a branch, a tag or a commit of 40 hex digits"),
        (errors.OfflineModeIsEnabled, "the hub's client is in offline mode",
         "unset HF_HUB_OFFLINE, or scan in offline mode"),
        (errors.HFValidationError, "not a name that the hub allows", "write hf://org/name@revision"),
    )  # fmt: skip
    # RuntimeError is what Xet's native code raises.
    other: tuple[type[Exception], ...] = (*transport_errors(), OSError, ValueError, RuntimeError)
    try:
        yield
    except other as error:
        for kind, problem, hint in known:
            if isinstance(error, kind):
                raise SourceError(f"hf://{repository}: {problem}", hint=hint) from error
        raise SourceError(
            f"hf://{repository}: {shown_endpoint(options)} could not deliver it ({_brief(error)})",
            hint="try again later (fetching resumes), or scan in offline mode what the cache holds",
        ) from error


def transport_errors() -> tuple[type[Exception], ...]:
    """What the client raises when a connection fails.

    They are those of httpx (1.x) or httpx2 (2.x). Both are bases of its own error, so neither needs to be
    named.
    """
    from huggingface_hub import errors

    return tuple(kind for kind in errors.HfHubHTTPError.__bases__ if issubclass(kind, Exception))


def _brief(error: BaseException) -> str:
    """One line of an error and of what caused it."""
    own, cause = str(error).strip(), str(error.__cause__ or "").strip()
    texts = [f"{type(error).__name__}: {_first_line(own)}"]
    if cause and _first_line(cause) != _first_line(own):
        texts.append(_first_line(cause))
    return "; ".join(texts)[:400]


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
