"""What configuration asks loaders to run, put together with what that code does.

One configuration file may name several classes of several files; of each kind one statement is made, and one
more for the worst that the named code does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.code.calls import UnreadableSourceError, find_calls
from scanner.code.code_files import read_code
from scanner.code.reach import CodeMap, code_map, file_named
from scanner.code.references import CodeReference
from scanner.code.targets import judge_target
from scanner.file_check import listed
from scanner.findings import Severity
from scanner.lettering import visible
from scanner.manifest import Snapshot

_NAME_SHOWN: Final = 120
_FILES_READ: Final = 200
_KINDS: Final = {
    "auto-map": "loading runs code from the repository: it maps to {target}",
    "cross-repository": "loading fetches and runs code of another repository, which was not read: {target}",
    "custom-module": "loading imports {target}, which sentence-transformers does not bring",
    "custom-pipeline": "loading runs a pipeline from the repository: {target}",
    "custom-code-folder": "loading puts the folder {target} first on the path and runs code from it",
    "target-local": "loading calls {target}, which lies in the repository",
    "target-unknown": "loading would import {target}, of a package that is not known here",
    "yaml-tag": "only an unsafe YAML loader reads it: it makes {target}",
    "trust": "it has loaders trust code of the repository",
    "other-model": "loading fetches what lies elsewhere, which was not read: {target}",
    "own-operator": "it needs code that its framework does not bring: {target}",
    "safeguard-off": "it turns a safeguard of its loader off",
    "runs-what-it-writes": "loading makes what runs text that a model writes: {target}",
    "reads-secret": "loading puts values of the environment of the machine into it: {target}",
}
# Kinds of which each place is told by itself, with their CWE id.
_ALONE: Final = {
    "escape": ("it names {target}, which lies outside its folder", "CWE-22"),
    "bomb": ("its aliases make more than {target} of it, which fills the memory", "CWE-776"),
    "foreign-tag": ("a loader of another language would make {target}", "CWE-502"),
}
# Rules of statements that need a reader of code, and say no more.
ASKING_RULES: Final = (
    "auto-map", "custom-module", "custom-pipeline", "custom-code-folder", "target-local", "target-unknown",
    "trust", "code-by-name",
)  # fmt: skip
_SEVERITY: Final = {
    "target-unknown": Severity.MEDIUM, "trust": Severity.MEDIUM, "yaml-tag": Severity.MEDIUM,
    "other-model": Severity.MEDIUM, "own-operator": Severity.MEDIUM, "safeguard-off": Severity.MEDIUM,
    "runs-what-it-writes": Severity.MEDIUM, "reads-secret": Severity.MEDIUM,
}  # fmt: skip
# Source: the flavours in the documentation of MLflow 3, "Models"; pyfunc.model is the one for own classes.
_MLFLOW: Final = re.compile(
    r"mlflow\.(catboost|h2o|keras|langchain|lightgbm|llama_index|onnx|openai|paddle|pmdarima|prophet|pyfunc\.model|"
    r"pyfunc\.loaders\.\w+|pytorch|sentence_transformers|shap|sklearn|spacy|spark|statsmodels|tensorflow|"
    r"transformers|xgboost)"
)
_MUST_LIE_HERE: Final = frozenset({"auto-map", "custom-pipeline", "custom-module"})
# Keys by which a loader imports a module whatever it is, before anything else.
_LOADERS: Final = ("loader_module", "parent_library")
_TARGETS: Final = frozenset({"target", "loose-target", "yaml-tag"})


@dataclass(frozen=True)
class Asked:
    """One statement about a file of configuration.

    Attributes:
        path: The file.
        rule: The rule of the finding.
        severity: How bad it is.
        message: A clause after file and key.
        places: (line, key) of every place that it is about.
        subject: What is called, where there is one.
        tags: CWE ids beside those of the check.
        has_code: Whether it is about code that was read.
    """

    path: str
    rule: str
    severity: Severity
    message: str
    places: tuple[tuple[int | None, str], ...]
    subject: str = ""
    tags: tuple[str, ...] = ()
    has_code: bool = False


def asked_for(snapshot: Snapshot, references: Sequence[CodeReference]) -> list[Asked]:
    """Every statement about the references of one file, those about kinds first.

    Raises:
        PartlyReadError: when code that it names was not read far enough.
    """
    if not references:
        return []
    whole = code_map(snapshot)
    grouped: dict[str, list[CodeReference]] = {}
    single: list[Asked] = []
    files: dict[str, CodeReference] = {}
    for reference in references:
        path = file_named(reference, whole.paths)
        if path is not None:
            files.setdefault(path, reference)
        rule, own = _judged(reference, path)
        single.extend(own)
        if rule:
            grouped.setdefault(rule, []).append(reference)
    together = [_together(rule, group) for rule, group in grouped.items()]
    return [*together, *single, *_run(snapshot, whole, files)]


def _judged(reference: CodeReference, path: str | None) -> tuple[str, list[Asked]]:
    """The rule under which a reference is told with its like ("" for none), and what is told of it alone."""
    kind = reference.kind
    if kind in _ALONE:
        message, tag = _ALONE[kind]
        message = message.format(target=_shown(reference.target))
        return "", [_alone(reference, kind, Severity.HIGH, message, (tag,))]
    if kind == "source":
        return "", [_source(reference)]
    if kind in _TARGETS:
        return _target(reference, path)
    if kind == "cross-repository" and path is not None:
        return "auto-map", []
    name = reference.target.rpartition(".")[2].strip()
    if kind == "auto-map" and name and not name.isidentifier():
        # No class has such a name: the module gives whatever it is asked for.
        message = f"loading asks a module for {_shown(reference.target)}, which can be the name of no class"
        return kind, [_alone(reference, "target", Severity.HIGH, message, ("CWE-470",))]
    if kind in _MUST_LIE_HERE and path is None:
        message = f"the code of {_shown(reference.target)} is in no file of the model, so it was not read"
        return kind, [_alone(reference, "unresolved-code", Severity.MEDIUM, message)]
    return kind, []


def _source(reference: CodeReference) -> Asked:
    """What Python text that lies in a value does at its worst."""
    try:
        sites = list(find_calls(reference.target.encode("utf-8", "replace")))
    except UnreadableSourceError as error:
        message = f"loading runs text that lies in it, which {error}, so nobody can say what it does"
        return _alone(reference, "runs-unreadable-code", Severity.HIGH, message)
    worst = max(sites, key=lambda site: site.severity.rank, default=None)
    if worst is not None and worst.severity.rank >= Severity.HIGH.rank:
        message = f"loading runs text that lies in it, which in line {worst.line} {worst.sentence}"
        return _alone(reference, "runs-dangerous-code", worst.severity, message, worst.tags)
    return _alone(reference, "embedded-code", Severity.MEDIUM, "loading runs Python text that lies in it")


def _target(reference: CodeReference, path: str | None) -> tuple[str, list[Asked]]:
    if reference.key.endswith("loader_module") and path is None and _MLFLOW.fullmatch(reference.module):
        return "", []  # MLflow's own reader of one of its flavours, which is what opens the model anyway
    judged = judge_target(reference.target)
    if judged.is_attack and path is None:
        rule = "yaml-tag" if reference.kind == "yaml-tag" else "target"
        verb = "an unsafe YAML loader" if rule == "yaml-tag" else "loading"
        message = f"{verb} would call {_shown(reference.target)}, which {judged.why}"
        return "", [_alone(reference, rule, Severity.CRITICAL, message, judged.tags)]
    if path is not None:
        return "target-local", []
    if "${" in reference.target and reference.kind == "target":
        message = f"what loading calls is put together from other values: {_shown(reference.target)}"
        return "", [_alone(reference, "unresolved-code", Severity.MEDIUM, message)]
    if reference.key.endswith(_LOADERS) and not judged.is_known:
        message = f"the code of {_shown(reference.module)} is in no file of the model, so it was not read"
        return "", [_alone(reference, "unresolved-code", Severity.MEDIUM, message)]
    if reference.kind == "loose-target" or (judged.is_known and reference.kind == "target"):
        return "", []
    return ("yaml-tag" if reference.kind == "yaml-tag" else "target-unknown"), []


def _alone(
    reference: CodeReference, rule: str, severity: Severity, message: str, tags: tuple[str, ...] = ()
) -> Asked:
    place = ((reference.line, reference.key),)
    return Asked(reference.path, rule, severity, message, place, reference.target[:300], tags)


def _together(rule: str, group: list[CodeReference]) -> Asked:
    targets = sorted({_shown(each.target) for each in group})
    return Asked(
        group[0].path,
        rule,
        _SEVERITY.get(rule, Severity.HIGH),
        _KINDS[rule].format(target=listed(targets)),
        tuple((each.line, each.key) for each in group[:100]),
        has_code=rule in ASKING_RULES,
    )


def _run(snapshot: Snapshot, whole: CodeMap, files: dict[str, CodeReference]) -> Iterator[Asked]:
    """What the code that is asked for does at its worst, with everything that it imports."""
    for first, reference in files.items():
        for path in whole.run_by(first)[:_FILES_READ]:
            code = read_code(snapshot, path)
            place = ((reference.line, reference.key),)
            if code.fault:
                message = f"loading runs {path}, which {code.fault}, so nobody can say what it does"
                yield Asked(
                    reference.path, "runs-unreadable-code", Severity.HIGH, message, place, path, has_code=True
                )
            worst = max(code.sites, key=lambda site: site.severity.rank, default=None)
            if worst is not None and worst.severity.rank >= Severity.HIGH.rank:
                message = f"loading runs {path}, which in line {worst.line} {worst.sentence}"
                yield Asked(
                    reference.path,
                    "runs-dangerous-code",
                    worst.severity,
                    message,
                    place,
                    path,
                    worst.tags,
                    True,
                )


def _shown(text: str) -> str:
    plain = visible(text)
    return plain if len(plain) <= _NAME_SHOWN else f"{plain[:_NAME_SHOWN]}..."
