"""What a scan keeps of a model's origin: one piece of evidence that reports read back.

>>> record = OriginRecord(OriginChain(None, (), None, ""), NOTHING_KNOWN)
>>> read_origin(written(record)) == record
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scanner.origins.chain import OriginChain
from scanner.origins.jurisdiction import NOTHING_KNOWN, Jurisdiction
from scanner.records import decode, encode_pretty

__all__ = ["NOTHING_KNOWN", "ORIGIN_MEDIA_TYPE", "OriginRecord", "read_origin", "written"]

ORIGIN_MEDIA_TYPE: Final = "application/vnd.weighbridge.origin+json"


@dataclass(frozen=True)
class OriginRecord:
    """The chain of origin, and the three facts of jurisdiction beside it."""

    chain: OriginChain
    jurisdiction: Jurisdiction


def written(record: OriginRecord) -> bytes:
    """The record as the evidence store keeps it."""
    return encode_pretty(record)


def read_origin(data: bytes) -> OriginRecord:
    """The record in a piece of evidence.

    Raises:
        InvalidValueError: when the bytes are none.
    """
    return decode(data, OriginRecord)
