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
import re
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from scanner.parts import PartlyReadError
from scanner.pickles import embedded
from scanner.pickles.compressed import decompressor_of, inflates_to_pickle, unopenable_kind
from scanner.pickles.found import FileReading, FoundPickle, Unreadable
from scanner.pickles.globals import is_plausible
from scanner.pickles.numpy_files import MAGIC, another_follows, read_header
from scanner.pickles.reader import is_plain_attack, read_pickles
from scanner.pickles.stream import UNPACKING_ERRORS, BrokenPickleError, ByteStream, PickleReading

# Names under which a file that is no readable pickle cannot be let pass.
_PICKLE_SUFFIXES: Final = frozenset({
    ".pkl", ".pickle", ".pck", ".pt", ".pth", ".ckpt", ".joblib", ".dill", ".cloudpickle", ".npy", ".npz",
})  # fmt: skip
# What transformers, PEFT, diffusers and accelerate hand to torch.load; other .bin files may be anything.
_TORCH_BIN: Final = re.compile(
    r"(diffusion_)?(pytorch_model|adapter_model|training_args|optimizer|scheduler|pytorch_lora_weights)"
    r"([._-][\w.-]+)?\.bin",
    re.IGNORECASE,
)
_LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_OLD_TORCH_TAR_MEMBERS: Final = frozenset({"sys_info", "pickle", "storages", "tensors"})
_HEAD: Final = 512
_DEPTH_LIMIT: Final = 3
# An archive inside an archive is unpacked into memory, up to this size.
_NESTED_LIMIT_BYTES: Final = 128 * 1024**2
_PIECE_BYTES: Final = 1024**2
# Fewer instructions may be some bytes of anything.
_TELLING_OPCODES: Final = 8


@dataclass(frozen=True)
class _Part:
    """Something that can be opened from the beginning as often as needed."""

    name: str
    member: str
    open: Callable[[], BinaryIO]
    size_bytes: int
    depth: int

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.member or self.name).suffix.lower()

    def inner(self, name: str, opener: Callable[[], BinaryIO], size_bytes: int) -> _Part:
        member = f"{self.member}:{name}" if self.member else name
        return _Part(self.name, member, opener, size_bytes, self.depth + 1)


def look_into(path: Path, name: str) -> FileReading:
    """Every pickle in the file at `path`, which the model calls `name`.

    Raises:
        OSError: when the file itself cannot be read.
    """
    return look_into_opened(lambda: path.open("rb"), name, path.stat().st_size)


def look_into_opened(opener: Callable[[], BinaryIO], name: str, size_bytes: int) -> FileReading:
    """The same for a file of this size that `opener` opens at its beginning, as often as it is called.

    Raises:
        OSError: when the file itself cannot be read.
    """
    reading = FileReading()
    part = _Part(name, "", opener, size_bytes, 0)
    ends_as_zip = _ends_as_zip(part, reading)
    _look(part, reading)
    if ends_as_zip:  # a file may be one thing from its beginning and a zip archive from its end
        _as_far_as_fetched(part, reading, _look_into_zip)
    return reading


def _ends_as_zip(part: _Part, out: FileReading) -> bool:
    """Whether a file that begins as something else is a zip archive to whoever begins at its end."""
    with closing(part.open()) as stream:
        try:
            return not stream.read(4).startswith(b"PK") and zipfile.is_zipfile(stream)
        except PartlyReadError as error:
            out.not_fetched.append(Unreadable(part.member, str(error)))
            return False


def _as_far_as_fetched(part: _Part, out: FileReading, look: Callable[[_Part, FileReading], None]) -> None:
    """Looks into a part; that it was not fetched far enough is listed, and others are looked into."""
    try:
        look(part, out)
    except PartlyReadError as error:
        out.not_fetched.append(Unreadable(part.member, str(error)))


def _look(part: _Part, out: FileReading) -> None:
    _as_far_as_fetched(part, out, _look_by_content)


def _look_by_content(part: _Part, out: FileReading) -> None:
    try:
        with closing(part.open()) as stream:
            head = stream.read(_HEAD)
    except UNPACKING_ERRORS as error:
        _give_up(part, out, f"cannot be unpacked ({error})")
        return
    unopenable = unopenable_kind(head)
    decompressor = decompressor_of(
        head, accepts_zlib=part.suffix in _PICKLE_SUFFIXES or inflates_to_pickle(head)
    )
    if unopenable:
        _give_up(part, out, f"is {unopenable}, which this check cannot open")
    elif head.startswith(b"PK\x03\x04"):
        _nested(part, out, _look_into_zip)
    elif decompressor is not None:
        _look_into_compressed(part, out, decompressor)
    elif head[257:262] == b"ustar" or _is_oldest_tar(head):
        _nested(part, out, _look_into_tar)
    elif head.startswith(MAGIC):
        _look_into_npy(part, out)
    else:
        _look_into_pickle(part, out, head)


def _give_up(part: _Part, out: FileReading, reason: str) -> None:
    out.unreadable.append(Unreadable(part.member, reason))


def _nested(part: _Part, out: FileReading, look: Callable[[_Part, FileReading], None]) -> None:
    """Looks into an archive, which needs seeking: one inside another is unpacked into memory first."""
    if part.depth == 0:
        look(part, out)
        return
    if part.depth > _DEPTH_LIMIT:
        _give_up(part, out, f"is an archive inside {part.depth} others")
        return
    try:
        with closing(part.open()) as stream:
            data = _read_at_most(stream, _NESTED_LIMIT_BYTES + 1)
    except UNPACKING_ERRORS as error:
        _give_up(part, out, f"cannot be unpacked ({error})")
        return
    if len(data) > _NESTED_LIMIT_BYTES:
        _give_up(part, out, f"is an archive of more than {_NESTED_LIMIT_BYTES} bytes inside another")
        return
    look(_Part(part.name, part.member, lambda: io.BytesIO(data), len(data), part.depth), out)


