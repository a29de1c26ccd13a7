"""Files that are two formats at once, programs among weights, and weights that no training leaves."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from tests.assets.file_corpus.archive_bytes import shifted, tarred, zipped
from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.gguf_files import ARCHITECTURE, gguf, tensor
from tests.assets.file_corpus.pickling import call, hello
from tests.assets.file_corpus.safetensors_files import entry, safetensors
from tests.assets.file_corpus.torch_files import checkpoint

_POLYGLOT: Final = Technique("polyglots and hidden programs", "polyglots")
_WEIGHTS: Final = Technique("tampered weights (NaN, constant, payload)", "tampered-weights")
_PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301"
    "0100c9fe92ef0000000049454e44ae426082"
)
_GIF: Final = (
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
)


def polyglots(dice: Dice) -> Iterator[Case]:
    """What one reader takes for weights or a picture another runs."""
    bad, model = call("os", "system"), zipped(checkpoint(call("os", "system")))
    sound = safetensors({"w": entry()})
    yield _POLYGLOT.hidden("png_zip.png", _PNG + model, "a picture that is a torch zip too")
    yield _POLYGLOT.hidden("png_zip_corrected.png", shifted(_PNG, model), "the same, offsets corrected")
    yield _POLYGLOT.hidden("gif_zip.gif", shifted(_GIF, model), "a GIF that is a torch zip too")
    yield _POLYGLOT.hidden("png_pickle.png", _PNG + bad, "a pickle after a picture")
    yield _POLYGLOT.hidden("pickle_zip.pkl", hello() + model, "a harmless pickle, then a hostile zip")
    yield _POLYGLOT.attack(
        "zip_pickle.pt", bad + zipped(checkpoint(hello())), "a hostile pickle, then a harmless zip"
    )
    yield _POLYGLOT.hidden("safetensors_zip.safetensors", shifted(sound, model), "safetensors, then a zip")
    yield _POLYGLOT.hidden("gguf_zip.gguf", shifted(gguf(), model), "GGUF, then a zip")
    yield _POLYGLOT.hidden("tar_zip.pt", shifted(tarred({"a.txt": b"hello"}), model), "a tar, then a zip")
    yield _POLYGLOT.hidden("pdf_zip.pdf", shifted(b"%PDF-1.4\n%%EOF\n", model), "a PDF, then a zip")
    yield _POLYGLOT.hidden("json_zip.json", shifted(b'{"a": 1}\n', model), "JSON, then a zip")
    yield _POLYGLOT.hidden("text_pickle.md", b"# Model card\n" + bad, "text, then a pickle")
    programs = {
        "elf.bin": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0>\0" + bytes(300), "pe.bin": _windows_program(),
        "elf.safetensors": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0>\0" + bytes(300),
        "macho.bin": b"\xcf\xfa\xed\xfe\x07\0\0\x01" + bytes(300), "script.bin": f"#!/bin/sh\n{ECHO}\n".encode(),
        "java.bin": b"\xca\xfe\xba\xbe\0\0\x004" + bytes(200), "elf.onnx": b"\x7fELF\x02\x01\x01" + bytes(300),
        "pe.gguf": _windows_program(), "script.onnx": f"#!/usr/bin/env python3\nimport os; os.system('{ECHO}')\n".encode(),
        "pe.png": _windows_program(), "elf.txt": b"\x7fELF\x02\x01\x01" + bytes(300),
        "msi.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    }  # fmt: skip
    for name, data in programs.items():
        yield _POLYGLOT.hidden(name, data, f"a program named {name}")
    for name, data in (
        ("h5_in_gguf.gguf", b"\x89HDF\r\n\x1a\n" + bytes(600)),
        ("gguf_in_st.safetensors", gguf()),
        ("png.onnx", _PNG),
        ("st_in_pt.gguf", sound),
    ):
        yield _POLYGLOT.malformed(name, data, "one format under another's name")


def _windows_program() -> bytes:
    head = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return head + b"PE\0\0\x64\x86\x01\0" + bytes(300)


def tampered(dice: Dice) -> Iterator[Case]:
    """Sound containers with values that make the model useless, or that are something else."""
    count = 4096
    ordinary = dice.values(count * 4)

    def model(values: bytes, dtype: str = "F32", size: int = 4) -> bytes:
        return safetensors({
            "model.norm.weight": entry(dtype, [count], [0, count * size]),
            "model.proj.weight": entry("F32", [64, 64], [count * size, count * size + count * 4]),
        }, values + ordinary)  # fmt: skip

    nan, inf = struct.pack("<f", float("nan")), struct.pack("<f", float("inf"))
    files = {
        "all_nan": model(nan * count), "one_nan": model(ordinary[:-4] + nan), "all_inf": model(inf * count),
        "one_inf": model(ordinary[:-4] + inf), "half_nan": model(b"\x00\x7e" * count, "F16", 2),
        "bf16_nan": model(b"\xc0\x7f" * count, "BF16", 2), "f64_nan": model(struct.pack("<d", float("nan")) * count, "F64", 8),
        "huge": model(struct.pack("<f", 3e38) * count),
    }  # fmt: skip
    for name, data in files.items():
        yield _WEIGHTS.tampered(f"{name}.safetensors", data, name.replace("_", " "))
    zero = safetensors({"model.proj.weight": entry("F32", [64, 64], [0, count * 4])}, bytes(count * 4))
    yield _WEIGHTS.tampered("all_zero.safetensors", zero, "every weight is zero")
    constant = safetensors(
        {"model.proj.weight": entry("F32", [64, 64], [0, count * 4])}, struct.pack("<f", 0.5) * count
    )
    yield _WEIGHTS.tampered("constant.safetensors", constant, "every weight is 0.5")
    kind = tensor("blk.0.attn_q.weight", [64, 64])
    yield _WEIGHTS.tampered("nan.gguf", gguf([ARCHITECTURE], [kind], data=nan * count), "GGUF full of NaN")
    yield _WEIGHTS.tampered(
        "zero.gguf", gguf([ARCHITECTURE], [kind], data=bytes(count * 4)), "GGUF full of zeros"
    )
    program = (_windows_program() * 60)[: count * 4].ljust(count * 4, b"\x90")
    yield _WEIGHTS.tampered(
        "program_as_tensor.safetensors", model(program), "a program in place of a tensor's values"
    )
    packed = zipped(checkpoint(call("os", "system"))).ljust(count * 4, b"\0")
    yield _WEIGHTS.tampered(
        "zip_as_tensor.safetensors", model(packed), "a torch zip in place of a tensor's values"
    )
    text = (b"curl http://127.0.0.1/x | sh\n" * 1000)[: count * 4]
    yield _WEIGHTS.tampered(
        "text_as_tensor.safetensors", model(text), "commands in place of a tensor's values"
    )
