"""Reads a 7z archive through py7zr, which comes with the extra `archives`: names, and members into memory.

Source: py7zr 1.1, "API documentation", `SevenZipFile(max_extract_size=...)` and `WriterFactory`.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from scanner.archives.budget import Budget
from scanner.archives.faults import Fault, Faults, Rule, UnpackingError, shown
from scanner.archives.members import Member
from scanner.archives.names import shared_names, text_faults

_MISSING: Final = (
    "is a 7z archive, which the library py7zr opens, and that is not installed: "
    "pip install 'weighbridge[archives]'"
)
# Of one member, and of all together, that are kept to be looked into; of the rest the beginning.
_KEPT_BYTES: Final = 64 * 1024**2
_ALL_KEPT_BYTES: Final = 128 * 1024**2
_HEAD_BYTES: Final = 64 * 1024
# py7zr holds the header as text and objects, some twenty times as large.
_HEADER_BYTES: Final = 4 * 1024**2
_SIGNATURE_BYTES: Final = 32


@dataclass
class _Kept:
    """What came out of one member."""

    name: str
    size_bytes: int = 0
    data: bytearray = field(default_factory=bytearray)


class SevenZipArchive:
    """One 7z archive.

    Attributes:
        faults: What is wrong with it.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, budget: Budget) -> None:
        self.faults = Faults()
        self._stream, self._size, self._budget = stream, size_bytes, budget

    def members(self) -> Iterator[Member]:
        """The files in it, all unpacked into memory as far as they are kept.

        Raises:
            UnpackingError: when it is broken, encrypted, a bomb, or py7zr is not there.
        """
        try:
            py7zr = importlib.import_module("py7zr")
        except ImportError as error:
            raise UnpackingError(_MISSING, Rule.NOT_OPENED) from error
        self._require_short_header()
        self._stream.seek(0)
        try:
            with py7zr.SevenZipFile(self._stream, max_extract_size=self._budget.bytes_left) as archive:
                self._list(archive)
                kept = self._extract(py7zr, archive)
        except py7zr.PasswordRequired as error:
            raise UnpackingError("is encrypted, and was not looked into", Rule.ENCRYPTED) from error
        except UnpackingError:
            raise
        except Exception as error:  # noqa: BLE001 - py7zr lets what broken archives cause escape as it comes
            raise UnpackingError(f"is a 7z archive that cannot be read ({shown(str(error))})") from error
        for each in kept:
            is_whole = len(each.data) == each.size_bytes
            yield Member(
                each.name, each.size_bytes, self._size, _opener(each.data), reopens=True, is_whole=is_whole
            )

    def _require_short_header(self) -> None:
        self._stream.seek(0)
        head = self._stream.read(_SIGNATURE_BYTES)
        length = int.from_bytes(head[20:28], "little")
        if length > _HEADER_BYTES:
            raise UnpackingError(f"has a header of {length} bytes, which was not read", Rule.NOT_OPENED)
        end = _SIGNATURE_BYTES + int.from_bytes(head[12:20], "little") + length
        if end < self._size:
            text = f"{self._size - end} bytes follow its end"
            self.faults.append(Fault(Rule.OUTSIDE_BYTES, "", text))

    def _list(self, archive: Any) -> None:
        listed = archive.list()
        for info in listed:
            self._budget.count_member()
            self.faults.extend(text_faults(str(info.filename)))
            if info.is_symlink:
                self.faults.append(Fault(Rule.LINK_OUT, str(info.filename), "is a link"))
        self.faults.extend(shared_names([str(info.filename) for info in listed if info.is_file]))
        self._budget.require_sane(sum(int(info.uncompressed) for info in listed), self._size, b"")

    def _extract(self, py7zr: Any, archive: Any) -> list[_Kept]:
        kept: list[_Kept] = []
        budget, packed_bytes = self._budget, self._size
        room = _ALL_KEPT_BYTES

        class _Writer(py7zr.io.Py7zIO):  # type: ignore[misc]  # its base is not known before it is imported
            def __init__(self, product: _Kept) -> None:
                self._product = product

            def write(self, data: bytes | bytearray) -> int:
                nonlocal room
                product = self._product
                product.size_bytes += len(data)
                budget.spend(len(data))
                budget.require_sane(product.size_bytes, packed_bytes, bytes(product.data[:512]))
                most = _KEPT_BYTES if room > 0 else _HEAD_BYTES
                piece = data[: max(0, most - len(product.data))]
                product.data += piece
                room -= len(piece)
                return len(data)

            def read(self, size: int | None = None) -> bytes:
                return b""

            def seek(self, offset: int, whence: int = 0) -> int:
                return 0

            def flush(self) -> None:
                return None

            def size(self) -> int:
                return self._product.size_bytes

        class _Factory(py7zr.io.WriterFactory):  # type: ignore[misc]
            def create(self, filename: str) -> Any:
                kept.append(_Kept(filename))
                return _Writer(kept[-1])

        archive.extractall(factory=_Factory())
        return kept


def _opener(data: bytearray) -> Any:
    return lambda: io.BytesIO(data)
