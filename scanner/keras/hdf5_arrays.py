"""Judges one array of an HDF5 file by its plan: where its numbers lie, how they are packed, how many.

Source: HDF5 1.14, "H5P: Dataset Creation Property List"; the register of filters of the HDF Group.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from scanner.keras.hdf5_found import Hdf5Found, text_of
from scanner.pickles.embedded import START
from scanner.tensorfiles.safetensors_layout import shown

if TYPE_CHECKING:
    import h5py

_SHORT_BYTES: Final = 1024**2
# Up to this length those are read, too, that begin as a pickle does.
_LONG_BYTES: Final = 64 * 1024**2
_HEAD: Final = 64
# Weights do not compress a hundredfold; Keras itself accepts a thousandfold from 4 GiB on.
_BOMB_BYTES: Final = 256 * 1024**2
_BOMB_RATIO: Final = 100
# deflate, shuffle, fletcher32, szip, nbit, scaleoffset, and lzf, which comes with h5py.
_OWN_FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})
# Registered with the HDF Group, each a library to install: lzo, bzip2, Blosc, lz4, zstd and others.
_REGISTERED_FILTERS: Final = frozenset({305, 307, *range(32001, 32041)})
_NAMES_SHOWN: Final = 3
_SOURCES_LIMIT: Final = 50_000


class ArrayJudge:
    """Judges the arrays of one file, and sums up what they claim."""

    def __init__(self, out: Hdf5Found, size_bytes: int) -> None:
        self._out = out
        self._size = size_bytes
        self._claimed = 0

    def judge(self, dataset: h5py.h5d.DatasetID, path: str) -> None:
        """Notes what is wrong with an array, and keeps its bytes where they may be text.

        Raises:
            ValueError: when it lies outside the file.
        """
        from h5py import h5d

        plan = dataset.get_create_plist()
        if plan.get_layout() == h5d.VIRTUAL:
            self._virtual(plan, path)  # asking for its shape could open the files that it names
        elif plan.get_layout() != h5d.CHUNKED and plan.get_external_count():
            self._external(plan, path)
        else:
            is_own = self._has_own_filters(plan, path)
            claimed = self._size_claim(dataset, path)
            if is_own and 0 < claimed <= _LONG_BYTES:
                self._keep_text(dataset, path, claimed)

    def sum_up(self) -> None:
        """Tells of arrays that claim too much together."""
        is_told = any(fault.rule == "shape-bomb" for fault in self._out.faults)
        if self._claimed > max(_BOMB_BYTES, self._size * _BOMB_RATIO) and not is_told:
            message = f"its arrays claim {self._claimed} bytes together, in a file of {self._size}"
            self._out.fault("shape-bomb", message, "/")

    def _virtual(self, plan: h5py.h5p.PropDCID, path: str) -> None:
        count = plan.get_virtual_count()
        if count > _SOURCES_LIMIT:
            raise ValueError(f"{shown(path)} is put together of {count} pieces")
        # "." is this file.
        if files := {plan.get_virtual_filename(index) for index in range(count)} - {"."}:
            names = ", ".join(shown(str(name)) for name in sorted(files)[:_NAMES_SHOWN])
            message = f"the numbers of {shown(path)} are read from {names}"
            self._out.fault("reads-other-file", message, path)

    def _external(self, plan: h5py.h5p.PropDCID, path: str) -> None:
        count = min(plan.get_external_count(), _NAMES_SHOWN)
        names = ", ".join(shown(text_of(plan.get_external(index)[0])) for index in range(count))
        self._out.fault("reads-other-file", f"the numbers of {shown(path)} are read from {names}", path)

    def _has_own_filters(self, plan: h5py.h5p.PropDCID, path: str) -> bool:
        """Whether every filter of the array comes with the library."""
        numbers = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
        for number in sorted(numbers - _OWN_FILTERS):
            if number in _REGISTERED_FILTERS:
                self._out.fault("needs-a-filter", f"the HDF5 filter {number} for {shown(path)}", path)
            else:
                message = (
                    f"{shown(path)} is unpacked by filter {number} of no register: a library is loaded for it"
                )
                self._out.fault("unknown-filter", message, path)
        return numbers <= _OWN_FILTERS

    def _size_claim(self, dataset: h5py.h5d.DatasetID, path: str) -> int:
        """How many bytes the array has when it is read."""
        claimed: int = (
            0 if dataset.shape is None else math.prod(dataset.shape) * dataset.get_type().get_size()
        )
        stored: int = dataset.get_storage_size()
        self._claimed += claimed
        if claimed > _BOMB_BYTES and claimed > stored * _BOMB_RATIO:
            message = f"{shown(path)} claims {claimed} bytes and stores {stored}: reading it fills the memory"
            self._out.fault("shape-bomb", message, path)
        begin = dataset.get_offset()
        if (begin or 0) + stored > self._size:
            raise ValueError(f"{shown(path)} ends beyond the end of the file")
        return claimed

    def _keep_text(self, dataset: h5py.h5d.DatasetID, path: str, claimed: int) -> None:
        """Keeps the bytes of an array that may be something else than numbers."""
        import h5py
        from h5py import h5t

        kind = dataset.get_type()
        is_text = kind.get_class() in (h5t.OPAQUE, h5t.STRING, h5t.VLEN)
        if is_text or (kind.get_class() == h5t.INTEGER and kind.get_size() == 1):
            array = h5py.Dataset(dataset)
            if claimed <= _SHORT_BYTES or _begins_as_pickle(array):
                self._out.keep_acting(f"array {shown(path)}", path, array[()])


def _begins_as_pickle(array: h5py.Dataset) -> bool:
    """Whether the first bytes of an array are those of a pickle; texts of any length lie elsewhere."""
    if not array.shape or array.dtype.kind == "O":
        return False
    places: list[slice] = []
    count = _HEAD
    for size in reversed(array.shape):  # the last axis lies closest together
        places.insert(0, slice(0, min(size, count)))
        count = -(-count // min(size, count))
    return START.match(array[tuple(places)].tobytes()) is not None
