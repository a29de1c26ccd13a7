"""Reads a safetensors header more strictly than the reference reader, and says what is wrong with it.

Two readers that disagree about a header load two models from one file. So whatever is ambiguous (a key
written twice, an unknown field, foreign padding) is a fault here even where the reference reader shrugs.

>>> import tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
>>> _ = path.write_bytes((2).to_bytes(8, "little") + b"{}" + b"left over")
>>> [fault.code for fault in read_safetensors(path).faults]
['ST-TRAIL']
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from scanner.tensorfiles.safetensors_entries import Pairs, duplicates, kind, read_tensor
from scanner.tensorfiles.safetensors_layout import HeaderFault, TensorEntry, layout_faults, shown
from scanner.tensorfiles.safetensors_plain import METADATA, PlainHeader, names_at_a_glance, read_plainly

__all__ = [
    "HeaderFault",
    "SafetensorsReading",
    "TensorEntry",
    "read_safetensors",
    "read_safetensors_from",
    "tensor_names",
]

# Source: README of safetensors 0.8.0, section "Format".
HEADER_LIMIT_BYTES: Final = 100_000_000
_LENGTH_BYTES: Final = 8
# The header is an object (1) of tensors (2) with lists (3) of numbers; one more is already a fault.
_DEPTH_LIMIT: Final = 4
# How "version https://git-lfs.github.com/spec/v1" begins.
_LFS_POINTER: Final = b"version "
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class SafetensorsReading:
    """What a header says.

    Attributes:
        tensors: The well-formed entries, in the order of the header.
        metadata: The free text that the writer left.
        faults: Everything wrong; empty when every reader must read the file alike.
        names: Every tensor key, well-formed or not.
    """

    tensors: tuple[TensorEntry, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    faults: tuple[HeaderFault, ...] = ()
    names: frozenset[str] = frozenset()


class _NotStrictError(ValueError):
    """Something that Python's JSON accepts and JSON does not."""


