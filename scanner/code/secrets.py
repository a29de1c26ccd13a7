"""Secrets that code reads, texts that give away what it is for, and both together with a connection."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, TypeGuard

from scanner.code.phases import Phase
from scanner.code.reading import CodeReading
from scanner.code.table import CallSite, hidden, told_by
from scanner.findings import Severity

_SECRET_NAMES: Final = re.compile(
    r"(HF_TOKEN|HUGGING_?FACE\w*TOKEN|AWS_\w+|\w*(API_?KEY|SECRET|PASSWORD|PASSWD|_TOKEN|PRIVATE_?KEY|CREDENTIAL)\w*)$",
    re.IGNORECASE,
)
_ENVIRONMENT: Final = frozenset({"os.environ", "os.environb"})
_SENDERS: Final = frozenset({"sending", "drop"})
_CONNECTING: Final = frozenset({"sending", "network"})
# Addresses of those who gave the secret.
_GIVERS: Final = re.compile(r"https?://([^/]*@)?(huggingface\.co|hf\.co|github\.com|api\.wandb\.ai)(/|$)")
_READERS: Final = frozenset({"os.getenv", "os.environ.get", "os.environ.pop"})
_KEEPERS: Final = frozenset({"huggingface_hub.get_token", "huggingface_hub.HfFolder.get_token"})
_OF_ONE_NAME: Final = frozenset({"get", "pop", "setdefault"})


def secret_name(name: str | None, line: int, phase: Phase) -> Iterator[CallSite]:
    """A variable of the environment whose name says that it holds a secret."""
    if name is not None and _SECRET_NAMES.match(name):
        message = f"reads the secret {ascii(name[:60])} of this machine"
        yield CallSite(line, "environment", ascii(name[:60]), message, Severity.MEDIUM, ("CWE-526",), phase)


def told_by_texts(nodes: list[ast.AST], file: CodeReading) -> Iterator[CallSite]:
    """Strings that give away what the code is for; docstrings talk about things."""
    spoken = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Subscript) and _ENVIRONMENT & set(file.names.paths(node.value)):
            yield from secret_name(file.names.text(node.slice), node.lineno, file.phases.of_node(node))
        if not isinstance(node, ast.Constant) or id(node) in spoken:
            continue
        text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        if not isinstance(text, str) or len(text) < 4:
            continue
        yield from told_by(text, node.lineno, "names", file.phases.of_node(node))


def environment_sent(kind: str, node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    """A call that opens a connection and is given the whole environment, not one variable of it."""
    if kind not in _CONNECTING:
        return
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    values = [each for argument in given for each in (argument, *file.names.held_by(argument))]
    parts = [part for value in values for part in ast.walk(value)]
    asked = {id(part.value) for part in parts if _asks_one_name(part)}
    whole = (part for part in parts if isinstance(part, ast.Name | ast.Attribute) and id(part) not in asked)
    if any(_ENVIRONMENT & set(file.names.paths(part)) for part in whole):
        message = "sends all environment variables of this machine away"
        phase, tags = file.phases.of_node(node), ("CWE-200", "CWE-526", "CWE-506")
        yield hidden(node.lineno, "environment", message, phase, tags, kind="exfiltration")


def secret_in_address(node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    """An address that is glued together with a secret: whatever opens it, the secret leaves the machine."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    if any(_holds_secret_address(each, file) for each in given):
        message = "puts a secret of this machine into an address"
        phase, tags = file.phases.of_node(node), ("CWE-200", "CWE-598", "CWE-506")
        yield hidden(node.lineno, "secret in an address", message, phase, tags, kind="exfiltration")


def _holds_secret_address(node: ast.expr, file: CodeReading) -> bool:
    if isinstance(node, ast.Name):
        if node.id not in file.secret_addresses:  # a name may hold much, and be given to many calls
            held = (_is_secret_address(value, file) for value in file.names.held_by(node))
            file.secret_addresses[node.id] = any(held)
        return file.secret_addresses[node.id]
    return _is_secret_address(node, file)


def _is_secret_address(node: ast.expr, file: CodeReading) -> bool:
    is_glued = isinstance(node, ast.BinOp | ast.JoinedStr) or _formats(node)
    return is_glued and _is_address(node) and any(_is_secret(part, file) for part in ast.walk(node))


def _formats(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("format", "join")


def _is_address(node: ast.expr) -> bool:
    """Whether the text that is glued begins as an address of somebody who did not give the secret."""
    parts = [
        part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    parts.sort(key=lambda part: (part.lineno, part.col_offset))
    text = "".join(str(part.value) for part in parts)
    return text.startswith(("http://", "https://", "ftp://", "wss://")) and not _GIVERS.match(text)


def _is_secret(node: ast.AST, file: CodeReading) -> bool:
    if isinstance(node, ast.Subscript) and _ENVIRONMENT & set(file.names.paths(node.value)):
        name = file.names.text(node.slice)
    elif isinstance(node, ast.Call) and node.args and _READERS & set(file.names.paths(node.func)):
        name = file.names.text(node.args[0])
    else:
        return isinstance(node, ast.Call) and bool(_KEEPERS & set(file.names.paths(node.func)))
    return name is not None and _SECRET_NAMES.match(name) is not None


def _asks_one_name(node: ast.AST) -> TypeGuard[ast.Subscript | ast.Attribute]:
    return isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and node.attr in _OF_ONE_NAME)


def exfiltration(sites: list[CallSite]) -> Iterator[CallSite]:
    """Secrets read and data sent in one file."""
    read = next((each for each in sites if each.kind == "secret" or each.call.startswith("'")
                 and each.kind == "environment"), None)  # fmt: skip
    sent = next((each for each in sites if each.kind in _SENDERS), None)
    if read is not None and sent is not None:
        message = f"reads secrets in line {read.line} and can send them away in line {sent.line}"
        yield hidden(sent.line, "secrets", message, sent.phase, ("CWE-200", "CWE-506"), kind="exfiltration")
