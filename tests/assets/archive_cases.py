"""Zip, tar and compressed files that lie, hide something or do harm, and honest ones that look odd. All harmless."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping

import lz4.frame
import zstandard

ATTACK = b"cos\nsystem\n(S'echo'\ntR."
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
_MEBIBYTE = 1024**2

Members = Iterable[tuple[str, bytes]]


def zipped(members: Members, method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """A zip archive, in which a name may be there twice."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, data in members:
                archive.writestr(name, data)
            archive.comment = comment
    return buffer.getvalue()


def torch_zip(extra: Members = (), content: bytes = ATTACK) -> bytes:
    """What torch.save writes, in its outline."""
    own = (("archive/data.pkl", content), ("archive/version", b"3\n"), ("archive/data/0", bytes(64)))
    return zipped((*own, *extra))


def special_zip(name: str, mode: int, data: bytes, extra: Members = ()) -> bytes:
    """A zip archive whose first member is a link or a device."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, data)
        for other, content in extra:
            archive.writestr(other, content)
    return buffer.getvalue()


def tarred(members: Members, *, pax: Mapping[str, str] | None = None, **first: object) -> bytes:
    """A tar archive; `first` and `pax` change the header of its first member."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for index, (name, data) in enumerate(members):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if index == 0:
                info.pax_headers = dict(pax or {})
                for key, value in first.items():
                    setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    """The same with some bytes overwritten."""
    out = bytearray(data)
    for place, value in changes:
        out[place : place + len(value)] = value
    return bytes(out)


def places(data: bytes) -> tuple[int, int]:
    """Where the first entry of the directory and the first local header begin."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.start_dir, archive.infolist()[0].header_offset


def _with_unicode_name() -> bytes:
    other = b"\x01" + struct.pack("<L", zlib.crc32(b"safe.txt")) + b"../evil.txt"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("safe.txt")
        info.extra = struct.pack("<2H", 0x7075, len(other)) + other
        archive.writestr(info, b"x")
    return buffer.getvalue()


def _overlapping(count: int = 50) -> bytes:
    """One local header with many entries of the directory, as D. Fifield's bombs have it."""
    data = zipped([("a", bytes(1000))], zipfile.ZIP_DEFLATED)
    begin, _ = places(data)
    entry = data[begin:-22]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, count * len(entry), begin, 0)
    return data[:begin] + entry * count + end


def _between_members(hidden: bytes) -> bytes:
    """An archive with bytes between its members and its directory."""
    data = zipped([("a.txt", b"1")])
    begin, _ = places(data)
    return patched(
        data[:begin] + hidden + data[begin:],
        (len(data) + len(hidden) - 6, struct.pack("<L", begin + len(hidden))),
    )


def nested_zip(depth: int) -> bytes:
    """A zip archive in a zip archive, and so on."""
    data = zipped([("a", b"1")])
    for _ in range(depth):
        data = zipped([("n.zip", data)], zipfile.ZIP_DEFLATED)
    return data