def _read_at_most(stream: BinaryIO, limit_bytes: int) -> bytes:
    """Piece by piece: readers of compressed files set memory aside for all that they are asked for."""
    data = io.BytesIO()
    while data.tell() < limit_bytes and (piece := stream.read(min(_PIECE_BYTES, limit_bytes - data.tell()))):
        data.write(piece)
    return data.getvalue()


def _look_into_zip(part: _Part, out: FileReading) -> None:
    # Forgives wrong checksums and flags as PyTorch's own reader does, so that neither hides a member.
    from picklescan.relaxed_zipfile import RelaxedZipFile

    try:
        with closing(part.open()) as stream, RelaxedZipFile(stream, "r") as archive:
            for info in archive.infolist():
                if not is_folder(info.filename):
                    member = part.inner(info.filename, _member_opener(archive, info), info.file_size)
                    _look_into_member(member, info, out)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        _give_up(part, out, f"is a zip archive that cannot be read ({error})")


def _member_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.open(info))


def _look_into_member(part: _Part, info: zipfile.ZipInfo, out: FileReading) -> None:
    try:
        _look(part, out)
    except UNPACKING_ERRORS as error:
        marked = " and is marked as encrypted" if info.flag_bits & 1 else ""
        _give_up(part, out, f"cannot be unpacked{marked} ({error})")


def _look_into_tar(part: _Part, out: FileReading) -> None:
    try:
        with closing(part.open()) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for info in archive:
                if info.isfile():
                    opener = _tar_opener(archive, info)
                    _look(part.inner(info.name, opener, info.size), out)
    except tarfile.TarError as error:
        _give_up(part, out, f"is a tar archive that cannot be read ({error})")


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.extractfile(info))


def _look_into_compressed(part: _Part, out: FileReading, unpack: Callable[[BinaryIO], BinaryIO]) -> None:
    if part.depth > _DEPTH_LIMIT:
        _give_up(part, out, f"is compressed inside {part.depth} other containers")
        return
    name = part.member or part.name
    stem = (
        name.removesuffix(PurePosixPath(name).suffix) if part.suffix in (".gz", ".bz2", ".xz", ".z") else name
    )
    _look(_Part(stem, part.member, lambda: unpack(part.open()), 0, part.depth + 1), out)


def _look_into_npy(part: _Part, out: FileReading) -> None:
    """Arrays in a row, as `numpy.save` writes them into one open file."""
    with closing(part.open()) as raw:
        stream = ByteStream(raw)
        try:
            while not (header := read_header(stream)).has_objects and another_follows(stream, header):
                pass
        except (BrokenPickleError, ValueError) as error:
            _give_up(part, out, f"is a numpy array with a broken header, or something follows it ({error})")
            _look_for_embedded(part, out)
            return
    reading = read_pickles(part.open, stream.position) if header.has_objects else PickleReading(())
    out.pickles.append(FoundPickle(part.member, reading, True))
    _look_for_embedded(part, out)


def _look_into_pickle(part: _Part, out: FileReading, head: bytes) -> None:
    in_old_torch_tar = part.depth > 0 and part.member in _OLD_TORCH_TAR_MEMBERS
    by_name = part.suffix in _PICKLE_SUFFIXES or in_old_torch_tar or _is_torch_bin(part)
    by_magic = embedded.START.match(head) is not None and not _is_safetensors(part, head)
    if by_name and not head:
        _give_up(part, out, "is empty")
    elif by_name and head.startswith(_LFS_POINTER):
        _give_up(part, out, "is a pointer of git-lfs: the file that it stands for was not fetched")
    if not head or head.startswith(_LFS_POINTER):
        return
    reading = read_pickles(part.open)
    if in_old_torch_tar and reading.trailing_at is not None:
        reading = replace(reading, fault="")  # raw numbers follow the pickles of such a member
    is_long = reading.streams > 0 or reading.opcodes >= _TELLING_OPCODES
    by_magic = by_magic and is_long and not is_raw_storage(part.member)
    # Text that happens to spell instructions names no module that could exist.
    is_whole = reading.streams > 0 and any(is_plausible(use.module, use.name) for use in reading.globals)
    if by_name or by_magic or is_whole or any(is_plain_attack(use) for use in reading.globals):
        out.pickles.append(FoundPickle(part.member, reading, by_name or by_magic))
    else:
        _look_for_embedded(part, out)


def _look_for_embedded(part: _Part, out: FileReading) -> None:
    """Pickles behind a beginning of something else, where a loader that seeks first would find them."""
    for reading in embedded.embedded_pickles(part.open, part.size_bytes if part.depth == 0 else 0):
        out.pickles.append(FoundPickle(part.member, reading, False))


def _is_torch_bin(part: _Part) -> bool:
    return not part.member and _TORCH_BIN.fullmatch(PurePosixPath(part.name).name) is not None


def _is_safetensors(part: _Part, head: bytes) -> bool:
    """Whether this begins with a length, which may look like a pickle's magic, and JSON."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= part.size_bytes - 8


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


def is_raw_storage(member: str) -> bool:
    """Whether this member of a torch archive is a tensor's numbers, which may begin with any bytes."""
    folder, _, name = member.rpartition("/")
    return folder.endswith("data") and name.isdigit()
