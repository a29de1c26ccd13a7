"""How much of an archive is unpacked before it is called a bomb, or given up.

>>> budget = Budget()
>>> budget.require_sane(50_000_000, 10_000, b"text")
Traceback (most recent call last):
scanner.archives.faults.UnpackingError: unfolds 10000 bytes to 50000000 or more, which only a bomb does
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scanner.archives.faults import Rule, UnpackingError

# Text hardly shrinks thirtyfold; what shrinks a hundredfold holds nothing.
_FACTOR: Final = 100
_FREE_BYTES: Final = 16 * 1024**2
# Arrays may well be all zeros: masks, fresh optimiser states.
_FREE_NUMBERS_BYTES: Final = 256 * 1024**2
_FREE_TAR_BYTES: Final = 32 * 1024**2
_NUMBERS: Final = (b"\x93NUMPY", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x89HDF\r\n", b"GGUF")
# Together, whatever the factor: at this point reading on takes longer than a file may.
_TOTAL_BYTES: Final = 2 * 1024**3
_MEMBERS: Final = 200_000
# Checksums of tensors that are stored as they are matter less than the time to read them.
_STORED_BYTES: Final = 512 * 1024**2
# A megabyte of source takes about three seconds to judge.
_SOURCE_BYTES: Final = 6 * 1024**2


@dataclass
class Budget:
    """What is left for one file, whatever is nested in it.

    Attributes:
        bytes_left: To unpack.
        members_left: To look at.
        stored_left: To read of members that are not packed.
        source_left: Of Python source that nothing names to be run, to judge call by call.
    """

    bytes_left: int = _TOTAL_BYTES
    members_left: int = _MEMBERS
    stored_left: int = _STORED_BYTES
    source_left: int = _SOURCE_BYTES

    @property
    def is_spent(self) -> bool:
        """Whether nothing more is to be unpacked."""
        return self.bytes_left < 0 or self.members_left < 0

    def require_sane(self, size_bytes: int, packed_bytes: int, head: bytes) -> None:
        """Raises an UnpackingError when so much comes out of so little that it can only be a bomb."""
        free = _FREE_NUMBERS_BYTES if head.startswith(_NUMBERS) else _FREE_BYTES
        free = _FREE_TAR_BYTES if head[257:262] == b"ustar" else free
        if size_bytes > free and size_bytes > _FACTOR * max(packed_bytes, 1):
            raise UnpackingError(
                f"unfolds {packed_bytes} bytes to {size_bytes} or more, which only a bomb does", Rule.BOMB
            )

    def count_member(self) -> None:
        """Raises an UnpackingError when there are more members than can be looked at."""
        self.members_left -= 1
        if self.members_left < 0:
            text = f"holds more than {_MEMBERS} members, of which the rest was not looked at"
            raise UnpackingError(text, Rule.NOT_OPENED)

    def spend(self, size_bytes: int) -> None:
        """Raises an UnpackingError when all members together unpack to more than is read."""
        self.bytes_left -= size_bytes
        if self.bytes_left < 0:
            raise UnpackingError(
                f"unpacks to more than {_TOTAL_BYTES} bytes, of which the rest was not read", Rule.NOT_OPENED
            )
