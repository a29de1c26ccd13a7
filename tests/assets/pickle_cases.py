"""Pickles that would run `echo`, need a class, cannot be read, or are none; never loaded."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import gzip
import struct
import zipfile
import zlib

from tests.assets.archives import tar_bytes, zip_bytes

ECHO = "echo weighbridge"


def short(text: str) -> bytes:
    """SHORT_BINUNICODE."""
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def calling(module: str, name: str, argument: str = ECHO, protocol: int = 4) -> bytes:
    """A pickle that would call module.name(argument); never load it."""
    if protocol < 2:
        return f"c{module}\n{name}\n(S'{argument}'\ntR.".encode()
    if protocol < 4:
        return (
            b"\x80\x02"
            + f"c{module}\n{name}\n".encode()
            + b"X"
            + struct.pack("<I", len(argument))
            + argument.encode()
            + b"\x85R."
        )
    return b"\x80\x04" + short(module) + short(name) + b"\x93" + short(argument) + b"\x85R."


def with_constant(data: bytes) -> bytes:
    """A harmless pickle that holds `data` as a byte string."""
    return b"\x80\x04B" + struct.pack("<I", len(data)) + data + b"."


def npy_bytes(payload: bytes, descr: str = "'|O'") -> bytes:
    """A numpy file whose elements are `payload`."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


def _bad_checksum(data: bytes) -> bytes:
    """The same zip with a wrong CRC in both headers, which PyTorch's reader does not mind."""
    broken = bytearray(data)
    broken[14:18] = b"\xde\xad\xbe\xef"
    at = broken.index(b"PK\x01\x02")
    broken[at + 16 : at + 20] = b"\xde\xad\xbe\xef"
    return bytes(broken)


def _marked_encrypted(data: bytes) -> bytes:
    broken = bytearray(data)
    broken[6] |= 1
    broken[broken.index(b"PK\x01\x02") + 8] |= 1
    return bytes(broken)


def _joblib_array_then(payload: bytes) -> bytes:
    """A joblib dump of one array of eight bytes, its stream going on with `payload`."""
    dtype = b"cnumpy\ndtype\n" + short("f8") + b"\x89\x88\x87R"
    state = (
        short("shape")
        + b"K\x01\x85"
        + short("dtype")
        + dtype
        + short("numpy_array_alignment_bytes")
        + b"K\x10"
    )
    wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub"
    return b"\x80\x04" + wrapper + b"\x02\xff\xff" + bytes(8) + payload


