"""Scanning executes nothing, imports nothing, writes nowhere and opens no connection, whatever the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.assets import kind_cases, make_file_assets
from tests.assets.file_corpus.writing import quick_corpus, thinned, write_corpus

REPOSITORY = Path(__file__).resolve().parents[2]
# Each does, in the middle of a "scan", one thing that a scan must not do.
FORBIDDEN = {
    "exec": "exec(READY)",
    "compile": "compile('a = 1', 'model.py', 'exec')",
    "pickle.find_class": "pickle.loads(b'cos\\ngetcwd\\n.')",
    "marshal.loads": "marshal.loads(DUMPED)",
    "import": "import colorsys; import statsmodels",
    "import webbrowser": "import webbrowser",
    "socket.__new__": "socket.socket()",
    "socket.getaddrinfo": "socket.getaddrinfo('localhost', 80)",
    "subprocess.Popen": "subprocess.run(['true'])",
    "os.system": "os.system('true')",
    "os.exec": "os.execv('/bin/true', ['true'])",
    "os.posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "ctypes.dlopen": "ctypes.CDLL('libc.so.6')",
    "open": "open('/tmp/weighbridge-tripwire', 'w')",
    "open for reading": "open('/etc/hostname')",
    "os.mkdir": "os.mkdir('/tmp/weighbridge-tripwire')",
    "os.remove": "os.remove('/tmp/weighbridge-tripwire')",
}


@pytest.fixture(scope="module")
def malicious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile files that the tests of single checks are made of, and a quarter of the corpus."""
    folder = tmp_path_factory.mktemp("malicious")
    make_file_assets.main(folder)
    hostile = [case for case in quick_corpus() if case.label != "benign"]
    write_corpus(folder / "corpus", thinned(hostile, 4))
    make_file_assets.write_all(
        folder / "kinds", {name: data for name, (data, _) in kind_cases.wrong().items()}
    )
    return folder


def run(code: list[str], work: Path) -> str:
    """What a Python of its own prints, with a home and a temporary folder inside `work`."""
    environment = {**os.environ, "HOME": str(work), "TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_scan_of_a_malicious_file_trips(malicious: Path, tmp_path: Path) -> None:
    out = run(["-m", "tests.tripwire", str(malicious), str(tmp_path)], tmp_path)
    assert json.loads(out) == []


@pytest.fixture(scope="module")
def tripped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The trips of every forbidden thing."""
    work = tmp_path_factory.mktemp("work")
    deeds = "".join(
        f"def _{number}():\n    {code.replace('; ', chr(10) + '    ')}\nDEEDS[{event!r}] = _{number}\n"
        for number, (event, code) in enumerate(FORBIDDEN.items())
    )
    script = f"""
import ctypes, json, marshal, os, pickle, socket, subprocess, sys
from tests.tripwire import TrippedError, Tripwire, _code_folders
READY = compile("a = 1", "model.py", "exec")
DUMPED, DEEDS, TOLD = marshal.dumps(READY), {{}}, {{}}
{deeds}
tripwire = Tripwire(_code_folders(), {str(work)!r})
sys.addaudithook(tripwire)
for event, deed in DEEDS.items():
    tripwire.trips.clear()
    with tripwire.armed():
        try:
            deed()
        except TrippedError:
            pass
    TOLD[event] = list(tripwire.trips)
print(json.dumps(TOLD))
"""
    told: dict[str, list[str]] = json.loads(run(["-c", script], work))
    return told


@pytest.mark.parametrize("event", FORBIDDEN)
def test_wire_trips_on_each_forbidden_thing(event: str, tripped: dict[str, list[str]]) -> None:
    assert len(tripped[event]) == 1
    assert tripped[event][0].startswith(event.partition(" ")[0])
