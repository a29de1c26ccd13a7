"""Schemas of skops files that look up what no model needs. All harmless: nothing here is ever loaded."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
from typing import Any

from tests.assets.archive_cases import zipped

Node = dict[str, Any]


def node(module: str, name: str, loader: str, **rest: object) -> Node:
    """One object of a schema."""
    return {"__class__": name, "__module__": module, "__loader__": loader, **rest}


def skops_file(schema: Node | bytes) -> bytes:
    """A skops file with this schema."""
    if isinstance(schema, bytes):
        return zipped([("schema.json", schema)])
    return zipped([("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.11", **schema}).encode())])


def _plain(value: object) -> Node:
    return node("builtins", "str", "JsonNode", content=json.dumps(value), is_json=True)


def _tuple(*items: Node) -> Node:
    return node("builtins", "tuple", "TupleNode", content=list(items))


def attack_cases() -> dict[str, tuple[str, Node]]:
    """What it does -> the rule that must be told of it, and its schema."""
    system = node("os", "system", "TypeNode")
    model = ("sklearn.linear_model._logistic", "LogisticRegression")
    generator = node("builtins", "dict", "DictNode", content={"bit_generator": _plain("seed")})
    return {
        "function": ("known-attack", node("os", "system", "FunctionNode")),
        "type": ("known-attack", system),
        "old-function": ("known-attack", node("builtins", "function", "FunctionNode", content={"module_path": "os", "function": "system"}, protocol=0)),
        "constructor": ("known-attack", node("subprocess", "Popen", "ConstructorFromReduceNode", content=_tuple(_plain("echo")))),
        "deep-inside": ("known-attack", node("builtins", "dict", "DictNode", content={"a": node("builtins", "list", "ListNode", content=[system])})),
        "in-a-dict": ("known-attack", node("posix", "system", "DictNode", content={})),
        "in-json": ("known-attack", node("os", "system", "JsonNode", content="1")),
        "partial": ("known-attack", node("functools", "partial", "PartialNode", content={"func": node("builtins", "eval", "TypeNode"), "args": _tuple(_plain("1"))})),
        "loads-more": ("known-attack", node("joblib", "load", "FunctionNode")),
        "imports": ("known-attack", node("importlib", "import_module", "FunctionNode")),
        "operator-calls": ("hidden-name", node("operator", "call", "OperatorFuncNode", attrs=_tuple(system, _plain("echo")))),
        "operator-of-another-module": ("hidden-name", node("subprocess", "run", "OperatorFuncNode", attrs=_tuple(_plain("echo")))),
        "calls-a-method": ("known-attack", node("operator", "methodcaller", "OperatorFuncNode", attrs=_tuple(_plain("echo")))),
        "operator-reaches": ("hidden-name", node("operator", "methodcaller", "OperatorFuncNode", attrs=_tuple(_plain("__reduce__")))),
        "method-of-another": ("hidden-name", node(*model, "MethodNode", content={"func": "system", "obj": node("builtins", "str", "TypeNode")})),
        "method-reaches": ("hidden-name", node(*model, "MethodNode", content={"func": "__globals__", "obj": node(*model, "ObjectNode")})),
        "no-generator": ("hidden-name", node("numpy.random", "Generator", "RandomGeneratorNode", content={"bit_generator": generator})),
    }  # fmt: skip


def broken_cases() -> dict[str, bytes]:
    """What is wrong -> schema.json."""
    twice = b'{"__class__": "str", "__class__": "system", "__module__": "os", "__loader__": "TypeNode", "protocol": 2}'
    return {
        "cut-off": b"{",
        "a-list": b"[]",
        "too-deep": b"[" * 100_000,
        "a-key-twice": twice,
        "protocol": json.dumps(node("builtins", "str", "JsonNode", content="1", protocol=True)).encode(),
        "unknown-node": json.dumps(node("builtins", "str", "OtherNode", protocol=2)).encode(),
    }
