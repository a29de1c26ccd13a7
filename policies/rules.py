"""The rule language of control packs: CEL over typed facts, compiled and type-checked when a pack is loaded.

A rule may refer to

- `check.<id>.failed`, `.passed`, `.judged` (how many findings), `.worst` (severity rank of the worst
  FAIL: 0 info to 4 critical, -1 without one) and `.failed_rules` (the rules under which it failed with more
  than information, known only where it judged all it looked at:
  `!("G" in check.personal_data_in_repository.failed_rules)`);
- `measure.<name>.value` (only where the scan holds exactly one), `.low` and `.high` (the envelope of all
  intervals, over every dimension) and `.n` (the smallest);
- `org.<question>` and `scan.as_of`, `.profile`, `.was_questioned`, `.has_commit`.

Dots and hyphens of ids become underscores. Whatever else is written is an error when the pack is loaded.
Rules have three values: CEL's `&&` and `||` absorb errors on either side, and a fact that is not there is
an error in CEL, so that "false and unknown" is false while "true and unknown" is unknown.

Source: Common Expression Language, https://cel.dev; cel-expr-python wraps its C++ runtime.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from policies.documents import near
from policies.organisation import AnswerKind, Question
from scanner.check import Check, Profile
from scanner.errors import ScanError

CHECK_FIELDS: Final = ("failed", "passed", "judged", "worst", "failed_rules")
MEASURE_FIELDS: Final = ("value", "low", "high", "n")
SCAN_FIELDS: Final = {
    "as_of": "TIMESTAMP",
    "profile": "STRING",
    "was_questioned": "BOOL",
    "has_commit": "BOOL",
}
_ANSWER_TYPES: Final = {
    AnswerKind.YES_NO: "BOOL",
    AnswerKind.CHOICE: "STRING",
    AnswerKind.DATE: "TIMESTAMP",
    AnswerKind.NUMBER: "DOUBLE",
    AnswerKind.TEXT: "STRING",
    AnswerKind.LIST: "LIST",
}
_PROFILES: Final = tuple(profile.value for profile in Profile)
_NAME: Final = re.compile(r"(?<![\w.])(check|measure|org|scan)\.(\w+)(?:\.(\w+))?")
_TEXT: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_COMPARED: Final = re.compile(r"(?:org|scan)\.(\w+)\s*(?:==|!=|in)\s*(\[[^\]]*\]|\"[^\"]*\"|'[^']*')")


class RuleError(ScanError):
    """A rule refers to something that does not exist, or is not a true-or-false expression."""


class Truth(enum.Enum):
    """What a rule comes to."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Program(Protocol):
    """A compiled CEL expression."""

    def eval(self, *, data: Mapping[str, object]) -> Any:  # noqa: ANN401 - a CelValue of an untyped library
        """Its value over these facts; a CelValue of type ERROR where one is missing."""


@dataclass(frozen=True)
class Clause:
    """One condition of a rule.

    Attributes:
        text: The CEL expression.
        says: What it claims, in words: "no file runs code when it is loaded".
        names: The facts it refers to, in the order in which they appear.
        program: The expression, compiled.
    """

    text: str
    says: str
    names: tuple[str, ...]
    program: Program = field(compare=False, repr=False)


