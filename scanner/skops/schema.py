r"""What building the tree of a skops file would look up and call, read from its schema.json.

Every object in it that has a class is judged, wherever it stands: which of them skops itself would check has
changed from version to version, and the file says which version is to be used.

>>> node = '{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "protocol": 2}'
>>> [use.path for use in read_schema(node.encode()).uses]
['os.system']

Source: skops 0.16.0, skops/io; CVE-2024-37065, CVE-2025-54412, CVE-2025-54413, CVE-2025-54886.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from scanner.errors import ScanError

_LOADERS: Final = frozenset({
    "BytearrayNode", "BytesNode", "CachedNode", "ConstructorFromReduceNode", "DTypeNode", "DefaultDictNode",
    "DictNode", "FunctionNode", "JsonNode", "ListNode", "LossNode", "MaskedArrayNode", "MethodNode",
    "NdArrayNode", "ObjectNode", "OperatorFuncNode", "PartialNode", "QuantileForestNode",
    "RandomGeneratorNode", "RandomStateNode", "ReduceNode", "SGDNode", "SetNode", "SliceNode",
    "SparseMatrixNode", "TreeNode", "TupleNode", "TypeNode", "_DictWithDeprecatedKeysNode",
})  # fmt: skip
_OPERATORS: Final = frozenset({"attrgetter", "itemgetter", "methodcaller"})
_BIT_GENERATORS: Final = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})
_NODE_KEYS: Final = ("__class__", "__module__", "__loader__")


class SchemaError(ScanError):
    """The schema is not what skops writes."""


@dataclass(frozen=True)
class Use:
    """A name that building the tree looks up.

    Attributes:
        module: Dotted module.
        name: Name in it.
        loader: The node that does it.
    """

    module: str
    name: str
    loader: str

    @property
    def path(self) -> str:
        """The full name."""
        return f"{self.module}.{self.name}"


@dataclass
class Schema:
    """What a schema asks for.

    Attributes:
        uses: Names looked up, once each.
        tricks: What no writer of skops writes: clauses.
        methods: Methods and operators that are looked up by name: "a.B.c".
        unknown_loaders: Names of nodes that skops does not have, in order.
    """

    uses: list[Use] = field(default_factory=list)
    tricks: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    unknown_loaders: dict[str, None] = field(default_factory=dict)


def read_schema(data: bytes) -> Schema:
    """What the schema of a skops file asks for.

    Raises:
        SchemaError: when it is no such schema.
    """
    try:
        tree = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"is not readable JSON ({str(error)[:100]})") from error
    if not isinstance(tree, dict) or not any(key in tree for key in _NODE_KEYS):
        raise SchemaError("does not describe an object")
    protocol = tree.get("protocol", 0)
    if type(protocol) is not int or protocol < 0:
        raise SchemaError("has a protocol that is no number")
    schema = Schema()
    seen: set[Use] = set()
    for node in _objects(tree):
        if any(key in node for key in _NODE_KEYS):
            _read_node(node, schema, seen)
    return schema


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is there twice")
    return value


def _objects(tree: object) -> Iterator[Mapping[str, object]]:
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += reversed(list(value.values()))
        elif isinstance(value, list):
            waiting += reversed(value)


def _read_node(node: Mapping[str, object], schema: Schema, seen: set[Use]) -> None:
    name, module, loader = (_text(node.get(key)) for key in _NODE_KEYS)
    _add(schema, seen, Use(module, name, loader))
    if loader not in _LOADERS:
        schema.unknown_loaders[loader] = None
    content = node.get("content")
    if isinstance(content, dict) and "module_path" in content:  # as protocol 0 has functions
        _add(schema, seen, Use(_text(content["module_path"]), _text(content.get("function")), loader))
    if loader == "MethodNode":
        _read_method(module, name, content, schema)
    elif loader == "OperatorFuncNode":
        _read_operator(module, name, [node.get("attrs"), content], schema)
    elif loader == "RandomGeneratorNode":
        _read_generator(node, schema)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else repr(value)[:80]


def _add(schema: Schema, seen: set[Use], use: Use) -> None:
    if use not in seen:
        seen.add(use)
        schema.uses.append(use)


def _read_method(module: str, name: str, content: object, schema: Schema) -> None:
    """Before 0.12 the class that was checked and the object whose attribute was taken could differ."""
    inner = content if isinstance(content, dict) else {}
    function, owner = _text(inner.get("func")), inner.get("obj")
    owner = owner if isinstance(owner, dict) else {}
    # NOTE: of a method that a class inherits, skops writes the module of the parent.
    packages = {_text(each).partition(".")[0] for each in (module, owner.get("__module__"))}
    if _text(owner.get("__class__")) != name or len(packages) > 1:
        schema.tricks.append(f"says that a method is of {module}.{name} and takes it of another object")
    if not function.isidentifier() or function.startswith("__"):
        schema.tricks.append(f"takes the attribute {function} of an object")
    schema.methods.append(f"{module}.{name}.{function}")


def _read_operator(module: str, name: str, attrs: object, schema: Schema) -> None:
    """Before 0.12 any function of any module could be called so, whatever was checked."""
    if module != "operator" or name not in _OPERATORS:
        schema.tricks.append(f"calls {module}.{name} in the guise of an operator")
    if name != "itemgetter" and any("__" in text for text in _strings(attrs)):
        schema.tricks.append(f"has operator.{name} take an attribute with two underscores")
    schema.methods.append(f"{module}.{name}")


def _strings(value: object) -> Iterator[str]:
    for node in _objects(value):
        if isinstance(content := node.get("content"), str):
            yield content


def _read_generator(node: Mapping[str, object], schema: Schema) -> None:
    """The class of its bit generator is a plain string, which is looked up in `numpy.random`."""
    names: set[str] = set()
    for each in _objects(node):
        value = each.get("bit_generator")
        value = value.get("content") if isinstance(value, dict) else value
        names |= {value.strip('"')} if isinstance(value, str) else set()
    if not names:
        schema.tricks.append("has a random generator made whose name it hides")
    for name in sorted(names - _BIT_GENERATORS):
        schema.tricks.append(f"has the random generator {name} made, which numpy does not have")
