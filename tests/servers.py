"""Real inference servers on loopback, started for a test session and always ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def serving(
    command: Sequence[str],
    *,
    health: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Iterator[str]:
    """The address of a server that `command` starts; "{port}" in it stands for a free port.

    Args:
        command: Program and arguments.
        health: Path that answers once the server is up, whatever the status.
        log: Where its output goes.
        env: Added to the environment.
        seconds: How long it may take to come up.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [word.replace("{port}", str(port)) for word in command],
            stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
        )  # fmt: skip
    try:
        _wait(process, address + health, log, seconds)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(
                f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')[-3000:]}"
            )
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server was not up within {seconds} s:\n{log.read_text(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
