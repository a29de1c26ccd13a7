"""Judges where the tensors of an ONNX model lie when they lie in other files.

Source: onnx 1.23.2, docs/ExternalData.md and onnx/external_data_helper.py (GHSA-538c-55jv-c5g9); CWE-22;
CWE-822 for the marker by which ONNX Runtime means an address in memory.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from scanner.findings import Severity
from scanner.graphs.fault import GraphFault, malformed
from scanner.graphs.onnx_tensors import Tensor
from scanner.graphs.paths import leads_elsewhere, shown

_KEYS: Final = frozenset({"location", "offset", "length", "checksum", "basepath"})
_NAME: Final = 100
_IN_MEMORY: Final = "_ort_mem_addr_"
# The largest models have some ten thousand tensors.
_MOST_RANGES: Final = 200_000


class ExternalData:
    """The files that a model takes its tensors from."""

    def __init__(self, folder: str, sizes: Mapping[str, int]) -> None:
        """`folder` is the model's own, `sizes` are those of all files of the snapshot, by path."""
        self._folder, self._sizes = folder, sizes
        self._ranges: dict[str, list[tuple[int, int, str]]] = {}
        self._count = 0

    def faults(self, tensor: Tensor) -> Iterator[GraphFault]:
        """What is wrong with the place of one tensor."""
        where = f"tensor {shown(tensor.name)}"
        if tensor.is_external and not any(key == "location" for key, _ in tensor.places):
            yield malformed("its data lies in another file, which is not named", where)
        for key, value in tensor.places:
            if key in ("location", "basepath"):
                yield from self._path_faults(key, value, where)
            elif key not in _KEYS and not key.startswith("prepacked"):
                yield malformed(
                    f"the place of its data has a key {shown(key)} that ONNX does not have", where
                )
        if tensor.is_external:
            yield from self._range_faults(tensor, dict(tensor.places), where)

    def overlaps(self) -> Iterator[GraphFault]:
        """Tensors that share some of their bytes, but not all, once every tensor was seen."""
        for path, ranges in self._ranges.items():
            ranges.sort()
            for (begin, end, name), (after, after_end, other) in zip(ranges, ranges[1:], strict=False):
                if after < end and (begin, end) != (after, after_end):
                    shared = f"bytes {after} to {min(end, after_end)} of {shown(path)}"
                    yield malformed(f"it shares {shared} with {shown(other)}", f"tensor {shown(name)}")
                    break

    def _path_faults(self, key: str, value: str, where: str) -> Iterator[GraphFault]:
        if _IN_MEMORY in value.lower():
            yield GraphFault(
                "path-elsewhere", where, "its data is said to lie at an address in memory",
                Severity.CRITICAL, ("CWE-822",),
            )  # fmt: skip
        elif why := leads_elsewhere(value):
            yield GraphFault(
                "path-elsewhere", where, f"its data is taken from {shown(value)}, which {why}",
                Severity.CRITICAL, ("CWE-22",),
            )  # fmt: skip
        elif key == "location" and not value.strip():
            yield malformed("its data lies in another file, whose name is empty", where)

    def _range_faults(self, tensor: Tensor, entries: Mapping[str, str], where: str) -> Iterator[GraphFault]:
        location = entries.get("location", "")
        if not location.strip() or leads_elsewhere(location) or _IN_MEMORY in location.lower():
            return
        path = posixpath.normpath(posixpath.join(self._folder, location))
        size = self._sizes.get(path)
        offset, length = _number(entries.get("offset", "0")), _number(entries.get("length", ""))
        if offset is None or (length is None and "length" in entries):
            yield malformed("offset or length of its data is no number from 0 on", where)
            return
        if size is None:
            yield malformed(f"its data lies in {shown(location)}, which is not there", where)
            return
        end = size if length is None else offset + length
        if offset > size or end > size:
            yield malformed(
                f"its data goes from byte {offset} to {end} of {shown(location)}, which has {size}", where
            )
            return
        expected = tensor.expected_bytes
        if expected is not None and (end - offset < expected or (length is not None and length != expected)):
            taken = f"its data takes {end - offset} bytes of {shown(location)}"
            yield malformed(f"{taken}; its dimensions and type take {expected}", where)
        elif self._count >= _MOST_RANGES:
            yield malformed(f"more than {_MOST_RANGES} tensors lie in other files; not followed", "tensors")
        elif end > offset:
            self._count += 1
            used = end if expected is None else offset + expected
            self._ranges.setdefault(location, []).append((offset, used, tensor.name[:_NAME]))


def _number(text: str) -> int | None:
    """A number as ONNX writes it: digits alone, of 63 bits at most."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    value = int(text)
    return value if value < 2**63 else None
