r"""Reads the YAML that people write: strictly, against a JSON Schema, every error with file and key.

Stricter than YAML 1.1 where that bites: a key given twice is an error, and only `true` and `false`
are booleans, so that the answer `no` stays a word and `on` stays a key.

>>> parse_yaml(b"answer: no\nstarts: 2026-12-02", "policy file example.yaml")
{'answer': 'no', 'starts': '2026-12-02'}
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.registry import nearest

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    _FastLoader = yaml.SafeLoader
else:
    # Packs are long: the parser in C reads them ten times faster, where PyYAML was built with it.
    _FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

T = TypeVar("T")
_LONGEST_QUOTE: Final = 60


class DocumentError(ScanError):
    """A file that a person wrote cannot be read, or does not say what it should."""


@dataclass(frozen=True)
class Document:
    """A file that has the shape its schema asks for.

    Attributes:
        where: What errors call it: "policy pack eu_ai_act.yaml".
        digest: sha256 of its bytes, 64 hex digits.
        data: What it says, in the words of JSON; dates are "2026-12-02".
    """

    where: str
    digest: str
    data: Mapping[str, object]

    def part(self, kind: type[T], key: str) -> T:
        """The value under `key`, as a `kind`.

        Raises:
            DocumentError: when it does not describe one, which the schema should have said before.
        """
        try:
            return msgspec.convert(self.data[key], kind)
        except msgspec.ValidationError as error:
            raise DocumentError(f"{self.where}, key {key}: {error}") from error


def read_document(path: Traversable, kind: str, schema: str) -> Document:
    """The YAML file `path`, which has the shape of `policies/data/<schema>.schema.json`.

    Args:
        path: A file, on disk or inside a package.
        kind: What it is, for errors: "policy pack".
        schema: Name of the schema.

    Raises:
        DocumentError: when it cannot be read, is no YAML, or has another shape.
    """
    where = f"{kind} {path.name}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError(
            f"{where}: cannot be read ({error.strerror or error})", hint=f"check the path {path}"
        ) from error
    data = parse_yaml(content, where)
    check_shape(data, schema, where)
    return Document(where, hashlib.sha256(content).hexdigest(), data)


def parse_yaml(content: bytes, where: str) -> Any:  # noqa: ANN401 - the YAML edge
    """What the YAML says, in the words of JSON.

    Raises:
        DocumentError: when it is no YAML, gives a key twice, or holds something JSON has no word for.
    """
    try:
        value = yaml.load(content, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DocumentError(f"{where}{line}: {error.problem}", hint="correct the YAML") from error
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(f"{where}: not YAML in UTF-8 ({error})") from error
    return _plain(value, where)


def check_shape(data: object, schema: str, where: str) -> None:
    """Holds `data` against a schema of `policies/data/`.

    Raises:
        DocumentError: when it has another shape, with the key, what was got and what was expected.
    """
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import best_match

    text = resources.files("policies").joinpath("data", f"{schema}.schema.json").read_text(encoding="utf-8")
    errors = Draft202012Validator(json.loads(text), format_checker=FormatChecker()).iter_errors(data)
    error = best_match(errors)
    if error is not None:
        raise DocumentError(
            f"{where}{place(data, list(error.absolute_path))}: {_complaint(error)}",
            hint=f"policies/data/{schema}.schema.json says what such a file looks like",
        )


def place(data: object, path: Sequence[str | int]) -> str:
    """Where in a document a path leads, for errors: ", control art-10, key effective[0].since"."""
    items, keys = "", ""
    for step in path:
        if isinstance(step, str):
            keys += f".{step}" if keys else step
            data = data.get(step) if isinstance(data, Mapping) else None
            continue
        keys += f"[{step}]"
        data = data[step] if isinstance(data, list) else None
        if isinstance(data, Mapping) and isinstance(data.get("id"), str):
            items += f", {_singular(keys)} {data['id']}"
            keys = ""
    return items + (f", key {keys}" if keys else "")


def _singular(keys: str) -> str:
    return re.sub(r"\[\d+\]$", "", keys).rpartition(".")[2].removesuffix("s")


class _StrictLoader(_FastLoader):
    """A SafeLoader that refuses a key given twice and reads scalars as YAML 1.2 does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, each of its keys given once."""
        seen: set[str] = set()
        for key_node in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key_node.value}' is given twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


_StrictLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if not tag.endswith((":bool", ":float", ":int"))]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9]\d*)$"), list("-+0123456789")
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.\d+)$"),
    list("-+.0123456789"),
)


def _plain(value: object, where: str) -> Any:  # noqa: ANN401 - the YAML edge
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise DocumentError(f"{where}: the key {key!r} is no text", hint="write it in quotes")
        return {key: _plain(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, where) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise DocumentError(f"{where}: {value!r} has no place here", hint="use text, numbers, dates, lists, maps")


def _complaint(error: ValidationError) -> str:
    got: Any = error.instance
    expected: Any = error.validator_value
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    match error.validator:
        case "required":
            return f"the key '{next(name for name in expected if name not in got)}' is missing"
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            name = next(key for key in got if key not in known)
            return f"unknown key '{name}'{nearest(name, known) or _known(known)}"
        case "enum":
            return f"got {quoted(got)}, expected one of {', '.join(map(str, expected))}{near(got, expected)}"
        case "pattern" | "format" | "const":
            return f"got {quoted(got)}, expected {schema.get('description', expected)}"
        case "type":
            kinds = [expected] if isinstance(expected, str) else expected
            return f"got {quoted(got)}, expected {' or '.join(_KINDS[kind] for kind in kinds)}"
        case "minItems" | "minProperties" | "minLength":
            return f"got {quoted(got)}, expected at least {expected}"
        case "uniqueItems":
            return f"got {quoted(got)}, expected each item once"
        case _:
            return str(schema.get("description") or error.message)


_KINDS: Final = {
    "string": "text",
    "boolean": "true or false",
    "number": "a number",
    "integer": "a whole number",
    "array": "a list",
    "object": "a map of keys",
    "null": "nothing",
}


def quoted(value: object) -> str:
    """A value as errors show it: 'text' or 3, cut when it is long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def near(value: object, known: Iterable[str]) -> str:
    """The words "; did you mean 'x'?" when `value` is text close to a known name, else ""."""
    return nearest(value, [str(name) for name in known]) if isinstance(value, str) else ""


def _known(names: Sequence[str]) -> str:
    return f"; known are {', '.join(names)}" if names else ""
