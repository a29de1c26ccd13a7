"""TensorFlow graphs written field by field: harmless ones, and ones that do more than compute. Nothing runs them."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

from tests.assets.protobuf_bytes import field

_STRING = 7
_FLOAT = 1


def tensor(*texts: str) -> bytes:
    """A TensorProto of strings."""
    return field(1, _STRING) + field(2, b"") + b"".join(field(8, text) for text in texts)


def attribute(name: str, value: bytes) -> bytes:
    """One attribute of an operation; `value` is an AttrValue."""
    return field(5, field(1, name) + field(2, value))


def node(kind: str, name: str, *inputs: str, more: bytes = b"") -> bytes:
    """A NodeDef as a field of a GraphDef."""
    return field(1, node_message(kind, name, *inputs, more=more))


def node_message(kind: str, name: str, *inputs: str, more: bytes = b"") -> bytes:
    """A NodeDef."""
    return field(1, name) + field(2, kind) + b"".join(field(3, each) for each in inputs) + more


def const(name: str, *texts: str) -> bytes:
    """A constant of strings."""
    value = attribute("value", field(8, tensor(*texts)))
    return node("Const", name, more=attribute("dtype", field(6, _STRING)) + value)


def const_message(name: str, text: str) -> bytes:
    """The same for the body of a function."""
    return node_message("Const", name, more=attribute("value", field(8, tensor(text))))


def strings(name: str, *texts: str) -> bytes:
    """An attribute that is a list of strings."""
    return attribute(name, field(1, b"".join(field(2, text) for text in texts)))


def function(name: str, *nodes: bytes, given: str = "") -> bytes:
    """A library of one function, which is given one value or none; its nodes come from `node_message`."""
    argument = field(2, field(1, given)) if given else b""
    body = field(1, field(1, name) + argument) + b"".join(field(3, each) for each in nodes)
    return field(2, field(1, body))


def meta_graph(graph: bytes, more: bytes = b"") -> bytes:
    """A MetaGraphDef."""
    return field(1, field(4, "serve") + field(5, "2.20.0")) + field(2, graph) + more


def saved_model(graph: bytes, more: bytes = b"") -> bytes:
    """A SavedModel of one graph."""
    return field(1, 1) + field(2, meta_graph(graph, more))


def asset(tensor_name: str, filename: str) -> bytes:
    """An AssetFileDef as a field of a MetaGraphDef."""
    return field(6, field(1, field(1, tensor_name)) + field(2, filename))


def keras_objects(*layers: str) -> bytes:
    """What Keras keeps of its layers in a SavedModel, as a field of a MetaGraphDef; `layers` are JSON."""
    nodes = (field(1, field(4, field(1, "_tf_keras_layer") + field(3, each))) for each in layers)
    return field(7, b"".join(nodes))


LAMBDA = '{"class_name": "Lambda", "config": {"function": {"class_name": "__tuple__", "items": ["4wEAAAA=", null, null]}}}'
SAVER = (
    const("save/Const", "model")
    + node("PlaceholderWithDefault", "save/filename", "save/Const")
    + const("save/part", "_temp_3f2a/part")
    + node("StringJoin", "save/join", "save/filename", "save/part")
    + node("Const", "save/num")
    + node("ShardedFilename", "save/sharded", "save/join", "save/num", "save/num")
    + node("SaveV2", "save/SaveV2", "save/sharded", "save/names", "save/slices", "w")
    + node("MergeV2Checkpoints", "save/merge", "save/sharded", "save/Const")
    + node("RestoreV2", "save/RestoreV2", "save/Const", "save/names", "save/slices")
)
COMPUTING = (
    node("Placeholder", "x") + node("Const", "w") + node("MatMul", "y", "x", "w") + field(4, field(1, 2000))
)


def _saving_objects(text: str) -> bytes:
    """A function that saves under a name that nobody follows, and keeps `text` in a constant."""
    saver = node_message("SaveV2", "s", "elsewhere", "names", "slices", "c")
    return function("save", const_message("c", text), saver)


_TABLE = node("HashTableV2", "table") + node("InitializeTableFromTextFileV2", "init", "table", "vocab")


def sharded_save(part: str) -> bytes:
    """How TensorFlow saves since 2.0: it chooses a name by a condition, beside the objects in a constant."""
    return function(
        "traced_save",
        node_message("StaticRegexFullMatch", "is_remote", "file_prefix"),
        const_message("near", ".part"),
        const_message("far", part),
        node_message("Select", "chosen", "is_remote:output:0", "near:output:0", "far:output:0"),
        node_message("StringJoin", "joined", "file_prefix", "chosen:output:0"),
        node_message("ShardedFilename", "sharded", "joined:output:0", "shard", "count"),
        node_message("SaveV2", "s", "sharded:filename:0", "names", "slices", "objects"),
        const_message("objects", "\n\x2f\n\x0b\x08\x01\x12\x07layer-0"),
        given="file_prefix",
    )


def sound_tensorflow() -> dict[str, bytes]:
    """Graphs that only compute, by file name."""
    nested = function("f", node_message("MatMul", "m", "a", "b"), node_message("Identity", "i", "m"))
    saving = function("save", node_message("SaveV2", "s", "file_prefix", "names", "slices", "w"))
    return {
        "saved_model.pb": saved_model(SAVER + COMPUTING),
        "frozen.pb": COMPUTING,
        "checkpoint.meta": meta_graph(SAVER + COMPUTING, field(3, field(1, "save/Const:0"))),
        "functions/saved_model.pb": saved_model(
            COMPUTING + node("StatefulPartitionedCall", "call", "x") + node("f", "g", "x") + nested
        ),
        "saving/saved_model.pb": saved_model(
            COMPUTING
            + node("StatefulPartitionedCall", "call", "saver_filename")
            + node("Placeholder", "saver_filename")
            + saving
        ),
        "objects/saved_model.pb": saved_model(COMPUTING + _saving_objects("\n\x05layer-0 $HOME/../x")),
        "sharded/saved_model.pb": saved_model(COMPUTING + sharded_save("_temp/part")),
        "vocabulary/saved_model.pb": saved_model(
            const("vocab", "/home/me/train/vocab.txt") + _TABLE, asset("vocab:0", "vocab.txt")
        ),
        "keras/saved_model.pb": saved_model(
            COMPUTING,
            keras_objects(
                '{"class_name": "Dense", "config": {"units": 3}}',
                '{"class_name": "TFOpLambda", "config": {"function": "math.add"}}',
                "no JSON",
            ),
        ),
        "text.pbtxt": b'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } } } } }\nversions { producer: 27 }',
        "sampler.pb": COMPUTING
        + node("FixedUnigramCandidateSampler", "s", "x", more=attribute("vocab_file", field(2, "vocab.txt"))),
        "module.pb": COMPUTING
        + node("XlaCallModule", "t", "x", more=attribute("module", field(2, "ML\xefR add_v1 return_v1"))),
        "printing.pb": COMPUTING
        + node("PrintV2", "p", "x", more=attribute("output_stream", field(2, "stderr"))),
        "debug.pb": COMPUTING + node("DebugIdentityV2", "d", "x", more=strings("debug_urls")),
        "proto.pb": COMPUTING
        + node("DecodeProtoV2", "d", "x", more=attribute("descriptor_source", field(2, "local://"))),
        "cached.pb": COMPUTING + const("none", "") + node("CacheDataset", "c", "x", "none"),
        "fingerprint.pb": b"".join(field(number, 2**60 + number) for number in range(1, 6))
        + field(6, field(1, 1))
        + field(7, "0b1c"),
    }


def tensorflow_attacks() -> dict[str, tuple[str, bytes]]:
    """Graphs that do more than compute: file name to (rule, bytes)."""
    hidden_read = function("f", node_message("ReadFile", "r", "name"))
    given = function("f", node_message("RestoreV2", "r", "name", "n", "s"))
    base64_name = const("text", "L2V0Yy9wYXNzd2Q") + node("DecodeBase64", "name", "text")
    return {
        "read.pb": ("reads", COMPUTING + const("name", "/etc/passwd") + node("ReadFile", "r", "name")),
        "write.pb": ("writes", COMPUTING + node("WriteFile", "r", "name", "x")),
        "glob.pb": ("reads", COMPUTING + node("MatchingFiles", "r", "name")),
        "sharded/saved_model.pb": ("writes", saved_model(COMPUTING + sharded_save("/../../etc/cron.d/part"))),
        "python.pb": ("runs-code", COMPUTING + node("PyFunc", "r", "x", more=attribute("token", field(2, "pyfunc_0")))),
        "eager.pb": ("runs-code", COMPUTING + node("EagerPyFunc", "r", "x")),
        "stateless.pb": ("runs-code", COMPUTING + node("PyFuncStateless", "r", "x")),
        "saved/saved_model.pb": ("reads", saved_model(COMPUTING + node("ReadFile", "r", "x"))),
        "function/saved_model.pb": ("reads", saved_model(COMPUTING + hidden_read)),
        "two_graphs/saved_model.pb": ("reads", field(1, 1) + field(2, meta_graph(COMPUTING)) + field(2, meta_graph(node("ReadFile", "r", "x")))),
        "second_half/saved_model.pb": ("reads", field(1, 1) + field(2, field(2, COMPUTING) + field(2, node("ReadFile", "r", "x")))),
        "kind_twice.pb": ("reads", COMPUTING + field(1, field(1, "r") + field(2, "NoOp") + field(2, "ReadFile"))),
        "training.meta": ("writes", meta_graph(COMPUTING + node("WriteFile", "r", "x", "x"))),
        "no_suffix": ("reads", COMPUTING + node("ReadFile", "r", "x")),
        "weights.bin": ("writes", saved_model(COMPUTING + node("WriteFile", "r", "x"))),
        "dataset.pb": ("reads", COMPUTING + node("TextLineDataset", "r", "x")),
        "records.pb": ("reads", COMPUTING + node("TFRecordReaderV2", "r")),
        "sql.pb": ("reads", COMPUTING + node("SqlDataset", "r", "x")),
        "saved_data.pb": ("writes", COMPUTING + node("SaveDatasetV2", "r", "x")),
        "summary.pb": ("writes", COMPUTING + node("CreateSummaryFileWriter", "r", "x")),
        "service.pb": ("network", COMPUTING + node("DataServiceDatasetV4", "r", "x")),
        "rpc.pb": ("network", COMPUTING + node("RpcClient", "r", "x")),
        "lost/saved_model.pb": ("writes", saved_model(COMPUTING + _saving_objects("/root/.bashrc\0\n"))),
        "merged.pb": ("writes", COMPUTING + const("p", "/etc/passwd") + node("MergeV2Checkpoints", "m", "p", "x")),
        "debug.pb": ("network", COMPUTING + node("DebugIdentity", "d", "x", more=strings("debug_urls", "grpc://10.0.0.1:6064"))),
        "debug_file.pb": ("network", COMPUTING + node("DebugNumericSummary", "d", "x", more=strings("debug_urls", "file:///tmp/x"))),
        "print_file.pb": ("writes", COMPUTING + node("PrintV2", "p", "x", more=attribute("output_stream", field(2, "file:///root/.bashrc")))),
        "descriptor.pb": ("reads", COMPUTING + node("DecodeProtoV2", "d", "x", more=attribute("descriptor_source", field(2, "/etc/shadow")))),
        "abort.pb": ("halts", COMPUTING + node("Abort", "a")),
        "save_elsewhere.pb": ("writes", COMPUTING + const("name", "/root/.ssh/authorized_keys") + node("SaveV2", "s", "name", "n", "l", "w")),
        "save_climbing.pb": ("writes", COMPUTING + const("name", "../../x") + node("Identity", "i", "name") + node("SaveV2", "s", "i:0", "n", "l", "w")),
        "save_joined.pb": ("writes", COMPUTING + const("a", "/tm") + const("b", "p/x") + node("StringJoin", "j", "a", "b") + node("SaveV2", "s", "j", "n", "l", "w")),
        "merge.pb": ("writes", COMPUTING + const("name", "/tmp/x") + node("MergeV2Checkpoints", "m", "p", "name")),
        "restore_elsewhere.pb": ("reads", COMPUTING + const("name", "gs://bucket/model") + node("RestoreV2", "r", "name", "n", "s")),
        "decoded_name.pb": ("writes", COMPUTING + base64_name + node("SaveV2", "s", "name", "n", "l", "w")),
        "handed_over.pb": ("reads", COMPUTING + const("name", "/etc/shadow") + node("PartitionedCall", "c", "name") + given),
        "table.pb": ("reads", const("vocab", "/etc/passwd") + _TABLE),
        "asset/saved_model.pb": ("path-elsewhere", saved_model(COMPUTING, asset("vocab:0", "../../../etc/passwd"))),
        "cache.pb": ("writes", COMPUTING + const("name", "/var/tmp/c") + node("CacheDatasetV2", "c", "x", "name", "m")),
        "lambda/saved_model.pb": ("runs-code", saved_model(COMPUTING, keras_objects('{"layers": [' + LAMBDA + "]}"))),
        "function_by_name/saved_model.pb": ("runs-code", saved_model(COMPUTING, keras_objects('{"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}'))),
        "asset_of_no_saved_model.meta": ("reads", meta_graph(const("vocab", "/etc/passwd") + _TABLE, asset("vocab:0", "v.txt"))),
        "text.pbtxt": ("reads", b'node { name: "x" op: "Placeholder" }\nnode { name: "r" op: "Read" "File" input: "x" attr { key: "T" value { type: DT_STRING } } }'),
        "escaped.pbtxt": ("writes", b"# comment\nnode { name: 'w' op: '\\127riteFile' }"),
        "text/saved_model.pbtxt": ("runs-code", b'saved_model_schema_version: 1 meta_graphs { meta_info_def { tags: "serve" } graph_def { node { name: "a" op: "NoOp" } library { function { signature { name: "f" } node_def { name: "p" op: "PyFunc" } } } } }'),
        "save.pbtxt": ("writes", b'node { name: "n" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "/etc/cron.d/x" } } } } node { name: "s" op: "SaveV2" input: "n" }'),
        "name_in_a_variable.pb": ("writes", COMPUTING + const("a", "/etc/x") + node("AssignVariableOp", "set", "v", "a") + node("ReadVariableOp", "get", "v") + node("SaveV2", "s", "get")),
        "name_from_a_function.pb": ("writes", COMPUTING + node("PartitionedCall", "p", "x") + node("SaveV2", "s", "p") + function("f", const_message("c", "/etc/x"))),
        "function_alone.pb": ("writes", function("f", node_message("WriteFile", "w", "a"))),
        "graph_in_string.pb": ("opaque", COMPUTING + node("Const", "v", more=attribute("value", field(8, field(1, 21) + field(15, field(1, "tensorflow::WrappedDatasetVariant")))))),
        "vocabulary_attribute.pb": ("reads", COMPUTING + node("FixedUnigramCandidateSampler", "s", "x", more=attribute("vocab_file", field(2, "/etc/passwd")))),
        "corpus_attribute.pb": ("reads", COMPUTING + node("Skipgram", "s", more=attribute("filename", field(2, "../../secret")))),
        "kafka.pb": ("network", COMPUTING + node("IO>KafkaReadableInit", "k", "x")),
    }  # fmt: skip


def tensorflow_to_review() -> dict[str, tuple[str, bytes]]:
    """Graphs that need code of others: file name to (rule, bytes)."""
    return {
        "text.pb": ("unknown-operation", COMPUTING + node("SentencepieceTokenizeOp", "t", "x")),
        "custom.pb": ("unknown-operation", COMPUTING + node("ZeroOutXyz", "t", "x")),
        "tensorrt.pb": ("opaque", COMPUTING + node("TRTEngineOp", "t", "x")),
        "module_with_call.pb": (
            "opaque",
            COMPUTING
            + node("XlaCallModule", "t", "x", more=attribute("module", field(2, "ML\xefR custom_call_v1"))),
        ),
        "dataset_graph.pb": ("opaque", COMPUTING + node("DatasetFromGraph", "t", "x")),
    }


def malformed_tensorflow() -> dict[str, tuple[str, bytes]]:
    """Files that are no graph, or hide something: file name to (rule, bytes)."""
    whole = saved_model(COMPUTING)
    return {
        "empty/saved_model.pb": ("malformed", b""),
        "cut/saved_model.pb": ("malformed", whole[:-5]),
        "trailing/saved_model.pb": ("malformed", whole + b"PK\x03\x04" + bytes(40)),
        "no_graph/saved_model.pb": ("malformed", field(1, 1)),
        "no_operation/saved_model.pb": ("malformed", saved_model(field(4, field(1, 1)))),
        "zip/saved_model.pb": ("malformed", b"PK\x03\x04" + bytes(60)),
        "no_kind.pb": ("malformed", COMPUTING + field(1, field(1, "x"))),
        "escape.pb": ("malformed", COMPUTING + node("NoOp", "a\x1b[2J")),
        "payload/saved_model.pb": ("hidden-bytes", whole + field(77, b"\x7fELF" + bytes(4000))),
        "payload_in_graph.pb": ("hidden-bytes", COMPUTING + field(60, bytes(4000))),
        "payload_in_node.pb": ("hidden-bytes", COMPUTING + node("NoOp", "n", more=field(99, bytes(4000)))),
        "payload/fingerprint.pb": ("hidden-bytes", field(1, 5) + field(9, bytes(2000))),
        "broken/saved_model.pbtxt": ("malformed", b"meta_graphs { graph_def { node {"),
        "other/saved_model.pbtxt": ("malformed", b"hello"),
        "deep.pbtxt": ("malformed", b'node { op: "NoOp" } node { x ' + b"{ x " * 20_000),
        "text.pb": ("unreadable", b"this is not a graph"),
    }  # fmt: skip