def pickle_attacks() -> dict[str, tuple[bytes, str]]:
    """Files that would run code: name to (bytes, the global that gives them away)."""
    system = calling("os", "system")
    torch_member = zip_bytes({"archive/data.pkl": system, "archive/version": b"3\n"})
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    return {
        "proto4.pkl": (system, "os.system"),
        "proto2.pkl": (calling("posix", "system", protocol=2), "posix.system"),
        "proto0.pkl": (calling("os", "system", protocol=0), "os.system"),
        "eval.pickle": (calling("builtins", "eval", "1"), "builtins.eval"),
        "python2.pkl": (calling("__builtin__", "getattr", protocol=2), "__builtin__.getattr"),
        "popen.pth": (calling("subprocess", "Popen"), "subprocess.Popen"),
        "runpy.ckpt": (calling("runpy", "run_path"), "runpy.run_path"),
        "importlib.joblib": (calling("importlib", "import_module"), "importlib.import_module"),
        "hub.pt": (calling("torch.hub", "load"), "torch.hub.load"),
        "stdlib_gadget.pkl": (calling("smtplib", "SMTP"), "smtplib.SMTP"),
        "library_gadget.pkl": (calling("some.library.shell", "run_command"), "some.library.shell.run_command"),
        "dotted.pkl": (calling("torch", "serialization.os.system"), "torch.serialization.os.system"),
        "memo.pkl": (b"\x80\x04" + short("os") + b"q\x07" + b"0" + short("system") + b"q\x090h\x07h\x09\x93" + short(ECHO) + b"\x85R.", "os.system"),
        "duplicated.pkl": (b"\x80\x04" + short("os") + b"2" + b"0" + short("system") + b"\x93" + short(ECHO) + b"\x85R.", "os.system"),
        "inst.pkl": (b"(S'" + ECHO.encode() + b"'\nios\nsystem\n.", "os.system"),
        "obj.pkl": (b"(cos\nsystem\nS'" + ECHO.encode() + b"'\no.", "os.system"),
        "extension_code.pkl": (b"\x80\x02\x82\x07)R.", "extension code 7"),
        "computed_name.pkl": (b"\x80\x04" + short("os") + b"N\x93.", "(computed while loading)"),
        "second_stream.pkl": (b"\x80\x04N." + system, "os.system"),
        "broken_after.pkl": (system[:-1] + b"\xff\xff", "os.system"),
        "cut_off.pkl": (system[:-1], "os.system"),
        "long_before.pkl": (b"\x80\x04" + b"N0" * 50_000 + system[2:], "os.system"),
        "nested.pkl": (with_constant(calling("os", "system", protocol=2)), "os.system"),
        "nested_base64.pkl": (with_constant(base64.b64encode(system)), "os.system"),
        "nested_hex.pkl": (with_constant(system.hex().encode()), "os.system"),
        "torch.pt": (torch_member, "os.system"),
        "bad_checksum.pt": (_bad_checksum(torch_member), "os.system"),
        "marked_encrypted.pt": (_marked_encrypted(torch_member), "os.system"),
        "deflated.bin": (zip_bytes({"a/data.pkl": system}, zipfile.ZIP_DEFLATED), "os.system"),
        "odd_member.pt": (zip_bytes({"a/data.txt": calling("os", "system")}), "os.system"),
        "zip_in_zip.zip": (zip_bytes({"inner.zip": torch_member}), "os.system"),
        "prefixed_zip.bin": (b"junk" * 8 + zip_bytes({"data.pkl": system}), "os.system"),
        "legacy.bin": (magic + b"\x80\x02M\xe9\x03." + b"\x80\x02}." + system + b"\x80\x02]." + bytes(16), "os.system"),
        "old_torch.tar": (tar_bytes({"pickle": system, "sys_info": b"\x80\x02}."}), "os.system"),
        "objects.npy": (npy_bytes(system), "os.system"),
        "objects.npz": (zip_bytes({"a.npy": npy_bytes(system)}), "os.system"),
        "gzipped.pkl.gz": (gzip.compress(system), "os.system"),
        "zlib.joblib": (zlib.compress(system), "os.system"),
        "after_array.joblib": (_joblib_array_then(b"0" + system[2:]), "os.system"),
        "array_that_is_none.pkl": (_joblib_array_then(b"")[:-11] + b"0" + system[2:], "os.system"),
        "README.md": (calling("os", "system", protocol=0), "os.system"),
        "config.json": (calling("os", "system"), "os.system"),
    }  # fmt: skip


def pickle_instances() -> dict[str, bytes]:
    """Files that need a class of some library to load."""
    newobj = b")\x81}" + short("alpha") + b"K\x01sb."
    return {
        "estimator.pkl": b"\x80\x04" + short("sklearn.linear_model._base") + short("LinearRegression") + b"\x93" + newobj,
        "arguments.bin": b"\x80\x04" + short("transformers.training_args") + short("TrainingArguments") + b"\x93" + newobj,
        "main.pkl": b"\x80\x02c__main__\nNet\n" + newobj,
    }  # fmt: skip


def pickle_unreadable() -> dict[str, bytes]:
    """Files that must not pass because nobody could look into them."""
    whole = b"\x80\x04}" + short("weight") + b"K\x01s."
    archive = zip_bytes({"a/data.pkl": whole}, zipfile.ZIP_DEFLATED)
    return {
        "cut_off.pt": whole[:-1],
        "empty.pkl": b"",
        "noise.pth": b"\x07" * 64,
        "future_protocol.pkl": b"\x80\x63N.",
        "no_directory.pt": archive[:-30],
        "broken_member.pt": archive.replace(b"\x00\x00a/data.pkl", b"\x00\x00a/data.pkl\xff\xff\xff", 1),
        "rar.zip": b"Rar!\x1a\x07\x01\x00" + bytes(16),
        "lz4.joblib": b"\x04\x22\x4d\x18" + bytes(16),
        "cut_off.pkl.gz": gzip.compress(whole * 50)[:-20],
        "broken_header.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': object,",
        "underflow.pkl": b"\x80\x04R.",
        "unknown_memo.pkl": b"\x80\x04h\x05.",
    }  # fmt: skip


def not_pickles() -> dict[str, bytes]:
    """Files that only look a little like pickles and must stay unmentioned."""
    return {
        "README.md": b"cos you asked: os.system, eval and exec are\nscary words\nin a text.\n",
        "weights.bin": bytes(range(1, 255)) * 40,
        "vocab.txt": b"system\neval\nexec\n__reduce__\n",
        "dot.txt": b".",
        "hyphens.dic": b"cu2m\n.ci1r\n.co1r\n",
        "idl.sav": b"SR\x00\x04\x00\x00\x00\x0a" + bytes(32),
        "none.txt": b"N.",
        "tokenizer.json": b'{"model": {"vocab": {"os": 1, "system": 2}}}',
    }
