"""Runs every check of files over a folder under an audit hook that trips on whatever a scan must never do.

`python -m tests.tripwire FOLDER WORK` prints the trips as JSON. What trips is also stopped, so that a scan
that is wrong does no harm here. Run in a process of its own: an audit hook stays for good.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

import py7zr

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceStore
from scanner.file_check import FileCheck
from scanner.file_verdicts import JudgesFiles
from scanner.registry import load_checks
from tests.assets.kind_cases import left_to_others, plain
from tests.assets.make_file_assets import GGUF_ARCHITECTURE, gguf_bytes, gguf_tensor, write_all
from tests.scanner.check_runs import snapshot_of

# What scanning may import when it meets a format for the first time, beside the standard library. `org` is
# what the standard library's own pickle tries on Jython, `compression` what lz4 tries on later Pythons.
_LIBRARIES: Final = frozenset({
    "scanner", "tests", "picklescan", "yaml", "_yaml", "jinja2", "markupsafe", "msgspec", "numpy",
    "gguf", "h5py", "onnx", "google", "ml_dtypes", "zstandard", "flatbuffers", "frontmatter",
    "packaging", "charset_normalizer", "safetensors", "blake3", "typing_extensions", "org",
    "py7zr", "multivolumefile", "lz4", "compression", "confusable_homoglyphs",
})  # fmt: skip
# Parts of the standard library that start programs, open connections or run code when they are imported.
_NEVER_IMPORTED: Final = frozenset({
    "antigravity", "this", "webbrowser", "pty", "code", "codeop", "pdb", "idlelib", "turtle", "smtplib",
    "ftplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "runpy", "venv", "ensurepip", "timeit",
    "cProfile", "profile",
})  # fmt: skip
_ALWAYS: Final = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "os.kill", "os.startfile", "os.putenv", "os.unsetenv", "os.chdir", "os.setxattr", "pty.", "pickle.",
    "ctypes.", "winreg.", "urllib.", "http.", "ftplib.", "smtplib.", "imaplib.", "poplib.",
    "telnetlib.", "webbrowser.", "sqlite3.", "builtins.input", "builtins.breakpoint", "signal.",
    "syslog.", "code.__new__", "cpython.run_",
)  # fmt: skip
_CHANGES: Final = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink",
    "os.truncate", "os.utime", "shutil.",
)  # fmt: skip
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_BOOTSTRAP: Final = (
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
    "<frozen zipimport>",
)
# Modules that build classes and functions by executing text of their own; jinja2 builds a traceback that way
# for a template that it cannot parse.
_BUILDERS: Final = (
    "dataclasses.py", "collections/__init__.py", "enum.py", "typing.py", "functools.py", "jinja2/debug.py",
)  # fmt: skip


# They read files as well, though all of a model at once.
_OF_ALL: Final = ("remote-code", "chat-template-unsafe")


class TrippedError(RuntimeError):
    """The scan did what it must not."""


@dataclass
class Tripwire:
    """The hook; it hears everything and acts only while it is armed.

    Attributes:
        readable: Folders from which may be read: code, data of libraries, the files that are scanned.
        writable: The only folder into which may be written.
        trips: What happened, in words.
    """

    readable: tuple[str, ...]
    writable: str
    trips: list[str] = field(default_factory=list)
    is_armed: bool = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """The audit hook."""
        if not self.is_armed:
            return
        self.is_armed = False  # what is done here is not the scan's doing
        try:
            said = self._trip(event, arguments, sys._getframe(1))
        finally:
            self.is_armed = True
        if said:
            self.trips.append(f"{event}: {said}")
            raise TrippedError(said)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """While it is open, everything is heard."""
        self.is_armed = True
        try:
            yield
        finally:
            self.is_armed = False

    def _trip(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> str:
        """Why this trips, or ""."""
        if event.startswith(_ALWAYS) and not _is_builder(frame):
            return repr(arguments)[:200]
        if event.startswith(_CHANGES):
            return "" if self._may_write(_placed(event, arguments)) else repr(arguments)[:200]
        judge = _JUDGES.get(event)
        return judge(self, arguments, frame) if judge else ""

    def _open(self, arguments: tuple[object, ...], _frame: FrameType) -> str:
        path, mode, flags = (*arguments, None, None, None)[:3]
        if isinstance(path, int):
            return ""
        writes = isinstance(mode, str) and any(sign in mode for sign in "wax+")
        writes = writes or (isinstance(flags, int) and bool(flags & _WRITING))
        if writes:
            return "" if self._may_write(path) else f"writes {path!r}"
        return "" if self._may_read(path) else f"reads {path!r}"

    def _import(self, arguments: tuple[object, ...], _frame: FrameType) -> str:
        top = str(arguments[0]).partition(".")[0]
        if top in _NEVER_IMPORTED or top not in (sys.stdlib_module_names | _LIBRARIES):
            return f"imports {arguments[0]}"
        return ""

    def _exec(self, arguments: tuple[object, ...], frame: FrameType) -> str:
        code = arguments[0]
        name = code.co_filename if isinstance(code, CodeType) else "?"
        is_own = name in _BOOTSTRAP or name.startswith("<frozen ") or self._is_code(name)
        return "" if is_own or _is_builder(frame) else f"executes {name} from {_place(frame)}"

    def _compile(self, arguments: tuple[object, ...], frame: FrameType) -> str:
        caller = frame.f_code.co_filename
        is_parsing = caller.endswith("/ast.py") or caller in _BOOTSTRAP
        return "" if is_parsing or _is_builder(frame) else f"compiles from {_place(frame)}"

    def _marshal(self, _arguments: tuple[object, ...], frame: FrameType) -> str:
        return "" if frame.f_code.co_filename in _BOOTSTRAP else f"unmarshals from {_place(frame)}"

    def _may_write(self, path: object) -> bool:
        return _real(path).startswith(self.writable + os.sep) or _real(path) in (self.writable, os.devnull)

    def _may_read(self, path: object) -> bool:
        real = _real(path)
        roots = (*self.readable, self.writable)
        return real.startswith(tuple(f"{root}{os.sep}" for root in roots)) or real in (*roots, os.devnull)

    def _is_code(self, name: str) -> bool:
        return os.path.isabs(name) and _real(name).startswith(
            tuple(f"{root}{os.sep}" for root in _code_folders())
        )


_JUDGES: Final[dict[str, Callable[[Tripwire, tuple[object, ...], FrameType], str]]] = {
    "open": Tripwire._open,
    "import": Tripwire._import,
    "exec": Tripwire._exec,
    "compile": Tripwire._compile,
    "marshal.loads": Tripwire._marshal,
    "marshal.load": Tripwire._marshal,
}


def _placed(event: str, arguments: tuple[object, ...]) -> object:
    """The path that an event is about; one that is relative to an open folder has its number last."""
    path, folder = arguments[0], arguments[-1]
    is_relative = event in ("os.remove", "os.rmdir", "os.mkdir") and isinstance(folder, int) and folder >= 0
    if is_relative and isinstance(path, str):
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
    return path


def _real(path: object) -> str:
    return os.path.realpath(os.fsdecode(path)) if isinstance(path, (str, bytes, os.PathLike)) else repr(path)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _is_builder(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(tuple(f"/{name}" for name in _BUILDERS))


def _code_folders() -> tuple[str, ...]:
    repository = str(Path(__file__).resolve().parent.parent)
    folders = [*sysconfig.get_paths().values(), *filter(None, sys.path)]
    return (repository, *sorted({os.path.realpath(path) for path in folders}))


def watch(folder: Path, work: Path) -> list[str]:
    """The trips of scanning every file below `folder`; only `work` may be written to."""
    checks = [
        check for check in load_checks().values() if isinstance(check, JudgesFiles) or check.id in _OF_ALL
    ]
    gguf = gguf_bytes([GGUF_ARCHITECTURE], [gguf_tensor("w", [8], 0)], bytes(32))
    honest = write_all(work / "honest", {**plain(), **left_to_others(), "model.gguf": gguf})
    with py7zr.SevenZipFile(honest / "notes.7z", "w") as archive:
        archive.writestr("harmless", "notes.txt")
    first, then = snapshot_of(honest), snapshot_of(folder)
    evidence = EvidenceStore(work / "evidence")
    for check in checks:  # what libraries do when they are imported is not the scan's doing
        list(check.run(CheckContext(first, evidence)))
    tripwire = Tripwire((*_code_folders(), _real(folder), "/proc", "/usr/share/zoneinfo"), _real(work))
    sys.addaudithook(tripwire)
    for scan in _scans(checks, CheckContext(then, evidence)):
        with tripwire.armed(), suppress(Exception):  # that a check breaks is another test's business
            list(scan)
    return tripwire.trips


def _scans(checks: Sequence[Check], context: CheckContext) -> Iterator[Iterator[object]]:
    """Everything to be scanned, file by file where a check takes them so."""
    for check in checks:
        if isinstance(check, FileCheck):
            yield from (check.examine_safely(context, entry) for entry in context.snapshot.files)
        else:
            yield check.run(context)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(watch(Path(sys.argv[1]), Path(sys.argv[2]))))
