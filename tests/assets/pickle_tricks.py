"""Pickles written instruction by instruction that hide what they do, and honest ones that look alike; never loaded."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Final

from tests.assets.archives import zip_bytes
from tests.assets.pickle_cases import ECHO, calling, npy_bytes, short, with_constant

ENCODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "hex": binascii.hexlify,
    "upper_hex": lambda data: binascii.hexlify(data).upper(),
    "escaped_hex": lambda data: b"".join(b"\\x%02x" % byte for byte in data),
    "base64": base64.b64encode,
    "base64_lines": base64.encodebytes,
    "base64_of_urls": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "base32": base64.b32encode,
    "base85": base64.b85encode,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "raw": lambda data: data,
}


def name(module: str, attribute: str) -> bytes:
    """STACK_GLOBAL with its strings."""
    return short(module) + short(attribute) + b"\x93"


def calls(module: str, attribute: str, *args: bytes) -> bytes:
    """A pickle that calls it with what these instructions leave on the stack."""
    return b"\x80\x04" + name(module, attribute) + b"(" + b"".join(args) + b"tR."


def hidden_attacks() -> dict[str, tuple[bytes, str]]:
    """Name of the trick to (bytes, the path that gives it away)."""
    body = calling("os", "system")[2:]
    echo = short(ECHO)
    return {
        "signs_and_underscores_in_numbers": (b"S'os'\np+0\n0S'system'\np1_0\n0g0\ng 10\n\x93(S'echo'\ntR.", "os.system"),
        "numbers_of_other_bases": (b"I0x10\n0I010\n0L0x1L\n0" + calling("os", "system", protocol=0), "os.system"),
        "unicode_escapes": (b"V\\u006fs\nV\\u0073ystem\n\x93(S'echo'\ntR.", "os.system"),
        "string_escapes": (b"S'\\x6fs'\nS'\\x73ystem'\n\x93(S'echo'\ntR.", "os.system"),
        "protocol_of_tomorrow": (b"\x80\x06" + body, "os.system"),
        "protocol_in_the_middle": (b"\x80\x04N0\x80\x63" + body, "os.system"),
        "frame_that_is_too_long": (b"\x80\x04\x95" + (2**40).to_bytes(8, "little") + body, "os.system"),
        "frame_that_is_too_short": (b"\x80\x04\x95" + (2).to_bytes(8, "little") + body, "os.system"),
        "frame_in_a_call": (b"\x80\x04" + short("os") + b"\x95" + bytes(8) + short("system") + b"\x93" + echo + b"\x85R.", "os.system"),
        "length_below_zero": (b"\x80\x02\x8b\xff\xff\xff\xff" + body, "os.system"),
        "memo_number_of_two_billion": (b"\x80\x04Nr\xff\xff\xff\x7f0" + body, "os.system"),
        "line_of_two_mebibytes": (b"S'" + b"a" * (2 << 20) + b"'\n0" + calling("os", "system", protocol=0), "os.system"),
        "dropped_to_a_mark": (b"\x80\x04(" + body[:-1] + b"1N.", "os.system"),
        "names_as_bytes": (b"\x80\x04C\x02osC\x06system\x93" + echo + b"\x85R.", "computed"),
        "letters_that_look_alike": (calling("ｏｓ", "ｓystem"), "uff"),
        "dictionary_of_a_module": (b"\x80\x04" + name("torch", "__dict__") + b".", "torch.__dict__"),
        "module_through_another": (b"\x80\x04" + name("torch.serialization", "os") + b".", "torch.serialization.os"),
        "attribute_of_what_is_imported": (b"\x80\x04" + name("torch.nn", "Linear") + b"}" + short("forward") + name("torch.nn.functional", "relu") + b"sb0N.", "torch.nn.Linear"),
        "item_of_what_is_imported": (b"\x80\x02cwarnings\nfilters\n(Natu.", "warnings.filters"),
        "item_appended_to_what_is_imported": (b"\x80\x04" + name("torch.nn", "Linear") + b"Na.", "torch.nn.Linear"),
        "setstate_of_an_instance": (b"\x80\x04" + name("torch.nn", "Module") + b")\x81}" + short("__setstate__") + name("torch.nn.functional", "relu") + b"sb" + echo + b"b.", "torch.nn.functional.relu"),
        "machinery_by_getattr": (calls("builtins", "getattr", name("torch.nn", "Linear"), short("__init__")), "builtins.getattr"),
        "method_of_what_getattr_reached": (calls("builtins", "getattr", name("torch", "hub"), short("load"))[:-1] + echo + b"\x85R.", "torch.hub.load"),
        "bound_method_called": (calls("builtins", "getattr", b"]", short("append"))[:-1] + b"N\x85R.", "what another call returned"),
        "attribute_name_computed": (calls("builtins", "getattr", name("torch.nn", "Linear"), name("builtins", "str") + b")R"), "builtins.getattr"),
        "partial_called": (calls("functools", "partial", name("torch.nn.functional", "relu"))[:-1] + b")R.", "what another call returned"),
        "function_handed_to_a_caller": (calls("numpy.random._pickle", "__generator_ctor", echo, name("torch.nn.functional", "relu")), "torch.nn.functional.relu"),
        "ufunc_that_is_none": (calls("numpy.core", "_ufunc_reconstruct", short("os"), short("system")), "os.system"),
        "text_turned_by_thirteen": (calls("_codecs", "encode", short("flfgrz"), short("rot13")), "_codecs.encode"),
        "class_out_of_parts": (calls("builtins", "type", short("X"), name("builtins", "object") + b"\x85", b"}"), "builtins.type"),
        "terabyte_of_memory": (calls("builtins", "bytearray", b"\x8a\x06\0\0\0\0\0\x10"), "builtins.bytearray"),
        "tensor_that_is_none": (calls("torch.storage", "_load_from_bytes", echo), "torch.storage._load_from_bytes"),
        "tensor_that_is_a_pickle": (calls("torch.storage", "_load_from_bytes", with_constant(calling("os", "system"))[2:-1]), "os.system"),
        "type_of_code_by_dill": (calls("dill._dill", "_load_type", short("CodeType")), "dill._dill._load_type"),
        "many_arguments": (calls("torch.nn.functional", "relu", echo * 40), "torch.nn.functional.relu"),
        "two_thousand_decoys": (b"\x80\x04" + b"".join(b"C\x10\x80\x04NNNNNNN0000000" + b"0" for _ in range(2000)) + with_constant(calling("os", "system"))[2:], "os.system"),
        "behind_a_header": (with_constant(b"MAGIC123" + calling("os", "system")), "os.system"),
        "in_letters_that_stand_for_bytes": (b"\x80\x02X" + _counted(calling("os", "system", protocol=2).decode("latin-1").encode()) + b".", "os.system"),
        "in_a_constant_longer_than_is_held": (with_constant(b"\x80\x04B" + struct.pack("<I", 2 << 20) + bytes(2 << 20) + b"0" + body), "os.system"),
        "in_a_constant_in_a_constant": (with_constant(with_constant(with_constant(calling("os", "system")))), "os.system"),
        "after_many_streams": (b"\x80\x04N." * 2000 + calling("os", "system"), "os.system"),
    }  # fmt: skip


def _counted(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def hidden_files() -> dict[str, bytes]:
    """Files that hold `os.system` where a reader of pickles by their names does not look."""
    system = calling("os", "system")
    return {
        "behind_zeros.dat": bytes(8) + system,
        "behind_a_picture.bin": b"\x89PNG\r\n\x1a\n" + bytes(30) + system,
        "at_the_end.bin": bytes(range(1, 256)) * 600 + system,
        "zlib.dat": zlib.compress(system),
        "lzma.bin": lzma.compress(system, lzma.FORMAT_ALONE),
        "zfile.joblib": b"ZF" + hex(len(system)).ljust(19).encode() + zlib.compress(system),
        "twice.joblib": gzip.compress(gzip.compress(system)),
        "second_array.npy": npy_bytes(bytes(4), "'<f4'") + npy_bytes(system),
        "array_of_bytes.npy": npy_bytes(system.ljust(256, b"\0"), "'|V256'"),
        "behind_an_array.npy": npy_bytes(bytes(4), "'<f4'") + system,
        "table_of_types.npy": npy_bytes(system, "{'names': ['a'], 'formats': ['O']}"),
        "type_of_two.npy": npy_bytes(system, "'i4,O'"),
        "storage.pt": zip_bytes({"a/data.pkl": b"\x80\x02}.", "a/data/0": system}),
    }


def honest_lookalikes() -> dict[str, bytes]:
    """What training scripts write that resembles an attack; plain data all of it."""
    dtype = name("numpy", "dtype") + short("f4") + b"\x85R"
    return {
        "latin_bytes": calls("_codecs", "encode", short("é"), short("latin1")),
        "type_of_none": calls("builtins", "type", b"N"),
        "ufunc": b"\x80\x04" + name("numpy", "dtype") + b"0N.",
        "scary_keys": b"\x80\x04}(" + b"".join(short(f"__{key}__") + dtype for key in ("import", "reduce", "init")) + b"u.",
        "scary_words": b"\x80\x04](" + short("os.system('rm')") + short("cos\nsystem\n") + short("gASVfoo" + "x" * 30) + b"e.",
        "path_and_date": b"\x80\x04(" + name("pathlib", "PosixPath") + short("/x") + b"\x85R" + name("datetime", "timedelta") + b"K\x01\x85Rt.",
        "settings": b"\x80\x04" + name("argparse", "Namespace") + b")\x81}" + short("rate") + b"K\x01sb.",
        "inner_pickle": with_constant(b"\x80\x04}" + short("a") + b"K\x01s."),
        "million_numbers": b"\x80\x04](" + b"G" + bytes(8) + b"K\x01" * 500_000 + b"e.",
    }  # fmt: skip


def honest_objects() -> dict[str, bytes]:
    """What needs a class or function of a library, for a person to see."""
    return {
        "enumeration": calls("builtins", "getattr", name("transformers.trainer_utils", "IntervalStrategy"), short("NO")),
        "activation": b"\x80\x04}" + short("act") + name("torch.nn.functional", "gelu") + b"s.",
        "optimizer_prepared": calls("functools", "partial", name("torch.optim.adam", "Adam")),
        "factory": calls("collections", "defaultdict", name("train", "make_row")),
        "nested_class": calls("builtins", "getattr", name("shop", "Cart"), short("Item"))[:-1] + b")\x81.",
        "method_of_text": calls("builtins", "getattr", name("builtins", "str"), short("lower")),
        "tree": calls("sklearn.neighbors._kd_tree", "newObj", name("sklearn.neighbors._kd_tree", "KDTree")),
        "column_type": calls("pyarrow.lib", "type_for_alias", short("string")),
        "index": calls("pandas.core.indexes.base", "_new_Index", name("pandas", "RangeIndex"), b"}"),
        "type_by_dill": calls("dill._dill", "_load_type", short("OrderedDict")),
        "library_nobody_knows": calls("acme.models", "assemble", short("model")),
        "union_of_types": calls("functools", "reduce", name("operator", "or_"), name("builtins", "int") + name("builtins", "str") + b"\x86"),
    }  # fmt: skip
