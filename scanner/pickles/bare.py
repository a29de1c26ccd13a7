"""Looks into parts of a file that are no containers: bare pickles, whatever their name, and numpy arrays.

>>> import io
>>> out = FileReading()
>>> look_into_pickle(Part("notes.txt", "", lambda: io.BytesIO(b"N."), 2, 0), out, b"N.")
>>> out.is_relevant
False
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from scanner.pickles import embedded
from scanner.pickles.found import FileReading, FoundPickle, give_up
from scanner.pickles.globals import is_plausible
from scanner.pickles.numpy_files import another_follows, read_header
from scanner.pickles.part import Part
from scanner.pickles.reader import is_plain_attack, read_pickles
from scanner.pickles.sparse_tensors import UNCOMPARED, makes_sparse_tensors
from scanner.pickles.stream import OUTSIDE, BrokenPickleError, ByteStream, PickleReading

# Names under which a file that is no readable pickle cannot be let pass.
PICKLE_SUFFIXES: Final = frozenset({
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
# Fewer instructions may be some bytes of anything.
_TELLING_OPCODES: Final = 8


def look_into_npy(part: Part, out: FileReading) -> None:
    """Arrays in a row, as `numpy.save` writes them into one open file."""
    with closing(part.open()) as raw:
        stream = ByteStream(raw)
        try:
            while not (header := read_header(stream)).has_objects and another_follows(stream, header):
                pass
        except (BrokenPickleError, ValueError) as error:
            give_up(part, out, f"is a numpy array with a broken header, or something follows it ({error})")
            _look_for_embedded(part, out)
            return
    reading = read_pickles(part.open, stream.position) if header.has_objects else PickleReading(())
    out.pickles.append(FoundPickle(part.member, reading, True))
    _look_for_embedded(part, out)


def look_into_pickle(part: Part, out: FileReading, head: bytes) -> None:
    """What may be a pickle by its name, by its beginning, or by what it does."""
    in_old_torch_tar = part.depth > 0 and part.member in _OLD_TORCH_TAR_MEMBERS
    by_name = part.suffix in PICKLE_SUFFIXES or in_old_torch_tar or _is_torch_bin(part)
    by_magic = embedded.START.match(head) is not None and not _is_safetensors(part, head)
    if by_name and not head:
        give_up(part, out, "is empty")
    elif by_name and head.startswith(_LFS_POINTER):
        give_up(part, out, "is a pointer of git-lfs: the file that it stands for was not fetched")
    if not head or head.startswith(_LFS_POINTER):
        return
    reading = read_pickles(part.open)
    if part.depth == 0 and reading.value is None and any(use.module == OUTSIDE for use in reading.globals):
        reading = replace(
            reading, fault=reading.fault or "it asks for objects outside of it, which loaders refuse"
        )
    if not part.member and makes_sparse_tensors(reading):  # of those in archives the indices are looked up
        give_up(part, out, UNCOMPARED)
    if in_old_torch_tar and reading.trailing_at is not None:
        reading = replace(reading, fault="")  # raw numbers follow the pickles of such a member
    is_long = reading.streams > 0 or reading.opcodes >= _TELLING_OPCODES
    by_magic = by_magic and is_long and not is_raw_storage(part.member)
    # Text that happens to spell instructions names no module that could exist.
    is_whole = reading.streams > 0 and any(is_plausible(use.module, use.name) for use in reading.globals)
    if by_name or by_magic or is_whole or any(is_plain_attack(use) for use in reading.globals):
        out.pickles.append(FoundPickle(part.member, reading, by_name or by_magic))
        if reading.value is None:  # behind the first format of torch come raw numbers, and who knows what
            return
    _look_for_embedded(part, out)


def _look_for_embedded(part: Part, out: FileReading) -> None:
    """Pickles behind a beginning of something else, where a loader that seeks first would find them."""
    for reading in embedded.embedded_pickles(part.open, part.size_bytes if part.depth == 0 else 0):
        if reading.fault:
            give_up(part, out, reading.fault)
        else:
            out.pickles.append(FoundPickle(part.member, reading, False))


def _is_torch_bin(part: Part) -> bool:
    return not part.member and _TORCH_BIN.fullmatch(PurePosixPath(part.name).name) is not None


def _is_safetensors(part: Part, head: bytes) -> bool:
    """Whether this begins with a length, which may look like a pickle's magic, and JSON."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= part.size_bytes - 8


def is_raw_storage(member: str) -> bool:
    """Whether this member of a torch archive is a tensor's numbers, which may begin with any bytes."""
    folder, _, name = member.rpartition("/")
    return folder.endswith("data") and name.isdigit()