def zip_cases() -> dict[str, tuple[str, bytes]]:
    """File name -> the rule that must be told of it, and its bytes."""
    data = torch_zip()
    entry, local = places(data)
    hidden = zipped([("evil.pkl", ATTACK)])
    two = zipped([("archive/data.pkl", pickle.dumps({})), ("archive/version", b"3")], comment=torch_zip())
    return {
        "checksum.pt": ("checksum-hides-pickle", patched(data, (entry + 16, b"\1\2\3\4"), (local + 14, b"\1\2\3\4"))),
        "checksum.npz": ("wrong-checksum", patched(zipped([("a.npy", b"x" * 40)]), (14, bytes(4)), (75 + 16, bytes(4)))),
        "checksum-in-directory.pt": ("headers-differ", patched(data, (entry + 16, b"\1\2\3\4"))),
        "marked-encrypted.pt": ("wrong-encryption-flag", patched(data, (entry + 8, b"\1"), (local + 6, b"\1"))),
        "marked-patched.pt": ("wrong-encryption-flag", patched(data, (entry + 8, b"\x20"), (local + 6, b"\x20"))),
        "marked-in-directory.pt": ("headers-differ", patched(data, (entry + 8, b"\1"))),
        "marked-beside-data.pt": ("headers-differ", patched(data, (local + 6, b"\1"))),
        "method-in-directory.pt": ("headers-differ", patched(data, (entry + 10, b"\x08"))),
        "name-beside-data.pt": ("headers-differ", patched(data, (local + 30, b"archive/dxta.pkl"))),
        "size-beside-data.pt": ("headers-differ", patched(data, (local + 22, b"\5"))),
        "size-in-directory.pt": ("headers-differ", patched(data, (entry + 24, b"\5"))),
        "name-in-extra-field.zip": ("headers-differ", _with_unicode_name()),
        "count.pt": ("two-directories", patched(data, (len(data) - 14, b"\1\0\1\0"))),
        "end-in-comment.zip": ("two-directories", zipped([("a", b"1")], comment=b"PK\5\6" + b"\1\0" * 9)),
        "archive-in-comment.pt": ("hidden-member", two),
        "two-in-a-row.pt": ("hidden-member", torch_zip(content=pickle.dumps({})) + data),
        "hidden-member.zip": ("hidden-member", _between_members(hidden[: places(hidden)[0]])),
        "bytes-between.zip": ("bytes-outside-members", _between_members(b"something else")),
        "bytes-behind.pt": ("bytes-outside-members", data + ATTACK),
        "pickle-before.pkl": ("two-kinds-of-file", ATTACK + data),
        "safetensors-before.safetensors": ("two-kinds-of-file", struct.pack("<Q", 2) + b"{}" + data),
        "twice.pt": ("duplicate-member", torch_zip([("archive/data.pkl", pickle.dumps({}))])),
        "outside.pt": ("outside-torch-root", torch_zip([("evil.pkl", ATTACK)])),
        "two-roots.pt": ("outside-torch-root", torch_zip([("b/data.pkl", ATTACK), ("b/version", b"3")])),
        "cut-off.pt": ("broken-archive", data[:-30]),
        "elsewhere.pt": ("broken-archive", patched(data, (entry + 42, struct.pack("<L", 3)))),
        "overlapping.zip": ("bomb", _overlapping()),
        "text.zip": ("not-an-archive", b"text"),
        "empty.npz": ("not-an-archive", b""),
        "link-out.zip": ("link-leads-out", special_zip("a/l", stat.S_IFLNK | 0o777, b"../../x")),
        "link-in-model.pt": ("link-leads-out", special_zip("archive/l", stat.S_IFLNK | 0o777, b"version", [("archive/data.pkl", b"N."), ("archive/version", b"3")])),
        "device.zip": ("device", special_zip("d", stat.S_IFCHR | 0o666, b"")),
        "setuid.zip": ("setuid", special_zip("s", stat.S_IFREG | 0o4755, b"x")),
    }  # fmt: skip


def name_cases() -> dict[str, tuple[str, str]]:
    """What a name is like -> the rule, and the name."""
    return {
        "dots": ("name-leads-out", "../../evil.txt"),
        "dots-inside": ("name-leads-out", "a/../../evil.txt"),
        "backslash-dots": ("name-leads-out", "..\\..\\evil.txt"),
        "absolute": ("name-leads-out", "/etc/evil"),
        "drive": ("name-leads-out", "C:/evil.txt"),
        "share": ("name-leads-out", "\\\\host\\share\\evil"),
        "backslash": ("name-means-something-else", "a\\b.txt"),
        "space": ("name-means-something-else", "data.pkl "),
        "dot": ("name-means-something-else", "data.pkl."),
        "empty-part": ("name-means-something-else", "a//b"),
        "bell": ("name-hides-something", "a\x07b"),
        "right-to-left": ("name-hides-something", "a\u202etxt.bin"),
        "no-width": ("name-hides-something", "a\u200bb.txt"),
        "cyrillic": ("name-hides-something", "d\u0430ta.bin"),
    }


