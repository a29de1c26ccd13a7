"""Archives that hold a payload, grow without bound, or write outside their folder."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import bz2
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from tests.assets.file_corpus.archive_bytes import gzipped, link, symlink_zip, tarred, zipped
from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.pickling import call, hello
from tests.assets.file_corpus.torch_files import checkpoint

_INSIDE = Technique("archive payload (nested, tar.xz, mar, nemo, skops)", "archive-payload")
_BOMBS = Technique("archive bombs", "archive-bombs")
_OUTSIDE = Technique("archive path traversal / links", "archive-traversal")
_BAD = call("os", "system")
_GIB = 1 << 30


def payloads(dice: Dice) -> Iterator[Case]:
    """A hostile pickle, or code, some way into an archive."""
    model = zipped(checkpoint(_BAD))
    yield _INSIDE.attack("pickle.zip", zipped({"data.pkl": _BAD}), "a pickle in a zip")
    yield _INSIDE.attack("model.zip", zipped({"model.pt": model}), "a checkpoint in a zip")
    yield _INSIDE.attack("deep.zip", _nested(_BAD, 4), "a pickle four zips deep")
    yield _INSIDE.attack("pickle.tar", tarred({"data.pkl": _BAD}), "a pickle in a tar")
    yield _INSIDE.attack("pickle.tar.gz", gzipped(tarred({"data.pkl": _BAD})), "in a tar.gz")
    yield _INSIDE.attack("pickle.tgz", gzipped(tarred({"m/data.bin": _BAD})), "in a .tgz, named .bin")
    yield _INSIDE.attack("pickle.tar.xz", lzma.compress(tarred({"data.pkl": _BAD})), "in a tar.xz")
    yield _INSIDE.attack("pickle.tar.bz2", bz2.compress(tarred({"data.pkl": _BAD})), "in a tar.bz2")
    yield _INSIDE.attack("pickle.gz", gzipped(_BAD), "a gzipped pickle")
    yield _INSIDE.attack("pickle.xz", lzma.compress(_BAD), "an xz pickle")
    yield _INSIDE.attack("pickle.bz2", bz2.compress(_BAD), "a bzip2 pickle")
    yield _INSIDE.attack("pickle.zz", zlib.compress(_BAD), "a zlib pickle")
    yield _INSIDE.attack("zip_in_tar.tar", tarred({"inner.zip": zipped({"a.pkl": _BAD})}), "a zip in a tar")
    yield _INSIDE.attack(
        "tar_in_zip.zip", zipped({"inner.tar.gz": gzipped(tarred({"a.pkl": _BAD}))}), "a tar in a zip"
    )
    manifest = {
        "runtime": "python",
        "model": {"modelName": "m", "serializedFile": "model.pt", "handler": "handler.py"},
    }
    handler = f"import os\n\ndef handle(data, context):\n    os.system('{ECHO}')\n".encode()
    mar = {"MAR-INF/MANIFEST.json": json.dumps(manifest).encode()}
    yield _INSIDE.attack(
        "pickle.mar", zipped(mar | {"model.pt": model, "handler.py": b"x = 1\n"}), "TorchServe: model"
    )
    yield _INSIDE.attack("handler.mar", zipped(mar | {"handler.py": handler}), "TorchServe: handler")
    config = f"model:\n  _target_: os.system\n  command: {ECHO}\n".encode()
    yield _INSIDE.attack(
        "target.nemo", tarred({"model_config.yaml": config, "model_weights.ckpt": b""}), "NeMo: Hydra"
    )
    good = b"model:\n  hidden: 4\n"
    weights = {"model_config.yaml": good, "model_weights.ckpt": zipped(checkpoint(_BAD, "model_weights"))}
    yield _INSIDE.attack("weights.nemo", tarred(weights), "NeMo: pickled weights")
    yield _INSIDE.attack("weights_gz.nemo", gzipped(tarred(weights)), "NeMo, gzipped")
    dat = {"code.pkl": _BAD, "readme": b"hello"}
    yield _INSIDE.attack(
        "wheel.whl", zipped({"a-1.dist-info/METADATA": b"Name: a\n", "a/data.pkl": _BAD}), "a wheel"
    )
    yield _INSIDE.attack("no_suffix", zipped(dat), "a zip without an extension")
    yield from _skops()


def _skops() -> Iterator[Case]:
    def schema(node: dict[str, object]) -> bytes:
        return zipped(
            {"schema.json": json.dumps(node | {"protocol": 2, "_skops_version": "0.11.0"}).encode()}
        )

    def function(module: str, name: str) -> dict[str, object]:
        return {"__class__": name, "__module__": module, "__loader__": "FunctionNode", "__id__": 2,
                "content": {"module_path": module, "function": name}}  # fmt: skip

    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": f'"{ECHO}"',
            "is_json": True, "__id__": 3}  # fmt: skip
    yield _INSIDE.attack("function.skops", schema(function("os", "system")), "skops: os.system")
    call_node = {
        "__class__": "partial",
        "__module__": "functools",
        "__loader__": "PartialNode",
        "__id__": 1,
        "content": {"func": function("os", "system"), "args": text, "kwargs": text, "namespace": text},
    }
    yield _INSIDE.attack("partial.skops", schema(call_node), "skops: functools.partial of os.system")
    getter = {"__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode", "__id__": 1,
              "content": {"attrs": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode",
                                    "content": [text], "__id__": 4}}}  # fmt: skip
    yield _INSIDE.attack(
        "methodcaller.skops", schema(getter), "skops: operator.methodcaller (CVE-2025-54413)"
    )
    method = {
        "__class__": "Popen",
        "__module__": "subprocess",
        "__loader__": "ObjectNode",
        "__id__": 1,
        "content": text,
    }
    yield _INSIDE.attack("object.skops", schema(method), "skops: subprocess.Popen")
    tree = {"__class__": "builtins", "__module__": "sklearn.tree._tree", "__loader__": "MethodNode", "__id__": 1,
            "content": {"func": "system", "obj": {"__class__": "os", "__module__": "posix", "__loader__": "TypeNode",
                                                  "content": text, "__id__": 5}}}  # fmt: skip
    yield _INSIDE.attack("method.skops", schema(tree), "skops: MethodNode (CVE-2025-54412)")
    yield _INSIDE.attack(
        "pickle_member.skops", zipped({"schema.json": b"{}", "1.npy": _BAD}), "skops: a pickle in it"
    )


def _nested(data: bytes, depth: int, name: str = "data.pkl") -> bytes:
    for level in range(depth):
        data = zipped({name: data}, zipfile.ZIP_DEFLATED)
        name = f"level{level}.zip"
    return data


def _zeros(packer: Any, size: int) -> bytes:
    """`size` zeros through a compressor object, in pieces."""
    block = bytes(1 << 20)
    pieces = (packer.compress(block) for _ in range(size >> 20))
    return b"".join(pieces) + packer.flush()


def _wrapped(deflated: bytes, size: int) -> tuple[bytes, bytes]:
    """The same compressed zeros as gzip and as zlib has them."""
    crc, adler, block = 0, 1, bytes(1 << 20)
    for _ in range(size >> 20):
        crc, adler = zlib.crc32(block, crc), zlib.adler32(block, adler)
    gzip_head = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    as_gzip = gzip_head + deflated + struct.pack("<II", crc, size)
    return as_gzip, b"\x78\xda" + deflated + struct.pack(">I", adler)


def bombs(dice: Dice) -> Iterator[Case]:
    """Small on disk, large in memory."""
    size = _GIB // 4
    deflated = _zeros(zlib.compressobj(9, zlib.DEFLATED, -15), size)
    small = _zip_of_deflated([("a.bin", deflated, size)])
    yield _BOMBS.malformed("ratio.zip", small, "a member that grows 1,000 times")
    for name, member in (
        ("ratio.npz", "a.npy"),
        ("ratio.pt", "archive/data.pkl"),
        ("ratio.keras", "config.json"),
    ):
        yield _BOMBS.malformed(name, _zip_of_deflated([(member, deflated, size)]), f"the same as {member}")
    many = [(f"{i}.bin", deflated, size) for i in range(4)]
    yield _BOMBS.malformed("several.zip", _zip_of_deflated(many), "1 GiB in four members")
    overlapping = _overlapping(deflated, size, 200)
    yield _BOMBS.malformed("overlap.zip", overlapping, "200 members share their bytes")
    lies = _zip_of_deflated([("a.bin", deflated, 1000)])
    yield _BOMBS.malformed("size_lie.zip", lies, "grows far beyond the size it says")
    twice = zipped({"a.zip": small, "b.zip": small}, zipfile.ZIP_DEFLATED)
    yield _BOMBS.malformed("nested.zip", twice, "bombs in a zip")
    yield _BOMBS.malformed("deep.zip", _nested(b"hello", 60, "hello.txt"), "60 zips in each other")
    as_gzip, as_zlib = _wrapped(deflated, size)
    yield _BOMBS.malformed("gzip.gz", as_gzip, "gzip of 256 MiB")
    info = tarfile.TarInfo("zeros.bin")
    info.size = size
    # gzip streams may follow each other: readers take them for one.
    yield _BOMBS.malformed("tar.tar.gz", gzipped(info.tobuf()) + as_gzip, "a tar.gz of 256 MiB")
    as_xz = _zeros(lzma.LZMACompressor(preset=0), size // 2)
    yield _BOMBS.malformed("xz.xz", as_xz, "xz of 128 MiB of zeros")
    as_bzip2 = _zeros(bz2.BZ2Compressor(1), size // 4)
    yield _BOMBS.malformed("bzip2.bz2", as_bzip2, "bzip2 of 64 MiB of zeros")
    yield _BOMBS.malformed("joblib.joblib", as_zlib, "joblib of 256 MiB of zeros")
    layers = info.tobuf()
    for _ in range(8):
        layers = gzipped(layers)
    yield _BOMBS.malformed("layers.gz", layers, "gzip eight times")


def _zip_of_deflated(members: list[tuple[str, bytes, int]]) -> bytes:
    """A zip of members that are compressed already; nobody needs their checksum."""
    out, directory = bytearray(), bytearray()
    for name, data, size in members:
        head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x5021, 0, len(data), size, len(name), 0)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, len(out))
        )
        directory += name.encode()
        out += b"PK\x03\x04" + head + name.encode() + data
    return bytes(out + directory + _end(len(members), len(directory), len(out)))


def _overlapping(data: bytes, size: int, count: int) -> bytes:
    """Every member is the same bytes: the directory names them `count` times."""
    name = b"a.bin"
    head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x5021, 0, len(data), size, len(name), 0)
    out = b"PK\x03\x04" + head + name + data
    directory = b""
    for number in range(count):
        other = f"{number:05}".encode()
        entry = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x5021, 0, len(data), size, len(other), 0)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + entry + struct.pack("<HHHII", 0, 0, 0, 0, 0) + other
        )
    return out + directory + _end(count, len(directory), len(out))


def _end(count: int, size: int, offset: int) -> bytes:
    return b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, size, offset, 0)


def outside(dice: Dice) -> Iterator[Case]:
    """Names and links that leave the folder."""
    for name, member in (("dots", "../../up.txt"), ("absolute", "/etc/cron.d/weighbridge"), ("inner", "a/../../up.txt"),
                         ("backslash", "..\\..\\up.txt"), ("drive", "C:\\up.txt"), ("unc", "\\\\host\\share\\up.txt")):  # fmt: skip
        yield _OUTSIDE.hidden(
            f"{name}.zip", zipped({member: b"hello", "ok.txt": b"x"}), f"a member named {member}"
        )
        if name in ("dots", "absolute", "inner"):
            yield _OUTSIDE.hidden(
                f"{name}.tar", tarred({member: b"hello", "ok.txt": b"x"}), f"a member named {member}"
            )
            yield _OUTSIDE.hidden(
                f"{name}.tar.gz", gzipped(tarred({member: b"hello"})), f"a member named {member}"
            )
    for suffix in ("keras", "npz", "pt", "mar", "skops", "nemo"):
        pack = tarred if suffix == "nemo" else zipped
        yield _OUTSIDE.hidden(
            f"dots.{suffix}", pack({"../../up.txt": b"hello", "a/b": b"x"}), f"traversal in .{suffix}"
        )
    yield _OUTSIDE.hidden("symlink.zip", symlink_zip("data", "/etc/passwd"), "a symbolic link to /etc/passwd")
    yield _OUTSIDE.hidden("symlink_up.zip", symlink_zip("data", "../../secret"), "a symbolic link upwards")
    for name, target, kind in (
        ("symlink", "/etc/passwd", tarfile.SYMTYPE), ("symlink_up", "../../etc", tarfile.SYMTYPE),
        ("hardlink", "/etc/passwd", tarfile.LNKTYPE), ("hardlink_up", "../../etc/passwd", tarfile.LNKTYPE),
        ("device", "", tarfile.CHRTYPE), ("fifo", "", tarfile.FIFOTYPE),
    ):  # fmt: skip
        yield _OUTSIDE.hidden(
            f"{name}.tar", tarred({"ok.txt": b"x"}, link("data", target, kind)), f"tar: {name}"
        )
    through = io.BytesIO()
    with tarfile.open(fileobj=through, mode="w") as archive:
        archive.addfile(link("here", "../../.."))
        info = tarfile.TarInfo("here/up.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    yield _OUTSIDE.hidden("through_link.tar", through.getvalue(), "a link upwards, then a member through it")
    yield _OUTSIDE.hidden(
        "nested.zip", zipped({"a.zip": zipped({"../up.txt": b"hello"})}), "traversal in an inner zip"
    )
    yield _OUTSIDE.hidden(
        "with_pickle.tar", tarred({"../x.pkl": hello()}), "a harmless pickle placed outside"
    )
