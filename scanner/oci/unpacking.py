"""Unpacks the tar layers of an artefact into a folder: plain files only, inside it, and within limits.

Anything else is refused as a whole: links, devices, names that lead out, archives that unfold to absurd
sizes or counts, and bytes after an archive's end, which some tools read and others do not.

Source: tarfile, "Extraction filters" (PEP 706); OCI Image Format Specification 1.1, layer.md.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from scanner.oci.layers import LayerFile
from scanner.remote.downloads import SPARE_BYTES
from scanner.remote.names import inside_path
from scanner.source import SourceError

_BLOCK_BYTES: Final = 1024**2
# Names and extended headers are read in one piece; no honest one comes near this.
_LONGEST_HEADER_BYTES: Final = 1024**2
_MOST_MEMBERS: Final = 100_000
# Weights hardly shrink. An archive may unfold to this size in any case, and beyond it by this factor.
_FREE_BYTES: Final = 1024**3
_MOST_FACTOR: Final = 100
_REFUSED: Final = "do not use this artefact; ask its publisher to pack plain files only"


@dataclass(frozen=True)
class Unpacked:
    """One file that came out of a layer.

    Attributes:
        path: Inside the model's folder.
        sha256: Over the bytes as they came out of the archive.
        size_bytes: Their number.
    """

    path: str
    sha256: str
    size_bytes: int


def unpack(blob: Path, layer: LayerFile, folder: Path) -> tuple[Unpacked, ...]:
    """The files of an archive, written below `folder`, which must be empty or not there.

    Raises:
        SourceError: when the archive is broken, or holds what is not unpacked here.
    """
    limit = _Limit(blob.stat().st_size, folder, layer.shown)
    found: dict[str, Unpacked] = {}
    try:
        with ExitStack() as stack:
            stream = _Bounded(stack.enter_context(_opened(blob, layer)), layer.shown)
            archive = stack.enter_context(tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:"))
            for member in _members(archive, layer.shown):
                path = inside_path(member.name, layer.shown)
                if path in found:
                    raise SourceError(f"{layer.shown}: holds the file {path!a} twice", hint=_REFUSED)
                found[path] = _write(archive, member, path, folder, limit)
            _require_end(archive, stream, limit, layer.shown)
    except _broken(layer) as error:
        raise SourceError(
            f"{layer.shown}: a broken archive ({str(error)[:200]})", hint="fetch it again, or pack it again"
        ) from error
    except OSError as error:  # gzip's BadGzipFile is one
        raise SourceError(
            f"{layer.shown}: cannot be unpacked ({error.strerror or error})",
            hint="free some disk space, fetch it again, or pack it again",
        ) from error
    return tuple(found.values())


def _broken(layer: LayerFile) -> tuple[type[Exception], ...]:
    """What readers of a broken archive raise."""
    kinds = (tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError)
    if layer.packing != "tar+zstd":
        return kinds
    import zstandard

    return (*kinds, zstandard.ZstdError)


def _opened(blob: Path, layer: LayerFile) -> IO[bytes]:
    if layer.packing == "tar+gzip":
        import gzip

        return cast("IO[bytes]", gzip.open(blob, "rb"))
    if layer.packing == "tar+zstd":
        import zstandard

        # The window is what a hostile frame can make us hold in memory.
        decompressor = zstandard.ZstdDecompressor(max_window_size=128 * 1024**2)
        # Across frames, as other readers do: else a second frame would hold files that only they see.
        return cast(
            "IO[bytes]",
            decompressor.stream_reader(blob.open("rb"), read_across_frames=True, closefd=True),
        )
    return blob.open("rb")


def _members(archive: tarfile.TarFile, shown: str) -> Iterator[tarfile.TarInfo]:
    """The plain files of an archive; folders are made as files need them."""
    for count, member in enumerate(archive, start=1):
        if count > _MOST_MEMBERS:
            raise SourceError(f"{shown}: more than {_MOST_MEMBERS} files", hint=_REFUSED)
        # Python keeps a list of all that it has seen, which would grow with the archive.
        archive.members.clear()  # type: ignore[attr-defined]
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise SourceError(
                f"{shown}: {member.name[:200]!a} is {_kind(member)}; only plain files are unpacked",
                hint=_REFUSED,
            )
        yield member


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname[:200]!a}"
    return "a device" if member.isdev() else "of a kind that is not known"


def _write(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, folder: Path, limit: _Limit
) -> Unpacked:
    # Beside our own look at the name: what Python itself holds for safe.
    tarfile.data_filter(member, str(folder))
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None  # noqa: S101 - it is a plain file
    sha256, size_bytes = hashlib.sha256(), 0
    # "x": an archive that names one file in two ways must not write it twice.
    with target.open("xb") as stream:
        while piece := content.read(_BLOCK_BYTES):
            limit.spend(len(piece))
            sha256.update(piece)
            stream.write(piece)
            size_bytes += len(piece)
    return Unpacked(path, sha256.hexdigest(), size_bytes)


def _require_end(archive: tarfile.TarFile, stream: _Bounded, limit: _Limit, shown: str) -> None:
    """Reads on to the end of the layer: a damaged header looks to Python like the end of the archive."""
    piece = stream.last
    while piece:
        limit.spend(len(piece))
        if piece.strip(b"\0"):
            raise SourceError(
                f"{shown}: has more bytes after the end of its archive, at {archive.offset}", hint=_REFUSED
            )
        piece = stream.read(_LONGEST_HEADER_BYTES)


class _Limit:
    """How much an archive may unfold to."""

    def __init__(self, packed_bytes: int, folder: Path, shown: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._most = max(_FREE_BYTES, _MOST_FACTOR * packed_bytes)
        self._free = shutil.disk_usage(folder).free - SPARE_BYTES
        self._shown = shown
        self._spent = 0

    def spend(self, size_bytes: int) -> None:
        self._spent += size_bytes
        if self._spent > self._most:
            raise SourceError(
                f"{self._shown}: unfolds to more than {self._most} bytes, which no weights do", hint=_REFUSED
            )
        if self._spent > self._free:
            raise SourceError(
                f"{self._shown}: unpacked files of more than {self._free / 1e9:.1f} GB, which the disk lacks",
                hint="free some disk space or choose another folder with --data-dir",
            )


class _Bounded(io.RawIOBase):
    """A stream that refuses to read much at once: tarfile reads a header of any claimed size whole.

    Attributes:
        last: What was read last. Packed streams cannot go back to look at it again.
    """

    def __init__(self, stream: IO[bytes], shown: str) -> None:
        self.last = b""
        self._stream = stream
        self._shown = shown

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER_BYTES:
            raise SourceError(f"{self._shown}: a header of {size} bytes in its archive", hint=_REFUSED)
        pieces, left = [], size
        while left and (piece := self._stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
        self.last = b"".join(pieces)
        return self.last

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
