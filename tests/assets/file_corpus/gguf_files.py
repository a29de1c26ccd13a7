"""GGUF files that are malformed, exhaust a reader, or carry a hostile chat template."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.pickling import call
from tests.assets.file_corpus.template_texts import ESCAPES, HONEST, INJECTIONS, LOOPS
from tests.assets.gguf_cases import gguf_bytes
from tests.assets.gguf_cases import gguf_key as entry
from tests.assets.gguf_cases import gguf_string as string

_MALFORMED = Technique("GGUF malformed (counts, dims, offsets, metadata)", "gguf-malformed")
_TEMPLATE = Technique("GGUF template SSTI, DoS, injection", "gguf-template")

_U32, _BOOL, _STRING, _ARRAY, _U64 = 4, 7, 8, 9, 10


def array(kind: int, count: int, values: bytes) -> bytes:
    """The value of an array entry."""
    return struct.pack("<IQ", kind, count) + values


def tensor(
    name: str | bytes = "w",
    shape: Sequence[int] = (8,),
    kind: int = 0,
    offset: int = 0,
    dims: int | None = None,
) -> bytes:
    """One line of the tensor list."""
    count = len(shape) if dims is None else dims
    return string(name) + struct.pack(f"<I{len(shape)}Q", count, *shape) + struct.pack("<IQ", kind, offset)


ARCHITECTURE = entry("general.architecture", _STRING, string("llama"))


def gguf(
    entries: Sequence[bytes] = (ARCHITECTURE,),
    tensors: Sequence[bytes] = (tensor(),),
    *,
    data: bytes | None = None,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    """A file of these parts; counts are (tensors, entries)."""
    values = struct.pack("<8f", 0.1, -0.2, 0.3, 0.05, 0.01, -0.3, 0.2, 0.11) if data is None else data
    return gguf_bytes(entries, tensors, values, version=version, counts=counts, alignment=alignment)


def with_template(text: str, key: str = "tokenizer.chat_template") -> bytes:
    """A small file with this chat template."""
    return gguf([ARCHITECTURE, entry(key, _STRING, string(text))])


def malformed(dice: Dice) -> Iterator[Case]:
    """What crashed readers of GGUF, or would make them read or allocate beyond the file."""
    key, good = ARCHITECTURE, gguf()
    deep = array(_STRING, 1, string("x"))
    for _ in range(2000):
        deep = array(_ARRAY, 1, deep)
    align = lambda value: gguf([key, entry("general.alignment", _U32, struct.pack("<I", value))])  # noqa: E731
    files = {
        "magic": b"GGML" + good[4:], "version_0": gguf(version=0), "version_99": gguf(version=99),
        "big_endian_version": gguf(version=0x03000000), "empty": b"", "only_magic": b"GGUF",
        "tensor_count_huge": gguf(counts=(1 << 62, 1)), "entry_count_huge": gguf(counts=(1, 1 << 62)),
        "tensor_count_more": gguf(counts=(3, 1)), "entry_count_more": gguf(counts=(1, 9)),
        "count_minus": gguf(counts=((1 << 64) - 1, 1)),
        "key_length_huge": gguf([string(b"k", length=1 << 60) + struct.pack("<I", _U32) + bytes(4)]),
        "string_length_huge": gguf([key, entry("x", _STRING, string(b"ab", length=1 << 60))]),
        "string_length_wraps": gguf([key, entry("x", _STRING, string(b"ab", length=(1 << 64) - 1))]),
        "array_count_huge": gguf([key, entry("x", _ARRAY, array(_U32, 1 << 60, bytes(8)))]),
        "array_count_wraps": gguf([key, entry("x", _ARRAY, array(_U64, (1 << 61) + 1, bytes(8)))]),
        "array_deep": gguf([key, entry("x", _ARRAY, deep)]),
        "array_type_unknown": gguf([key, entry("x", _ARRAY, array(77, 1, bytes(8)))]),
        "value_type_unknown": gguf([key, entry("x", 77, bytes(8))]),
        "bool_7": gguf([key, entry("x", _BOOL, b"\x07")]),
        "double_key": gguf([key, key]), "double_tensor": gguf(tensors=[tensor(), tensor(offset=32)], data=bytes(64)),
        "empty_key": gguf([key, entry("", _U32, bytes(4))]), "key_bad_utf8": gguf([key, entry(b"\xff\xfe", _U32, bytes(4))]),
        "alignment_0": align(0), "alignment_3": align(3), "alignment_huge": align(1 << 31),
        "dims_0xffffffff": gguf(tensors=[tensor(dims=0xFFFFFFFF)]), "dims_9": gguf(tensors=[tensor(shape=[1] * 9)]),
        "dimension_huge": gguf(tensors=[tensor(shape=[1 << 62])]),
        "dimension_minus": gguf(tensors=[tensor(shape=[(1 << 64) - 8])]),
        "dimensions_overflow": gguf(tensors=[tensor(shape=[1 << 32, 1 << 32])]),
        "dimensions_overflow_small": gguf(tensors=[tensor(shape=[1 << 31, 1 << 31, 4, 2])]),
        "tensor_type_unknown": gguf(tensors=[tensor(kind=200)]),
        "tensor_type_removed": gguf(tensors=[tensor(kind=4)]),
        "block_not_whole": gguf(tensors=[tensor(shape=[8], kind=2)]),
        "offset_beyond": gguf(tensors=[tensor(offset=1 << 40)]),
        "offset_wraps": gguf(tensors=[tensor(offset=(1 << 64) - 32)]),
        "offset_odd": gguf(tensors=[tensor(offset=5)], data=bytes(64)),
        "overlap": gguf(tensors=[tensor(), tensor("v")]),
        "truncated_data": gguf(tensors=[tensor(shape=[4096])]), "truncated_header": good[:30],
        "trailing_pickle": good + call("os", "system"), "trailing_noise": good + dice.random.randbytes(999),
        "name_65": gguf(tensors=[tensor("w" * 65)]), "name_bad_utf8": gguf(tensors=[tensor(b"\xff\xfe")]),
        "noise": b"GGUF" + dice.random.randbytes(500),
    }  # fmt: skip
    for name, data in files.items():
        yield _MALFORMED.malformed(f"{name}.gguf", data, name.replace("_", " "))


def templates(dice: Dice) -> Iterator[Case]:
    """The chat template of a GGUF file is a program that a server runs."""
    for name, text in list(ESCAPES.items())[:8]:
        yield _TEMPLATE.attack(f"{name}.gguf", with_template(text), f"template: {name}")
    named = with_template(ESCAPES["lipsum_globals"], "tokenizer.chat_template.tool_use")
    yield _TEMPLATE.attack("tool_use.gguf", named, "in the template named tool_use")
    both = [ARCHITECTURE, entry("tokenizer.chat_template", _STRING, string(HONEST["chatml"])),
            entry("tokenizer.chat_template.rag", _STRING, string(ESCAPES["cycler_globals"]))]  # fmt: skip
    yield _TEMPLATE.attack("second_template.gguf", gguf(both), "the first template is honest, the second not")
    for name, text in list(LOOPS.items())[:3]:
        yield _TEMPLATE.attack(f"{name}.gguf", with_template(text), f"template: {name}")
    for name, text in list(INJECTIONS.items())[:4]:
        yield _TEMPLATE.attack(f"{name}.gguf", with_template(text), f"template: {name}")
    yield _TEMPLATE.malformed(
        "syntax.gguf", with_template("{% for m in messages %}{{ m }"), "a template nobody can read"
    )
    long = HONEST["chatml"] + "{# " + "x" * 400_000 + " #}" + ESCAPES["lipsum_globals"]
    yield _TEMPLATE.attack("long.gguf", with_template(long), "an escape after 400 kB of comment")