def tar_cases() -> dict[str, tuple[str, bytes]]:
    """File name -> the rule that must be told of it, and its bytes."""
    plain = tarred([("a", b"1")])
    broken = patched(tarred([("a", b"1"), ("evil.pkl", ATTACK)]), (1024 + 148, b"9999"))
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 5 * 1024**3
    sparse = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "hole",
        "GNU.sparse.realsize": str(8**12),
    }
    return {
        "link.tar": ("link-leads-out", tarred([("l", b"")], type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        "link-up.tar": ("link-leads-out", tarred([("a/l", b"")], type=tarfile.SYMTYPE, linkname="../../x")),
        "hard-link.tar": ("link-leads-out", tarred([("l", b"")], type=tarfile.LNKTYPE, linkname="../x")),
        "through-link.tar": ("link-leads-out", tarred([("l", b""), ("l/x", b"1")], type=tarfile.SYMTYPE, linkname="a")),
        "link-inside.tar": ("link", tarred([("l", b"")], type=tarfile.SYMTYPE, linkname="a")),
        "device.tar": ("device", tarred([("d", b"")], type=tarfile.CHRTYPE)),
        "pipe.tar": ("device", tarred([("d", b"")], type=tarfile.FIFOTYPE)),
        "setuid.tar": ("setuid", tarred([("d", b"x")], mode=0o4755)),
        "twice.tar": ("duplicate-member", tarred([("a", b"1"), ("a", b"2")])),
        "two-names.tar": ("headers-differ", tarred([("safe.txt", b"1")], pax={"path": "evil.txt"})),
        "two-sizes.tar": ("headers-differ", tarred([("safe.txt", b"12345")], pax={"size": "0"})),
        "two-in-a-row.tar": ("hidden-member", plain + tarred([("evil.pkl", ATTACK)])),
        "bytes-behind.tar": ("bytes-outside-members", plain + b"something else"),
        "damaged-header.tar": ("hidden-member", broken),
        "long-name.tar": ("bomb", long_name.tobuf(tarfile.GNU_FORMAT) + bytes(1024)),
        "holes.tar": ("bomb", tarred([("GNUSparseFile.0/hole", b"0\n".ljust(512, b"\0"))], pax=sparse)),
        "cut-off.tar": ("broken-archive", tarred([("a", b"x" * 5000)])[:2000]),
    }  # fmt: skip


def compressions() -> dict[str, tuple[bytes, bytes]]:
    """Suffix -> something packed, and many zeros packed."""
    text, zeros = b"weights and biases" * 10, bytes(20 * _MEBIBYTE)
    return {
        "gz": (gzip.compress(text), gzip.compress(zeros)),
        "bz2": (bz2.compress(text), bz2.compress(zeros)),
        "xz": (lzma.compress(text), lzma.compress(zeros, preset=0)),
        "lzma": (lzma.compress(text, lzma.FORMAT_ALONE), lzma.compress(zeros, lzma.FORMAT_ALONE, preset=0)),
        "zst": (zstandard.compress(text), zstandard.compress(zeros)),
        "lz4": (lz4.frame.compress(text), lz4.frame.compress(zeros)),
    }


def code_cases() -> dict[str, tuple[str, bytes]]:
    """File name -> the rule that must be told of it, and its bytes: archives that bring what runs."""
    starts = b"import os\nos.system('echo')\n"
    manifest = json.dumps({"model": {"handler": "h.py:go", "serializedFile": "m.pt"}}).encode()
    outside = json.dumps({"model": {"handler": "../../h.py"}}).encode()
    hides = b"import base64\nexec(base64.b64decode('cGFzcw=='))\n"
    return {
        "library.zip": ("holds-program", zipped([("lib/x.so", ELF)])),
        "program-by-content.pt": ("holds-program", torch_zip([("archive/extra/x", ELF)])),
        "compiled.zip": ("holds-program", zipped([("x.pyc", b"\xa7\r\r\n" + bytes(20))])),
        "on-start.zip": ("holds-dangerous-code", zipped([("x.pth", b"import os; os.system('echo')\n")])),
        "setup.tar.gz": ("holds-dangerous-code", gzip.compress(tarred([("p/setup.py", starts)]))),
        "init.zip": ("holds-dangerous-code", zipped([("p/__init__.py", starts)])),
        "in-weights.npz": ("holds-dangerous-code", zipped([("x.py", starts)])),
        "handler.mar": ("holds-dangerous-code", zipped([("MAR-INF/MANIFEST.json", manifest), ("h.py", starts)])),
        "handler-elsewhere.mar": ("name-leads-out", zipped([("MAR-INF/MANIFEST.json", outside)])),
        "broken-manifest.mar": ("broken-manifest", zipped([("MAR-INF/MANIFEST.json", b"{")])),
        "hides.whl": ("holds-dangerous-code", zipped([("p/__init__.py", hides)])),
        "nested.zip": ("holds-program", zipped([("a.tar.xz", lzma.compress(tarred([("x", ELF)])))])),
    }  # fmt: skip


def reviewed_cases() -> dict[str, bytes]:
    """Archives with code that a person has to read, and no more."""
    manifest = json.dumps({"model": {"handler": "h.py", "modelFile": "m.py"}}).encode()
    trains = b"import subprocess\ndef main():\n    subprocess.run(['nvidia-smi'])\n"
    cached = [("p/x.py", b"x = 1\n"), ("p/__pycache__/x.cpython-311.pyc", b"\xa7\r\r\n" + bytes(20))]
    return {
        "handler.mar": zipped(
            [("MAR-INF/MANIFEST.json", manifest), ("h.py", b"x = 1\n"), ("m.py", b"y = 2\n")]
        ),
        "package.whl": zipped([("p/__init__.py", trains), ("p/x.so", ELF)]),
        "java.jar": zipped([("a/A.class", b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(9))]),
        "training.zip": zipped([("train.py", trains), ("run.sh", b"#!/bin/sh\n")]),
        "cached.zip": zipped(cached),
    }


def model_cases() -> dict[str, dict[str, bytes]]:
    """What is wrong -> the files of a model that is packed: each is for the check of its kind to find."""
    code = {"class_name": "__lambda__", "config": {"code": "4wAAAAA="}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": code}}
    keras = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    system = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "protocol": 2}
    template = {"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}
    return {
        "keras": {"m.keras": zipped([("metadata.json", b"{}"), ("config.json", json.dumps(keras).encode())])},
        "skops": {"m.skops": zipped([("schema.json", json.dumps(system).encode())])},
        "safetensors": {"m.safetensors": struct.pack("<Q", 2) + b"{}XX"},
        "template": {"tokenizer_config.json": json.dumps(template).encode()},
    }
