r"""Reads the structure of an HDF5 file: what leads out of it, what is larger than it is, and its texts.

Objects are opened by the HDF5 library one by one and only by hard links, so that nothing outside the file is
ever opened; values are read only where they are short, stored in the file, and packed by filters that the
library brings itself.

Source: HDF5 1.14, "HDF5 File Format Specification Version 3.0"; h5py 3.16, low-level interface; CVE-2026-0897,
CVE-2026-1669 (external storage and links in Keras weights).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from scanner.keras.faults import KerasFault, KerasReading
from scanner.keras.guarded_stream import GuardedStream
from scanner.tensorfiles.safetensors_layout import shown

if TYPE_CHECKING:
    import h5py

_OBJECTS_LIMIT: Final = 100_000
_LINKS_LIMIT: Final = 400_000
_DEPTH_LIMIT: Final = 64
_ATTRIBUTES_LIMIT: Final = 2_000
_FAULTS_LIMIT: Final = 200
# A configuration in an attribute; the longest is judged further by `json_text`.
_TEXT_LIMIT_BYTES: Final = 16 * 1024**2
# Everything that is read of one file together.
_READ_LIMIT_BYTES: Final = 64 * 1024**2
_SHORT_BYTES: Final = 1024**2
# Weights do not compress a hundredfold; Keras itself accepts a thousandfold from 4 GiB on.
_BOMB_BYTES: Final = 256 * 1024**2
_BOMB_RATIO: Final = 100
# deflate, shuffle, fletcher32, szip, nbit, scaleoffset, and lzf, which comes with h5py.
_OWN_FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})
# Registered with the HDF Group, each a library to install: bzip2, lzo, and those from Blosc to Granular BitRound.
_REGISTERED_FILTERS: Final = frozenset({305, 307, *range(32001, 32041)})
# What h5py and the library under it raise for a file that is not as it should be.
HDF5_ERRORS: Final = (
    OSError, RuntimeError, ValueError, TypeError, KeyError, IndexError, OverflowError, NotImplementedError,
    AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class HeldText:
    """Bytes of an attribute or a small array that may be more than numbers.

    Attributes:
        place: "attribute model_config of /", "dataset /blob".
        name: Name of the attribute or array, without folders.
        data: The bytes.
    """

    place: str
    name: str
    data: bytes


@dataclass
class Hdf5Reading(KerasReading):
    """The same with the texts that were found."""

    texts: list[HeldText] = field(default_factory=list)


def read_hdf5(stream: BinaryIO, size_bytes: int) -> Hdf5Reading:
    """What is wrong with the HDF5 file in `stream`, and what texts it holds.

    Raises:
        PartlyReadError: when not enough of it was read to tell.
    """
    import h5py

    out = Hdf5Reading(is_keras=True)
    guarded = GuardedStream(stream, size_bytes)
    walk = _Walk(out, size_bytes)
    try:
        with h5py.File(guarded, "r") as file:
            walk.objects(file.id)
            walk.soft_links()
    except HDF5_ERRORS as error:
        guarded.raise_stored()
        out.give_up("", f"the HDF5 library cannot read it ({_first(error)})")
    guarded.raise_stored()
    return out


@dataclass(frozen=True)
class _Place:
    """A group on the way down and the addresses of the groups above it."""

    group: h5py.h5g.GroupID
    path: str
    above: tuple[int, ...]


class _Walk:
    """One way through every object of a file, each taken once."""

    def __init__(self, out: Hdf5Reading, size_bytes: int) -> None:
        self._out = out
        self._size = size_bytes
        self._seen: set[int] = set()
        self._paths: set[str] = {"/"}
        self._soft: list[tuple[str, str]] = []
        self._links = 0
        self._left = _READ_LIMIT_BYTES
        self._declared = 0

    def objects(self, file: h5py.h5f.FileID) -> None:
        """Walks down from the root, and sums up what all arrays claim together."""
        from h5py import h5g, h5o

        root = h5g.open(file, b"/")
        address = h5o.get_info(root).addr
        self._seen.add(address)
        waiting = [_Place(root, "/", (address,))]
        self._attributes(root, "/")
        while waiting and len(self._out.faults) < _FAULTS_LIMIT:
            waiting.extend(self._group(waiting.pop()))
        if self._declared > max(_BOMB_BYTES, self._size * _BOMB_RATIO) and not self._has("shape-bomb"):
            message = f"its arrays claim {self._declared} bytes together, in a file of {self._size}"
            self._fault("shape-bomb", message, "/")

    def soft_links(self) -> None:
        """Tells of links to places that are not in the file."""
        targets = self._paths | {path for path, _ in self._soft}
        for path, target in self._soft:
            if target not in targets:
                self._fault("dangling-link", f"the link {shown(path)} leads to {shown(target)}, which is not there", path)

    def _has(self, rule: str) -> bool:
        return any(fault.rule == rule for fault in self._out.faults)

    def _fault(self, rule: str, message: str, path: str) -> None:
        if len(self._out.faults) < _FAULTS_LIMIT:
            self._out.faults.append(KerasFault(rule, message, shown(path)))

    def _group(self, place: _Place) -> Iterator[_Place]:
        for name in place.group:
            self._links += 1
            if self._links > _LINKS_LIMIT or len(self._seen) > _OBJECTS_LIMIT or len(place.above) > _DEPTH_LIMIT:
                raise ValueError("more objects, links or levels than any model has")
            path = f"{place.path.rstrip('/')}/{name.decode('utf-8', 'backslashreplace')}"
            yield from self._link(place, name, path)

    def _link(self, place: _Place, name: bytes, path: str) -> Iterator[_Place]:
        from h5py import h5l

        kind = place.group.links.get_info(name).type
        if kind == h5l.TYPE_HARD:
            self._paths.add(path)
            yield from self._object(place, name, path)
        elif kind == h5l.TYPE_SOFT:
            target = place.group.links.get_val(name).decode("utf-8", "backslashreplace")
            self._soft.append((path, _absolute(place.path, target)))
        elif kind == h5l.TYPE_EXTERNAL:
            file, inside = place.group.links.get_val(name)
            where = f"{shown(file.decode('utf-8', 'backslashreplace'))}, {shown(inside.decode('utf-8', 'backslashreplace'))}"
            self._fault("reads-other-file", f"the link {shown(path)} leads into another file: {where}", path)
        else:
            self._fault("reads-other-file", f"the link {shown(path)} is of a kind that a library would have to bring", path)

    def _object(self, place: _Place, name: bytes, path: str) -> Iterator[_Place]:
        from h5py import h5d, h5g, h5o

        found = h5o.open(place.group, name)
        address = h5o.get_info(found).addr
        if address in place.above:
            self._fault("link-cycle", f"the group {shown(path)} holds itself", path)
        if address in self._seen:
            return
        self._seen.add(address)
        self._attributes(found, path)
        if isinstance(found, h5d.DatasetID):
            self._dataset(found, path)
        elif isinstance(found, h5g.GroupID):
            yield _Place(found, path, (*place.above, address))

    def _dataset(self, dataset: h5py.h5d.DatasetID, path: str) -> None:
        from h5py import h5d

        plan = dataset.get_create_plist()
        if plan.get_layout() == h5d.VIRTUAL:
            self._virtual(plan, path)
            return  # asking for its shape could open the files that it names
        if plan.get_layout() != h5d.CHUNKED and (count := plan.get_external_count()):
            files = [shown(plan.get_external(index)[0].decode("utf-8", "backslashreplace")) for index in range(min(count, 3))]
            self._fault("reads-other-file", f"the numbers of {shown(path)} are read from {', '.join(files)}", path)
            return
        is_own = self._filters(plan, path)
        claimed = self._size_claim(dataset, path)
        if is_own and claimed <= self._left:
            self._blob(dataset, path, claimed)

    def _virtual(self, plan: h5py.h5p.PropDCID, path: str) -> None:
        files = {plan.get_virtual_filename(index) for index in range(min(plan.get_virtual_count(), 1000))} - {"."}
        if files:
            names = ", ".join(shown(str(name)) for name in sorted(files)[:3])
            self._fault("reads-other-file", f"the numbers of {shown(path)} are read from {names}", path)

    def _filters(self, plan: h5py.h5p.PropDCID, path: str) -> bool:
        """Whether every filter of the array comes with the library."""
        numbers = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
        for number in sorted(numbers - _OWN_FILTERS):
            if number in _REGISTERED_FILTERS:
                self._fault("needs-a-filter", f"the HDF5 filter {number} for {shown(path)}", path)
            else:
                message = f"{shown(path)} is unpacked by filter {number}, which is in no register: a library loads it"
                self._fault("unknown-filter", message, path)
        return numbers <= _OWN_FILTERS

    def _size_claim(self, dataset: h5py.h5d.DatasetID, path: str) -> int:
        """How many bytes the array has when it is read."""
        shape = cast(tuple[int, ...], dataset.shape) or ()
        claimed = math.prod(shape) * dataset.get_type().get_size()
        stored = dataset.get_storage_size()
        self._declared += claimed
        if claimed > _BOMB_BYTES and claimed > stored * _BOMB_RATIO:
            message = f"{shown(path)} claims {claimed} bytes and {stored} are stored: reading it fills the memory"
            self._fault("shape-bomb", message, path)
        if stored > self._size:
            raise ValueError(f"{shown(path)} claims {stored} stored bytes, in a file of {self._size}")
        begin = dataset.get_offset()
        if begin is not None and begin + stored > self._size:
            raise ValueError(f"{shown(path)} ends beyond the end of the file")
        return claimed

    def _blob(self, dataset: h5py.h5d.DatasetID, path: str, claimed: int) -> None:
        """Keeps the bytes of a short array that may be something else than numbers."""
        import h5py
        from h5py import h5t

        kind = dataset.get_type()
        is_text = kind.get_class() in (h5t.OPAQUE, h5t.STRING, h5t.VLEN)
        is_bytes = kind.get_class() == h5t.INTEGER and kind.get_size() == 1
        if 0 < claimed <= _SHORT_BYTES and (is_text or is_bytes) and kind.get_class() != h5t.REFERENCE:
            self._keep(f"array {shown(path)}", path, h5py.Dataset(dataset)[()])

    def _attributes(self, owner: h5py.h5o.ObjectID, path: str) -> None:
        from h5py import h5a

        count = h5a.get_num_attrs(owner)
        if count > _ATTRIBUTES_LIMIT:
            raise ValueError(f"{shown(path)} has {count} attributes")
        for index in range(count):
            attribute = h5a.open(owner, index=index)
            name = attribute.name.decode("utf-8", "backslashreplace")
            self._attribute(owner, attribute, name, path)

    def _attribute(self, owner: h5py.h5o.ObjectID, attribute: h5py.h5a.AttrID, name: str, path: str) -> None:
        from h5py import AttributeManager, h5t

        kind = attribute.get_type()
        size_bytes = math.prod(attribute.shape or ()) * kind.get_size()
        if size_bytes > min(_TEXT_LIMIT_BYTES, self._left):
            self._out.give_up(f"attribute {shown(name)} of {shown(path)}", "is longer than any text of a model")
        elif size_bytes and kind.get_class() in (h5t.OPAQUE, h5t.STRING, h5t.VLEN, h5t.INTEGER):
            value = AttributeManager(_Owner(owner))[attribute.name]
            self._keep(f"attribute {shown(name)} of {shown(path)}", name, value)

    def _keep(self, place: str, name: str, value: object) -> None:
        for data in _byte_runs(value):
            self._left -= len(data)
            if self._left < 0:
                raise ValueError("more text than any model has")
            self._out.texts.append(HeldText(place, name.rpartition("/")[2], data))


@dataclass(frozen=True)
class _Owner:
    """What h5py's attribute manager asks of the object whose attributes it reads."""

    id: h5py.h5o.ObjectID


def _byte_runs(value: object) -> Iterator[bytes]:
    """The bytes in a value that h5py read, with single strings of a list one by one."""
    import numpy as np

    if isinstance(value, str):
        yield value.encode("utf-8", "surrogateescape")
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, np.ndarray) and value.dtype.kind in "SU":
        yield b"\n".join(str(item).encode() if isinstance(item, str) else item for item in value.ravel().tolist())
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
        for item in value.ravel().tolist():
            if not isinstance(item, list):
                yield from _byte_runs(item)
    elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "Viu" and value.dtype.itemsize:
        if value.dtype.kind == "V" or value.dtype.itemsize == 1:
            yield value.tobytes()


def _absolute(folder: str, target: str) -> str:
    parts = [] if target.startswith("/") else [part for part in folder.split("/") if part]
    parts += [part for part in target.split("/") if part not in ("", ".")]
    return "/" + "/".join(parts)


def _first(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return shown(text)
