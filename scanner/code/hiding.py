r"""Ways in which source hides what it does: from a reader's eyes, or behind Python's own machinery.

>>> import ast
>>> source = "ｏｓ.system('echo')".encode()
>>> [site.sentence for site in hidden_in_source(source, list(ast.walk(ast.parse(source))))]
["writes the name 'os' in letters that only look like it"]
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator
from typing import Final

from scanner.code.names import GATES, Names
from scanner.code.phases import Phase, Phases
from scanner.code.table import CallSite
from scanner.findings import Severity
from scanner.lettering import scripts_alike

_PACKED: Final = re.compile(r"[A-Za-z0-9+/=\s]{2000,}|(?:\\x[0-9a-fA-F]{2}){500,}")
_PACKED_LENGTH: Final = 2000
_INTERNALS: Final = re.compile(r"__(globals|subclasses|builtins|import)__")
# Encodings in which the bytes of a file read as what they are.
_PLAIN_ENCODINGS: Final = frozenset({"utf-8", "ascii", "iso8859-1", "cp1252", "iso8859-15", "utf-8-sig"})
# Controls that turn the direction of writing.
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
# A statement this far to the right, after so much empty space, is meant not to be seen.
_FAR_COLUMN: Final = 200
_GAP: Final = re.compile(r"[ \t\f]{60,}$")
# Attributes that lead from any object to everything in the interpreter.
_WAYS_OUT: Final = frozenset(
    {"__subclasses__", "__globals__", "__builtins__", "f_globals", "f_locals", "f_builtins", "f_back",
     "gi_frame", "tb_frame", "cr_frame", "ag_frame", "__closure__", "__code__", "co_code", "__loader__",
     "__import__"}
)  # fmt: skip
_FROM_ANY_OBJECT: Final = frozenset({"__base__", "__bases__", "__mro__", "mro"})
# What takes a module as a value without hiding anything.
_ASKING: Final = frozenset(
    {"hasattr", "getattr", "isinstance", "setattr", "delattr", "dir", "print", "repr", "str", "type", "id",
     "vars", "callable", "reload", "getmodule", "getsource", "getfile", "signature", "help", "object"}
)  # fmt: skip
_PROTECTED: Final = frozenset({"__pyarmor__", "pyarmor_runtime", "__pyce__", "__sourcedefender__"})


def hidden_in_tree(nodes: list[ast.AST], names: Names, phases: Phases) -> Iterator[CallSite]:
    """What the syntax tree shows: walks through internals, modules handed on, packed data, protectors."""
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    spoken = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield from _way_out(node, phases)
        elif isinstance(node, ast.Call):
            yield from _handed_on(node, names, phases)
            yield from _taken_by_name(node, names, phases)
        elif isinstance(node, ast.Constant) and id(node) not in spoken:
            yield from _constant(node, phases)
        elif isinstance(node, ast.Name):
            yield from _name(node, phases, is_called=id(node) in called)
        elif isinstance(node, ast.Assign):
            yield from _replaced(node, names, phases)


def _way_out(node: ast.Attribute, phases: Phases) -> Iterator[CallSite]:
    phase = phases.of_node(node)
    if node.attr == "__subclasses__" and _goes_up(node.value):
        message = (
            "walks from an ordinary object to every class of the interpreter, which hides what it is after"
        )
        yield _site(node.lineno, node.attr, message, phase, Severity.CRITICAL)
    elif node.attr in ("__globals__", "__builtins__", "f_builtins", "f_globals", "gi_frame", "tb_frame"):
        message = f"reaches for {node.attr}, from which every function of the interpreter can be taken"
        severity = Severity.HIGH if phase.rank < Phase.CALL.rank else Severity.MEDIUM
        yield _site(node.lineno, node.attr, message, phase, severity)


def _goes_up(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr in _FROM_ANY_OBJECT for part in ast.walk(node))


def _handed_on(node: ast.Call, names: Names, phases: Phases) -> Iterator[CallSite]:
    """`f(os, 'sys' + 'tem')`: a module that a function picks from."""
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called in _ASKING:
        return
    for argument in node.args:
        owner = next((path for path in names.paths(argument) if path in GATES), "")
        if owner and (not isinstance(argument, ast.Name) or names.is_module(argument.id)):
            message = f"hands the module {owner} to a function, which hides what is taken from it"
            yield _site(node.lineno, owner, message, phases.of_node(node), Severity.HIGH)


def _taken_by_name(node: ast.Call, names: Names, phases: Phases) -> Iterator[CallSite]:
    """Attributes of the machinery by name: getattr(x, '__globals__'), x.__getattribute__('system')."""
    is_getattr = "builtins.getattr" in names.paths(node.func) and len(node.args) > 1
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr in ("__getattribute__", "__getattr__")
    key = node.args[1] if is_getattr else node.args[0] if is_method and node.args else None
    text = None if key is None else names.text(key)
    if text in _WAYS_OUT or (text is not None and text in ("system", "popen", "exec", "eval", "Popen")):
        message = f"takes {ascii(text)} by its name, which hides what it calls"
        yield _site(node.lineno, str(text), message, phases.of_node(node), Severity.CRITICAL)


def _name(node: ast.Name, phases: Phases, *, is_called: bool) -> Iterator[CallSite]:
    if node.id in _PROTECTED:
        message = "is protected by a tool that hides what it does"
        yield _site(node.lineno, node.id, message, phases.of_node(node), Severity.CRITICAL)
    elif node.id == "__import__" and not is_called and isinstance(node.ctx, ast.Load):
        message = "hands on __import__ instead of calling it, which hides what it imports"
        yield _site(node.lineno, node.id, message, phases.of_node(node), Severity.HIGH)


def _constant(node: ast.Constant, phases: Phases) -> Iterator[CallSite]:
    if not isinstance(node.value, str | bytes):
        return
    text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    if (match := _INTERNALS.search(text)) is not None:
        message = f"names {match[0]} in a string, by which everything in the interpreter can be reached"
        yield _site(node.lineno, match[0], message, phases.of_node(node), Severity.HIGH)
    if len(text) >= _PACKED_LENGTH and _PACKED.fullmatch(text):
        message = f"holds {len(text)} characters of packed data"
        yield _site(node.lineno, "packed data", message, phases.of_node(node), Severity.MEDIUM)


def _replaced(node: ast.Assign, names: Names, phases: Phases) -> Iterator[CallSite]:
    """`builtins.open = mine`: functions of others that everything else then uses."""
    for target in node.targets:
        if isinstance(target, ast.Attribute):
            owner = next(
                (path for path in names.paths(target.value) if path in GATES | {"torch", "pickle"}), ""
            )
            is_function = isinstance(node.value, ast.Lambda | ast.Name | ast.Attribute)
            if owner and is_function and owner != "sys":
                message = f"replaces {owner}.{target.attr[:60]}, which other code then runs"
                yield _site(
                    node.lineno, f"{owner}.{target.attr[:60]}", message, phases.of_node(node), Severity.HIGH
                )


def hidden_in_source(source: bytes, nodes: list[ast.AST]) -> Iterator[CallSite]:
    """What the text shows: its encoding, controls that nobody sees, letters that look like others."""
    encoding = _encoding(source)
    if encoding not in _PLAIN_ENCODINGS:
        message = f"declares the encoding {ascii(encoding)[:40]}, in which what runs is not what one reads"
        yield _site(1, "encoding", message, Phase.IMPORT, Severity.CRITICAL)
        return
    text = source.decode(encoding, "replace")
    match = _BIDI.search(text)
    if match is not None:
        line = text.count("\n", 0, match.start()) + 1
        message = f"holds the control U+{ord(match[0]):04X}, which shows code in another order than it runs"
        yield _site(line, "direction", message, Phase.IMPORT, Severity.CRITICAL)
    if not text.isascii():
        yield from _lookalikes(text)
    yield from _far_right(text, nodes)


def _encoding(source: bytes) -> str:
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return codecs.lookup(declared).name if declared != "utf-8-sig" else declared
    except (SyntaxError, LookupError):
        return "unknown"


def _lookalikes(text: str) -> Iterator[CallSite]:
    """Names that Python reads as ASCII, and names that mix scripts with letters that look alike."""
    foreign = {sign for sign in text if not sign.isascii()}
    suspicious = any(unicodedata.normalize("NFKC", sign).isascii() for sign in foreign)
    if not suspicious and not any(
        "CYRILLIC" in unicodedata.name(s, "") or "GREEK" in unicodedata.name(s, "") for s in foreign
    ):
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type != tokenize.NAME and token.type != tokenize.ERRORTOKEN or token.string.isascii():
                continue
            plain = unicodedata.normalize("NFKC", token.string)
            if plain.isascii():
                message = f"writes the name {ascii(plain)[:60]} in letters that only look like it"
                yield _site(token.start[0], plain[:60], message, Phase.IMPORT, Severity.CRITICAL)
            elif len(scripts := scripts_alike(plain)) > 1:
                message = f"writes the name {ascii(plain)[:60]} in letters of {' and '.join(sorted(scripts))}"
                yield _site(token.start[0], ascii(plain)[:60], message, Phase.IMPORT, Severity.HIGH)
    except (tokenize.TokenError, SyntaxError):
        return


def _far_right(text: str, nodes: list[ast.AST]) -> Iterator[CallSite]:
    lines: list[str] | None = None
    for node in nodes:
        if isinstance(node, ast.stmt) and node.col_offset >= _FAR_COLUMN:
            lines = text.splitlines() if lines is None else lines
            before = lines[node.lineno - 1].encode()[: node.col_offset] if node.lineno <= len(lines) else b""
            if _GAP.search(before.decode("utf-8", "replace")):
                message = f"stands in column {node.col_offset}, out of sight"
                yield _site(node.lineno, "far right", message, Phase.IMPORT, Severity.CRITICAL)


def _site(line: int, call: str, message: str, phase: Phase, severity: Severity) -> CallSite:
    return CallSite(line, "obfuscation", call, message, severity, ("CWE-506",), phase)
