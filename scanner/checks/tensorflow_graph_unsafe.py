"""tensorflow-graph-unsafe: a TensorFlow graph reads or writes files, runs code, or opens connections.

What it looks for: in SavedModels, frozen graphs, MetaGraphs and text graphs, in the graph and in every
function of its library: operations that call Python (`PyFunc`), read and write files (`ReadFile`,
`WriteFile`, `MatchingFiles`, readers of datasets, writers of summaries), open connections (`Rpc`,
`DataServiceDataset`, `DebugIdentity` with an address), end the process, or hide another graph; saving,
restoring and looking words up under a file name, an input or an attribute, that leads out of the model's
folder or that is put together so that nobody can tell; assets that lie elsewhere; Keras layers with
marshalled code; operations that TensorFlow does not have; and bytes in fields that the format does not have.

Why it matters: a TensorFlow model is a program. Loading a SavedModel runs its initialisers, and the first
prediction runs the rest, with the rights of whoever serves it.

How it can be wrong: saving and restoring under the names that the loader gives are ordinary and pass, as are
tables that are filled from an asset of the model. A graph kept from training can hold readers of its training
data without malice, and is told all the same. Operations of TensorFlow Text, Addons and the like are reported
for review, since their code is not TensorFlow's. What an operation does with names that come in as input of
the graph is not judged.

What it needs: the file; weights are skipped, nothing is loaded. The index of a checkpoint is recognised, its
tables are not read: they hold numbers.

Source: tensorflow 2.20.0, SECURITY.md, "TensorFlow models are programs";
scanner/data/tensorflow_operations.yaml; CWE-22, CWE-73, CWE-94, CWE-918.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.check import CheckContext
from scanner.findings import Finding, Measurement, Severity
from scanner.graphs.graph_check import GraphCheck
from scanner.graphs.kinds import FileKind, kind_of, variables_index
from scanner.graphs.reading import TENSORFLOW, faults_of
from scanner.manifest import FileEntry


class TensorflowGraphUnsafe(GraphCheck):
    """Reads every TensorFlow graph of the model, operation by operation."""

    id = "tensorflow-graph-unsafe"
    title = "A TensorFlow graph does more than compute"
    severity = Severity.HIGH
    kind = "TensorFlow files"
    clean = "do nothing but compute"
    remediation = (
        "Do not load this file. Ask the publisher for a graph without these operations, or for the weights "
        "alone and rebuild the model from code that you have read."
    )

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with a graph, or that nothing is."""
        if index := variables_index(entry.path):
            if context.snapshot.find(index) is not None:
                yield self.sound(entry)
            return
        with context.snapshot.open(entry.path) as stream:
            kind = kind_of(stream, entry.size_bytes, entry.path)
            if kind is None:
                if _claims_to_be_a_graph(entry.path):
                    reason = f"{entry.path} is no TensorFlow graph that can be read, nor an ONNX file"
                    yield self.unreadable(entry, reason)
            elif kind is FileKind.CHECKPOINT_INDEX:
                yield self.sound(entry)
            elif kind in TENSORFLOW or kind in (FileKind.FINGERPRINT, FileKind.TEXT_GRAPH):
                yield from self.tell(entry, faults_of(kind, stream, entry.size_bytes))


def _claims_to_be_a_graph(path: str) -> bool:
    """Whether it is one by its name; what Keras keeps beside a SavedModel is none."""
    return path.lower().endswith(".pb") and not path.endswith("keras_metadata.pb")


CHECK = TensorflowGraphUnsafe()
