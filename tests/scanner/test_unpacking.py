"""Unpacking layers: plain files inside the folder, or nothing at all."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard

from scanner.oci import unpacking
from scanner.oci.layers import LayerFile
from scanner.oci.manifests import Descriptor
from scanner.source import SourceError
from tests.registry_server import sha256, tar_of

LAYER = LayerFile(Descriptor("application/vnd.cncf.model.weight.v1.tar", "sha256:0"), "layers/0.tar", "tar")
ZSTD = LayerFile(Descriptor("x.tar+zstd", "sha256:0"), "layers/0.tar", "tar+zstd")
PACKED = LayerFile(Descriptor("x.tar+gzip", "sha256:0"), "layers/0.tar", "tar+gzip")


def unpack(tmp_path: Path, data: bytes, layer: LayerFile = LAYER) -> Mapping[str, str]:
    (tmp_path / "blob").write_bytes(data)
    return {file.path: file.sha256 for file in unpacking.unpack(tmp_path / "blob", layer, tmp_path / "out")}


def refused(tmp_path: Path, data: bytes, layer: LayerFile = LAYER) -> str:
    with pytest.raises(SourceError) as caught:
        unpack(tmp_path, data, layer)
    assert caught.value.hint
    return str(caught.value)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("layer", [LAYER, PACKED])
def test_files_come_out_with_their_digests(tmp_path: Path, layer: LayerFile) -> None:
    files = {"model.gguf": b"GGUF" * 5000, "./docs/README.md": b"# Card", "empty": b""}
    data = tar_of(files, member("folder", tarfile.DIRTYPE), packed=layer is PACKED)
    assert unpack(tmp_path, data, layer) == {
        path.removeprefix("./"): sha256(content) for path, content in files.items()
    }
    assert (tmp_path / "out" / "docs" / "README.md").read_bytes() == b"# Card"


def test_files_of_every_frame_come_out(tmp_path: Path) -> None:
    # Cut between two members, where the first part reads like a whole archive without an end.
    data = tar_of({"seen": b"x", "hidden": b"y"})
    frames = b"".join(zstandard.compress(part) for part in (data[:1024], data[1024:]))
    assert set(unpack(tmp_path, frames, ZSTD)) == {"seen", "hidden"}


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "inside"), (tarfile.LNKTYPE, "inside"),
        (tarfile.CHRTYPE, ""), (tarfile.BLKTYPE, ""), (tarfile.FIFOTYPE, ""), (b"Z", ""),
    ],
)  # fmt: skip
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    data = tar_of({"inside": b"x"}, member("strange", kind, target))
    assert "only plain files are unpacked" in refused(tmp_path, data)
    assert not (tmp_path / "out" / "strange").is_symlink()


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", r"..\evil", r"C:\evil", "a\nb", "."])
def test_no_member_is_written_outside(tmp_path: Path, name: str) -> None:
    refused(tmp_path, tar_of({name: b"evil"}))
    assert {path.name for path in tmp_path.iterdir()} == {"blob", "out"}
    assert not list((tmp_path / "out").iterdir())


def test_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    data = tar_of({"a": b"1", "./a": b"2"})
    assert "holds the file 'a' twice" in refused(tmp_path, data)


def test_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    assert "cannot be unpacked" in refused(tmp_path, tar_of({"a": b"1", "a/b": b"2"}))


def test_bomb_is_not_unfolded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_FREE_BYTES", 1024**2)
    data = tar_of({"zeros": bytes(40 * 1024**2)}, packed=True)
    assert "unfolds to more than" in refused(tmp_path, data, PACKED)
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*"))
    assert written < 10 * 1024**2


def test_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MOST_MEMBERS", 3)
    assert "more than 3 files" in refused(tmp_path, tar_of({str(number): b"" for number in range(4)}))


def test_header_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    info = member("x", tarfile.XHDTYPE)
    info.size = 8 * 1024**3
    # A file with a hole: the claimed header is there in full and takes no room.
    with (tmp_path / "blob").open("wb") as stream:
        stream.write(info.tobuf(format=tarfile.GNU_FORMAT))
        stream.truncate(8 * 1024**3 + 512)
    with pytest.raises(SourceError, match="a header of 8589934592 bytes"):
        unpacking.unpack(tmp_path / "blob", LAYER, tmp_path / "out")


def test_bytes_after_the_end_are_refused(tmp_path: Path) -> None:
    hidden = tar_of({"b": b"hidden"})
    assert "after the end of its archive" in refused(tmp_path, tar_of({"a": b"1"}) + hidden)


def test_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    data = bytearray(tar_of({"a": b"1", "b": b"2"}))
    data[1024 + 150] ^= 1  # in the checksum of the second header
    assert "after the end of its archive" in refused(tmp_path, bytes(data))


@pytest.mark.parametrize(
    ("data", "layer"),
    [
        (b"", LAYER),
        (b"no archive at all" * 100, LAYER),
        (tar_of({"a": bytes(4096)})[:2000], LAYER),
        (tar_of({"a": bytes(range(256)) * 64}, packed=True)[:-40], PACKED),
        (b"no gzip", PACKED),
        (gzip.compress(b"no archive at all" * 100, mtime=0), PACKED),
        (b"no zstd", LayerFile(Descriptor("x.tar+zstd", "sha256:0"), "layers/0.tar", "tar+zstd")),
    ],
)
def test_broken_archive_is_one_clear_error(tmp_path: Path, data: bytes, layer: LayerFile) -> None:
    said = refused(tmp_path, data, layer)
    assert "a broken archive" in said or "cannot be unpacked" in said


def test_sparse_member_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = member("sparse")
        info.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)}
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    assert "only plain files are unpacked" in refused(tmp_path, buffer.getvalue())
