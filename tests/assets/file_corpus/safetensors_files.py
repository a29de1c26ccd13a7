"""Safetensors that break the format's rules: what the reference reader rejects, and what it lets pass."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
import struct
from collections.abc import Iterator

from tests.assets.file_corpus.archive_bytes import zipped
from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.pickling import call

_ST = Technique("safetensors malformed", "safetensors")
_INDEX = Technique("safetensors shard index", "safetensors-index")
_VALUES = struct.pack("<2f", 0.25, -0.5)


def safetensors(header: object, data: bytes = _VALUES, *, length: int | None = None) -> bytes:
    """A file of this header: a value, or bytes as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(
    dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8), **more: object
) -> dict[str, object]:
    """One tensor's entry."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


def malformed(dice: Dice) -> Iterator[Case]:
    """One fault each."""
    good = json.dumps({"w": entry()}).encode()
    one = '"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    two = lambda a, b: {"w": entry(offsets=a), "v": entry(offsets=b)}  # noqa: E731
    headers: dict[str, object] = {
        "bom": b"\xef\xbb\xbf" + good, "leading_space": b" " + good, "leading_newline": b"\n" + good,
        "list": b"[]", "text": b'"hello"', "comment": b"// x\n" + good, "bad_utf8": good.replace(b"w", b"\xff"),
        "control": good.replace(b'"w"', b'"w\x01"'), "surrogate": good.replace(b'"w"', b'"\\udc00"'),
        "garbage_after": good + b"!", "two_objects": good + good, "newline_padding": good + b"\n\n\n",
        "tab_padding": good + b"\t\t", "nul_padding": good + bytes(8), "nan": f'{{{one[:-1]},"x":NaN}}}}'.encode(),
        "shape_nan": {"w": entry(shape=[float("nan")])}, "infinity": {"w": entry(offsets=[0, float("inf")])},
        "single_quotes": good.replace(b'"', b"'"), "cut_off": good[:-2], "nested": b'{"w":' * 50 + b"1" + b"}" * 50,
        "nested_deep": b'{"w":' * 100_000 + b"1" + b"}" * 100_000, "trailing_comma": good[:-1] + b",}",
        "double_tensor": f"{{{one},{one}}}".encode(),
        "double_escaped": f"{{{one},{one}}}".encode().replace(b'"w"', b'"\\u0077"', 1),
        "double_metadata": f'{{"__metadata__":{{}},"__metadata__":{{"a":"b"}},{one}}}'.encode(),
        "double_in_metadata": f'{{"__metadata__":{{"a":"1","a":"2"}},{one}}}'.encode(),
        "double_field": f'{{{one[:-1]},"shape":[2]}}}}'.encode(),
        "metadata_null": f'{{"__metadata__":null,{one}}}'.encode(),
        "metadata_list": {"__metadata__": ["a"], "w": entry()}, "metadata_text": {"__metadata__": "a", "w": entry()},
        "metadata_number": {"__metadata__": {"a": 1}, "w": entry()},
        "metadata_nested": {"__metadata__": {"a": {"b": "c"}}, "w": entry()},
        "entry_null": {"w": None}, "entry_number": {"w": 5}, "no_dtype": {"w": {"shape": [2], "data_offsets": [0, 8]}},
        "no_offsets": {"w": {"dtype": "F32", "shape": [2]}}, "extra_field": {"w": entry(requires_grad=True)},
        "dtype_unknown": {"w": entry("F31")}, "dtype_lower": {"w": entry("f32")}, "dtype_number": {"w": entry(4)},
        "shape_negative": {"w": entry(shape=[-2])}, "shape_float": {"w": entry(shape=[2.0])},
        "shape_bool": {"w": entry(shape=[True, 2])}, "shape_text": {"w": entry(shape=["2"])},
        "shape_number": {"w": entry(shape=2)}, "shape_u64": {"w": entry(shape=[1 << 64])},
        "shape_overflow": {"w": entry(shape=[1 << 32, 1 << 32, 2])},
        "offsets_reversed": {"w": entry(offsets=[8, 0])}, "offsets_one": {"w": entry(offsets=[8])},
        "offsets_three": {"w": entry(offsets=[0, 4, 8])}, "offsets_text": {"w": entry(offsets=["0", "8"])},
        "offsets_float": b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,0.8e1]}}',
        "offsets_negative": {"w": entry(offsets=[-8, 0])}, "offsets_beyond": {"w": entry(offsets=[0, 800])},
        "bytes_fewer": {"w": entry(shape=[3])}, "bytes_more": {"w": entry(shape=[1])},
        "starts_late": {"w": entry(shape=[1], offsets=[4, 8])},
    }  # fmt: skip
    for name, header in headers.items():
        yield _ST.malformed(f"{name}.safetensors", safetensors(header), name.replace("_", " "))
    files = {
        "empty": b"", "seven_bytes": bytes(7), "length_0": safetensors(b"", length=0), "length_1": safetensors(b"{", length=1),
        "length_huge": safetensors(good, length=1 << 62), "length_limit": safetensors(good, length=100_000_001),
        "length_more": safetensors(good, length=5000), "big_endian": struct.pack(">Q", len(good)) + good + _VALUES,
        "overlap": safetensors(two([0, 8], [4, 12]), bytes(12)), "hole": safetensors(two([0, 8], [12, 20]), bytes(20)),
        "same_range": safetensors(two([0, 8], [0, 8])), "truncated": safetensors(good, bytes(5)),
        "trailing_noise": safetensors(good) + dice.random.randbytes(77), "trailing_pickle": safetensors(good) + call("os", "system"),
        "trailing_zip": safetensors(good) + zipped({"data.pkl": call("os", "system")}),
        "trailing_zeros": safetensors(good) + bytes(4096), "no_tensors_data": safetensors({}, bytes(64)),
        "sub_byte": safetensors({"w": entry("F4", [3], [0, 2])}, bytes(2)), "noise": dice.random.randbytes(3000),
        "html": b"<!DOCTYPE html><html><body>404</body></html>", "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }  # fmt: skip
    for name, data in files.items():
        yield _ST.malformed(f"{name}.safetensors", data, name.replace("_", " "))
    yield _ST.hidden(
        "trailing_pickle_holes.safetensors", safetensors(good) + bytes(64) + call("os", "system"), "later"
    )


def index(dice: Dice) -> Iterator[Case]:
    """The index names files: outside the folder, absent, or with other tensors than said."""
    shard = safetensors({"w": entry()})

    def made(weights: dict[str, object], total: int = 8) -> bytes:
        return json.dumps({"metadata": {"total_size": total}, "weight_map": weights}).encode()

    one = "model-00001-of-00001.safetensors"
    for name, target in (("up", "../../../etc/passwd"), ("absolute", "/etc/passwd"), ("url", "http://127.0.0.1/w"),
                         ("inner", "a/../../x.safetensors"), ("backslash", "..\\x.safetensors")):  # fmt: skip
        yield _INDEX.hidden(
            f"{name}/model.safetensors.index.json", made({"w": target}), f"a shard at {target}"
        )
    pickled = {"pytorch_model.bin.index.json": made({"w": "../../x.bin"})}
    yield _INDEX.hidden("bin_up", pickled, "the index of .bin files names one outside")
    yield _INDEX.malformed(
        "missing", {"model.safetensors.index.json": made({"w": one})}, "the shard is missing"
    )
    name = "model.safetensors.index.json"
    yield _INDEX.malformed(
        "absent_tensor", {name: made({"w": one, "v": one}), one: shard}, "a tensor is not there"
    )
    yield _INDEX.malformed("unlisted", {name: made({}), one: shard}, "the shard's tensor is not in the index")
    yield _INDEX.malformed("not_json", {name: b"{", one: shard}, "the index is no JSON")
    yield _INDEX.malformed("map_list", {name: b'{"weight_map": ["w"]}', one: shard}, "the map is a list")
    double = f'{{"weight_map": {{"w": "{one}", "w": "x.safetensors"}}}}'.encode()
    yield _INDEX.malformed("double", {name: double, one: shard}, "a tensor twice in the index")
