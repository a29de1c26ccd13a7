r"""Walks through an HDF5 file: what leads out of it, what is larger than it is, and its texts.

Objects are opened by the HDF5 library one by one and only by hard links, so that nothing outside the file is
ever opened; values are read only where they are short, stored in the file, and packed by filters that the
library brings itself.

Source: HDF5 1.14, "HDF5 File Format Specification Version 3.0"; h5py 3.16, low-level interface;
CVE-2026-0897 (arrays that claim too much), CVE-2026-1669 (external storage and links in Keras weights).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from scanner.keras.faults import first_line
from scanner.keras.guarded_stream import GuardedStream
from scanner.keras.hdf5_arrays import ArrayJudge
from scanner.keras.hdf5_found import Hdf5Found, text_of
from scanner.tensorfiles.safetensors_layout import shown

if TYPE_CHECKING:
    import h5py

_OBJECTS_LIMIT: Final = 100_000
_LINKS_LIMIT: Final = 400_000
_DEPTH_LIMIT: Final = 64
_ATTRIBUTES_LIMIT: Final = 2_000
_UNREADABLE_LIMIT: Final = 1_000
# What Keras builds a model from, wherever it stands among the attributes.
_CONFIGS: Final = (b"model_config", b"training_config")
# A configuration in an attribute; the longest is judged further by `json_text`.
_TEXT_LIMIT_BYTES: Final = 16 * 1024**2
# What h5py and the library under it raise for a file that is not as it should be.
_HDF5_ERRORS: Final = (
    OSError, RuntimeError, ValueError, TypeError, KeyError, IndexError, OverflowError, NotImplementedError,
    AttributeError, MemoryError,
)  # fmt: skip


def read_hdf5(stream: BinaryIO, size_bytes: int) -> Hdf5Found:
    """What is wrong with the HDF5 file in `stream`, and what texts it holds.

    Raises:
        PartlyReadError: when not enough of it was read to tell.
    """
    import h5py

    out = Hdf5Found(is_keras=True)
    guarded = GuardedStream(stream, size_bytes)
    walk = _Walk(out, size_bytes)
    try:
        with h5py.File(guarded, "r") as file:
            walk.objects(file.id)
            walk.soft_links()
    except _HDF5_ERRORS as error:
        guarded.raise_stored()
        out.give_up("", f"cannot be read as HDF5 ({shown(first_line(error))})")
    guarded.raise_stored()
    return out


@dataclass(frozen=True)
class _Place:
    """A group on the way down and the addresses of the groups above it, its own included."""

    group: h5py.h5g.GroupID
    path: str
    above: tuple[int, ...]


@dataclass(frozen=True)
class _Owner:
    """What h5py's attribute manager asks of the object whose attributes it reads."""

    id: h5py.h5o.ObjectID


