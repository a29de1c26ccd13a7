r"""What files of settings ask for that are neither JSON nor YAML: TOML, INI, protobuf texts and Modelfiles.

>>> [named.kind for named in settings_in("FROM /etc/passwd", "Modelfile")]
['escape']
>>> settings_in('[handler_h]\nclass=StreamHandler\nargs=(sys.stdout,)\n', "logging.ini")
[]
"""

from __future__ import annotations

import ast
import configparser
import contextlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from scanner.code.json_targets import names_in_json
from scanner.code.loader_keys import Named, named_by
from scanner.code.pairs import Pair, pairs_of
from scanner.code.places import climbs_out, is_of_the_system, leaves_folder
from scanner.code.yaml_targets import tags_in

_INI_SUFFIXES: Final = frozenset({".ini", ".cfg", ".conf"})
# Texts about code, code itself, and data: no YAML reader is given these.
_NEVER_YAML: Final = frozenset(
    {".md", ".rst", ".html", ".htm", ".tex", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".ipynb", ".py",
     ".pyw", ".pyi", ".sh", ".log", ".diff", ".patch", ".xml", ".svg", ".jinja", ".jinja2", ".j2", ".toml"}
)  # fmt: skip
_MAY_TAG: Final = re.compile(r"!!python|tag:yaml\.org|^%TAG|!!\S{0,100}%|!<", re.MULTILINE)
_EVALUATED: Final = ("class", "args", "kwargs")
_STRINGS: Final = r"((?:\"(?:[^\"\\\n]|\\.){0,2000}\"\s{0,20}|'(?:[^'\\\n]|\\.){0,2000}'\s{0,20}){1,20})"
_TRITON: Final = re.compile(r"(?<!\w)(runtime|default_model_filename|value)\s{0,20}:\s{0,20}" + _STRINGS)
_PYTHON_LAYER: Final = re.compile(r"(?<!\w)python_param\s{0,20}:?\s{0,20}\{([^}]{0,4000})")
_CAFFE: Final = re.compile(r"(?<!\w)(module|layer)\s{0,20}:\s{0,20}" + _STRINGS)
_STRING: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_MODELFILE: Final = re.compile(r"^[ \t]*(FROM|ADAPTER)[ \t]+(\S[^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_FAR: Final = "../../"  # what its author has beside the folder is a step away


def settings_in(text: str, path: str) -> list[Named]:
    """Everything that a text of settings asks for; what is no text of its kind asks for nothing."""
    pure = PurePosixPath(path.lower())
    found = list(_by_name(text, pure))
    if pure.suffix not in _NEVER_YAML and _MAY_TAG.search(text):
        found.extend(Named(each.kind, each.key, each.target, each.line) for each in tags_in(text))
    return found


def _by_name(text: str, path: PurePosixPath) -> Iterator[Named]:
    if path.suffix == ".toml":
        yield from _toml(text)
    elif path.suffix in _INI_SUFFIXES:
        yield from _ini(text)
    elif path.name.endswith("config.pbtxt"):
        yield from _triton(text)
    elif path.suffix == ".prototxt":
        yield from _caffe(text)
    elif path.name.split(".")[0] == "modelfile" or path.suffix == ".modelfile":
        yield from _modelfile(text)


def _toml(text: str) -> Iterator[Named]:
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    yield from (Named(kind, key, target) for kind, key, target in names_in_json(value))
    yield from named_by(pairs_of(value))


def _ini(text: str) -> Iterator[Named]:
    """SpaCy's settings, whose values are JSON, and logging's, of which some are evaluated."""
    parser = configparser.ConfigParser(strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return
    for section in parser.sections():
        values = {name: _value(parser, section, name) for name in parser.options(section)}
        if section.startswith(("handler_", "formatter_")):
            yield from _logging(section, values)
        yield from named_by(_spacy(section, values))


def _value(parser: configparser.ConfigParser, section: str, name: str) -> str:
    """The value as logging takes it, put together from others; as it is written where that cannot be."""
    try:
        return parser.get(section, name)
    except configparser.Error:
        return parser.get(section, name, raw=True)


def _spacy(section: str, values: dict[str, str]) -> Iterator[Pair]:
    above = tuple(section.split("."))
    for name, text in values.items():
        keys = ("@readers", name) if "@readers" in values and name == "path" else (*above, name)
        value: object = text
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(text)
        for pair in pairs_of(value):
            yield Pair((*keys, *pair.keys), pair.value)


def _logging(section: str, values: dict[str, str]) -> Iterator[Named]:
    """Values that `logging.config.fileConfig` evaluates, where they are more than names and constants."""
    for name in _EVALUATED:
        value = values.get(name, "").strip()
        if value and _calls(value):
            called = f"({value})()" if name == "class" else value
            yield Named("source", f"key {section}.{name}"[:300], called)


def _calls(value: str) -> bool:
    try:
        tree = ast.parse(value, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "(" in value
    return any(isinstance(node, ast.Call) for node in ast.walk(tree))


def _triton(text: str) -> Iterator[Named]:
    for match in _TRITON.finditer(text):
        value = _joined(match[2])
        is_wrong = is_of_the_system(value) if match[1] == "value" else leaves_folder(value)
        if is_wrong:
            yield Named("escape", f"key {match[1]}", value[:300], _line(text, match.start()))


def _caffe(text: str) -> Iterator[Named]:
    for match in _PYTHON_LAYER.finditer(text):
        parts = {each[1]: _joined(each[2]) for each in _CAFFE.finditer(match[1])}
        if "module" in parts:
            target = f"{parts['module']}.{parts.get('layer', 'Layer')}"
            yield Named("target", "key python_param", target[:300], _line(text, match.start()))


def _modelfile(text: str) -> Iterator[Named]:
    for match in _MODELFILE.finditer(text):
        place = match[2].strip().strip("\"'")
        is_far = climbs_out(place) and place.replace("\\", "/").startswith(_FAR)
        if is_far or is_of_the_system(place):
            yield Named("escape", f"key {match[1].upper()}", place[:300], _line(text, match.start()))


def _joined(strings: str) -> str:
    """The value of strings that stand one behind the other, as protobuf reads them."""
    whole = "".join(match[1] or match[2] or "" for match in _STRING.finditer(strings))
    return whole.encode("ascii", "backslashreplace").decode("unicode_escape", "replace")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
