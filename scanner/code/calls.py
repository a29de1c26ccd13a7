r"""What Python source does to the machine it runs on, call by call, without importing it.

>>> [site.sentence for site in find_calls(b"from os import system as s\ns('echo')")]
['calls os.system, which starts a program']
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

from scanner.code.arguments import given_as, has_text, method_of, row_applies
from scanner.code.folding import folded
from scanner.code.hiding import hidden_in_source, hidden_in_tree
from scanner.code.names import GATES, Names, Siblings
from scanner.code.phases import Phase, Phases
from scanner.code.reading import CodeReading
from scanner.code.secrets import environment_sent, exfiltration, secret_in_address, secret_name, told_by_texts
from scanner.code.surroundings import changed_around
from scanner.code.table import CallSite, Row, hidden, rows_for, site
from scanner.errors import ScanError
from scanner.findings import Severity

__all__ = ["CallSite", "UnreadableSourceError", "find_calls", "parsed"]

_WRITING: Final = frozenset("wax+")
# Functions that turn data into text or bytes; code that runs what they return hides what it runs.
_DECODERS: Final = re.compile(
    r"^(base64|binascii|zlib|gzip|bz2|lzma|codecs|marshal|quopri|uu)\.|^builtins\.(chr|bytes|bytearray|map|zip)(\.|$)"
    r"|\.fromhex$|^urllib\.(request|parse)|^requests\.|^httpx\.|^socket\."
)
_DECODING: Final = frozenset(
    {"fromhex", "decode", "decompress", "b64decode", "b85decode", "a85decode", "b32decode", "b16decode",
     "unhexlify", "translate", "recv", "urlopen", "tobytes", "to_bytes"}
)  # fmt: skip
_ASKING_ONE: Final = frozenset({"get", "pop", "setdefault", "__getitem__"})
_RUNNING: Final = frozenset({"execution", "deserialisation", "process"})
_COMPUTED: Final = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
# Absolute places, the home folder and what lies above; scratch space is nobody's.
_OUTSIDE: Final = re.compile(
    r"^(~|/(?!tmp/|dev/|mnt/|data/|content/|workspace/|$)\w|/$|[A-Za-z]:\\|\.\./\.\.)"
)
# Words and signs of a file that is read: each takes about a kilobyte of memory on the way. The longest file
# of transformers has 90,000.
_TOKENS_LIMIT: Final = 250_000
_TOKEN: Final = re.compile(rb"\w+|[^\s\w]")


class UnreadableSourceError(ScanError):
    """The source cannot be parsed as Python.

    Attributes:
        line: 1-based line, or None.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def parsed(source: bytes) -> ast.Module:
    """The syntax tree of a Python file.

    Raises:
        UnreadableSourceError: when it is not Python of this version, or nested too deep to parse.
    """
    if sum(1 for _ in itertools.islice(_TOKEN.finditer(source), _TOKENS_LIMIT + 1)) > _TOKENS_LIMIT:
        raise UnreadableSourceError(f"has more than {_TOKENS_LIMIT} words and signs")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bad escapes in strings are no concern of ours
            return ast.parse(source)
    except SyntaxError as error:
        raise UnreadableSourceError(f"is not Python: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError, MemoryError, OverflowError, LookupError) as error:
        raise UnreadableSourceError(f"cannot be parsed ({type(error).__name__})") from error


def find_calls(source: bytes, siblings: Siblings | None = None) -> list[CallSite]:
    """Every place that needs an explanation, by line, one per line and call.

    What the text itself hides is found as well: signs that nobody sees, letters that look like others, code
    far to the right.

    Raises:
        UnreadableSourceError: when the source is not Python.
        PythonCallsError: when the table that comes with Weighbridge is broken.
    """
    tree = parsed(source)
    try:
        nodes = list(ast.walk(tree))
        file = CodeReading(Names.of(tree, siblings), Phases.of(tree))
        sites = [found for node in nodes for found in _sites(node, file)]
        sites.extend(found for node in nodes for found in changed_around(node, file))
        sites.extend(told_by_texts(nodes, file))
        sites.extend(hidden_in_tree(nodes, file.names, file.phases))
        sites.extend(hidden_in_source(source, nodes))
        sites.extend(exfiltration(sites))
    except (RecursionError, MemoryError) as error:
        raise UnreadableSourceError("is nested too deep to be read") from error
    return _once(sites)


def _once(sites: Iterable[CallSite]) -> list[CallSite]:
    unique: dict[tuple[int, str, str], CallSite] = {}
    for each in sites:  # a call comes before the name inside it
        kept = unique.setdefault((each.line, each.call, each.kind), each)
        if kept.severity.rank < each.severity.rank:
            unique[each.line, each.call, each.kind] = each
    return sorted(unique.values(), key=lambda each: (each.line, each.call))


def _sites(node: ast.AST, file: CodeReading) -> Iterator[CallSite]:
    if isinstance(node, ast.Call):
        yield from _call(node, file)
    elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
        yield from _mention(node, file)
    elif isinstance(node, ast.Subscript) and file.names.text(node.slice) is None:
        owner = next((path for path in file.names.paths(node.value) if path in GATES), "")
        if owner:  # vars(os)[name]
            message = f"takes a function of {owner} by a name that is computed, which hides which"
            yield hidden(node.lineno, owner, message, file.phases.of_node(node), ("CWE-470", "CWE-506"))
    elif isinstance(node, ast.ClassDef):
        for base in node.bases:
            if "subprocess.Popen" in file.names.paths(base):  # to make such an object starts a program
                phase = file.phases.of_node(node)
                yield site(node.lineno, "process", "subprocess.Popen", "derives from", phase)


def _mention(node: ast.Attribute | ast.Name, file: CodeReading) -> Iterator[CallSite]:
    """Functions that are named and not called: handing one to something that calls it is enough."""
    for path in file.names.paths(node):
        row = next((row for row in rows_for(path) if not row.is_conditional), None)
        if row is None:
            continue
        # Of a whole module, classes and constants are named for other reasons (requests.Timeout).
        if not row.below or (path != row.call and path.rpartition(".")[2].islower()):
            verb = "reads" if row.kind == "environment" else "uses"
            yield site(node.lineno, row.kind, path, verb, file.phases.of_node(node))


def _call(node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    paths = file.names.paths(node.func)
    phase = file.phases.of_node(node)
    for path in paths:
        row = next((row for row in rows_for(path) if row_applies(row, node, file.names)), None)
        if row is not None:
            yield _placed(site(node.lineno, row.kind, path, "calls", phase), node)
            yield from _decoded(row, path, node, file)
            yield from environment_sent(row.kind, node, file)
        yield from _indirect(path, node, file)
    yield from secret_in_address(node, file)
    if (
        given_as(node, file.names, "trust_remote_code") is True
    ):  # code of yet another repository, which nobody read
        yield from _trusting(node, paths, file)
    if not paths and isinstance(node.func, ast.Attribute):
        method = method_of(node.func)
        if method is not None and has_text(method.only_text, node, file.names):
            yield site(node.lineno, method.kind, f".{method.name}", "calls", phase)


def _placed(found: CallSite, node: ast.Call) -> CallSite:
    """A call that writes: worse when the place lies outside of every folder of its own."""
    if found.kind != "file":
        return found
    texts_given = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    outside = next((text for text in texts_given if isinstance(text, str) and _OUTSIDE.match(text)), None)
    if outside is None:
        return found
    sentence = f"{found.sentence}, at {ascii(outside[:60])}"
    return dataclasses.replace(found, severity=Severity.HIGH, sentence=sentence)


def _decoded(row: Row, path: str, node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    """Running or loading what was decoded, decompressed or received first."""
    shown = path.removeprefix("builtins.")
    if row.kind in _RUNNING and path != "marshal.loads" and _is_decoded(node, file.names):
        message = f"calls {shown} on text that it decodes first, which hides what runs"
        yield hidden(node.lineno, shown, message, file.phases.of_node(node), ("CWE-506", "CWE-94"))
    elif row.kind == "deserialisation" and any(_is_bytes(each) for each in node.args):
        message = f"calls {shown} on data in the source itself, which hides what runs"
        yield hidden(node.lineno, shown, message, file.phases.of_node(node), ("CWE-506", "CWE-502"))


def _trusting(node: ast.Call, paths: tuple[str, ...], file: CodeReading) -> Iterator[CallSite]:
    """`trust_remote_code=True`: of the model itself it needs a reader, of another nobody read it."""
    own = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else "a function"
    named = file.names.text(node.args[0]) if node.args else None
    revision = next((file.names.text(each.value) for each in node.keywords if each.arg == "revision"), None)
    is_pinned = bool(revision and re.fullmatch(r"[0-9a-f]{40}", revision))
    phase = file.phases.of_node(node)
    kind = "foreign" if named is not None and "/" in named.strip("./") and not is_pinned else "trust"
    found = site(node.lineno, kind, next(iter(paths), own), "calls", phase)
    if kind == "foreign":
        # At import or later: the code is fetched from elsewhere, and can be another one tomorrow.
        sentence = f"{found.sentence} ({ascii(named)[:80]}, not pinned to a commit)"
        found = dataclasses.replace(found, severity=Severity.HIGH, sentence=sentence)
    yield found


def _indirect(path: str, node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    """Imports and attributes whose name only the running program knows, and files opened for writing."""
    shown = path.removeprefix("builtins.")
    phase = file.phases.of_node(node)
    if path in _COMPUTED and node.args:
        yield from _computed_import(shown, node, file)
    elif path == "builtins.getattr" and len(node.args) >= 2 and file.names.text(node.args[1]) is None:
        owner = next((each for each in file.names.paths(node.args[0]) if each in GATES), "")
        if owner:
            message = f"takes a function of {owner} by a name that is computed, which hides which"
            yield hidden(node.lineno, shown, message, phase, ("CWE-470", "CWE-506"))
    elif _takes_any(path, node, file):
        message = f"takes a function of {path.rpartition('.')[0]} without naming it, which hides which"
        yield hidden(node.lineno, path.rpartition(".")[0], message, phase, ("CWE-470", "CWE-506"))
    elif path in ("builtins.open", "io.open", "codecs.open", "os.open", "os.fdopen") and _writes(node, path):
        yield _placed(site(node.lineno, "file", shown, "calls", phase), node)
    elif path in ("os.getenv", "os.environ.get", "os.environ.pop") and node.args:
        yield from secret_name(file.names.text(node.args[0]), node.lineno, phase)


def _takes_any(path: str, node: ast.Call, file: CodeReading) -> bool:
    """Whether a call goes through what a module holds: vars(os).items(), os.__dict__.get(input())."""
    owner, _, name = path.rpartition(".")
    is_asked = bool(node.args) and file.names.text(node.args[0]) is None
    return owner in GATES and (name in ("items", "values") or (name in _ASKING_ONE and is_asked))


def _computed_import(shown: str, node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    if file.names.text(node.args[0]) is not None:
        return
    phase = file.phases.of_node(node)
    parts = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.Call)]
    if any(_is_decoder(part, file.names) for part in parts):
        message = f"calls {shown} with a name that it decodes first, which hides which"
        yield hidden(node.lineno, shown, message, phase, ("CWE-470", "CWE-506"))
        return
    message = f"calls {shown} with a name that is computed, which loads whatever it says"
    severity = Severity.HIGH if phase is Phase.IMPORT else Severity.MEDIUM
    yield CallSite(node.lineno, "import", shown, message, severity, ("CWE-470",), phase)


def _writes(node: ast.Call, path: str) -> bool:
    """Whether `open` is asked to write, or with a mode that only the running program knows."""
    if path == "os.open":
        flags = {
            part.attr for each in node.args[1:2] for part in ast.walk(each) if isinstance(part, ast.Attribute)
        }
        return bool(flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"})
    mode = (
        node.args[1]
        if len(node.args) > 1
        else next((k.value for k in node.keywords if k.arg == "mode"), None)
    )
    if mode is None:
        return any(keyword.arg is None for keyword in node.keywords)  # open(path, **options)
    text = folded(mode)
    return text is None or bool(_WRITING & set(text))


def _is_decoded(node: ast.Call, names: Names) -> bool:
    """Whether an argument, or a variable that stands for one, is decoded text."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    values = [each for argument in given for each in (argument, *names.held_by(argument))]
    inner = (part for value in values for part in ast.walk(value) if isinstance(part, ast.Call))
    return any(_is_decoder(part, names) for part in inner)


def _is_decoder(node: ast.Call, names: Names) -> bool:
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr in _DECODING
    return is_method or any(_DECODERS.search(path) for path in names.paths(node.func))


def _is_bytes(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bytes)
