"""coreml-unsafe: a Core ML model names files elsewhere, needs code of others, or breaks its format.

What it looks for: weights and linked models that lie outside the package; custom models, layers and
operations, whose code is a class of the program that loads the model; code in the description; models
of several kinds at once; bytes in fields that the format does not have; names with invisible characters.

Why it matters: a package is opened by programs on telephones and computers with their rights, and the reader
of weights opens whatever path the model names.

How it can be wrong: a custom layer is reported for review, since its code is not in the model. Values are
not looked at, and compiled models (`.mlmodelc`) are not read.

What it needs: the structure of each `.mlmodel`; weights are skipped.

Source: coremltools 9.0, mlmodel/format; CWE-22, CWE-829.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from scanner.check import CheckContext
from scanner.findings import Finding, Measurement, Severity
from scanner.graphs.graph_check import GraphCheck
from scanner.graphs.kinds import FileKind
from scanner.graphs.reading import faults_of
from scanner.manifest import FileEntry


class CoremlUnsafe(GraphCheck):
    """Reads the structure of every Core ML model."""

    id = "coreml-unsafe"
    title = "A Core ML model reaches beyond itself or breaks its format"
    severity = Severity.HIGH
    kind = "Core ML files"
    clean = "need no code and no file but their own"
    remediation = (
        "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is like "
        "this, convert the original model anew."
    )

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with a model, or that nothing is."""
        path = PurePosixPath(entry.path)
        if path.suffix.lower() == ".mlmodel":
            with context.snapshot.open(entry.path) as stream:
                faults = faults_of(FileKind.COREML, stream, entry.size_bytes)
                yield from self.tell(entry, faults)
        elif _is_weights(path) and context.snapshot.find((path.parent.parent / "model.mlmodel").as_posix()):
            yield self.sound(entry)  # numbers, at the offsets that the model names


def _is_weights(path: PurePosixPath) -> bool:
    return path.parts[-3:] == ("com.apple.CoreML", "weights", "weight.bin")


CHECK = CoremlUnsafe()