class _Walk:
    """One way through every object of a file, each taken once."""

    def __init__(self, out: Hdf5Found, size_bytes: int) -> None:
        self._out = out
        self._arrays = ArrayJudge(out, size_bytes)
        self._seen: set[int] = set()
        self._paths: set[str] = {"/"}
        self._soft: list[tuple[str, str]] = []
        self._links = 0

    def objects(self, file: h5py.h5f.FileID) -> None:
        """Walks down from the root, and sums up what all arrays claim together."""
        from h5py import h5g, h5o

        root = h5g.open(file, b"/")
        address = h5o.get_info(root).addr
        self._seen.add(address)
        waiting = [_Place(root, "/", (address,))]
        with self._told("/"):
            self._attributes(root, "/")
        while waiting:
            waiting.extend(self._group(waiting.pop()))
        self._arrays.sum_up()

    def soft_links(self) -> None:
        """Tells of links to places that are not in the file."""
        targets = self._paths | {path for path, _ in self._soft}
        for path, target in self._soft:
            if target not in targets:
                message = f"the link {shown(path)} leads to {shown(target)}, which is not there"
                self._out.fault("dangling-link", message, path)

    def _group(self, place: _Place) -> Iterator[_Place]:
        for name in place.group:
            self._links += 1
            is_wide = self._links > _LINKS_LIMIT or len(self._seen) > _OBJECTS_LIMIT
            if is_wide or len(place.above) > _DEPTH_LIMIT:
                raise ValueError("more objects, links or levels than any model has")
            yield from self._link(place, name, f"{place.path.rstrip('/')}/{text_of(name)}")

    def _link(self, place: _Place, name: bytes, path: str) -> Iterator[_Place]:
        from h5py import h5l

        kind = place.group.links.get_info(name).type
        if kind == h5l.TYPE_HARD:
            self._paths.add(path)
            yield from self._object(place, name, path)
        elif kind == h5l.TYPE_SOFT:
            self._soft.append((path, _absolute(place.path, text_of(place.group.links.get_val(name)))))
        elif kind == h5l.TYPE_EXTERNAL:
            where = ", ".join(shown(text_of(part)) for part in place.group.links.get_val(name))
            self._out.fault(
                "reads-other-file", f"the link {shown(path)} leads into another file: {where}", path
            )
        else:
            message = f"the link {shown(path)} is of a kind that only a library of its own can follow"
            self._out.fault("reads-other-file", message, path)

    def _object(self, place: _Place, name: bytes, path: str) -> Iterator[_Place]:
        from h5py import h5d, h5g, h5o

        found = h5o.open(place.group, name)
        address = h5o.get_info(found).addr
        if address in place.above:
            self._out.fault("link-cycle", f"the group {shown(path)} holds itself", path)
        if address in self._seen:
            return
        self._seen.add(address)
        with self._told(path):
            self._attributes(found, path)
        if isinstance(found, h5d.DatasetID):
            with self._told(path):
                self._arrays.judge(found, path)
        elif isinstance(found, h5g.GroupID):
            yield _Place(found, path, (*place.above, address))

    def _attributes(self, owner: h5py.h5o.ObjectID, path: str) -> None:
        from h5py import h5a

        count = h5a.get_num_attrs(owner)
        if count > _ATTRIBUTES_LIMIT:
            self._out.give_up(shown(path), f"has {count} attributes; {_ATTRIBUTES_LIMIT} are read")
            for name in filter(partial(h5a.exists, owner), _CONFIGS):
                self._attribute(owner, h5a.open(owner, name=name), path)
        for index in range(min(count, _ATTRIBUTES_LIMIT)):
            with self._told(path):
                self._attribute(owner, h5a.open(owner, index=index), path)

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Tells of an object that cannot be read, so that the others still are; of too many it gives up."""
        try:
            yield
        except _HDF5_ERRORS as error:
            self._out.give_up(shown(path), f"cannot be read as HDF5 ({shown(first_line(error))})")
            if len(self._out.unreadable) > _UNREADABLE_LIMIT:
                raise

    def _attribute(self, owner: h5py.h5o.ObjectID, attribute: h5py.h5a.AttrID, path: str) -> None:
        from h5py import AttributeManager, h5t

        name = text_of(attribute.name)
        place = f"attribute {shown(name)} of {shown(path)}"
        kind = attribute.get_type()
        size_bytes = 0 if attribute.shape is None else math.prod(attribute.shape) * kind.get_size()
        if size_bytes > min(_TEXT_LIMIT_BYTES, self._out.bytes_left):
            self._out.give_up(place, "is longer than any text of a model")
        elif size_bytes and kind.get_class() in (h5t.OPAQUE, h5t.STRING, h5t.VLEN, h5t.INTEGER):
            self._out.keep(place, name, AttributeManager(_Owner(owner))[attribute.name])


def _absolute(folder: str, target: str) -> str:
    parts = [] if target.startswith("/") else [part for part in folder.split("/") if part]
    parts += [part for part in target.split("/") if part not in ("", ".")]
    return "/" + "/".join(parts)
