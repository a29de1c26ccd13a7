r"""Judges programs that `torch.export.save` writes: what loading them evaluates, imports or calls.

The operations of such a program are names; its sizes are text that sympy evaluates, its guards and the names
of its values become Python source, and the shape of its arguments may name modules to import.

Source: torch 2.13, torch/_export/serde/serialize.py, torch/export/pt2_archive/_package.py,
torch/utils/_pytree.py (`enum_object_hook`, `_defaultdict_deserialize`).

>>> program = b'{"as_expr": {"expr_str": "__import__(\'os\')"}}'
>>> [found.what for found in judge_exported_program("models/model.json", program)]
['has a size that sympy evaluates as Python and that calls \'__import__\': "__import__(\'os\')"']
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set
from typing import Final

from scanner.errors import ScanError
from scanner.pickles.exported_text import (
    LENGTH_LIMIT,
    breaks_quotes,
    breaks_source,
    fault_of_expression,
    fault_of_guard,
)
from scanner.pickles.globals import Tier, classify
from scanner.pickles.programs import FoundProgram
from scanner.pickles.torch_operators import judge_operation, shown_text

# The program of a language model of eight billion weights takes some megabytes.
EXPORT_LIMIT_BYTES: Final = 64 * 1024**2
# An empty list takes two bytes of text and sixty of memory.
_LISTS_LIMIT: Final = 3_000_000
_VALUES_LIMIT: Final = 10_000_000
_TEXTS_LIMIT: Final = 200_000
_TEXTS_LIMIT_BYTES: Final = 32 * 1024**2
_SPEC_DEPTH_LIMIT: Final = 4
_SPEC_LIMIT: Final = 1 << 20
_OLD_NAME: Final = "serialized_exported_program.json"
_FORMAT_NAMES: Final = ("archive_format", "archive_version")
_MODELS: Final = "models/"
_NATIVE: Final = "data/aotinductor/"
_NAMES: Final = frozenset({"name", "as_name"})
_PATHS: Final = frozenset({
    "fqn", "parameter_name", "buffer_name", "tensor_constant_name", "custom_obj_name", "user_input_name",
})  # fmt: skip
_SPECS: Final = frozenset({"in_spec", "out_spec"})
_TARGETS: Final = frozenset({"target", "as_operator"})
_TEXT_KEYS: Final = _NAMES | _PATHS | _SPECS | _TARGETS
_LISTED_TEXT: Final = frozenset({"guards_code", "forward_arg_names"})
_ARITHMETIC: Final = re.compile(
    r"(_operator|math)\.(?!methodcaller|attrgetter|itemgetter|call)[a-z]\w*|torch\._?sym_\w+", re.ASCII
)


class ExportedProgramError(ScanError):
    """The program is not JSON, or more than can be read."""


def is_exported_program(member: str, members: Set[str]) -> bool:
    """Whether `torch.export.load` reads this member of an archive as a program."""
    if member.rpartition("/")[2] == _OLD_NAME:
        return True
    # torch finds these two names in upper case as well.
    return f"/{_MODELS}" in f"/{member}" and any(name.lower().endswith(_FORMAT_NAMES) for name in members)


def is_native_code(member: str) -> bool:
    """Whether loading an archive compiles or runs this member of it as a native program."""
    folder, found, name = f"/{member}".partition(f"/{_NATIVE}")
    return bool(found) and not name.endswith((".json", ".txt", "/")) and "/" not in folder.strip("/")


def judge_exported_program(member: str, data: bytes) -> Iterator[FoundProgram]:
    """What loading a program does that its tensors do not need, the worst first.

    Raises:
        ExportedProgramError: when it is not JSON, or more than can be read.
    """
    if len(data) > EXPORT_LIMIT_BYTES:
        raise ExportedProgramError(f"is an exported program of more than {EXPORT_LIMIT_BYTES} bytes")
    if data.count(b"[") > _LISTS_LIMIT or data.count(b",") > _VALUES_LIMIT:
        raise ExportedProgramError("is an exported program of more values than are read")
    texts = _Texts()
    _parse(data, texts)
    found = dict.fromkeys(said for kind, text in texts.held for said in _judged(kind, text))
    for tier, what in sorted(found, key=lambda said: said[0] is not Tier.ATTACK):
        yield FoundProgram(member, 0, what, tier)


class _Texts:
    """The texts of a program that torch does something with, once each, while its tables are passed.

    Attributes:
        held: Key and text, in the order of the file.
    """

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], None] = {}
        self._size = 0

    def take(self, pairs: list[tuple[str, object]]) -> None:
        """Passes one table, from the inside to the outside: nothing of it is kept but its texts."""
        for key, value in pairs:
            if key == "expr_str":
                self._hold(key, value if isinstance(value, str) else f"<{type(value).__name__}>")
            elif key in _LISTED_TEXT and isinstance(value, list):
                for item in value:
                    self._hold(key, item)
            elif key in _TEXT_KEYS:
                self._hold(key, value)

    def _hold(self, key: str, value: object) -> None:
        if not isinstance(value, str) or (key, value) in self.held:
            return
        self._size += len(value)
        if len(self.held) >= _TEXTS_LIMIT or self._size > _TEXTS_LIMIT_BYTES:
            raise ExportedProgramError("is an exported program of more texts than are read")
        self.held[key, value] = None


def _parse(data: bytes, texts: _Texts) -> None:
    try:
        json.loads(data, object_pairs_hook=texts.take)
    except (ValueError, RecursionError) as error:
        raise ExportedProgramError("is an exported program that is not JSON") from error


def _judged(kind: str, text: str) -> Iterator[tuple[Tier, str]]:
    if kind in _SPECS:
        yield from _judge_spec(text)
    elif kind in _TARGETS:
        yield from _judge_target(text)
    elif kind in ("expr_str", "guards_code"):
        yield from _judge_code(kind, text)
    elif kind in _PATHS and breaks_quotes(text):
        yield (
            Tier.ATTACK,
            f"has a parameter whose path ends the quotes around it in source: {shown_text(text)}",
        )
    elif kind not in _PATHS and breaks_source(text):
        yield Tier.ATTACK, f"has a value whose name becomes source that torch runs: {shown_text(text)}"


def _judge_code(kind: str, text: str) -> Iterator[tuple[Tier, str]]:
    is_size = kind == "expr_str"
    does = "a size that sympy evaluates" if is_size else "a guard that torch runs"
    if len(text) > LENGTH_LIMIT:
        yield Tier.INSTANCE, f"has {does} as Python, of {len(text)} letters"
    elif fault := fault_of_expression(text) if is_size else fault_of_guard(text):
        yield Tier.ATTACK, f"has {does} as Python and that {fault}: {shown_text(text)}"


def _judge_target(target: str) -> Iterator[tuple[Tier, str]]:
    """An operation: a path below torch, a function of arithmetic, or "#" and a name of an extension."""
    if _ARITHMETIC.fullmatch(target):
        return
    parts = target.split(".")
    if parts[:2] == ["torch", "ops"] and len(parts) > 3:
        if said := judge_operation(parts[2], parts[3]):
            yield said
        return
    paths = [(".".join(parts[begin:-1]), parts[-1]) for begin in range(min(len(parts) - 1, 8))]
    verdicts = (classify(*path) for path in paths)
    attacks = (verdict for verdict in verdicts if verdict.tier is Tier.ATTACK and verdict.is_listed)
    if (attack := next(attacks, None)) is not None:
        yield Tier.ATTACK, f"calls {shown_text(target)} ({attack.why})"
    else:
        yield Tier.INSTANCE, f"calls {shown_text(target)}, which is no operation of torch"


def _judge_spec(text: str) -> Iterator[tuple[Tier, str]]:
    """The shape of arguments: JSON in which further JSON stands, that may name what is imported."""
    waiting = [(text, 0)]
    while waiting:
        text, depth = waiting.pop()
        if depth > _SPEC_DEPTH_LIMIT or len(text) > _SPEC_LIMIT:
            yield Tier.INSTANCE, "has arguments of a shape that is too long or too deep to read"
            continue
        spec = _Spec()
        try:
            value = json.loads(text, object_pairs_hook=spec.take)
        except (ValueError, RecursionError):
            continue  # torch gives up, too
        waiting += [(inner, depth + 1) for inner in spec.inner]
        for module, name in spec.imported:
            yield from _judge_import(module, name)
        for name in _argument_names(value) if depth == 0 else ():
            yield from _judged("name", name)


class _Spec:
    """What one text of a shape names.

    Attributes:
        imported: Module and name of what is imported.
        inner: Further texts in it.
    """

    def __init__(self) -> None:
        self.imported: list[tuple[str, str]] = []
        self.inner: list[str] = []

    def take(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        """Looks at one table."""
        table = dict(pairs)
        module, name = table.get("default_factory_module"), table.get("default_factory_name")
        if isinstance(module, str) and isinstance(name, str):
            self.imported.append((module, name))
        path = table.get("fqn")
        if "__enum__" in table and isinstance(path, str):
            module, _, name = path.partition(":")
            self.imported.append((module, name))
        self.inner += [value for key, value in pairs if key == "context" and isinstance(value, str)]
        return table


def _argument_names(spec: object) -> Iterator[str]:
    """The names of the arguments that are given by name: [1, (positional, {name: ...})]."""
    try:
        context = spec[1]["children_spec"][1]["context"]  # type: ignore[index]  # whatever it may be
        names = json.loads(context)
    except (LookupError, TypeError, ValueError, RecursionError):
        return
    yield from (name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _judge_import(module: str, name: str) -> Iterator[tuple[Tier, str]]:
    verdict = classify(module, name)
    if verdict.tier is not Tier.PLUMBING:
        what = shown_text(f"{module}.{name}")
        yield verdict.tier, f"has arguments whose shape imports {what} ({verdict.why})"
