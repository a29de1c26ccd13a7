"""What walking through an HDF5 file has found so far, and how much more may be read of it.

>>> found = Hdf5Found()
>>> found.keep("attribute note of /", "note", "text")
>>> found.texts[0].data
b'text'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from scanner.keras.faults import KerasFault, KerasReading
from scanner.pickles.payloads import attack_in, is_code
from scanner.tensorfiles.safetensors_layout import shown

# Everything that is read of the texts of one file together.
_READ_LIMIT_BYTES: Final = 64 * 1024**2


@dataclass(frozen=True)
class HeldText:
    """Bytes of an attribute or a small array that may be more than numbers.

    Attributes:
        place: "attribute model_config of /", "array /blob".
        name: Name of the attribute or array, without folders.
        data: The bytes.
    """

    place: str
    name: str
    data: bytes


@dataclass
class Hdf5Found(KerasReading):
    """A reading with the texts that were found.

    Attributes:
        texts: In the order of the walk.
        bytes_left: How much more may be read of the file's texts.
    """

    texts: list[HeldText] = field(default_factory=list)
    bytes_left: int = _READ_LIMIT_BYTES

    def fault(self, rule: str, message: str, path: str) -> None:
        """Notes what is wrong with the object at `path`."""
        self.faults.append(KerasFault(rule, message, shown(path)))

    def keep(self, place: str, name: str, value: object) -> None:
        """Keeps the bytes of a value as h5py gives it.

        Raises:
            ValueError: when there is more text than any model has.
        """
        for data in _byte_runs(value):
            self.bytes_left -= len(data)
            if self.bytes_left < 0:
                raise ValueError("more text than any model has")
            self.texts.append(HeldText(place, name.rpartition("/")[2], data))

    def keep_acting(self, place: str, name: str, value: object) -> None:
        """The same for the bytes in an array that are more than numbers; others take none of what is left.

        Raises:
            ValueError: when there is more text than any model has.
        """
        for data in _byte_runs(value):
            if b'"class_name"' in data or is_code(data) or attack_in(data):
                self.keep(place, name, data)


def text_of(name: bytes) -> str:
    """A name of HDF5, which should be UTF-8."""
    return name.decode("utf-8", "backslashreplace")


def _byte_runs(value: object) -> Iterator[bytes]:
    """The bytes in a value; fixed strings of a list together, others one by one."""
    import numpy as np

    if isinstance(value, str):
        yield value.encode("utf-8", "surrogateescape")
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, np.ndarray | np.generic):
        yield from _of_array(np.asarray(value))


def _of_array(value: object) -> Iterator[bytes]:
    import numpy as np

    assert isinstance(value, np.ndarray)
    kind = value.dtype.kind
    if kind == "S":
        yield b"\n".join(value.ravel().tolist())
    elif kind == "O":
        for item in value.ravel().tolist():
            yield from _byte_runs(item)
    elif kind == "V" or (kind in "iu" and value.dtype.itemsize == 1):
        yield value.tobytes()
