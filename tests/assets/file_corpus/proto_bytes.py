"""Graphs of TensorFlow and models of ONNX, by field number."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from tests.assets.protobuf_bytes import field, varint


def fields(number: int, values: Iterable[int | bytes | str]) -> bytes:
    """A repeated field."""
    return b"".join(field(number, value) for value in values)


# --- TensorFlow


def tf_node(name: str, op: str, *inputs: str, **attributes: bytes) -> bytes:
    """A NodeDef; attributes are encoded AttrValues."""
    attrs = fields(5, (field(1, key) + field(2, value) for key, value in attributes.items()))
    return field(1, name) + field(2, op) + fields(3, inputs) + attrs


def tf_string(value: str) -> bytes:
    """An AttrValue that is a constant string tensor."""
    return field(8, field(1, 7) + field(2, b"") + field(8, value))


def tf_type(kind: int = 1) -> bytes:
    """An AttrValue that is a type: 1 float32, 7 string."""
    return field(6, kind)


def constant(name: str, value: str) -> bytes:
    """A Const node of a string."""
    return tf_node(name, "Const", dtype=tf_type(7), value=tf_string(value))


def numbers(name: str, values: bytes) -> bytes:
    """A Const node of float32 values."""
    shape = field(2, field(1, len(values) // 4))
    return tf_node(
        name, "Const", dtype=tf_type(), value=field(8, field(1, 1) + field(2, shape) + field(4, values))
    )


def graph_def(nodes: Iterable[bytes], functions: Iterable[bytes] = ()) -> bytes:
    """A GraphDef with its function library."""
    library = field(2, fields(1, functions)) if functions else b""
    return fields(1, nodes) + library + field(4, field(1, 1286))


def tf_function(name: str, nodes: Iterable[bytes]) -> bytes:
    """A FunctionDef."""
    return field(1, field(1, name)) + fields(3, nodes)


def saved_model(graph: bytes, *, assets: Iterable[str] = (), more: bytes = b"") -> bytes:
    """A saved_model.pb of one graph."""
    info = fields(4, ["serve"]) + field(5, "2.15.0") + field(6, "v2.15.0")
    files = fields(6, (field(1, field(1, f"asset{i}:0")) + field(2, name) for i, name in enumerate(assets)))
    signature = field(5, field(1, "serving_default") + field(2, field(3, "tensorflow/serving/predict")))
    return field(1, 1) + field(2, field(1, info) + field(2, graph) + signature + files + more)


def variables() -> Mapping[str, bytes]:
    """The variables folder of a saved model with one variable: a table of names, and its values."""
    values = struct.pack("<4f", 0.1, -0.2, 0.05, 0.3)
    header = field(1, 1) + field(3, field(1, 1))
    entry = field(1, 1) + field(2, field(2, field(1, 4))) + field(5, 16)
    block = _block([(b"", header), (b"w/.ATTRIBUTES/VARIABLE_VALUE", entry)])
    meta = _block([])
    index = _block([(b"x", varint(0) + varint(len(block) - 5))])
    footer = (
        varint(len(block)) + varint(len(meta) - 5) + varint(len(block) + len(meta)) + varint(len(index) - 5)
    )
    table = block + meta + index + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return {"variables/variables.index": table, "variables/variables.data-00000-of-00001": values}


def _block(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in entries)
    body += struct.pack("<II", 0, 1)
    return body + b"\0" + struct.pack("<I", masked_crc32c(body + b"\0"))


def masked_crc32c(data: bytes) -> int:
    """The checksum of LevelDB tables and TensorFlow's records."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# --- ONNX


def onnx_node(op: str, *attributes: bytes, domain: str = "", inputs: Iterable[str] = ("x",)) -> bytes:
    """A NodeProto with output y."""
    named = field(7, domain) if domain else b""
    return (
        fields(1, inputs)
        + field(2, "y")
        + field(3, op.lower())
        + field(4, op)
        + fields(5, attributes)
        + named
    )


def onnx_attribute(name: str, value: bytes | str | int, *, kind: int) -> bytes:
    """An AttributeProto: kind 2 int, 3 string, 4 tensor, 5 graph."""
    return field(1, name) + field({2: 3, 3: 4, 4: 5, 5: 6}[kind], value) + field(20, kind)


def onnx_tensor(name: str, values: bytes) -> bytes:
    """A TensorProto of float32 values that lie in it."""
    return field(1, len(values) // 4) + field(2, 1) + field(8, name) + field(9, values)


def external_tensor(location: str, *, dims: Iterable[int] = (4,), **more: str) -> bytes:
    """A TensorProto whose values lie in another file."""
    rows = {"location": location, **more}
    entries = fields(13, (field(1, key) + field(2, value) for key, value in rows.items()))
    return fields(1, dims) + field(2, 1) + field(8, "w") + entries + field(14, 1)


def onnx_graph(nodes: Iterable[bytes], tensors: Iterable[bytes] = (), more: bytes = b"") -> bytes:
    """A GraphProto."""
    value = field(1, "x") + field(2, field(1, field(1, 1) + field(2, field(1, field(1, 4)))))
    return fields(1, nodes) + field(2, "g") + fields(5, tensors) + field(11, value) + field(12, value) + more


def onnx_model(graph: bytes, *, domains: Mapping[str, int] | None = None, more: bytes = b"") -> bytes:
    """A ModelProto."""
    opsets = {"": 17} | dict(domains or {})
    imports = fields(
        8, ((field(1, name) if name else b"") + field(2, version) for name, version in opsets.items())
    )
    return field(1, 8) + field(2, "pytorch") + field(3, "2.1.0") + field(7, graph) + imports + more
