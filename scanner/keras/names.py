"""What a name in the configuration of a Keras model means: part of Keras, somebody's class, or an attack.

Keras builds a model by looking up the module and name of every object in its configuration. Which of them it
accepts changed from version to version; here everything counts that some version has imported or called.

>>> judge_name("keras.layers", "Dense").tier.value
'plumbing'
>>> judge_name("keras.utils", "get_file").tier.value
'attack'
>>> judge_name("os", "system", is_function=True).tier.value
'attack'
>>> judge_name(None, "MyLayer").tier.value
'instance'

Source: keras 3.15.1, keras/src/saving/serialization_lib.py (`_retrieve_class_or_fn`), and the same
file of 3.8; tf_keras 2.15, tf_keras/src/saving/serialization_lib.py; CVE-2025-1550, CVE-2025-8747.
"""

from __future__ import annotations

import builtins
import functools
import re
import sys
from dataclasses import dataclass
from typing import Final

from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError
from scanner.keras.tensorflow_calls import reaches_out
from scanner.pickles.globals import Tier, Verdict, classify, is_plausible

_FILE: Final = "keras_names.yaml"
# Folders between a package and the modules that say what is in them.
_FILLERS: Final = frozenset(
    {"src", "api", "_tf_keras", "keras", "_v1", "_v2", "v1", "v2", "_legacy", "python"}
)
# Functions of any folder of Keras that build, load or store instead of computing.
_ACTING: Final = re.compile(
    r"(de)?serialize|get|(model_)?from_|.*_from_(json|yaml|config|dir|file|url)|(un)?register|load|save|open|read"
    r"|write|set_|(en|dis)able|clear|run|exec|eval|import|call|fetch|download|extract|plot"
)
_NOWHERE: Final = frozenset({"", "builtins", "__main__"})
_TENSORFLOW: Final = frozenset({"tensorflow", "tf"})
# Functions that no loss or activation is called, whoever looks them up and wherever.
_ACTING_NAMES: Final = frozenset({
    "get_file", "load_model", "save_model", "model_from_json", "model_from_yaml", "model_from_config",
    "load_weights", "save_weights", "load_img", "save_img", "enable_unsafe_deserialization",
    "deserialize_keras_object", "func_load", "set_global_attribute", "get_custom_objects",
    "load_op_library", "load_library", "py_function", "py_func", "numpy_function", "system", "popen",
    "spawn", "check_output", "check_call", "run_path", "run_module", "execve", "urlopen", "urlretrieve",
    "import_module", "read_file", "write_file", "eval", "exec", "compile", "open", "__import__", "input",
    "breakpoint", "getattr", "setattr", "delattr", "globals", "locals", "vars",
})  # fmt: skip
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLAIN: Final = Verdict(Tier.PLUMBING, "part of Keras")


class KerasNamesError(ScanError):
    """The table of names of Keras cannot be read."""


class _Table(DataTable, frozen=True):
    packages: list[str]
    companions: list[str]
    class_families: list[str]
    function_families: list[str]
    single_classes: list[str]
    classes: str
    functions: str


@dataclass(frozen=True)
class _Names:
    packages: tuple[str, ...]
    companions: frozenset[str]
    class_families: frozenset[str]
    function_families: frozenset[str]
    single_classes: frozenset[str]
    classes: frozenset[str]
    functions: frozenset[str]
    lowered: frozenset[str]  # classes may stand in lower case, with words parted: "mean_squared_error"


