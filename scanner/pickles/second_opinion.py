"""What picklescan, an independent scanner, sees in a file: names that our own reading may have missed.

>>> import pathlib, tempfile
>>> file = pathlib.Path(tempfile.mkdtemp()) / "model.pkl"
>>> _ = file.write_bytes(b"N.")
>>> ask_picklescan(file)
Opinion(globals=(), refusal='')
"""

from __future__ import annotations

import logging
import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from scanner.parts import PartlyReadError

# What picklescan is known to raise on files it cannot read.
_REFUSALS: Final = (
    ValueError, TypeError, LookupError, OSError, EOFError, RuntimeError, SyntaxError, MemoryError,
    RecursionError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Opinion:
    """What picklescan said.

    Attributes:
        globals: (module, name) of everything it says the file looks up.
        refusal: Why it gave no opinion, "" when it gave one.
    """

    globals: tuple[tuple[str, str], ...] = ()
    refusal: str = ""


def ask_picklescan(path: Path) -> Opinion:
    """The names that picklescan, in strict mode, finds in the file at `path`.

    It holds all instructions of a pickle in memory: ask only about files of bounded length. Names that it
    could not resolve are left out; our own reading follows the stack and the memo and resolves them.
    """
    return ask_picklescan_about(lambda: path.open("rb"), path.name)


def ask_picklescan_about(opener: Callable[[], BinaryIO], name: str) -> Opinion:
    """The same for a file that `opener` opens and the model calls `name`."""
    from picklescan.scanner import scan_bytes
    from picklescan.torch import InvalidMagicError

    # It logs what it finds; here the findings say it.
    log = logging.getLogger("picklescan")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    try:
        with opener() as stream:
            result = scan_bytes(stream, name, os.path.splitext(name)[1], strict=True)
    except (*_REFUSALS, InvalidMagicError, PartlyReadError) as error:
        return Opinion(refusal=f"{type(error).__name__}: {error}")
    names = {(str(seen.module), str(seen.name)) for seen in result.globals}
    return Opinion(tuple(sorted(pair for pair in names if _UNKNOWN not in pair)))