def read_safetensors(path: Path) -> SafetensorsReading:
    """Reads and judges the header of the file at `path`; tensor data is not read.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as stream:
        return read_safetensors_from(stream, path.stat().st_size)


def read_safetensors_from(stream: BinaryIO, size_bytes: int) -> SafetensorsReading:
    """The same for a file of this size, opened at its beginning.

    Raises:
        OSError: when it cannot be read.
        PartlyReadError: when its header was not fetched.
    """
    if size_bytes < _LENGTH_BYTES:
        return _only("ST-SIZE", f"the file has {size_bytes} bytes; a header length takes {_LENGTH_BYTES}")
    head = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "little")
    left = size_bytes - _LENGTH_BYTES
    if head == _LFS_POINTER:
        return _only(
            "ST-HDR-LEN",
            "it is a pointer of git-lfs: the file that it stands for was not fetched",
            "byte 0",
        )
    if not 2 <= length <= min(HEADER_LIMIT_BYTES, left):
        return _only(
            "ST-HDR-LEN",
            f"the header claims {length} bytes; expected 2 to {min(HEADER_LIMIT_BYTES, left)}",
            "byte 0",
        )
    header = stream.read(length)
    plain = read_plainly(header)
    if plain is not None:
        return _judge_plain(plain, left - length, stream)
    value, fault = _parse(header)
    if fault is not None:
        return SafetensorsReading(faults=(fault,))
    return _judge(value, left - length, stream)


def tensor_names(stream: BinaryIO, size_bytes: int) -> frozenset[str]:
    """The keys of all tensors in the header of a file of this size, opened at its beginning.

    Raises:
        OSError: when it cannot be read.
        PartlyReadError: when its header was not fetched.
    """
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
    if length <= min(HEADER_LIMIT_BYTES, size_bytes - _LENGTH_BYTES):
        names = names_at_a_glance(stream.read(length))
        if names is not None:
            return names
    stream.seek(0)
    return read_safetensors_from(stream, size_bytes).names


def _judge_plain(plain: PlainHeader, buffer_bytes: int, stream: BinaryIO) -> SafetensorsReading:
    faults = tuple(layout_faults(plain.tensors, buffer_bytes, stream))
    names = frozenset(tensor.name for tensor in plain.tensors)
    return SafetensorsReading(plain.tensors, dict(plain.metadata), faults, names)


def _only(code: str, message: str, place: str = "") -> SafetensorsReading:
    return SafetensorsReading(faults=(HeaderFault(code, message, place),))


def _parse(header: bytes) -> tuple[Pairs, HeaderFault | None]:
    start = f"byte {_LENGTH_BYTES}"
    if not header.startswith(b"{"):
        return Pairs(), HeaderFault("ST-HDR-START", f"the header begins with {header[:4]!r}, not '{{'", start)
    try:
        text = header.decode("utf-8")
        value, end = (_SLOW_DECODER if "-0" in text else _DECODER).raw_decode(text)
    except UnicodeDecodeError as error:
        place = f"byte {_LENGTH_BYTES + error.start}"
        return Pairs(), HeaderFault("ST-HDR-UTF8", f"the header is not UTF-8 ({error.reason})", place)
    except json.JSONDecodeError as error:
        code = "ST-HDR-UTF8" if error.msg.startswith("Invalid control character") else "ST-HDR-JSON"
        return Pairs(), HeaderFault(code, f"the header is not JSON: {error.msg}", f"character {error.pos}")
    except (ValueError, RecursionError) as error:
        return Pairs(), HeaderFault("ST-HDR-JSON", f"the header is not strict JSON ({error})", start)
    if text[end:].strip(" "):
        found = text[end:].lstrip(" ")[:8]
        message = f"the header goes on with {found!r} after its JSON; only spaces may follow"
        return Pairs(), HeaderFault("ST-HDR-JSON", message, f"character {end}")
    if _is_nested_deeper(value, _DEPTH_LIMIT):
        message = f"the header is nested more than {_DEPTH_LIMIT} deep"
        return Pairs(), HeaderFault("ST-HDR-JSON", message, start)
    return value, None


def _judge(header: Pairs, buffer_bytes: int, stream: BinaryIO) -> SafetensorsReading:
    faults: list[HeaderFault] = list(duplicates(header, "the header"))
    tensors: list[TensorEntry] = []
    metadata: dict[str, str] = {}
    for key, value in header:
        if _SURROGATE.search(key):
            shown = key.encode("unicode_escape").decode("ascii")
            faults.append(
                HeaderFault("ST-HDR-UTF8", f"key '{shown}' has a lone surrogate", f"tensor {shown}")
            )
        elif key == METADATA:
            faults.extend(_metadata_faults(value))
            metadata = {k: v for k, v in value if isinstance(v, str)} if isinstance(value, Pairs) else {}
        else:
            tensor, found = read_tensor(key, value)
            faults.extend(found)
            tensors.extend(() if tensor is None else (tensor,))
    if not faults:  # offsets of a broken header mean nothing
        faults.extend(layout_faults(tensors, buffer_bytes, stream))
    names = frozenset(key for key, _ in header if key != METADATA)
    return SafetensorsReading(tuple(tensors), metadata, tuple(faults), names)


def _metadata_faults(value: object) -> Iterator[HeaderFault]:
    if not isinstance(value, Pairs):
        yield HeaderFault("ST-META", f"{METADATA} is {kind(value)}; expected an object", METADATA)
        return
    yield from duplicates(value, METADATA, METADATA)
    for key, text in value:
        if not isinstance(text, str):
            message = f"{METADATA} '{shown(key)}' is {kind(text)}; expected a string"
            yield HeaderFault("ST-META", message, METADATA)
        elif _SURROGATE.search(key + text):
            message = f"{METADATA} '{shown(key)}' has a lone surrogate"
            yield HeaderFault("ST-HDR-UTF8", message, METADATA)


def _is_nested_deeper(value: list[object], limit: int) -> bool:
    """Whether lists and objects stand in each other more than `limit` deep."""
    level = [value]
    for _ in range(limit):
        level = [inner for each in level for inner in _items(each) if isinstance(inner, list)]
    return bool(level)


def _items(value: list[object]) -> list[object]:
    return [item for _, item in value] if isinstance(value, Pairs) else value


def _refuse(word: str) -> object:
    raise _NotStrictError(f"{word} is no JSON number")


def _integer(digits: str) -> int | float:
    # "-0" is an integer to Python and none to the reference reader: a float is refused further on.
    return -0.0 if digits == "-0" else int(digits)


# Numbers take the decoder's fast road where none can be "-0".
_DECODER: Final = json.JSONDecoder(object_pairs_hook=Pairs, parse_constant=_refuse)
_SLOW_DECODER: Final = json.JSONDecoder(object_pairs_hook=Pairs, parse_constant=_refuse, parse_int=_integer)
