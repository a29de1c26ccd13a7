r"""Reads a file of a Keras model, whatever it is called: archive, HDF5, JSON, YAML, or SavedModel metadata.

>>> import io
>>> text = b'{"class_name": "Sequential", "config": {"layers": []}}'
>>> look_into_keras(lambda: io.BytesIO(text), "model.json", len(text)).faults
[]
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from scanner.keras.configs import config_faults, is_of_keras, looks_like_keras
from scanner.keras.faults import KerasFault, KerasReading, first_line
from scanner.keras.hdf5 import read_hdf5
from scanner.keras.hdf5_bounds import SIGNATURE, bounds_faults, hdf5_begin
from scanner.keras.hdf5_found import HeldText
from scanner.keras.json_text import (
    LIMIT_BYTES,
    JsonDocument,
    JsonTextError,
    embedded_documents,
    metadata_documents,
    read_document,
)
from scanner.keras.key_search import could_be_keras, mentions_both
from scanner.keras.members import seekable_member
from scanner.keras.yaml_text import read_yaml
from scanner.parts import PartlyReadError
from scanner.pickles.payloads import attack_in, is_code
from scanner.pickles.stream import UNPACKING_ERRORS
from scanner.tensorfiles.safetensors_layout import shown

Opener = Callable[[], BinaryIO]

_HDF5_SUFFIXES: Final = (".h5", ".hdf5", ".he5", ".keras")
_PROGRAMS: Final = (
    ".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat", ".cmd", ".ps1", ".jar",
)  # fmt: skip
_METADATA_NAME: Final = "keras_metadata.pb"
_CONFIG_ATTRIBUTES: Final = frozenset({"model_config", "training_config"})
# Weights inside an archive that are compressed are unpacked into memory up to this size.
_UNPACKED_LIMIT_BYTES: Final = 64 * 1024**2
_MEMBERS_LIMIT: Final = 10_000
_JSON_START: Final = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*\{")
_HEAD_BYTES: Final = 64
_MATLAB: Final = b"MATLAB "
_MATLAB_BLOCK_BYTES: Final = 512
_POINTER: Final = b"version https://git-lfs.github.com/spec/"


def look_into_keras(opener: Opener, name: str, size_bytes: int) -> KerasReading:
    """What is wrong with the file of this name; `is_keras` is False when it is of another kind.

    Raises:
        OSError: when the file itself cannot be read.
    """
    out = KerasReading()
    with closing(opener()) as stream:
        try:
            _look(stream, name, size_bytes, out)
        except PartlyReadError as error:
            out.not_fetched = str(error)
    return out


def _look(stream: BinaryIO, name: str, size_bytes: int, out: KerasReading) -> None:
    suffix = PurePosixPath(name.lower()).suffix
    head = stream.read(_HEAD_BYTES)
    if head.startswith(b"PK"):
        _look_into_archive(stream, suffix, out)
    elif PurePosixPath(name).name == _METADATA_NAME:
        _look_into_metadata(stream, out)
    elif head.startswith(SIGNATURE) or suffix in _HDF5_SUFFIXES or _is_matlab(stream, head, size_bytes):
        _look_into_hdf5(stream, size_bytes, head, suffix, out)
    elif suffix in (".json", ".config") and _JSON_START.match(head):
        _look_into_json(stream, out)
    elif suffix in (".yaml", ".yml"):
        _look_into_yaml(stream, out)


def _is_matlab(stream: BinaryIO, head: bytes, size_bytes: int) -> bool:
    """Whether it is HDF5 behind the block that MATLAB puts before it since version 7.3."""
    return head.startswith(_MATLAB) and hdf5_begin(stream, size_bytes) == _MATLAB_BLOCK_BYTES


def _look_into_archive(stream: BinaryIO, suffix: str, out: KerasReading) -> None:
    # Forgives wrong checksums and flags, so that neither hides a configuration.
    from picklescan.relaxed_zipfile import RelaxedZipFile

    try:
        with RelaxedZipFile(stream, "r") as archive:
            members = archive.infolist()
            if len(members) > _MEMBERS_LIMIT:
                raise ValueError(f"{len(members)} members; a Keras model has a few")
            names = {info.filename for info in members}
            if suffix == ".keras" or _is_keras_archive(archive, names):
                out.is_keras = True
                if suffix == ".keras" and "config.json" not in names:
                    out.give_up("", "has no config.json, without which it is no Keras model")
                for info in members:
                    _look_into_member(stream, archive, info, out)
    except (*UNPACKING_ERRORS, ValueError, struct.error) as error:
        if suffix == ".keras":
            out.give_up("", f"is an archive that cannot be read ({shown(first_line(error))})")


def _is_keras_archive(archive: zipfile.ZipFile, names: set[str]) -> bool:
    """Whether an archive of another name has in it what a Keras model has."""
    if "model.weights.h5" in names or "model.weights.npz" in names:
        return True
    return "metadata.json" in names and b"keras_version" in _content(
        archive, archive.getinfo("metadata.json")
    )


def _look_into_member(
    stream: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, out: KerasReading
) -> None:
    name = info.filename.lower()
    try:
        if name.endswith((".json", ".config")):
            _look_into_text(_content(archive, info), info.filename, out, is_sure=name == "config.json")
        elif name.endswith((".h5", ".hdf5")):
            _look_into_weights(stream, archive, info, out)
        elif name.endswith(_PROGRAMS):
            message = f"{shown(info.filename)}, which no Keras model needs"
            out.faults.append(KerasFault("carries-program", message, shown(info.filename)))
    except PartlyReadError as error:
        out.not_fetched = str(error)
    except (*UNPACKING_ERRORS, RuntimeError, JsonTextError) as error:  # RuntimeError: marked as encrypted
        out.give_up(shown(info.filename), f"cannot be unpacked ({shown(first_line(error))})")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        data = member.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        raise JsonTextError(f"longer than {LIMIT_BYTES} bytes")
    return data


def _look_into_weights(
    stream: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, out: KerasReading
) -> None:
    inner = KerasReading()
    if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        member, size_bytes = seekable_member(stream, info)
    else:
        with archive.open(info) as packed:
            data = packed.read(_UNPACKED_LIMIT_BYTES + 1)
        member, size_bytes = io.BytesIO(data), len(data)
        if size_bytes > _UNPACKED_LIMIT_BYTES:
            raise JsonTextError(f"longer than {_UNPACKED_LIMIT_BYTES} bytes and packed as no Keras model is")
    head = member.read(_HEAD_BYTES)
    _look_into_hdf5(member, size_bytes, head, ".h5", inner)
    where = shown(info.filename)
    out.faults.extend(
        KerasFault(fault.rule, fault.message, f"{where}, {fault.place}".strip(", "), fault.subject)
        for fault in inner.faults
    )
    out.unreadable.extend((f"{where} {place}".strip(), reason) for place, reason in inner.unreadable)


def _look_into_hdf5(stream: BinaryIO, size_bytes: int, head: bytes, suffix: str, out: KerasReading) -> None:
    begin = hdf5_begin(stream, size_bytes)
    if begin is None:
        out.give_up("", _what_it_is(head))
        if _JSON_START.match(head):
            _look_into_json(stream, out)
        return
    reading = read_hdf5(stream, size_bytes)
    out.is_keras = True
    out.faults.extend(reading.faults)
    out.unreadable.extend(reading.unreadable)
    if suffix in _HDF5_SUFFIXES:
        out.faults.extend(bounds_faults(stream, size_bytes, begin))
    for text in reading.texts:
        _look_into_held(text, out)


def _what_it_is(head: bytes) -> str:
    if not head:
        return "is empty"
    if head.startswith(_POINTER):
        return "is a pointer of git-lfs: the file that it stands for was not fetched"
    return f"is neither HDF5 nor an archive: it begins with {head[:8]!r}"


def _look_into_held(text: HeldText, out: KerasReading) -> None:
    if text.name in _CONFIG_ATTRIBUTES or (_JSON_START.match(text.data) and b'"class_name"' in text.data):
        _look_into_text(text.data, text.place, out, is_sure=text.name in _CONFIG_ATTRIBUTES)
    elif is_code(text.data):
        message = f"{text.place} is marshalled Python code"
        out.faults.append(KerasFault("marshalled-code", message, text.place))
    elif attack := attack_in(text.data):
        message = f"{text.place} is a pickle that calls up {attack}"
        out.faults.append(KerasFault("hidden-pickle", message, text.place))


def _look_into_json(stream: BinaryIO, out: KerasReading) -> None:
    """Judges a JSON file when it is one of Keras; others may be of any length."""
    stream.seek(0)
    data = stream.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        if mentions_both(stream, data):
            out.give_up("", f"may be a Keras model, and is longer than {LIMIT_BYTES} bytes")
    elif could_be_keras(data):
        _look_into_text(data, "", out, is_sure=False)


def _look_into_yaml(stream: BinaryIO, out: KerasReading) -> None:
    """Judges a YAML file when it is a model of Keras; other packages describe classes alike."""
    stream.seek(0)
    data = stream.read(LIMIT_BYTES + 1)
    # Signs of a key may be written by number, or in two bytes each.
    if b"\\" not in data and b"class_name" not in data.replace(b"\0", b""):
        return
    try:
        documents = read_yaml(data)
    except JsonTextError as error:
        if b"class_name" in data and b"keras_version" in data:
            out.give_up("", f"is {error}")
        return
    for document in documents:
        if any(map(is_of_keras, (document.value, *document.hidden))):
            out.is_keras = True
            _judge(document, "", out)


def _look_into_text(data: bytes, place: str, out: KerasReading, *, is_sure: bool) -> None:
    """Judges JSON; `is_sure` when it must be a configuration, and not only may."""
    try:
        document = read_document(data)
    except JsonTextError as error:
        if is_sure or out.is_keras or could_be_keras(data):
            out.give_up(place, f"is {error}")
        return
    is_keras = looks_like_keras(document.value) or any(map(looks_like_keras, document.hidden))
    if is_sure and not isinstance(document.value, dict):
        out.give_up(place, "is no JSON object, and so no configuration")
    elif is_sure or out.is_keras or is_keras:
        out.is_keras = True
        _judge(document, place, out)


def _judge(document: JsonDocument, place: str, out: KerasReading) -> None:
    hidden = [list(document.hidden)] if document.hidden else []
    for value in (document.value, *hidden):
        for fault in config_faults(value):
            where = f"{place}, {fault.place}" if place else fault.place
            out.faults.append(KerasFault(fault.rule, fault.message, where, fault.subject))
    if document.duplicates:
        keys = ", ".join(shown(key) for key in document.duplicates[:5])
        out.faults.append(
            KerasFault("duplicate-key", f"keys are written twice: {keys}; readers differ", place)
        )


def _look_into_metadata(stream: BinaryIO, out: KerasReading) -> None:
    """Judges what a SavedModel keeps of its Keras layers: JSON texts in a protobuf."""
    stream.seek(0)
    data = stream.read(LIMIT_BYTES + 1)
    out.is_keras = True
    try:
        for document in embedded_documents(data):
            _judge(document, "", out)
    except JsonTextError as error:
        out.give_up("", f"is {error}")
        for document in metadata_documents(data):
            _judge(document, "", out)
    # TensorFlow keeps what a class computes in the graph, and builds a stand-in where the class is absent.
    out.faults[:] = [fault for fault in out.faults if fault.rule != "custom-class"]
