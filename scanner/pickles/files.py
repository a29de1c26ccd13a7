r"""Finds the pickles in a file, whatever it is called: bare, in archives, compressed, or in numpy arrays.

A file is looked into by its first bytes and by its name. What cannot be opened is listed with the
reason; what is no pickle yields nothing.

>>> import pathlib, tempfile
>>> file = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
>>> _ = file.write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
>>> [use.path for found in look_into(file, "notes.txt").pickles for use in found.reading.globals]
['os.system']
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from scanner.parts import PartlyReadError
from scanner.pickles.archived_code import look_into_program
from scanner.pickles.arrow_schemas import TABLE_STARTS, look_into_table
from scanner.pickles.bare import PICKLE_SUFFIXES, look_into_npy, look_into_pickle
from scanner.pickles.compressed import decompressor_of, inflates_to_pickle, unopenable_kind
from scanner.pickles.embedded import embedded_pickles
from scanner.pickles.found import FileReading, FoundPickle, Unreadable, give_up
from scanner.pickles.mobile_programs import is_mobile_flatbuffer
from scanner.pickles.numpy_files import MAGIC
from scanner.pickles.part import Part
from scanner.pickles.programs import ReadsPython, reads_nothing, resolves_scripts, with_scripts
from scanner.pickles.sparse_members import look_into_sparse
from scanner.pickles.sparse_tensors import UNCOMPARED, makes_sparse_tensors
from scanner.pickles.stream import UNPACKING_ERRORS
from scanner.zip_rows import Stretch, zips_in_a_row

_HEAD: Final = 512
_DEPTH_LIMIT: Final = 3
# An archive inside an archive is unpacked into memory, twice while it is put together, up to this size.
_NESTED_LIMIT_BYTES: Final = 128 * 1024**2
_PIECE_BYTES: Final = 1024**2


def look_into(path: Path, name: str) -> FileReading:
    """Every pickle in the file at `path`, which the model calls `name`.

    Raises:
        OSError: when the file itself cannot be read.
    """
    return look_into_opened(lambda: path.open("rb"), name, path.stat().st_size)


def look_into_opened(
    opener: Callable[[], BinaryIO],
    name: str,
    size_bytes: int,
    reads_python: ReadsPython = reads_nothing,
) -> FileReading:
    """The same for a file of this size that `opener` opens at its beginning, as often as it is called.

    Args:
        opener: Opens it.
        name: What the model calls it.
        size_bytes: Its length.
        reads_python: Finds what Python source in an archive of torch does that needs an explanation.

    Raises:
        OSError: when the file itself cannot be read.
    """
    reading = FileReading(reads_python=reads_python)
    part = Part(name, "", opener, size_bytes, 0)
    if row := zips_in_a_row(opener, name, size_bytes):
        for number, stretch in enumerate(row, start=1):
            _look(_item(part, stretch, number), reading)
        return reading
    ends_as_zip = _ends_as_zip(part, reading)
    _look(part, reading)
    if ends_as_zip:  # a file may be one thing from its beginning and a zip archive from its end
        _as_far_as_fetched(part, reading, _look_into_zip)
    return reading


def _item(part: Part, stretch: Stretch, number: int) -> Part:
    size_bytes = stretch.end - stretch.begin
    return Part(part.name, f"item {number}", lambda: stretch.open(part.open), size_bytes, 0)


def _ends_as_zip(part: Part, out: FileReading) -> bool:
    """Whether a file that begins as something else is a zip archive to whoever begins at its end."""
    with closing(part.open()) as stream:
        try:
            return not stream.read(4).startswith(b"PK") and zipfile.is_zipfile(stream)
        except PartlyReadError as error:
            out.not_fetched.append(Unreadable(part.member, str(error)))
            return False


def _as_far_as_fetched(part: Part, out: FileReading, look: Callable[[Part, FileReading], None]) -> None:
    """Looks into a part; that it was not fetched far enough is listed, and others are looked into."""
    try:
        look(part, out)
    except PartlyReadError as error:
        out.not_fetched.append(Unreadable(part.member, str(error)))


def _look(part: Part, out: FileReading) -> None:
    _as_far_as_fetched(part, out, _look_by_content)


def _look_by_content(part: Part, out: FileReading) -> None:
    try:
        with closing(part.open()) as stream:
            head = stream.read(_HEAD)
    except UNPACKING_ERRORS as error:
        give_up(part, out, f"cannot be unpacked ({error})")
        return
    if is_mobile_flatbuffer(head):
        give_up(part, out, "is a mobile TorchScript program in FlatBuffers, which this check cannot read")
    unopenable = unopenable_kind(head)
    decompressor = decompressor_of(
        head, accepts_zlib=part.suffix in PICKLE_SUFFIXES or inflates_to_pickle(head)
    )
    if unopenable:
        give_up(part, out, f"is {unopenable}, which this check cannot open")
    elif head.startswith(b"PK\x03\x04"):
        _nested(part, out, _look_into_zip)
    elif decompressor is not None:
        _look_into_compressed(part, out, decompressor)
    elif head[257:262] == b"ustar" or _is_oldest_tar(head):
        _nested(part, out, _look_into_tar)
    elif head.startswith(MAGIC):
        look_into_npy(part, out)
    else:
        if head.startswith(TABLE_STARTS):
            look_into_table(part, out)
        look_into_pickle(part, out, head)


def _nested(part: Part, out: FileReading, look: Callable[[Part, FileReading], None]) -> None:
    """Looks into an archive, which needs seeking: one inside another is unpacked into memory first."""
    if part.depth == 0:
        look(part, out)
        return
    if part.depth > _DEPTH_LIMIT:
        give_up(part, out, f"is an archive inside {part.depth} others")
        return
    try:
        with closing(part.open()) as stream:
            data = _read_at_most(stream, _NESTED_LIMIT_BYTES + 1)
    except UNPACKING_ERRORS as error:
        give_up(part, out, f"cannot be unpacked ({error})")
        return
    if len(data) > _NESTED_LIMIT_BYTES:
        give_up(part, out, f"is an archive of more than {_NESTED_LIMIT_BYTES} bytes inside another")
        return
    look(Part(part.name, part.member, lambda: io.BytesIO(data), len(data), part.depth), out)


def _read_at_most(stream: BinaryIO, limit_bytes: int) -> bytes:
    """Piece by piece: readers of compressed files set memory aside for all that they are asked for."""
    data = io.BytesIO()
    while data.tell() < limit_bytes and (piece := stream.read(min(_PIECE_BYTES, limit_bytes - data.tell()))):
        data.write(piece)
    return data.getvalue()


def _look_into_zip(part: Part, out: FileReading) -> None:
    # Forgives wrong checksums and flags as PyTorch's own reader does, so that neither hides a member.
    from picklescan.relaxed_zipfile import RelaxedZipFile

    try:
        with closing(part.open()) as stream, RelaxedZipFile(stream, "r") as archive:
            names = frozenset(archive.namelist())
            _look_between_members(part, archive, out)
            for info in archive.infolist():
                if not is_folder(info.filename):
                    member = part.inner(info.filename, _member_opener(archive, info), info.file_size)
                    before = len(out.pickles)
                    _look_into_member(member, info, out)
                    if resolves_scripts(info.filename, names):
                        out.pickles[before:] = map(_with_scripts, out.pickles[before:])
                    if _has_sparse_tensors(member, out.pickles[before:]):
                        look_into_sparse(member, archive, info.filename, out)
                    look_into_program(member, info.filename, names, out)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        give_up(part, out, f"is a zip archive that cannot be read ({error})")


def _with_scripts(found: FoundPickle) -> FoundPickle:
    return replace(found, reading=with_scripts(found.reading))


def _look_between_members(part: Part, archive: zipfile.ZipFile, out: FileReading) -> None:
    """The comment and the extra fields of a directory, where no reader of models looks."""
    spare = archive.comment + b"".join(info.comment + info.extra for info in archive.infolist())
    for reading in embedded_pickles(lambda: io.BytesIO(spare), 0):
        if reading.fault:
            give_up(part, out, reading.fault)
        else:
            out.pickles.append(FoundPickle(part.member, reading, False))


def _member_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.open(info))


def _look_into_member(part: Part, info: zipfile.ZipInfo, out: FileReading) -> None:
    try:
        _look(part, out)
    except UNPACKING_ERRORS as error:
        marked = " and is marked as encrypted" if info.flag_bits & 1 else ""
        give_up(part, out, f"cannot be unpacked{marked} ({error})")


def _has_sparse_tensors(part: Part, pickles: Iterable[FoundPickle]) -> bool:
    """Whether one of these is the part itself, and not in it, and makes sparse tensors."""
    return any(found.member == part.member and makes_sparse_tensors(found.reading) for found in pickles)


def _look_into_tar(part: Part, out: FileReading) -> None:
    try:
        with closing(part.open()) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for info in archive:
                if info.isfile():
                    member = part.inner(info.name, _tar_opener(archive, info), info.size)
                    pickles = len(out.pickles)
                    _look(member, out)
                    if _has_sparse_tensors(member, out.pickles[pickles:]):
                        give_up(member, out, UNCOMPARED)
    except tarfile.TarError as error:
        give_up(part, out, f"is a tar archive that cannot be read ({error})")


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.extractfile(info))


def _look_into_compressed(part: Part, out: FileReading, unpack: Callable[[BinaryIO], BinaryIO]) -> None:
    if part.depth > _DEPTH_LIMIT:
        give_up(part, out, f"is compressed inside {part.depth} other containers")
        return
    name = part.member or part.name
    stem = (
        name.removesuffix(PurePosixPath(name).suffix) if part.suffix in (".gz", ".bz2", ".xz", ".z") else name
    )
    _look(Part(stem, part.member, lambda: unpack(part.open()), 0, part.depth + 1), out)


def _is_oldest_tar(head: bytes) -> bool:
    """Whether this is the head of a tar archive by its checksum: the oldest kind has no magic."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def is_folder(member: str) -> bool:
    """Whether this member of a zip archive is a folder; `ZipInfo.is_dir` fails on a member without a name."""
    return member.endswith("/")
