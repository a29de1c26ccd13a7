"""What the garak process may not do, tried in a process that is confined in the same way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from probes.garak.confinement import private_environment

_ATTEMPT = """
import socket, subprocess, os
from probes.garak.confinement import BlockedError, Doorkeeper
keeper = Doorkeeper()
keeper.stand()
try:
    {attempt}
except BlockedError:
    print("blocked", *keeper.report())
else:
    print("went through", *keeper.report())
assert not keeper.has_turned_down()
"""


def attempt(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _ATTEMPT.format(attempt=code)],
        env=private_environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("socket.create_connection(('huggingface.co', 443), 1)", "huggingface.co:443"),
        ("socket.gethostbyname('example.org')", "example.org"),
        ("socket.socket().connect(('127.0.0.1', 9))", "127.0.0.1:9"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))", "127.0.0.1:9"),
        ("socket.socket().bind(('127.0.0.1', 0))", "127.0.0.1:0"),
        ("socket.getnameinfo(('192.0.2.1', 80), 0)", "192.0.2.1:80"),
        ("subprocess.run(['echo', 'hello'])", "program 'echo'"),
        ("os.system('echo hello')", "program b'echo hello'"),
    ],
)
def test_every_way_out_is_turned_down_and_told(code: str, told: str, tmp_path: Path) -> None:
    assert attempt(code, tmp_path) == f"blocked {told}"


def test_sockets_within_the_machine_are_left_alone(tmp_path: Path) -> None:
    code = "a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'"
    assert attempt(code, tmp_path) == "went through"
