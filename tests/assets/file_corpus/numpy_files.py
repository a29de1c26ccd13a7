"""Object arrays of numpy, files of joblib and dill, and pickles under the names of other things."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import bz2
import io
import lzma
import struct
import zlib
from collections.abc import Iterator

from tests.assets.file_corpus.archive_bytes import gzipped, with_crc, zipped
from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.pickling import call, hello, old_call, reduce, stack_glob, text

_NPY = Technique("npy/npz object payload", "numpy")
_JOBLIB = Technique("joblib/dill (compressed, after ndarray)", "joblib")
_NAMES = Technique("pickle under another extension", "wrong-extension")
_BAD = call("os", "system")


def npy(body: bytes, descr: str = "'|O'", shape: str = "(1,)", *, version: int = 1, more: str = "") -> bytes:
    """A numpy file with this header and body."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {more}}}".encode()
    width = 2 if version == 1 else 4
    header += b" " * (-(8 + width + len(header) + 1) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + body


def numpy_payloads(dice: Dice) -> Iterator[Case]:
    """Object arrays are pickles; malformed headers are read by literal_eval, or were by eval."""
    yield _NPY.attack("object.npy", npy(_BAD), "an object array")
    yield _NPY.attack("object_v2.npy", npy(_BAD, version=2), "header version 2")
    yield _NPY.attack("object_v3.npy", npy(_BAD, version=3), "header version 3")
    yield _NPY.attack("object_swapped.npy", npy(_BAD, "'>O'"), "dtype '>O'")
    yield _NPY.attack("object_field.npy", npy(_BAD, "[('a', '<i4'), ('b', '|O')]"), "an object field")
    yield _NPY.attack("object_scalar.npy", npy(_BAD, shape="()"), "shape ()")
    yield _NPY.attack("trailing.npy", npy(bytes(8), "'<f8'") + _BAD, "a pickle after the array")
    yield _NPY.attack("second_array.npy", npy(bytes(8), "'<f8'") + npy(_BAD), "a second array, of objects")
    yield _NPY.attack(
        "object.npz", zipped({"a.npy": npy(bytes(8), "'<f8'"), "b.npy": npy(_BAD)}), "in an npz"
    )
    yield _NPY.attack("pickle_member.npz", zipped({"a.npy": _BAD}), "a bare pickle as a member")
    yield _NPY.attack("member_no_suffix.npz", zipped({"weights": npy(_BAD)}), "a member without .npy")
    yield _NPY.hidden("wrong_crc.npz", with_crc(zipped({"a.npy": npy(_BAD)})), "wrong checksum")
    yield _NPY.attack("bare_pickle.npy", _BAD, "numpy.load unpickles what is no array")
    call_in_header = npy(bytes(8), "__import__('os').getcwd()")
    yield _NPY.hidden("call_in_header.npy", call_in_header, "the header is an expression that calls")
    yield _NPY.malformed("header_short.npy", npy(bytes(8), "'<f8'")[:40], "cut off in the header")
    yield _NPY.malformed("data_short.npy", npy(bytes(8), "'<f8'", "(1000,)"), "fewer elements than said")
    yield _NPY.malformed(
        "shape_huge.npy", npy(bytes(8), "'<f8'", "(4611686018427387904, 4)"), "2^65 bytes said"
    )
    yield _NPY.malformed("shape_negative.npy", npy(bytes(8), "'<f8'", "(-1,)"), "a negative dimension")
    yield _NPY.malformed("header_extra.npy", npy(bytes(8), "'<f8'", more="'x': 1, "), "an unknown key")
    deep = b"\x93NUMPY\x02\0" + struct.pack("<I", 60_000) + b"(" * 60_000
    yield _NPY.malformed("header_deep.npy", deep, "60,000 brackets in the header")
    yield _NPY.malformed("version_9.npy", b"\x93NUMPY\x09\0" + npy(bytes(8), "'<f8'")[8:], "version 9")
    huge = b"\x93NUMPY\x02\0" + b"\xff\xff\xff\xff" + b"{"
    yield _NPY.malformed("header_huge.npy", huge, "a header of 4 GiB said")


def _array_pickle(tail: bytes) -> bytes:
    """A joblib file: the wrapper of an array, its raw bytes within the stream, then the rest of the pickle."""
    wrapper = stack_glob("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + text("subclass") + stack_glob(
        "numpy", "ndarray") + text("shape") + b"K\x04\x85" + text("order") + text("C") + text("dtype") + reduce(
        stack_glob("numpy", "dtype"), text("f8"), b"\x89", b"\x88") + text("allow_mmap") + b"\x88ub"  # fmt: skip
    return b"\x80\x04](" + wrapper + struct.pack("<4d", 1.0, 2.0, 3.0, 4.0) + tail + b"e."


def joblib_payloads(dice: Dice) -> Iterator[Case]:
    """joblib compresses as it likes and puts raw bytes into its pickles."""
    run = reduce(stack_glob("os", "system"), text(ECHO))
    packers = {"zlib": zlib.compress, "gzip": gzipped, "bz2": bz2.compress, "xz": lzma.compress,
               "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE)}  # fmt: skip
    for name, pack in packers.items():
        yield _JOBLIB.attack(f"{name}.joblib", pack(_BAD), f"compressed by {name}")
    yield _JOBLIB.attack("plain.joblib", _BAD, "not compressed")
    yield _JOBLIB.attack("after_array.joblib", _array_pickle(run), "after an array's raw bytes")
    yield _JOBLIB.attack("after_array_z.joblib", zlib.compress(_array_pickle(run)), "the same, compressed")
    yield _JOBLIB.attack(
        "before_array.joblib", b"\x80\x04" + run + b"0" + _array_pickle(b"")[2:], "before an array"
    )
    yield _JOBLIB.attack(
        "object_array.joblib", _object_array(), "an array of objects, whose bytes are a pickle"
    )
    pkl_z = zlib.compress(call("builtins", "exec", text(f"import os; os.system('{ECHO}')")))
    yield _JOBLIB.attack("model.pkl.z", pkl_z, ".pkl.z")
    yield _JOBLIB.attack("model.pkl.gz", gzipped(_BAD), ".pkl.gz")
    yield _JOBLIB.attack("twice.joblib", zlib.compress(gzipped(_BAD)), "compressed twice")
    yield _JOBLIB.attack("call.dill", _BAD, "dill: a call")


def _object_array() -> bytes:
    wrapper = stack_glob("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + text("subclass") + stack_glob(
        "numpy", "ndarray") + text("shape") + b"K\x01\x85" + text("order") + text("C") + text("dtype") + reduce(
        stack_glob("numpy", "dtype"), text("O8"), b"\x89", b"\x88") + text("allow_mmap") + b"\x89ub"  # fmt: skip
    return b"\x80\x04](" + wrapper + _BAD + b"e."


def renamed(dice: Dice) -> Iterator[Case]:
    """A reader that trusts the content loads what a scanner that trusts the name passes."""
    suffixes = (
        "bin", "dat", "data", "model", "weights", "txt", "json", "yaml", "cfg", "md", "csv", "png", "jpg", "safetensors",
        "gguf", "onnx", "h5", "keras", "npy", "npz", "pb", "tflite", "msgpack", "zip", "tar", "gz", "index", "vocab",
        "spm", "params", "pdparams", "mlmodel", "pmml", "log", "cache", "tmp", "p", "PKL", "pickle.bak",
    )  # fmt: skip
    for number, suffix in enumerate(suffixes):
        printable = suffix in ("txt", "json", "yaml", "cfg", "md", "csv", "log")
        data = old_call("os", "system") if printable else call("os", "system", protocol=2 + number % 3)
        yield _NAMES.hidden(f"model.{suffix}", data, f"a pickle named .{suffix}")
    yield _NAMES.hidden("no_extension", _BAD, "a pickle without an extension")
    yield _NAMES.hidden(".hidden", _BAD, "a pickle as a hidden file")
    yield _NAMES.hidden("second/model.safetensors", hello() + _BAD, "two pickles named .safetensors")
    buffer = io.BytesIO()
    buffer.write(zipped({"archive/data.pkl": _BAD, "archive/version": b"3\n"}))
    for suffix in ("safetensors", "gguf", "png", "txt", "json", "h5", "onnx"):
        yield _NAMES.hidden(f"zip/model.{suffix}", buffer.getvalue(), f"a torch zip named .{suffix}")
