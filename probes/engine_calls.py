"""Around every call into transformers: keeps it silent, and turns whatever it raises into our errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from probes.backend import BackendError, OutOfMemoryError

# How torch and its device extensions word it; only CUDA and MPS have an exception of their own.
_NO_MEMORY: Final = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")
_MOST_CHARACTERS: Final = 300


@contextmanager
def engine_call(what: str) -> Iterator[None]:
    """A stretch of foreign code at work on somebody else's files.

    Args:
        what: Begins the message of the error: "/models/x: the weights cannot be loaded".

    Raises:
        OutOfMemoryError: when the memory did not suffice.
        BackendError: when anything else was raised, with its type and first line.
    """
    with _quiet():
        try:
            yield
        except BackendError:
            raise
        except Exception as error:  # tokenizers raises bare Exception; nothing is swallowed
            raise _translate(what, error) from error


def _translate(what: str, error: Exception) -> BackendError:
    text = str(error).strip()
    message = f"{what}: {type(error).__name__}: {text.partition(chr(10))[0][:_MOST_CHARACTERS]}"
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _NO_MEMORY):
        return OutOfMemoryError(message, hint="choose a smaller --batch-size, or --dtype bfloat16")
    if "trust_remote_code" in text:
        return BackendError(
            f"{what}: it needs program code from its own repository, which is never run",
            hint="have that code reviewed; only architectures built into transformers are questioned",
        )
    return BackendError(message)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lets nothing below an error through to transformers' own handlers, and draws no bars.

    NOTE: not by `set_verbosity`: Python clears the caches of all loggers then, under a lock that Ctrl-C in
    that moment leaves locked for ever (logging.Manager._clear_cache, Python 3.11).
    """
    from transformers.utils import logging as transformers_logging

    has_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    handlers = list(logging.getLogger("transformers").handlers)
    only_errors = _OnlyErrors()
    for handler in handlers:
        handler.addFilter(only_errors)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(only_errors)
        if has_bars:
            transformers_logging.enable_progress_bar()


class _OnlyErrors(logging.Filter):
    """Turns down every record below an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is one."""
        return record.levelno >= logging.ERROR
