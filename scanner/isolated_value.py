"""Works one value out in a process of its own, while this one does something else.

For what is read from a model's files and is no check: a hostile file can hang or crash that process only.

>>> with working_out(divmod, 17, 5, kind=tuple[int, int]) as value:
...     value()
(3, 2)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

from scanner.errors import CheckTimeoutError, ScanError
from scanner.isolation import DATA_LIMIT_BYTES, Child, ChildDiedError, limit_memory, told
from scanner.records import decode, encode

T = TypeVar("T")


class IsolatedValueError(ScanError):
    """The value could not be worked out, or not in time."""


@contextmanager
def working_out(
    function: Callable[..., T], *arguments: object, kind: type[T], seconds: float = 60.0
) -> Iterator[Callable[[], T]]:
    """Starts `function` in a child process, which is killed on leaving.

    Args:
        function: Importable by name.
        arguments: What it is called with; pickled on their way to the child.
        kind: What it returns; it comes back as JSON that is validated here, never as a pickle.
        seconds: How long to wait for it at most once it is asked for.

    Yields:
        A function that waits for the value and returns it; it raises IsolatedValueError.
    """
    name = getattr(function, "__name__", "a value")
    with Child(_work_out, function, arguments) as child:

        def value() -> T:
            deadline = time.monotonic() + seconds
            try:
                said = child.receive_bytes(deadline)
                reason = "" if said else child.receive_bytes(deadline).decode(errors="replace")
            except CheckTimeoutError as error:
                why = f"{name} took more than {seconds:.0f} s; its process was killed"
                raise IsolatedValueError(why) from error
            except ChildDiedError as error:
                raise IsolatedValueError(f"{name}: its process died with {error.way}") from error
            except OSError as error:
                raise IsolatedValueError(f"{name}: its process sent no whole value ({error})") from error
            if reason:
                raise IsolatedValueError(f"{name}: {reason}")
            try:
                return decode(said, kind)
            except ScanError as error:
                why = f"{name}: what its process sent is no such value ({error})"
                raise IsolatedValueError(why) from error

        yield value


def _work_out(function: Callable[..., object], arguments: tuple[object, ...], sender: Connection) -> None:
    limit_memory(DATA_LIMIT_BYTES)
    try:
        said = encode(function(*arguments))
    except Exception as error:  # noqa: BLE001 - told on the other side of the pipe, whatever it is
        sender.send_bytes(b"")
        sender.send_bytes(told(error).encode())
    else:
        sender.send_bytes(said)
