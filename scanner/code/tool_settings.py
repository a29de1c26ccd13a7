r"""Settings of tools that hand something over without a command: mounts, packages, addresses of submodules.

>>> [each[0] for each in settings_in('[submodule "x"]\n\turl = ext::sh -c id\n', ".gitmodules")]
['shell']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from scanner.code.requirements import judge_requirement
from scanner.code.trees import Tree, dicts_in, joined, texts_in
from scanner.findings import Severity
from scanner.lettering import visible

# (rule, place, message, severity, tags)
Setting: TypeAlias = tuple[str, str, str, Severity, tuple[str, ...]]

_CONTAINERS: Final = re.compile(r"(^|/)((docker-)?compose[\w.-]*\.ya?ml|\.?devcontainer\.json)$")
_PACKAGED: Final = re.compile(r"(^|/)(cog|bentofile)\.ya?ml$")
# The whole disk of the machine, or the door to its containers, handed into one.
_ROOT: Final = re.compile(r"(?:^|[\s=])/:/[\w./-]+(?P<options>:[\w,]+)?|\bsource=/,(?P<more>.*)")
_SOCKET: Final = re.compile(r"/(docker|containerd|podman)\.sock\b")
_PACKAGES: Final = ("packages", "python_packages", "system_packages")
_INDEXES: Final = {
    "index_url": "--index-url",
    "extra_index_url": "--extra-index-url",
    "find_links": "--find-links",
}
# Source: gitmodules(5), gitremote-helpers(7) on `ext`; CVE-2018-17456, CVE-2019-19604.
_MODULE_LINE: Final = re.compile(r"\s*(url|path|update)\s*=\s*(.*)", re.IGNORECASE)
_RUNS: Final = {
    "url": re.compile(r"(ext|fd)::|-"),
    "path": re.compile(r"-|(.*/)?\.git(/|$)"),
    "update": re.compile("!"),
}
_SHOWN: Final = 80


def settings_in(tree: Tree, path: str) -> Iterator[Setting]:
    """Everything of this sort in the value of a file, or in its text where it has lines."""
    lowered = path.lower()
    if PurePosixPath(lowered).name == ".gitmodules" and isinstance(tree, str):
        yield from _submodules(tree)
    elif _CONTAINERS.search(lowered):
        yield from _mounts(tree)
    elif _PACKAGED.search(lowered):
        yield from _packages(tree)


def _submodules(text: str) -> Iterator[Setting]:
    for number, line in enumerate(text.replace("\\\n", "").splitlines(), start=1):
        found = _MODULE_LINE.match(line)
        value = found[2].replace('"', "").strip() if found else ""
        if found and _RUNS[found[1].lower()].match(value):
            message = f"has git run a command when the submodule is fetched: {_shown(value)}"
            yield "shell", f"line {number}", message, Severity.HIGH, ("CWE-78", "CWE-88")


def _mounts(tree: Tree) -> Iterator[Setting]:
    for place, text in (*texts_in(tree), *_long_mounts(tree)):
        if root := _ROOT.search(text):
            is_read = re.search(r"\b(ro|readonly)\b", root["options"] or root["more"] or "") is not None
            severity = Severity.MEDIUM if is_read else Severity.HIGH
            message = f"hands the whole disk of the machine to a container{' to be read' if is_read else ''}"
            yield "mount", place, message, severity, ("CWE-250",)
        elif _SOCKET.search(text):
            message = "hands the control of all containers of the machine to one"
            yield "mount", place, message, Severity.MEDIUM, ("CWE-250",)


def _long_mounts(tree: Tree) -> Iterator[tuple[str, str]]:
    """Mounts that are mappings, as the short form has them."""
    for place, mount in dicts_in(tree):
        source, target = joined(mount.get("source")), joined(mount.get("target"))
        if source and target:
            options = ":ro" if joined(mount.get("read_only")) == "true" else ""
            yield place, f"{source}:{target}{options}"


def _packages(tree: Tree) -> Iterator[Setting]:
    for place, settings in dicts_in(tree):
        lines = [each for key in _PACKAGES if isinstance(each := settings.get(key), list)]
        wanted = [line for part in lines for line in part if isinstance(line, str)]
        wanted += [
            f"{option} {url}" for key, option in _INDEXES.items() if (url := joined(settings.get(key)))
        ]
        for judged in filter(None, map(judge_requirement, wanted)):
            severity = Severity.HIGH if judged.is_attack else Severity.MEDIUM
            yield "requirement", place or "top", judged.message, severity, ("CWE-829", "CWE-427")


def _shown(text: str) -> str:
    plain = visible(text)
    return f"'{plain[:_SHOWN]}'"
