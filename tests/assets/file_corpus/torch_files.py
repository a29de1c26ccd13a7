"""Checkpoints of PyTorch with a payload: zip, legacy, tar and TorchScript."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator

from tests.assets.file_corpus.archive_bytes import (
    end_record,
    gzipped,
    shifted,
    tarred,
    with_central,
    with_crc,
    with_local,
    zipped,
)
from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.pickling import call, hello, in_dict, old_call, raw, reduce, stack_glob, text

_TORCH = Technique("torch zip, legacy and tar", "torch")
_ZIP = Technique("zip/7z tricks (CRC, flags, 7z, names)", "zip-tricks")

_BAD = call("os", "system")
_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
_PROTOCOL = pickle.dumps(1001, 2)
_SYSTEM = pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {}}, 2)


def checkpoint(payload: bytes, root: str = "archive", **more: bytes) -> dict[str, bytes]:
    """The members of a zip checkpoint with this data.pkl."""
    return {
        f"{root}/data.pkl": payload,
        f"{root}/byteorder": b"little",
        f"{root}/data/0": struct.pack("<4f", 0.1, -0.2, 0.3, 0.05),
        f"{root}/version": b"3\n",
        **{f"{root}/{name}": data for name, data in more.items()},
    }


def real_checkpoint() -> dict[str, bytes]:
    """The members of what torch.save writes for one small tensor."""
    import torch

    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(2, 2)}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _injected(payload: bytes) -> bytes:
    """The real data.pkl with the payload put in after its protocol, its result dropped."""
    members = real_checkpoint()
    real = next(data for name, data in members.items() if name.endswith("data.pkl"))
    return real[:2] + payload + b"0" + real[2:]


def hostile(dice: Dice) -> Iterator[Case]:
    """Payloads at every place of a checkpoint that somebody unpickles."""
    run = reduce(stack_glob("os", "system"), text(ECHO))
    for name in ("model.pt", "model.pth", "model.ckpt", "pytorch_model.bin", "model.pkl", "model.pt2"):
        yield _TORCH.attack(f"zip_{name}", zipped(checkpoint(_BAD)), f"data.pkl of {name}")
    injected = real_checkpoint() | {"archive/data.pkl": _injected(run)}
    yield _TORCH.attack("injected_first.pt", zipped(injected), "a real checkpoint, a call before its content")
    real = real_checkpoint()["archive/data.pkl"]
    after = real_checkpoint() | {"archive/data.pkl": real + _BAD}
    yield _TORCH.hidden("injected_second_stream.pt", zipped(after), "a real checkpoint, then a second pickle")
    wrapped = real_checkpoint() | {"archive/data.pkl": in_dict(run)}
    yield _TORCH.attack("in_state_dict.pt", zipped(wrapped), "a call among the entries of a dict")
    for name in ("constants.pkl", "extra/extra.pkl", "code/__torch__.pkl", ".data/serialization.pkl"):
        members = checkpoint(hello(), **{name: _BAD})
        yield _TORCH.attack(
            f"member_{name.replace('/', '_')}.pt", zipped(members), f"a second pickle: {name}"
        )
    yield _TORCH.attack("pickle_as_storage.pt", zipped(checkpoint(hello(), **{"data/1": _BAD})), "in data/1")
    deflated = zipped(checkpoint(_BAD), zipfile.ZIP_DEFLATED)
    yield _TORCH.attack("zip_deflated.pt", deflated, "data.pkl is compressed")
    persistent = b"\x80\x02" + reduce(stack_glob("os", "system"), text(ECHO)) + b"Q."
    yield _TORCH.attack("persistent_call.pt", zipped(checkpoint(persistent)), "the persistent id is a call")
    storage = (
        b"\x80\x02(" + text("storage") + stack_glob("os", "system") + text("0") + text("cpu") + b"K\x04tQ."
    )
    yield _TORCH.attack("persistent_type.pt", zipped(checkpoint(storage)), "the storage type is os.system")
    hook = reduce(stack_glob("torch._utils", "_rebuild_from_type_v2"), stack_glob("os", "system"), stack_glob(
        "builtins", "str"), text(ECHO), b"}")  # fmt: skip
    yield _TORCH.attack(
        "rebuild_from_type.pt", zipped(checkpoint(b"\x80\x04" + hook + b".")), "a rebuild that calls"
    )
    param = reduce(stack_glob("torch._utils", "_rebuild_parameter_with_state"), run, b"\x88", b"}", b"N")
    yield _TORCH.attack(
        "call_in_rebuild.pt", zipped(checkpoint(b"\x80\x04" + param + b".")), "an argument is a call"
    )

    legacy = _MAGIC + _PROTOCOL + _SYSTEM
    yield _TORCH.attack("legacy_body.pt", legacy + _BAD + pickle.dumps([], 2), "legacy: in the body")
    yield _TORCH.attack("legacy_keys.pt", legacy + hello() + _BAD, "legacy: in the storage keys")
    yield _TORCH.attack("legacy_system.pt", _MAGIC + _PROTOCOL + _BAD, "legacy: in the system information")
    yield _TORCH.attack("legacy_protocol.pt", _MAGIC + _BAD + _SYSTEM, "legacy: in the protocol version")
    yield _TORCH.attack(
        "legacy_first.pt", _BAD + _MAGIC + _PROTOCOL + _SYSTEM + hello(), "legacy: before the magic"
    )
    yield _TORCH.attack("legacy_plain.bin", _BAD, "a bare pickle named .bin")
    yield _TORCH.attack("legacy_old.pth", old_call("posix", "system"), "protocol 0 named .pth")
    members = {"sys_info": _SYSTEM, "pickle": _BAD, "storages": pickle.dumps(0), "tensors": pickle.dumps(0)}
    yield _TORCH.attack("tar.pt", tarred(members), "the tar format of 2016: in pickle")
    yield _TORCH.attack(
        "tar_storages.pt", tarred(members | {"pickle": hello(), "storages": _BAD}), "tar: in storages"
    )
    yield _TORCH.attack("gzip.pt", gzipped(zipped(checkpoint(_BAD))), "a gzipped checkpoint")
    script = checkpoint(
        hello(),
        **{
            "code/__torch__/m.py": b"def forward(self, x):\n  return ops.prim.PythonOp(x)\n",
            "constants.pkl": _BAD,
        },
    )
    yield _TORCH.attack("torchscript.pt", zipped(script), "TorchScript: in constants.pkl")
    hostile_package = checkpoint(hello(), **{"m/model.py": f"import os\nos.system('{ECHO}')\n".encode()})
    yield _TORCH.attack("package.pt", zipped(hostile_package), "torch.package with hostile source")


def zip_tricks(dice: Dice) -> Iterator[Case]:
    """Zips that other readers read than a careful one."""
    good = checkpoint(_BAD)
    plain = zipped(good)
    yield _ZIP.hidden("wrong_crc.pt", with_crc(plain), "wrong checksum; PyTorch does not look")
    yield _ZIP.hidden(
        "wrong_crc_deflated.pt", with_crc(zipped(good, zipfile.ZIP_DEFLATED)), "the same, compressed"
    )
    yield _ZIP.hidden(
        "flag_encrypted.pt", with_central(with_local(plain, 6, b"\x01\0"), 8, b"\x01\0"), "encrypted bit"
    )
    yield _ZIP.hidden(
        "flag_encrypted_central.pt", with_central(plain, 8, b"\x01\0"), "encrypted, says one header"
    )
    yield _ZIP.hidden("flag_strong.pt", with_central(plain, 8, b"\x41\0"), "strong encryption bit")
    yield _ZIP.hidden("flag_patch.pt", with_central(plain, 8, b"\x20\0"), "compressed patch data bit")
    yield _ZIP.hidden(
        "method_99.pt", with_central(plain, 10, b"\x63\0"), "an unknown method in the directory"
    )
    yield _ZIP.hidden(
        "method_differs.pt", with_local(plain, 8, b"\x08\0"), "the two headers name two methods"
    )
    renamed = bytearray(plain)
    at = renamed.index(b"archive/data.pkl")
    renamed[at : at + 16] = b"archive/data.txt"
    yield _ZIP.hidden("name_differs.pt", bytes(renamed), "the local header has another name")
    central = bytearray(plain)
    at = central.rindex(b"archive/data.pkl")
    central[at : at + 16] = b"archive/data.txt"
    yield _ZIP.hidden("name_differs_central.pt", bytes(central), "the directory has another name")
    yield _ZIP.hidden("size_differs.pt", with_central(plain, 24, struct.pack("<I", 3)), "the sizes differ")
    yield _ZIP.hidden("version_needed.pt", with_central(plain, 6, b"\xff\0"), "a version nobody has")
    double = zipped([("archive/data.pkl", hello()), *((name, data) for name, data in good.items())])
    yield _ZIP.hidden("double_name.pt", double, "data.pkl twice; the second calls")
    double = zipped([*good.items(), ("archive/data.pkl", hello())])
    yield _ZIP.hidden("double_name_first.pt", double, "data.pkl twice; the first calls")
    for name, member in (("upper", "archive/DATA.PKL"), ("no_suffix", "archive/data"), ("txt", "archive/notes.txt"),
                         ("slash", "/archive/data.pkl"), ("backslash", "archive\\data.pkl"), ("png", "a/x.png"),
                         ("nul", "archive/data.pkl_.txt"), ("dots", "archive/./data.pkl")):  # fmt: skip
        members = {member if key.endswith("data.pkl") else key: data for key, data in good.items()}
        data = zipped(members).replace(b"data.pkl_.txt", b"data.pkl\0.txt")
        yield _ZIP.hidden(f"member_{name}.pt", data, f"the pickle is called {member!r}")
    yield _ZIP.hidden("prefix.pt", b"\x89PNG\r\n\x1a\n" + bytes(100) + plain, "something before the zip")
    yield _ZIP.hidden(
        "prefix_corrected.pt", shifted(b"#!/bin/sh\nexit\n" + bytes(100), plain), "a script before it"
    )
    yield _ZIP.hidden("suffix.pt", plain + b"x" * 300, "something after the zip")
    yield _ZIP.hidden(
        "comment.pt", plain[:-2] + struct.pack("<H", len(_BAD)) + _BAD, "a pickle as the zip's comment"
    )
    yield _ZIP.hidden("two_archives.pt", zipped(checkpoint(hello())) + plain, "two zips, one after the other")
    yield _ZIP.hidden(
        "two_archives_hostile_first.pt", plain + zipped(checkpoint(hello())), "the first of two is bad"
    )
    end = end_record(plain)
    yield _ZIP.hidden("no_directory.pt", plain[: plain.index(b"PK\x01\x02")], "the directory is cut off")
    counted = bytearray(plain)
    counted[end + 8 : end + 12] = b"\x01\0\x01\0"
    yield _ZIP.hidden("count_differs.pt", bytes(counted), "fewer members said than there are")
    many = bytearray(plain)
    many[end + 8 : end + 12] = b"\xff\xff\xff\xff"
    yield _ZIP.malformed("count_beyond.pt", bytes(many), "65,535 members said, no zip64 record")
    moved = bytearray(plain)
    moved[end + 16 : end + 20] = b"\xff\xff\xff\x7f"
    yield _ZIP.hidden("offset_beyond.pt", bytes(moved), "the directory is said to be beyond the end")
    ghost = zipped({"archive/hidden.pkl": _BAD})
    cut = ghost[: ghost.index(b"PK\x01\x02")]
    yield _ZIP.hidden(
        "member_not_listed.pt", shifted(cut, zipped(checkpoint(hello()))), "a member no directory lists"
    )
    for name, method in (("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        yield _ZIP.hidden(f"method_{name}.pt", zipped(good, method), f"compressed by {name}")
    yield _ZIP.hidden(
        "zip_in_zip.pt", zipped({"archive/inner.pt": plain, "archive/version": b"3\n"}), "a zip in it"
    )
    yield _ZIP.hidden("extra_field.pt", zipped(_with_extra(good)), "harmless extra fields around a call")
    yield from _sevens(dice, plain)


def _with_extra(members: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}": data for name, data in sorted(members.items(), reverse=True)}


def _renamed_seven(archive: bytes, old: str, new: str) -> bytes:
    """The 7z archive (its header not compressed) with a name of the same length, and checksums to match."""
    offset, size = struct.unpack_from("<QQ", archive, 12)
    header = archive[32 + offset :].replace(old.encode("utf-16-le"), new.encode("utf-16-le"))
    start = struct.pack("<QQI", offset, size, zlib.crc32(header))
    return archive[:8] + struct.pack("<I", zlib.crc32(start)) + start + archive[32 : 32 + offset] + header


def _sevens(dice: Dice, plain: bytes) -> Iterator[Case]:
    try:
        import py7zr
    except ImportError:
        dice.left_out.append("7 archives of 7z: py7zr is not installed")
        return
    contents = {
        "pickle.7z": {"data.pkl": _BAD}, "checkpoint.7z": {"model.pt": plain}, "renamed.pt": {"data.pkl": _BAD},
        "renamed.bin": {"model.bin": _BAD}, "nested.7z": {"inner.zip": zipped({"a.pkl": _BAD})},
        "traversal.7z": {"__/__/up.txt": b"hello"},
    }  # fmt: skip
    for name, members in contents.items():
        buffer = io.BytesIO()
        with py7zr.SevenZipFile(buffer, "w", filters=[{"id": py7zr.FILTER_LZMA2, "preset": 1}]) as archive:
            archive.set_encoded_header_mode(False)
            for member, data in members.items():
                archive.writestr(data, member)
        packed = _renamed_seven(buffer.getvalue(), "__/__/up.txt", "../../up.txt")
        yield _ZIP.hidden(f"sevenzip_{name}", packed, f"7z with {', '.join(members)}")
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", password="weighbridge", header_encryption=True) as archive:
        archive.writestr(raw(_BAD), "data.pkl")
    yield _ZIP.hidden("sevenzip_encrypted.7z", buffer.getvalue(), "7z whose names are encrypted")
