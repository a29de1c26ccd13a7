r"""What Python source does to the machine it runs on, call by call, without importing it.

>>> [site.sentence for site in find_calls(b"from os import system as s\ns('echo')")]
['calls os.system, which starts a program']
"""

from __future__ import annotations

import ast
import functools
import importlib.resources
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.code.names import Names, folded
from scanner.errors import ScanError
from scanner.findings import Severity

_FILE: Final = "python_calls.yaml"
_WRITING: Final = frozenset("wax+")
# Functions that turn data into text or bytes; code that runs what they return hides what it runs.
_DECODERS: Final = re.compile(
    r"^(base64|binascii|zlib|gzip|bz2|lzma|codecs)\.|^builtins\.(chr|bytes|bytearray)(\.|$)|\.fromhex$"
)
_PACKED: Final = re.compile(r"[A-Za-z0-9+/=\s]{2000,}|(?:\\x[0-9a-fA-F]{2}){500,}")
_GATES: Final = frozenset({"os", "subprocess", "builtins", "sys", "importlib", "socket", "ctypes", "shutil"})


class UnreadableSourceError(ScanError):
    """The source cannot be parsed as Python.

    Attributes:
        line: 1-based line, or None.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class PythonCallsError(ScanError):
    """The table of dangerous calls cannot be read."""


@dataclass(frozen=True)
class CallSite:
    """One place where the source does something that needs an explanation.

    Attributes:
        line: 1-based.
        kind: One of the table's kinds ("process", "network", ...), "obfuscation" or "import".
        call: Full name: "subprocess.run".
        sentence: "calls subprocess.run, which starts a program".
        severity: How bad it is in code that loading runs.
        tags: CWE ids.
    """

    line: int
    kind: str
    call: str
    sentence: str
    severity: Severity
    tags: tuple[str, ...]


class _Kind(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    severity: Severity
    tags: tuple[str, ...]
    means: str


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    call: str
    kind: str
    below: bool = False
    unless: dict[str, bool] = {}
    only_if: dict[str, bool] = {}
    unless_argument: tuple[str, ...] = ()


class _Method(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    kind: str


class _Table(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    title: str
    version: int
    retrieved: object
    licence: str
    source: str
    kinds: dict[str, _Kind]
    calls: list[_Row]
    methods: list[_Method]


def parse_source(source: bytes) -> ast.Module:
    """The syntax tree of a Python file.

    Raises:
        UnreadableSourceError: when it is not Python of this version, or nested too deep to parse.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bad escapes in strings are no concern of ours
            return ast.parse(source)
    except SyntaxError as error:
        raise UnreadableSourceError(f"is not Python: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableSourceError(f"cannot be parsed ({type(error).__name__})") from error


def find_calls(source: bytes | ast.Module) -> list[CallSite]:
    """Every place that needs an explanation, by line, one per line and call.

    Raises:
        UnreadableSourceError: when the source is not Python.
        PythonCallsError: when the table that comes with Weighbridge is broken.
    """
    tree = parse_source(source) if isinstance(source, bytes) else source
    try:
        names = Names.of(tree)
        sites = [site for node in ast.walk(tree) for site in _sites(node, names)]
    except RecursionError as error:
        raise UnreadableSourceError("is nested too deep to be read") from error
    unique: dict[tuple[int, str, str], CallSite] = {}
    for site in sites:  # a call comes before the name inside it
        unique.setdefault((site.line, site.call, site.kind), site)
    return sorted(unique.values(), key=lambda site: (site.line, site.call))


def danger_of(path: str) -> CallSite | None:
    """What calling the full name `path` would do, or None when the table does not know it."""
    row = _row_for(path)
    return None if row is None else _site(0, row.kind, path, "names")


def _sites(node: ast.AST, names: Names) -> Iterator[CallSite]:
    if isinstance(node, ast.Call):
        yield from _call(node, names)
    elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
        yield from _mention(node, names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        if len(text) >= 2000 and _PACKED.fullmatch(text):
            message = f"holds {len(text)} characters of packed data"
            yield CallSite(node.lineno, "obfuscation", "packed data", message, Severity.MEDIUM, ("CWE-506",))


def _mention(node: ast.Attribute | ast.Name, names: Names) -> Iterator[CallSite]:
    """Functions that are named and not called: handing one to something that calls it is enough."""
    for path in names.paths(node):
        row = _row_for(path)
        if row is None or row.unless or row.only_if or row.unless_argument:
            continue
        # Of a whole module, classes and constants are named for other reasons (requests.Timeout).
        if not row.below or (path != row.call and path.rpartition(".")[2].islower()):
            yield _site(node.lineno, row.kind, path, "reads" if row.kind == "environment" else "uses")


def _call(node: ast.Call, names: Names) -> Iterator[CallSite]:
    paths = names.paths(node.func)
    for path in paths:
        row, shown = _row_for(path), path.removeprefix("builtins.")
        if row is not None and _applies(row, node, names):
            yield _site(node.lineno, row.kind, path, "calls")
            if row.kind == "execution" and _is_decoded(node, names):
                message = f"calls {shown} on text that it decodes first, which hides what runs"
                yield CallSite(
                    node.lineno, "obfuscation", shown, message, Severity.CRITICAL, ("CWE-506", "CWE-94")
                )
        yield from _indirect(path, node, names)
    if _keyword(node, "trust_remote_code") is True:  # code of yet another repository, which nobody read
        named = next(
            iter(paths), f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else "a function"
        )
        yield _site(node.lineno, "execution", named, "calls")
    if not paths and isinstance(node.func, ast.Attribute):
        kind = {method.name: method.kind for method in _table().methods}.get(node.func.attr)
        if kind is not None:
            yield _site(node.lineno, kind, f".{node.func.attr}", "calls")


def _indirect(path: str, node: ast.Call, names: Names) -> Iterator[CallSite]:
    """Imports and attributes whose name only the running program knows, and files opened for writing."""
    shown = path.removeprefix("builtins.")
    if path in ("builtins.__import__", "importlib.import_module") and node.args:
        module = folded(node.args[0])
        if module is None:
            message = f"calls {shown} with a name that is computed, which loads whatever it says"
            yield CallSite(node.lineno, "import", shown, message, Severity.HIGH, ("CWE-470",))
    elif path == "builtins.getattr" and len(node.args) >= 2 and folded(node.args[1]) is None:
        owner = next((each for each in names.paths(node.args[0]) if each in _GATES), "")
        if owner:
            message = f"takes a function of {owner} by a name that is computed, which hides which"
            yield CallSite(
                node.lineno, "obfuscation", shown, message, Severity.CRITICAL, ("CWE-470", "CWE-506")
            )
    elif path in ("builtins.open", "io.open", "codecs.open") and _writes(node):
        yield _site(node.lineno, "file", shown, "calls")


def _writes(node: ast.Call) -> bool:
    """Whether `open` is asked to write, or with a mode that only the running program knows."""
    mode = (
        node.args[1]
        if len(node.args) > 1
        else next((k.value for k in node.keywords if k.arg == "mode"), None)
    )
    if mode is None:
        return any(keyword.arg is None for keyword in node.keywords)  # open(path, **options)
    text = folded(mode)
    return text is None or bool(_WRITING & set(text))


def _applies(row: _Row, node: ast.Call, names: Names) -> bool:
    if any(_keyword(node, name) is value for name, value in row.unless.items()):
        return False
    if row.unless_argument:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        return not any(path in row.unless_argument for each in given for path in names.paths(each))
    return all(_keyword(node, name) is value for name, value in row.only_if.items())


def _keyword(node: ast.Call, name: str) -> object:
    value = next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else None


def _is_decoded(node: ast.Call, names: Names) -> bool:
    inner = (part for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Call))
    return any(_is_decoder(part, names) for part in inner)


def _is_decoder(node: ast.Call, names: Names) -> bool:
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr in ("fromhex", "decode", "decompress")
    return is_method or any(_DECODERS.search(path) for path in names.paths(node.func))


def _site(line: int, kind: str, path: str, verb: str) -> CallSite:
    meaning = _table().kinds[kind]
    shown = path.removeprefix("builtins.")
    return CallSite(
        line, kind, shown, f"{verb} {shown}, which {meaning.means}", meaning.severity, meaning.tags
    )


def _row_for(path: str) -> _Row | None:
    exact, trees = _rows()
    if path in exact:
        return exact[path]
    parts = path.split(".")
    return next(
        (trees[head] for n in range(len(parts) - 1, 0, -1) if (head := ".".join(parts[:n])) in trees), None
    )


@functools.cache
def _rows() -> tuple[Mapping[str, _Row], Mapping[str, _Row]]:
    rows = _table().calls
    return {row.call: row for row in rows if not row.below or "." in row.call}, {
        r.call: r for r in rows if r.below
    }


@functools.cache
def _table() -> _Table:
    text = importlib.resources.files("scanner").joinpath("data", _FILE).read_text(encoding="utf-8")
    try:
        table = msgspec.convert(yaml.safe_load(text), _Table)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PythonCallsError(f"data file {_FILE}: {error}", hint="reinstall Weighbridge") from error
    used = {row.kind for row in table.calls} | {method.kind for method in table.methods}
    unknown = used - table.kinds.keys()
    if unknown:
        raise PythonCallsError(f"data file {_FILE}: unknown kinds {sorted(unknown)}")
    return table
