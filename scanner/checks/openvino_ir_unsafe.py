"""openvino-ir-unsafe: an OpenVINO model reaches beyond itself or contradicts itself.

What it looks for: XML that declares a document type or entities, by which a reader expands without bound or
fetches other files; constants that lie beyond the end of the weights or contradict their shape; kernels
that are compiled from a file elsewhere; libraries that layers name for their code; layers of extensions
that OpenVINO does not have; code, commands and pickles in metadata; names with invisible characters.

Why it matters: the description is read by XML libraries with a long history of such attacks, and the weights
by C++ code that believes offsets.

How it can be wrong: layers of an extension are reported for review, since their code is not in the model;
those of Intel's tokenizers are known. A description without its weights is not readable, without malice.

What it needs: the .xml whole, up to 32 MiB, and the length of the .bin beside it.

Source: docs.openvino.ai, "OpenVINO IR format", read 2026-11-26; CWE-611, CWE-776, CWE-125.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.check import CheckContext
from scanner.findings import Finding, Measurement, Severity
from scanner.graphs.graph_check import GraphCheck
from scanner.graphs.openvino_ir import ir_faults, is_ir
from scanner.manifest import FileEntry


class OpenvinoIrUnsafe(GraphCheck):
    """Reads every description of an OpenVINO model."""

    id = "openvino-ir-unsafe"
    title = "An OpenVINO model reaches beyond itself or contradicts itself"
    severity = Severity.HIGH
    kind = "OpenVINO models"
    clean = "hold layers of OpenVINO and weights that lie where they may"
    remediation = (
        "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is like "
        "this, convert the original model anew."
    )

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with a description, or that nothing is."""
        if not entry.path.lower().endswith(".xml"):
            return
        with context.snapshot.open(entry.path) as stream:
            if is_ir(stream):
                weights = context.snapshot.find(entry.path[: -len(".xml")] + ".bin")
                size = weights.size_bytes if weights else None
                yield from self.tell(entry, ir_faults(stream, entry.size_bytes, size))


CHECK = OpenvinoIrUnsafe()
