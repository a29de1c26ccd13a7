"""Judges the layers in which Keras 2 keeps single calls of TensorFlow: some read and write files.

>>> [fault.rule for fault in op_layer_fault({"function": "io.write_file"}, "TFOpLambda", "config.layers[1]")]
['known-attack']
>>> list(op_layer_fault({"function": "math.add"}, "TFOpLambda", "config.layers[1]"))
[]

Source: tf_keras 2.15, tf_keras/src/layers/core/tf_op_layer.py; TensorFlow 2.15, tensorflow/core/ops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from scanner.keras.faults import KerasFault
from scanner.tensorfiles.safetensors_layout import shown

# Parts of TensorFlow's interface that reach files, libraries, other processes or Python.
_PARTS: Final = frozenset({
    "io", "saved_model", "train", "data", "load_library", "load_op_library", "py_function",
    "numpy_function", "py_func", "summary", "profiler", "config", "sysconfig", "distribute", "autograph",
    "lite", "queue", "tpu", "estimator", "feature_column", "mlir", "__internal__", "internal",
    "resource_loader", "gfile", "app", "flags", "eager_py_func",
})  # fmt: skip
# Operations of a graph that do the same.
_OPS: Final = frozenset({
    "ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "Save",
    "SaveV2", "SaveSlices", "Restore", "RestoreV2", "RestoreSlice", "MergeV2Checkpoints",
    "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "TextLineReader", "TextLineReaderV2",
    "TFRecordReader", "TFRecordReaderV2", "WholeFileReader", "WholeFileReaderV2", "TFRecordDataset",
    "TFRecordDatasetV2", "TextLineDataset", "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2",
    "CSVDataset", "CSVDatasetV2", "SqlDataset", "LoadDataset", "LoadDatasetV2", "SaveDataset",
    "SaveDatasetV2", "SnapshotDataset", "SnapshotDatasetV2", "CacheDataset", "CacheDatasetV2",
    "GeneratorDataset", "Print", "PrintV2", "ImmutableConst", "DebugIdentity", "DebugIdentityV2",
    "DumpTensor", "WriteSummary", "CreateSummaryFileWriter", "CreateSummaryDbWriter",
    "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "RemoteCall", "RpcCall", "RpcClient",
    "LookupTableExportToFile", "LoadAndRemapMatrix", "GenerateVocabRemapping",
})  # fmt: skip
_NODE_OP: Final = re.compile(r"""(?:^|[\s,{'"])op['"]?\s*:\s*['"](\w+)""")


def op_layer_fault(config: Mapping[str, object], where: str, place: str) -> Iterator[KerasFault]:
    """What a layer of one TensorFlow call does beside computing."""
    for key in ("function", "symbol"):
        named = config.get(key)
        if isinstance(named, str) and reaches_out(named):
            yield _fault(where, place, named)
    node = config.get("node_def")
    if isinstance(node, str):
        for operation in _NODE_OP.findall(node):
            if is_acting_op(operation):
                yield _fault(where, place, operation)


def is_acting_op(operation: str) -> bool:
    """Whether this TensorFlow operation reads or writes files, or calls Python."""
    return operation in _OPS


def reaches_out(named: str) -> bool:
    """Whether this dotted name of TensorFlow reaches files, libraries, other processes or Python."""
    parts = named.split(".")
    last = parts[-1]
    return (
        bool(_PARTS & set(parts)) or ("raw_ops" in parts and is_acting_op(last)) or last in ("print", "Print")
    )


def _fault(where: str, place: str, named: str) -> KerasFault:
    message = f"{where} calls TensorFlow's {shown(named)}, which does more than compute"
    return KerasFault("known-attack", message, place, subject=shown(named))