def judge_name(module: str | None, name: str, *, is_function: bool = False) -> Verdict:
    """How `name` of `module` is judged; `is_function` when the configuration says it is one."""
    name = name.rpartition(">")[2] if is_function else name
    is_function = is_function or not name.lstrip("_")[:1].isupper()
    if (module or "") in _NOWHERE:
        inner, _, last = name.rpartition(".")
        if inner and judge_name(inner, last, is_function=is_function).tier is Tier.ATTACK:
            return Verdict(Tier.ATTACK, "its name leads to a function that no model needs")
        return _without_module(module or "", name, is_function=is_function)
    if not is_plausible(str(module), name):
        return Verdict(Tier.ATTACK, "it is no name that an honest writer could have written")
    inside = _inside_keras(str(module))
    if inside is not None and "." in name:
        return Verdict(Tier.ATTACK, "it is looked up through a module that Keras imports")
    if inside is not None:
        return _of_keras(inside, name, is_function=is_function)
    return _of_others(str(module), name, is_function=is_function)


def is_own_module(module: str | None) -> bool:
    """Whether Keras writes this module for functions of the user's or of TensorFlow."""
    return (module or "") in _NOWHERE or str(module).split(".")[0] in _TENSORFLOW


def is_known_class(name: str) -> bool:
    """Whether a class of this name comes with Keras, in this version or an older one."""
    return name in _names().classes


def _without_module(module: str, name: str, *, is_function: bool) -> Verdict:
    names = _names()
    if name in _ACTING_NAMES:  # before Keras's own: its backend has an `eval`, and so has Python
        return Verdict(Tier.ATTACK, "it does something else than compute")
    if name in names.classes or name in names.functions or name.lower() in names.lowered:
        return _PLAIN
    if hasattr(builtins, name):
        return Verdict(Tier.ATTACK, "it is a function of Python itself, which no model needs")
    if not is_plausible("builtins", name):
        return Verdict(Tier.INSTANCE, "a class or function with a name of its own")
    what = "function" if is_function else "class"
    return Verdict(Tier.INSTANCE, f"a {what} that is no part of Keras")


def _inside_keras(module: str) -> list[str] | None:
    """The folders below the package when the module is one of Keras, without those that say nothing."""
    for package in _names().packages:
        if module == package or module.startswith(package + "."):
            rest = module[len(package) :].split(".")[1:]
            return [part for part in rest if part not in _FILLERS]
    return None


def _of_keras(inside: list[str], name: str, *, is_function: bool) -> Verdict:
    names = _names()
    family = inside[0] if inside else ""
    acts = Verdict(Tier.ATTACK, "it does something else than a layer, loss or metric of a model does")
    if ".".join([*inside, name]) in names.single_classes:
        return _PLAIN
    if not is_function:
        is_part = not names.class_families.isdisjoint(inside) or (not family and name in names.classes)
        return _PLAIN if is_part or name in ("TorchModuleWrapper", "TFSMLayer") else acts
    if name in names.functions and family in (
        names.class_families | names.function_families | {"backend", "utils"}
    ):
        return _PLAIN
    if family not in names.function_families or _ACTING.match(name) or name in sys.stdlib_module_names:
        return acts
    return _PLAIN


def _of_others(module: str, name: str, *, is_function: bool) -> Verdict:
    listed = classify(module, name)
    package = module.split(".")[0]
    if package in _TENSORFLOW and reaches_out(f"{module}.{name}"):
        return Verdict(Tier.ATTACK, "this part of TensorFlow does more than compute")
    if package in _names().companions and not is_function:
        return Verdict(Tier.PLUMBING, "part of a companion of Keras")
    if listed.tier is Tier.ATTACK:
        return listed
    if package in sys.stdlib_module_names:
        return Verdict(Tier.ATTACK, "no model needs this part of Python's standard library")
    return Verdict(Tier.INSTANCE, f"a {'function' if is_function else 'class'} of another package")


def _snake(name: str) -> str:
    return _WORD_START.sub("_", name).lower()


@functools.cache
def _names() -> _Names:
    table = decoded(data_text(_FILE), _FILE, _Table, KerasNamesError)
    return _Names(
        tuple(table.packages), frozenset(table.companions), frozenset(table.class_families),
        frozenset(table.function_families), frozenset(table.single_classes),
        frozenset(table.classes.split()), frozenset(table.functions.split()),
        frozenset(_snake(name) for name in table.classes.split()),
    )  # fmt: skip
