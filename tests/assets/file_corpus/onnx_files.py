"""ONNX models that read other files, name operations that run Python, or are broken."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.pickling import call
from tests.assets.file_corpus.proto_bytes import (
    external_tensor,
    fields,
    onnx_attribute,
    onnx_graph,
    onnx_model,
    onnx_node,
    onnx_tensor,
)
from tests.assets.protobuf_bytes import field

_ONNX = Technique("ONNX external-data traversal, PyOp", "onnx")


def hostile(dice: Dice) -> Iterator[Case]:
    """External data outside the folder, in every place of a model, and Python operations."""
    add = onnx_node("Add", inputs=("x", "w"))
    outside = {
        "up": "../../../etc/passwd", "absolute": "/etc/passwd", "inner": "data/../../secret", "home": "~/.ssh/id_rsa",
        "backslash": "..\\..\\secret", "drive": "C:\\secret", "unc": "\\\\host\\share\\x", "url": "file:///etc/passwd",
        "http": "http://127.0.0.1/w", "proc": "/proc/self/environ", "nul": "w.bin\0/../../etc/passwd",
    }  # fmt: skip
    for name, location in outside.items():
        model = onnx_model(onnx_graph([add], [external_tensor(location)]))
        make = _ONNX.hidden if name in ("home", "nul") else _ONNX.attack
        yield make(f"external_{name}.onnx", model, f"weights from {location!r}")
    hidden = external_tensor("../../secret")
    held = onnx_node("Constant", onnx_attribute("value", hidden, kind=4))
    yield _ONNX.attack("in_constant.onnx", onnx_model(onnx_graph([held])), "in a Constant's value")
    branch = onnx_node("If", onnx_attribute("then_branch", onnx_graph([add], [hidden]), kind=5))
    yield _ONNX.attack("in_subgraph.onnx", onnx_model(onnx_graph([branch])), "in a branch")
    function = field(1, "f") + field(7, held) + field(10, "local")
    yield _ONNX.attack(
        "in_function.onnx", onnx_model(onnx_graph([add]), more=field(25, function)), "in a function"
    )
    sparse = field(15, field(1, hidden) + field(2, onnx_tensor("i", bytes(8))))
    yield _ONNX.attack(
        "in_sparse.onnx", onnx_model(onnx_graph([add], more=sparse)), "in a sparse initializer"
    )
    training = field(20, field(1, onnx_graph([add], [hidden])))
    yield _ONNX.attack(
        "in_training.onnx", onnx_model(onnx_graph([add]), more=training), "in the training graph"
    )
    second = external_tensor("w.bin", location2="x") + field(
        13, field(1, "location") + field(2, "/etc/passwd")
    )
    yield _ONNX.attack(
        "location_twice.onnx", onnx_model(onnx_graph([add], [second])), "location twice, the second out"
    )
    for domain, op in (
        ("ai.onnx.contrib", "PyOp"),
        ("pyopmulti_1", "PyOp"),
        ("com.microsoft", "PyOp"),
        ("ai.onnx.contrib", "PyCustomOp"),
        ("com.microsoft", "PythonOp"),
        ("com.microsoft", "ATen"),
    ):
        node = onnx_node(op, onnx_attribute("module", "os", kind=3), onnx_attribute("class_name", "system", kind=3),
                         onnx_attribute("compute", "system", kind=3), domain=domain)  # fmt: skip
        make = _ONNX.hidden if op != "ATen" else None
        if make is not None:
            model = onnx_model(onnx_graph([node]), domains={domain: 1})
            yield make(f"{domain}_{op}.onnx", model, f"{domain}::{op} of os.system")
    context = onnx_node(
        "EPContext",
        onnx_attribute("embed_mode", 0, kind=2),
        onnx_attribute("ep_cache_context", "../../../tmp/engine.so", kind=3),
        domain="com.microsoft",
    )
    yield _ONNX.attack(
        "ep_context.onnx", onnx_model(onnx_graph([context])), "a compiled engine outside the folder"
    )
    near = {"model.onnx": onnx_model(onnx_graph([add], [external_tensor("w.bin", offset="0", length="1000000")])),
            "w.bin": bytes(16)}  # fmt: skip
    yield _ONNX.malformed("external_short", near, "the data file is shorter than the model says")
    minus = onnx_model(onnx_graph([add], [external_tensor("w.bin", offset="-16")]))
    yield _ONNX.malformed("offset_negative.onnx", minus, "a negative offset")
    pickled = {
        "model.onnx": onnx_model(onnx_graph([add], [external_tensor("w.bin")])),
        "w.bin": call("os", "system"),
    }
    yield _ONNX.hidden("external_pickle", pickled, "the data file is a pickle")
    good = onnx_model(onnx_graph([add], [onnx_tensor("w", dice.values(64))]))
    yield _ONNX.malformed("truncated.onnx", good[: len(good) - 40], "cut off")
    yield _ONNX.malformed("empty.onnx", b"", "no bytes")
    yield _ONNX.malformed("noise.onnx", dice.random.randbytes(600), "noise")
    yield _ONNX.malformed(
        "text.onnx", b"version https://git-lfs.github.com/spec/v1\n" + b"oid sha256:x" * 9, "text"
    )
    yield _ONNX.malformed("length.onnx", b"\x08\x08\x3a\xff\xff\xff\xff\x0f" + b"x" * 60, "4 GiB said")
    short = fields(1, [1 << 40]) + field(2, 1) + field(8, "w") + field(9, struct.pack("<4f", 1, 2, 3, 4))
    yield _ONNX.malformed(
        "tensor_short.onnx", onnx_model(onnx_graph([add], [short])), "fewer values than its shape"
    )
    deep = onnx_graph([add])
    for _ in range(400):
        deep = onnx_graph([onnx_node("If", onnx_attribute("then_branch", deep, kind=5))])
    yield _ONNX.malformed("deep.onnx", onnx_model(deep), "400 branches in each other")
