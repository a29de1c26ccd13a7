"""compiled-model-opaque: a compiled model holds machine code, which cannot be read here.

What it looks for: engines of TensorRT, programs for accelerators of Rockchip, Hailo and Qualcomm, and models
that OpenVINO exported for one device, by their names and first bytes.

Why it matters: such a file is a program for a processor, made for one machine; whoever loads it runs it, and
nobody can tell from the file what it does. NVIDIA says to build engines on the machine that runs them.

How it can be wrong: a harmless engine is told as well; a text of the same suffix is not.

What it needs: the first bytes of each file of such a name.

Source: docs.nvidia.com, "TensorRT Developer Guide", on serialised engines, read 2026-11-26; CWE-912.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from scanner.check import CheckContext
from scanner.file_check import FileCheck
from scanner.findings import Finding, Measurement, Severity
from scanner.manifest import FileEntry

_SUFFIXES: Final[Mapping[str, str]] = {
    ".engine": "an engine of TensorRT",
    ".trt": "an engine of TensorRT",
    ".plan": "an engine of TensorRT",
    ".rknn": "a program for a Rockchip accelerator",
    ".hef": "a program for a Hailo accelerator",
    ".dlc": "a program for a Qualcomm accelerator",
    ".blob": "a model that OpenVINO compiled for one device",
}
_MAGIC: Final[Mapping[bytes, str]] = {
    b"ftrt": "an engine of TensorRT",
    b"ptrt": "an engine of TensorRT",
    b"RKNN": "a program for a Rockchip accelerator",
}
_HEAD_BYTES: Final = 512


class CompiledModelOpaque(FileCheck):
    """Names every compiled model."""

    id = "compiled-model-opaque"
    title = "A compiled model cannot be read"
    severity = Severity.MEDIUM
    kind = "compiled models"
    clean = "can be read"

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields that a compiled model was not judged."""
        suffix = PurePosixPath(entry.path.lower()).suffix
        if suffix not in _SUFFIXES and suffix not in (".bin", ""):
            return
        with context.snapshot.open(entry.path) as stream:
            head = stream.read(min(_HEAD_BYTES, entry.size_bytes))
        what = _MAGIC.get(head[:4]) or ("" if _is_text(head) else _SUFFIXES.get(suffix, ""))
        if what:
            reason = f"{entry.path} is {what}: it holds machine code, of which nobody can tell what it does"
            yield self.unreadable(entry, reason)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "strict" if len(head) < _HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and all(each.isprintable() or each in "\r\n\t" for each in text)


CHECK = CompiledModelOpaque()
