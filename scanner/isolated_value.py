"""Works one value out in a process of its own, while this one does something else.

For what is read from a model's files and is no check: a hostile file can hang or crash that process only.

>>> with working_out(divmod, 17, 5, kind=tuple[int, int]) as value:
...     value()
(3, 2)
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final, TypeVar

from scanner.errors import ScanError
from scanner.isolation import DATA_LIMIT_BYTES, limit_memory, process_context
from scanner.records import decode, encode

T = TypeVar("T")
_VALUE_LIMIT_BYTES: Final = 64 * 1024**2


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
    start = process_context()
    receiver, sender = start.Pipe(duplex=False)
    child = start.Process(target=_work_out, args=(function, arguments, sender), daemon=True)
    child.start()
    sender.close()

    def value() -> T:
        name = getattr(function, "__name__", "a value")
        if not receiver.poll(seconds):
            raise IsolatedValueError(f"{name} took more than {seconds:.0f} s; its process was killed")
        try:
            said = receiver.recv_bytes(_VALUE_LIMIT_BYTES)
        except (EOFError, OSError) as error:
            child.join()
            raise IsolatedValueError(f"{name}: its process died with exit code {child.exitcode}") from error
        if not said:
            reason = receiver.recv_bytes(_VALUE_LIMIT_BYTES).decode(errors="replace")
            raise IsolatedValueError(f"{name}: {reason}")
        try:
            return decode(said, kind)
        except ScanError as error:
            raise IsolatedValueError(f"{name}: what its process sent is no such value ({error})") from error

    try:
        yield value
    finally:
        child.kill()
        child.join()
        receiver.close()


def _work_out(function: Callable[..., object], arguments: tuple[object, ...], sender: Connection) -> None:
    limit_memory(DATA_LIMIT_BYTES)
    try:
        said = encode(function(*arguments))
    except Exception as error:  # noqa: BLE001 - told on the other side of the pipe, whatever it is
        place = traceback.extract_tb(error.__traceback__)[-1]
        sender.send_bytes(b"")
        reason = f"{type(error).__name__}: {error} ({place.filename.rsplit('/', 1)[-1]}:{place.lineno})"
        sender.send_bytes(reason.encode("utf-8", "backslashreplace"))
    else:
        sender.send_bytes(said)