@dataclass(frozen=True)
class Rule:
    """Conditions that must all hold; without any, a rule is never true."""

    clauses: tuple[Clause, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every fact that the clauses refer to, once each."""
        return tuple(dict.fromkeys(name for clause in self.clauses for name in clause.names))


def all_of(truths: Iterable[Truth]) -> Truth:
    """Whether all hold: FALSE as soon as one does not, UNKNOWN when that is open or there are none."""
    found = set(truths)
    if Truth.FALSE in found:
        return Truth.FALSE
    return Truth.TRUE if found == {Truth.TRUE} else Truth.UNKNOWN


def evaluate(clause: Clause, facts: Mapping[str, object]) -> Truth:
    """What a clause comes to over these facts; UNKNOWN when it needs one that is not there."""
    # Handing over all facts of a scan would take most of the time: hundreds are converted for each clause.
    needed = {name: facts[name] for name in clause.names if name in facts}
    value = clause.program.eval(data=needed).plain_value()
    # NOTE: an error (missing fact, division by zero) comes back as a text, never as a bool.
    return (Truth.TRUE if value else Truth.FALSE) if isinstance(value, bool) else Truth.UNKNOWN


def identifier(name: str) -> str:
    """A check id or measurement name as rules write it: "pickle_runs_code", "deflection_rate_gap"."""
    return re.sub(r"\W", "_", name)


class RuleLanguage:
    """Everything that rules may refer to, given the checks and questions there are."""

    def __init__(self, checks: Mapping[str, Check], questions: Mapping[str, Question]) -> None:
        measures = [spec.name for check in checks.values() for spec in check.measures]
        self.checks = _by_identifier("check", checks)
        self.measures = _by_identifier("measurement", measures)
        self.questions = questions
        self._choices: dict[str, Sequence[str]] = {"profile": _PROFILES}
        for question in questions.values():
            if question.kind is AnswerKind.CHOICE:
                self._choices[question.id] = tuple(question.values)
        self._environment = self._declare()

    def compile(self, text: str, says: str = "") -> Clause:
        """The clause that `text` writes.

        Raises:
            RuleError: for an unknown check, measurement, question, field or choice, for a syntax or type
                error, and for an expression that is not true or false.
        """
        code = _TEXT.sub('""', text)
        names = [self._known(*match) for match in _NAME.findall(code)]
        for key, literals in _COMPARED.findall(text):
            self._check_choices(key, literals)
        try:
            program = self._environment.compile(text)
        except RuntimeError as error:
            raise RuleError(f"rule '{text}': {_in_short(error)}") from error
        if program.return_type().name() != "BOOL":
            raise RuleError(
                f"rule '{text}': got {program.return_type().name()}, expected true or false",
                hint="compare it with something",
            )
        return Clause(text, says or text, tuple(dict.fromkeys(names)), program)

    def _declare(self) -> Any:  # noqa: ANN401 - an Env of an untyped library
        from cel_expr_python import cel

        texts = cel.Type.List(cel.Type.STRING)
        types = {
            f"check.{name}.{field}": "INT"
            for name in self.checks
            for field in CHECK_FIELDS
            if field != "failed_rules"
        }
        lists = {f"check.{name}.failed_rules": texts for name in self.checks}
        types |= {
            f"measure.{name}.{field}": "INT" if field == "n" else "DOUBLE"
            for name in self.measures
            for field in MEASURE_FIELDS
        }
        types |= {f"org.{question.id}": _ANSWER_TYPES[question.kind] for question in self.questions.values()}
        types |= {f"scan.{key}": kind for key, kind in SCAN_FIELDS.items()}
        return cel.NewEnv(variables={name: getattr(cel.Type, kind) for name, kind in types.items()} | lists)

    def _known(self, family: str, name: str, part: str) -> str:
        match family:
            case "check":
                _require("check", name, self.checks)
                _require(f"field of check.{name}", part, CHECK_FIELDS)
            case "measure":
                _require("measurement", name, self.measures)
                _require(f"field of measure.{name}", part, MEASURE_FIELDS)
            case "org":
                _require("organisation question", name, list(self.questions))
                return f"org.{name}"
            case _:
                _require("fact about the scan", name, list(SCAN_FIELDS))
                return f"scan.{name}"
        return f"{family}.{name}.{part}"

    def _check_choices(self, key: str, literals: str) -> None:
        if key not in self._choices:
            return
        for literal in _TEXT.findall(literals):
            if literal[1:-1] not in self._choices[key]:
                raise RuleError(
                    f"'{literal[1:-1]}' is no answer to '{key}'{near(literal[1:-1], self._choices[key])}",
                    hint=f"the answers are {', '.join(self._choices[key])}",
                )


def _require(kind: str, name: str, known: Mapping[str, object] | Sequence[str]) -> None:
    """Raises for a name that is not known; check ids are shown as their owners write them."""
    if name in known:
        return
    ids = list(known.values()) if isinstance(known, Mapping) else known
    shown = name.replace("_", "-") if kind == "check" else name
    raise RuleError(f"unknown {kind} '{shown}'{near(shown, [one for one in ids if isinstance(one, str)])}")


def _by_identifier(kind: str, names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        if found.setdefault(identifier(name), name) != name:
            raise RuleError(f"{kind} '{name}' and '{found[identifier(name)]}' are written alike in rules")
    return found


def _in_short(error: RuntimeError) -> str:
    """The first line of a CEL error, without its codes."""
    line = str(error).partition("\n")[0].replace(" (in container '')", "")
    place, _, what = line.partition("<input>:")[2].partition(": ")
    if not what:
        return line
    hint = "; a number with a point, 1.0, is expected here" if "(double, int)" in what else ""
    return f"{what} at {place}{hint}"
