"""tflite-unsafe: a TFLite model lies about its own structure, or does more than compute.

What it looks for: offsets, indices and sizes that lead out of the file or contradict each other; graphs that
call each other without end; operators of TensorFlow (Flex) that read or write files, run Python or open
connections, by their name and by the options that decide what is run; custom operators that no interpreter
ships; code in the description; and bytes behind the model other than the texts that its metadata names.

Why it matters: interpreters are C++ code on telephones that believes these numbers; a Flex operator is a
TensorFlow operation with all that it can do.

How it can be wrong: custom operators are reported for review, since their code is not in the file; so are
programs for accelerators (Edge TPU, Ethos-U), which nobody can read. Values are not looked at, and options of
built-in operators are not checked beyond the graphs that they call.

What it needs: the tables of the file; buffers are skipped.

Source: tensorflow 2.20.0, tensorflow/compiler/mlir/lite/schema/schema.fbs and
tensorflow/lite/core/tools/verifier.cc; CWE-20, CWE-125, CWE-674.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.check import CheckContext
from scanner.findings import Finding, Measurement, Severity
from scanner.graphs.graph_check import GraphCheck
from scanner.graphs.kinds import FileKind, kind_of
from scanner.graphs.reading import faults_of
from scanner.manifest import FileEntry


class TfliteUnsafe(GraphCheck):
    """Reads the tables of every TFLite model."""

    id = "tflite-unsafe"
    title = "A TFLite model lies about its structure or does more than compute"
    severity = Severity.HIGH
    kind = "TFLite models"
    clean = "keep their format and only compute"
    remediation = (
        "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is like "
        "this, convert the original model anew."
    )

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with a model, or that nothing is."""
        with context.snapshot.open(entry.path) as stream:
            kind = kind_of(stream, entry.size_bytes, entry.path)
            if kind is FileKind.TFLITE:
                yield from self.tell(entry, faults_of(kind, stream, entry.size_bytes))


CHECK = TfliteUnsafe()
