"""Asks modelaudit about one file after the other, under the interpreter that has it, which is rarely ours.

    python modelaudit_child.py SECONDS MEMORY_MB < paths

It imports nothing of Weighbridge and is started as a file. The first line that it prints is the version of
modelaudit. Each path (a line of JSON) is then answered by a line of JSON: a code (0 clean, 1 findings, 2 not
judged) with issues, or {"failed": why}. Every file is judged in a copy of the process, which is killed when
the time is up and cannot take more memory than it may.
"""

import contextlib
import importlib.metadata
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any

_TEXT_LIMIT = 2000
_ISSUES_LIMIT = 200
_READ_BYTES = 1 << 16


def _refused(*_arguments: object, **_more: object) -> None:
    raise OSError("a scan reaches no network")


def _without_network() -> None:
    for name in ("connect", "connect_ex", "sendto", "bind"):
        setattr(socket.socket, name, _refused)
    for name in ("create_connection", "getaddrinfo", "create_server"):
        setattr(socket, name, _refused)


def _judge(path: str, seconds: float) -> dict[str, Any]:
    from modelaudit.core import determine_exit_code, scan_model_directory_or_file

    # Its list of trusted publishers lowers severities by names in the file's path, and it skips by extension.
    result = scan_model_directory_or_file(
        path, timeout=max(1, int(seconds)), skip_file_types=False, cache_enabled=False, use_hf_whitelist=False
    )
    return {
        "code": determine_exit_code(result),
        "issues": [_told(each) for each in result.issues[:_ISSUES_LIMIT]],
    }


def _told(issue: Any) -> dict[str, str]:
    details = issue.details if isinstance(issue.details, dict) else {}
    rule = issue.rule_code or details.get("pickle_rule_code") or ""
    return {
        "severity": str(getattr(issue.severity, "value", issue.severity)).lower(),
        "rule": str(rule)[:_TEXT_LIMIT],
        "kind": str(issue.type or "")[:_TEXT_LIMIT],
        "message": str(issue.message)[:_TEXT_LIMIT],
    }


def _in_a_copy(path: str, seconds: float, memory_bytes: int) -> str:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        os.close(reader)
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            hard = resource.getrlimit(kind)[1]
            limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
            resource.setrlimit(kind, (limit, hard))
        try:
            told = _judge(path, seconds)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent has to be told
            told = {"failed": f"{type(error).__name__}: {error}"[:_TEXT_LIMIT]}
        with os.fdopen(writer, "w") as out:
            json.dump(told, out)
        os._exit(0)
    os.close(writer)
    text, is_over = _read(reader, time.monotonic() + seconds)
    os.close(reader)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if is_over:
        return json.dumps({"failed": f"not done within {seconds:.0f} s"})
    return text or json.dumps({"failed": "its process died"})


def _read(reader: int, deadline: float) -> tuple[str, bool]:
    """What is written until the other end is closed, and whether the time was up before."""
    pieces: list[bytes] = []
    while True:
        if not select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return "", True
        piece = os.read(reader, _READ_BYTES)
        if not piece:
            return b"".join(pieces).decode("utf-8", "replace"), False
        pieces.append(piece)


def main(seconds: float, memory_mb: int) -> None:
    """Answers until its input ends."""
    os.environ.update(PROMPTFOO_DISABLE_TELEMETRY="1", NO_ANALYTICS="1", HF_HUB_OFFLINE="1")
    _without_network()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what it prints must not get among the answers
    import modelaudit.core  # noqa: F401 - once, before the first copy

    out.write(json.dumps(importlib.metadata.version("modelaudit")) + "\n")
    out.flush()
    for line in sys.stdin:
        out.write(_in_a_copy(json.loads(line), seconds, memory_mb << 20) + "\n")
        out.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
