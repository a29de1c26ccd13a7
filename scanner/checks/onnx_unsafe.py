"""onnx-unsafe: an ONNX model reads files elsewhere, runs code, or contradicts itself.

What it looks for: tensors whose data is taken from an absolute path, by `..`, from an address or from memory;
that lie beyond the end of their file, overlap, or are missing; operators that call Python (`PyOp`,
`PythonOp`) or a server, in the graph, its subgraphs, its functions and its training part; operators that
neither ONNX nor ONNX Runtime has; functions that call themselves or stand in for an operator of ONNX; code,
commands and pickles in metadata, which some loaders evaluate; dimensions that contradict the bytes of a
tensor; names with invisible characters; versions that cannot be; and bytes in fields that the format does not
have.

Why it matters: a loader opens whatever file a tensor names, and gives its bytes to whoever can see the
output; readers in C++ that believe wrong dimensions read beyond their memory.

How it can be wrong: a model with operators of another library (TensorRT plugins, detectors, tokenizers) is
reported for review, since their code is not in it. A model that was copied without its data file is
not readable, and told so, without any malice. Values are not looked at.

What it needs: the structure of the file; weights are skipped. Of ONNX Runtime's own format (`.ort`) nothing
is read yet: such a file is told as not judged.

Source: onnx 1.23.2, docs/ExternalData.md and onnx/onnx.proto; ONNX Runtime 1.32, docs/ContribOperators.md;
CWE-20, CWE-22, CWE-94, CWE-822; GHSA-538c-55jv-c5g9.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from scanner.check import CheckContext
from scanner.findings import Finding, Measurement, Severity
from scanner.graphs.graph_check import GraphCheck
from scanner.graphs.kinds import FileKind, kind_of
from scanner.graphs.onnx_external import ExternalData
from scanner.graphs.reading import faults_of
from scanner.manifest import FileEntry


class OnnxUnsafe(GraphCheck):
    """Reads the structure of every ONNX model."""

    id = "onnx-unsafe"
    title = "An ONNX model reaches beyond itself or contradicts itself"
    severity = Severity.HIGH
    kind = "ONNX files"
    clean = "hold operators of the runtimes and tensors that lie where they may"
    remediation = (
        "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is "
        "like this, export the model anew from weights that you trust."
    )

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with a model, or that nothing is."""
        with context.snapshot.open(entry.path) as stream:
            kind = kind_of(stream, entry.size_bytes, entry.path)
            if kind is FileKind.ONNX_MODEL or kind is FileKind.ONNX_TENSOR:
                sizes = {file.path: file.size_bytes for file in context.snapshot.files}
                external = ExternalData(posixpath.dirname(entry.path), sizes)
                yield from self.tell(entry, faults_of(kind, stream, entry.size_bytes, external))
            elif kind is FileKind.ORT_MODEL:
                yield self.unreadable(
                    entry, f"{entry.path} is in ONNX Runtime's own format, which is not read"
                )


CHECK = OnnxUnsafe()
