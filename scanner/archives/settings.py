"""What an archive is by its name and by its ends, which says what may be in it.

>>> setting_of("model.npz"), setting_of("package.whl")
(<Setting.MODEL: 'model'>, <Setting.PACKAGE: 'package'>)
"""

from __future__ import annotations

import enum
from pathlib import PurePosixPath
from typing import BinaryIO, Final

_PACKAGES: Final = frozenset({
    ".whl", ".jar", ".egg", ".war", ".ear", ".apk", ".aar", ".pyz", ".conda", ".nupkg", ".exe", ".llamafile",
    ".crx", ".xpi", ".vsix", ".msix", ".ipa",
})  # fmt: skip
_MODELS: Final = frozenset({
    ".pt", ".pth", ".ckpt", ".bin", ".npz", ".npy", ".keras", ".skops", ".pkl", ".joblib", ".pickle", ".ptl",
    ".nemo", ".tflite", ".task", ".safetensors", ".gguf", ".h5", ".onnx", ".mlmodel", ".pt2",
})  # fmt: skip
_TAILED: Final = frozenset({".tflite", ".task", ".litertlm"})  # a FlatBuffer with metadata as a zip behind it
_READ_AS_ZIP: Final = (
    ".zip", ".npz", ".keras", ".pt", ".pth", ".ckpt", ".bin", ".skops", ".mar", ".whl", ".jar",
)  # fmt: skip


class Setting(enum.Enum):
    """What the archive is, which says what may be in it."""

    MODEL = "model"  # weights and what describes them: nothing that runs
    SERVED = "served"  # a model with the code that serves it
    PACKAGE = "package"  # code by design: a wheel, a Java archive, a program
    OTHER = "other"


def setting_of(name: str) -> Setting:
    """What the name of an archive says about what may be in it."""
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in _PACKAGES:
        return Setting.PACKAGE
    return Setting.MODEL if suffix in _MODELS else Setting.OTHER


def is_tailed(name: str, head: bytes) -> bool:
    """Whether a file of this name and beginning may well have a zip archive behind it."""
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in _TAILED:
        return head[4:8] in (b"TFL3", b"LITE")
    # Programs that carry their data behind them; that they are programs is told.
    return suffix in _PACKAGES and head.startswith((b"MZ", b"\x7fELF", b"#!"))


def ends_as_zip(stream: BinaryIO, size_bytes: int, name: str) -> bool:
    """Whether what begins as something else is a zip archive to whoever begins at its end.

    Something may follow that end only in files that are read as zip archives by their names: others may
    well hold one, as a tar archive of checkpoints does.
    """
    start = max(0, size_bytes - 66_000)
    stream.seek(start)
    tail = stream.read(size_bytes - start)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or place + 22 > len(tail):
        return False
    end = place + 22 + int.from_bytes(tail[place + 20 : place + 22], "little")
    if end != len(tail) and not name.lower().endswith(_READ_AS_ZIP):
        return False
    directory_bytes = int.from_bytes(tail[place + 12 : place + 16], "little")
    begin = start + place - directory_bytes
    if begin < 0:
        return tail[place - 20 : place - 16] == b"PK\x06\x07"
    stream.seek(begin)
    return stream.read(4) == b"PK\x01\x02" or tail[place - 20 : place - 16] == b"PK\x06\x07"
