"""What the commands do that tools and editors take from files of a folder.

A command that hands the machine over is one wherever it stands. Of all others it counts when they run: those
that run without being asked for are to be read by a person, those of builds and pipelines are ordinary.

>>> [fault.severity.value for fault in faults_in('{"scripts": {"install": "make"}}', "package.json")]
['medium']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scanner.code.phases import Phase
from scanner.code.table import CallSite, told_by
from scanner.code.tool_files import Command, is_tree, started_by, starts_itself
from scanner.code.tool_settings import settings_in
from scanner.code.trees import Tree, texts_in, tree_of
from scanner.findings import Severity
from scanner.lettering import visible

_SHOWN: Final = 80
# What honest commands on Windows have in them, and what is worth a look only where nobody asked for it.
_ORDINARY: Final = re.compile(r"\bcmd(\.exe)?\s+/c\b|\bInvoke-WebRequest\b", re.IGNORECASE)
_ASKED_FOR: Final = re.compile(
    rf"{_ORDINARY.pattern}|\bInvoke-Expression\b|\b(ba|z|da)?sh -i\b", re.IGNORECASE
)
# Of commands that somebody asks for, only these: pipelines reach for keys, and tell chats when they are done.
_GRAVE: Final = frozenset({"shell", "fetched"})
_STEALING: Final = frozenset({"secret", "drop"})


@dataclass(frozen=True)
class ToolFault:
    """One thing that such a file has a tool do.

    Attributes:
        rule: Of the finding: "runs-by-itself", "requirement", "mount", or the kind of the command.
        place: Where in the file.
        line: 1-based, or None.
        message: A clause after file and place.
        severity: How bad.
        tags: CWE ids.
    """

    rule: str
    place: str
    line: int | None
    message: str
    severity: Severity
    tags: tuple[str, ...] = ("CWE-829",)


def faults_in(text: str, path: str) -> list[ToolFault]:
    """Everything that a file of a tool has run which needs a look, the worst first."""
    tree: Tree = text
    commands: list[Command] = []
    faults: list[ToolFault] = []
    try:
        commands = started_by(text, path)
        tree = tree_of(text, path) if is_tree(path) else text
    except (ValueError, RecursionError):
        if starts_itself(path):
            reason = "cannot be read, so nobody can say which commands it has run when the folder is opened"
            faults.append(ToolFault("runs-by-itself", "file", None, reason, Severity.MEDIUM))
    for command in commands:
        faults.extend(_of_started(command))
    told = {fault.message.partition(";")[0] for fault in faults}
    asked = (fault for fault in _of_others(tree) if fault.message not in told)
    settings = (ToolFault(rule, place, None, message, severity, tags)
                for rule, place, message, severity, tags in settings_in(tree, path))  # fmt: skip
    once = {(fault.rule, fault.message): fault for fault in reversed([*faults, *asked, *settings])}
    return sorted(once.values(), key=lambda fault: -fault.severity.rank)


def _of_started(command: Command) -> Iterator[ToolFault]:
    """What a command does that runs without being asked for; that it does is told in any case."""
    phase = Phase.CALL if command.is_inside else Phase.IMPORT
    sites = list(told_by(_ORDINARY.sub(" ", command.text), 1, "has", phase))
    for site in sites:
        message = f"{site.sentence}; {command.why}"
        yield ToolFault(site.kind, command.place, command.line, message, site.severity, site.tags)
    if not sites:
        message = f"has a command that runs without being asked for, {_shown(command.text)}: {command.why}"
        yield ToolFault("runs-by-itself", command.place, command.line, message, Severity.MEDIUM)


def _of_others(tree: Tree) -> Iterator[ToolFault]:
    """What the other texts of a file do, each told once."""
    told: dict[str, tuple[str, int | None, CallSite]] = {}
    for place, line, text in _texts(tree):
        for site in told_by(_ASKED_FOR.sub(" ", text), 1, "has", Phase.CALL):
            told.setdefault(site.sentence, (place, line, site))
    kinds = {site.kind for _, _, site in told.values()}
    counted = _GRAVE | _STEALING if kinds >= _STEALING else _GRAVE
    for place, line, site in told.values():
        if site.kind in counted:
            yield ToolFault(site.kind, place, line, site.sentence, site.severity, site.tags)


def _texts(tree: Tree) -> Iterator[tuple[str, int | None, str]]:
    """(place, line, text) of everything that may be a command."""
    if isinstance(tree, str):
        lines = enumerate(tree.splitlines(), start=1)
        yield from ((f"line {number}", number, line) for number, line in lines)
        return
    for place, text in texts_in(tree):
        yield from ((place, None, line) for line in text.splitlines())


def _shown(text: str) -> str:
    plain = visible(text)
    return f"'{plain}'" if len(plain) <= _SHOWN else f"'{plain[:_SHOWN]}...'"
