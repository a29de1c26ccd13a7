"""Files by which tools and editors run commands: which are such, and what of them runs without being asked.

Some run as soon as the folder is opened, entered or installed; of the others somebody starts the tool first.

>>> [command.text for command in started_by('{"scripts": {"install": "make", "test": "x"}}', "package.json")]
['make']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from scanner.code.trees import Tree, command_of, dicts_in, joined, tree_of

# Source: docs.npmjs.com/cli, "scripts", life cycle of `npm install`.
_INSTALLING: Final = (
    "preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish",
    "dependencies",
)  # fmt: skip
# Source: containers.dev, "Lifecycle scripts"; the first runs on the machine itself, the others inside.
_HOST_HOOK: Final = "initializeCommand"
_CONTAINER_HOOKS: Final = (
    "onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand", "postAttachCommand",
)  # fmt: skip
# Settings of agents whose values are command lines. Source: Claude Code, "Settings".
_HELPERS: Final = ("apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "otelHeadersHelper")
_COMMENT_LINE: Final = re.compile(r"\s*(#|$)")


@dataclass(frozen=True)
class Command:
    """A command that runs without being asked for.

    Attributes:
        place: Where in the file: "scripts.install".
        text: The command line.
        why: Who runs it and when, a clause.
        line: 1-based, or None.
        is_inside: Whether it runs in a container of its own.
    """

    place: str
    text: str
    why: str
    line: int | None = None
    is_inside: bool = False


@dataclass(frozen=True)
class _Tool:
    """One kind of files.

    Attributes:
        names: Matches the path, lower case.
        started: What of its value runs without being asked for.
        is_tree: Whether it is JSON or YAML; else it is lines.
    """

    names: re.Pattern[str]
    started: Callable[[Tree], Iterator[Command]]
    is_tree: bool = True


def is_tool_file(path: str) -> bool:
    """Whether a tool or an editor runs commands that a file of this name holds."""
    return _tool_of(path) is not None


def is_tree(path: str) -> bool:
    """Whether such a file is JSON or YAML."""
    tool = _tool_of(path)
    return tool is not None and tool.is_tree


def starts_itself(path: str) -> bool:
    """Whether some of what such a file holds runs without being asked for."""
    tool = _tool_of(path)
    return tool is not None and tool.started is not _nothing


def started_by(text: str, path: str) -> list[Command]:
    """The commands of such a file that run without being asked for.

    Raises:
        ValueError: when it is not what its name says.
        RecursionError: when it is nested too deep.
    """
    tool = _tool_of(path)
    if tool is None:
        return []
    return list(tool.started(tree_of(text, path) if tool.is_tree else text))


def _tool_of(path: str) -> _Tool | None:
    lowered = path.lower()
    return next((tool for tool in _TOOLS if tool.names.search(lowered)), None)


def _nothing(tree: Tree) -> Iterator[Command]:
    yield from ()


def _install_scripts(tree: Tree) -> Iterator[Command]:
    scripts = tree.get("scripts") if isinstance(tree, dict) else None
    for name in _INSTALLING:
        if isinstance(scripts, dict) and (text := joined(scripts.get(name))):
            yield Command(f"scripts.{name}", text, "npm runs it when the package is installed")


def _folder_tasks(tree: Tree) -> Iterator[Command]:
    """Tasks of VS Code that run on opening, with what they are on single systems."""
    for place, task in dicts_in(tree):
        options = task.get("runOptions")
        if not isinstance(options, dict) or joined(options.get("runOn")).lower() != "folderopen":
            continue
        settings = [
            task,
            *(each for key in ("windows", "linux", "osx") if isinstance(each := task.get(key), dict)),
        ]
        lines = [line for each in settings if (line := command_of(each))] or ["another task"]
        for line in lines:
            yield Command(place, line, "VS Code runs it when the folder is opened")


def _container_hooks(tree: Tree) -> Iterator[Command]:
    for place, settings in dicts_in(tree):
        for key in (_HOST_HOOK, *_CONTAINER_HOOKS):
            value = settings.get(key)
            for part in value.values() if isinstance(value, dict) else (value,):
                if text := joined(part):
                    why = "the editor runs it when the folder is opened in its container"
                    yield Command(f"{place}.{key}".lstrip("."), text, why, is_inside=key != _HOST_HOOK)


def _agent_commands(tree: Tree) -> Iterator[Command]:
    """Hooks of agents, and servers that they start."""
    for place, settings in dicts_in(tree):
        if line := command_of(settings):
            yield Command(place, line, "an agent or editor runs it when the folder is opened in it")
        for key in _HELPERS:
            if text := joined(settings.get(key)):
                yield Command(f"{place}.{key}".lstrip("."), text, "an agent runs it to sign in")


def _entered(text: Tree) -> Iterator[Command]:
    lines = text.splitlines() if isinstance(text, str) else []
    for number, line in enumerate(lines, start=1):
        if not _COMMENT_LINE.match(line):
            why = "direnv runs it when a shell enters the folder, once that is allowed"
            yield Command(f"line {number}", line.strip(), why, number)


_TOOLS: Final = (
    _Tool(re.compile(r"(^|/)package\.json$"), _install_scripts),
    _Tool(re.compile(r"(^|/)\.vscode/mcp\.json$"), _agent_commands),
    _Tool(re.compile(r"(^|/)\.vscode/[^/]+\.json$|\.code-workspace$"), _folder_tasks),
    _Tool(re.compile(r"(^|/)\.?devcontainer\.json$"), _container_hooks),
    _Tool(
        re.compile(
            r"(^|/)\.(claude|cursor|gemini|codex|windsurf|kiro)/([^/]+/)*[^/]+\.json$"
            r"|(^|/)\.?mcp\.json$|(^|/)claude_desktop_config\.json$"
        ),
        _agent_commands,
    ),
    _Tool(re.compile(r"(^|/)\.envrc$"), _entered, is_tree=False),
    _Tool(
        re.compile(
            r"(^|/)\.(github|gitea|forgejo)/(workflows|actions)/.*\.ya?ml$|(^|/)action\.ya?ml$"
            r"|(^|/)(\.gitlab-ci|\.travis|\.pre-commit-config|\.pre-commit-hooks|\.gitpod|azure-pipelines|buildspec"
            r"|cloudbuild|bitbucket-pipelines|taskfile|render|cog|bentofile|(docker-)?compose[\w.-]*)\.ya?ml$"
            r"|(^|/)\.circleci/[^/]+\.ya?ml$"
        ),
        _nothing,
    ),
    _Tool(
        re.compile(r"(^|/)(tox\.ini|jenkinsfile|vagrantfile|tiltfile)$|\.(service|desktop)$"),
        _nothing,
        is_tree=False,
    ),
    _Tool(re.compile(r"(^|/)\.gitmodules$"), _nothing, is_tree=False),
)
