r"""What a member of an archive would run: programs, libraries, compiled Python, scripts and source.

>>> from scanner.archives.settings import Setting
>>> [fault.rule.code for fault in content_faults("x.bin", b"\x7fELF\x02\x01", Setting.MODEL, frozenset())]
['holds-program']
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from scanner.archives.budget import Budget
from scanner.archives.faults import Fault, Rule
from scanner.archives.settings import Setting
from scanner.code.calls import CallSite, UnreadableSourceError, find_calls
from scanner.code.phases import Phase
from scanner.findings import Severity
from scanner.pickles.starts import PICKLE_STARTS

SOURCE_BYTES: Final = 2 * 1024**2
_PROGRAM_SUFFIXES: Final = frozenset({
    ".exe", ".dll", ".so", ".dylib", ".pyd", ".scr", ".com", ".msi", ".sys", ".cpl", ".elf", ".o", ".node",
})  # fmt: skip
_SCRIPT_SUFFIXES: Final = frozenset({
    ".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".hta", ".lnk",
    ".desktop", ".command", ".pl", ".rb", ".php", ".lua", ".jar", ".apk", ".class", ".wasm", ".reg",
})  # fmt: skip
_COMPILED: Final = frozenset({".pyc", ".pyo"})
# Source: [MS-OFFMACRO2], parts of office documents; OpenDocument 1.3, "Scripts".
_MACROS: Final = re.compile(
    r"(^|/)(vbaproject\w*\.bin|vbadata\.xml|macrosheets/[^/]+\.xml|activex/[^/]+\.(bin|xml))$|^basic/.+\.xml$"
)
_LIBRARY: Final = re.compile(r"\.so(\.\d+)+$")
_MACH_O: Final = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
# Source that installing, importing, testing, serving or loading runs without being asked for by name.
_RUN_BY_NAME: Final = re.compile(
    r"(setup|__init__|__main__|sitecustomize|usercustomize|conftest|hubconf|\w*handler|inference|predict\w*|serve"
    r"|(modeling|configuration|tokenization|processing|image_processing|feature_extraction|pipeline)_\w+)\.py",
    re.IGNORECASE,
)
_RUN_ON_START: Final = re.compile(rb"^[ \t]*import[ \t]", re.MULTILINE)
_STARTERS: Final = ("os.", "posix.", "nt.", "subprocess.", "pty.")
_SITES: Final = 5


def content_faults(
    name: str, data: bytes, setting: Setting, siblings: frozenset[str], budget: Budget | None = None
) -> Iterator[Fault]:
    """What one member brings that runs.

    Args:
        name: Path inside the archive.
        data: Its beginning; all of it where it is source of usual length.
        setting: What the archive is.
        siblings: Names of the other members, as far as they are known.
        budget: How much source may still be judged call by call; None without a limit.
    """
    suffix = PurePosixPath(name.lower()).suffix
    if suffix == ".py":
        limits = None if is_run_by_name(name) else budget
        if limits is not None:
            limits.source_left -= len(data)
        if limits is None or limits.source_left >= 0:
            yield from source_faults(name, data, setting)
        else:
            yield Fault(Rule.CODE, name, "is Python source, of which there is too much to judge")
    elif suffix == ".pth" and _is_text(data) and _RUN_ON_START.search(data):
        yield Fault(
            Rule.DANGEROUS_CODE, name, "has lines that Python runs at every start where it is installed"
        )
    elif suffix in _COMPILED:
        yield _compiled(name, setting, siblings)
    elif _is_program(name.lower(), suffix, data):
        is_expected = setting is Setting.PACKAGE or suffix == ".llamafile"
        rule = Rule.CODE if is_expected else Rule.PROGRAM
        yield Fault(rule, name, "is a program or a library of machine code")
    elif _MACROS.search(name.lower()):
        yield Fault(Rule.CODE, name, "is a program that an office suite runs when the document is opened")
    elif suffix in _SCRIPT_SUFFIXES or data.startswith(b"#!"):
        yield Fault(Rule.CODE, name, "is a script or a program of another language")


def _is_program(lowered: str, suffix: str, data: bytes) -> bool:
    if data.startswith((b"\x7fELF", *_MACH_O)) or _is_windows_program(data):
        return True
    if suffix == ".pyd" and data.startswith(PICKLE_STARTS):
        return False  # WebDataset keeps samples as pickles of this name
    return suffix in _PROGRAM_SUFFIXES or _LIBRARY.search(lowered) is not None


def _is_windows_program(data: bytes) -> bool:
    if not data.startswith(b"MZ"):
        return False
    place = int.from_bytes(data[0x3C:0x40], "little")
    return data[place : place + 4] == b"PE\0\0" or b"This program" in data[:256]


def _is_text(data: bytes) -> bool:
    return b"\0" not in data[:4096] and not data.startswith((b"PK", b"\x80"))


def _compiled(name: str, setting: Setting, siblings: frozenset[str]) -> Fault:
    path = PurePosixPath(name)
    source = f"{path.name.split('.')[0]}.py"
    beside = {str(path.parent / source), str(path.parent.parent / source)}
    is_cache = path.parent.name == "__pycache__" and not beside.isdisjoint(siblings)
    rule = Rule.CODE if is_cache or setting is Setting.PACKAGE else Rule.PROGRAM
    return Fault(rule, name, "is compiled Python, which cannot be read as source")


def is_run_by_name(name: str) -> bool:
    """Whether a Python file of this name is run without being asked for by name."""
    return _RUN_BY_NAME.fullmatch(PurePosixPath(name).name) is not None


def source_faults(name: str, data: bytes, setting: Setting) -> Iterator[Fault]:
    """What a Python file of an archive does."""
    runs = is_run_by_name(name)
    if len(data) >= SOURCE_BYTES:
        yield Fault(Rule.NOT_OPENED, name, "is source of unusual length, and was not read")
        return
    try:
        own = _own_prefix(name, setting)
        sites = [
            site
            for site in find_calls(data)
            if _counts(site, setting, runs) and not (own and site.call.startswith(own))
        ]
    except UnreadableSourceError as error:
        yield Fault(Rule.CODE, name, f"is source that cannot be read: it {error}")
        return
    for site in sites[:_SITES]:
        yield Fault(Rule.DANGEROUS_CODE, name, f"line {site.line} {site.sentence}")
    if not sites:
        yield Fault(Rule.CODE, name, "is Python source")


def _own_prefix(name: str, setting: Setting) -> str:
    """How names begin by which a package calls itself; "" for a folder named as a module of Python."""
    folder = name.partition("/")[0]
    return f"{folder}." if setting is Setting.PACKAGE and folder not in sys.stdlib_module_names else ""


def _counts(site: CallSite, setting: Setting, runs: bool) -> bool:
    """Whether this is more than a person has to look at: programs that training scripts start are usual."""
    if site.severity is not Severity.CRITICAL:
        return False
    if site.kind == "obfuscation":
        return True
    if setting is Setting.PACKAGE:  # packages start programs when they are called, not when they are imported
        return runs and site.phase is Phase.IMPORT and site.call.startswith(_STARTERS)
    return runs or setting in (Setting.MODEL, Setting.SERVED)
