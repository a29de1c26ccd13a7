"""Keras models and HDF5 files that run code, read other files or are broken, by the rule that they break.

Everything is written by hand: Keras itself is not needed. Payloads are names and harmless bytes.
"""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import io
import json
import marshal
import warnings
import zipfile
from collections.abc import Callable, Mapping

import h5py
import numpy as np

from tests.assets.archives import zip_bytes
from tests.assets.pickle_cases import calling

CODE = base64.b64encode(marshal.dumps(compile("lambda x: x", "<made>", "eval"))).decode()


def dense(**more: object) -> dict[str, object]:
    """A layer as Keras 3 writes it."""
    config = {"name": "dense", "units": 2, "activation": "relu", "use_bias": True}
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": config,
        "registered_name": None,
        **more,
    }


def sequential(*layers: object, **more: object) -> dict[str, object]:
    """A model of these layers."""
    return {
        "module": "keras", "class_name": "Sequential", "registered_name": "Sequential",
        "config": {"name": "sequential", "trainable": True, "layers": list(layers)}, **more,
    }  # fmt: skip


def lambda_layer(function: object, **more: object) -> dict[str, object]:
    """A Lambda layer with this function."""
    config = {"name": "lambda", "trainable": True, "function": function, **more}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}


def function(module: str | None, name: str, registered: str = "function") -> dict[str, object]:
    """A reference to a function."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def weights(fill: Callable[[h5py.File], object] | None = None, user_block: bytes = b"") -> bytes:
    """An HDF5 file of one layer's weights, after `fill` has added to it, behind a block of the user."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512 if user_block else 0) as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=np.arange(8, dtype="float32").reshape(4, 2))
        group.create_dataset("1", data=np.zeros(2, dtype="float32"))
        if fill is not None:
            fill(file)
    return user_block + buffer.getvalue()[len(user_block) :]


def archive(config: object, *, h5: bytes | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A .keras file; `config` as JSON, or as the bytes that it is."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    about = {"keras_version": "3.15.1", "date_saved": "2026-11-26@00:00:00"}
    members = {
        "metadata.json": json.dumps(about).encode(),
        "config.json": text,
        "model.weights.h5": weights() if h5 is None else h5,
    }
    return zip_bytes(members, compression)


def legacy(config: object, training: object = None) -> bytes:
    """An .h5 file of a whole model, as Keras 2 writes it."""

    def fill(file: h5py.File) -> None:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = config if isinstance(config, bytes) else json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"dense"])

    return weights(fill)


def _with_external(file: h5py.File) -> None:
    file["layers/dense/vars"].create_dataset("2", (4,), "uint8", external=[("/etc/hostname", 0, 4)])


def _with_virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(4,))
    file.create_virtual_dataset("virtual", layout)


def _with_filter(number: int) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"packed", h5py.h5t.NATIVE_FLOAT, space, plan)

    return fill


def _with_filters_and_link(file: h5py.File) -> None:
    for number in range(150):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(file.id, b"a%d" % number, h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((4,)), plan)
    file["z"] = h5py.ExternalLink("other.h5", "/")


def _with_bomb(file: h5py.File) -> None:
    file.create_dataset("bomb", (1 << 20, 1 << 20), "float32", chunks=(1024, 1024), compression="gzip")


def _with_many_bombs(file: h5py.File) -> None:
    for number in range(40):
        file.create_dataset(f"part{number}", (1 << 23,), "float32", chunks=(1 << 10,))


def _with_cycle(file: h5py.File) -> None:
    file["layers/dense/again"] = file["layers"]


def _with_user_link(file: h5py.File) -> None:
    file["away"] = h5py.ExternalLink("/tmp/other.h5", "/weights")


_PICKLE = calling("os", "system")


def _with_pickle_attribute(file: h5py.File) -> None:
    file["layers"].attrs["state"] = np.void(_PICKLE)


def _with_pickle_array(file: h5py.File) -> None:
    file.create_dataset("optimizer", data=np.frombuffer(_PICKLE, dtype="uint8"))


def _wrapped_module(data: bytes) -> dict[str, object]:
    config = {"name": "wrapped", "module": base64.b64encode(data).decode(), "output_shape": None}
    return {
        "module": "keras.layers",
        "class_name": "TorchModuleWrapper",
        "config": config,
        "registered_name": None,
    }


def _lookup(kind: str, vocabulary: object) -> dict[str, object]:
    config = {"name": "lookup", "max_tokens": None, "vocabulary": vocabulary}
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def _legacy_lambda() -> dict[str, object]:
    layer = {
        "class_name": "Lambda",
        "config": {
            "name": "lambda",
            "function": [CODE, None, None],
            "function_type": "lambda",
            "module": "__main__",
        },
    }
    return {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}


def _op_layer(named: str) -> dict[str, object]:
    return {"class_name": "TFOpLambda", "config": {"name": "tf.op", "function": named}, "inbound_nodes": []}


def _node_layer(operation: str) -> dict[str, object]:
    node = json.dumps({"name": "n", "op": operation, "input": ["x"]})
    return {"class_name": "TensorFlowOpLayer", "config": {"name": "n", "node_def": node, "constants": {}}}


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def attack_cases() -> dict[str, tuple[str, str, bytes]]:
    """Attacks: name to (file name, rule, bytes)."""
    new_lambda = lambda_layer(
        {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}
    )
    typespec: dict[str, object] = {
        "class_name": "__typespec__",
        "spec_name": "Popen",
        "module": "subprocess",
        "config": [],
        "registered_name": None,
    }
    layer = dense()
    layer["config"] = {**layer["config"], "activation": function("os", "system")}  # type: ignore[dict-item]
    held: dict[str, tuple[str, str, object]] = {
        "lambda": ("m.keras", "marshalled-code", sequential(new_lambda)),
        "lambda_value": ("m.keras", "marshalled-code", sequential(lambda_layer({"class_name": "__lambda__", "config": {"value": CODE}}))),
        "lambda_tuple": ("m.keras", "marshalled-code", sequential(lambda_layer({"class_name": "__tuple__", "items": [CODE, None, None]}))),
        "lambda_list": ("m.keras", "marshalled-code", sequential(lambda_layer([CODE, None, None], function_type="lambda"))),
        "lambda_text": ("m.keras", "marshalled-code", sequential(lambda_layer(CODE))),
        "lambda_shape": ("m.keras", "marshalled-code", sequential(lambda_layer(function("keras.ops", "relu"), output_shape=[CODE, None, None]))),
        "lambda_in_wrapper": ("m.keras", "marshalled-code", sequential({"class_name": "TimeDistributed", "module": "keras.layers", "config": {"layer": new_lambda}})),
        "lambda_in_compile": ("m.keras", "marshalled-code", sequential(dense(), compile_config={"loss": {"class_name": "__lambda__", "config": {"value": CODE}}})),
        "lambda_source": ("m.keras", "marshalled-code", sequential(lambda_layer("lambda x: eval('1')"))),
        "loss_of_os": ("m.keras", "known-attack", sequential(dense(), compile_config={"loss": "os.system"})),
        "metric_of_python": ("m.keras", "known-attack", sequential(dense(), compile_config={"metrics": ["exec"]})),
        "code_in_text": ("m.keras", "marshalled-code", sequential(dense(note=[CODE]))),
        "function_of_os": ("m.keras", "known-attack", sequential(lambda_layer(function("os", "system")))),
        "function_through_a_module": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.ops", "os.system")))),
        "class_with_its_module": ("m.keras", "known-attack", sequential({"class_name": "builtins.exec", "config": {}})),
        "function_of_two_names": ("m.keras", "known-attack", sequential(lambda_layer(function("builtins", "eval")))),
        "function_of_builtins": ("m.keras", "known-attack", sequential(lambda_layer(function("builtins", "exec")))),
        "function_of_package": ("m.keras", "known-attack", sequential(lambda_layer(function("some_package.tools", "go")))),
        "get_file": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.utils", "get_file")))),
        "get_file_inside": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.src.utils.file_utils", "get_file")))),
        "get_file_as_class": ("m.keras", "known-attack", sequential({"module": "keras.utils", "class_name": "get_file", "config": {"origin": "x"}, "registered_name": None})),
        "load_model": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.models", "load_model"), arguments={"safe_mode": False}))),
        "unsafe_switch": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.config", "enable_unsafe_deserialization")))),
        "global_state": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.src.backend.common.global_state", "set_global_attribute")))),
        "func_load": ("m.keras", "known-attack", sequential(lambda_layer(function("keras.src.utils.python_utils", "func_load")))),
        "tf_keras_get_file": ("m.keras", "known-attack", sequential(lambda_layer(function("tf_keras.utils", "get_file")))),
        "class_of_subprocess": ("m.keras", "known-attack", sequential({"module": "subprocess", "class_name": "Popen", "config": {"args": ["echo"]}, "registered_name": None})),
        "top_is_attack": ("m.keras", "known-attack", {"module": "os", "class_name": "system", "config": {}, "registered_name": None}),
        "activation_of_os": ("m.keras", "known-attack", sequential(layer)),
        "build_config": ("m.keras", "known-attack", sequential(dense(build_config={"input_shape": function("subprocess", "run")}))),
        "compile_config": ("m.keras", "known-attack", sequential(dense(), compile_config={"optimizer": {"module": "runpy", "class_name": "run_path", "config": {}}})),
        "typespec": ("m.keras", "known-attack", sequential(dense(spec=typespec))),
        "module_is_a_path": ("m.keras", "known-attack", sequential({"module": "../evil", "class_name": "Layer", "config": {}})),
        "op_layer": ("m.json", "known-attack", sequential(_op_layer("io.write_file"))),
        "op_of_keras": ("m.json", "known-attack", sequential(_op_layer("keras.utils.get_file"))),
        "raw_op_layer": ("m.json", "known-attack", sequential(_op_layer("raw_ops.ReadFile"))),
        "node_layer": ("m.json", "known-attack", sequential(_node_layer("WriteFile"))),
        "torch_module": ("m.keras", "hidden-pickle", sequential(_wrapped_module(_PICKLE))),
        "torch_module_noise": ("m.keras", "hidden-pickle", sequential(_wrapped_module(b"noise"))),
        "pickle_in_text": ("m.keras", "hidden-pickle", sequential(dense(state=base64.b64encode(_PICKLE).decode()))),
        "saved_model_layer": ("m.keras", "loads-a-file", sequential({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "saved", "call_endpoint": "serve"}})),
        "vocabulary": ("m.keras", "loads-a-file", sequential(_lookup("StringLookup", "/etc/passwd"))),
        "vocabulary_remote": ("m.keras", "loads-a-file", sequential(_lookup("TextVectorization", "gs://bucket/words.txt"))),
        "path_elsewhere": ("m.keras", "loads-a-file", sequential(dense(config={"name": "d", "filepath": "../../secret"}))),
    }  # fmt: skip
    cases = {name: (file, rule, _written(file, config)) for name, (file, rule, config) in held.items()}
    doubled = (
        json.dumps(sequential(dense()))
        .encode()
        .replace(b'"class_name": "Dense"', b'"class_name": "Lambda", "class_name": "Dense"')
    )
    return cases | {
        "legacy_lambda": ("m.h5", "marshalled-code", legacy(_legacy_lambda())),
        "legacy_lambda_json": ("m.json", "marshalled-code", json.dumps(_legacy_lambda()).encode()),
        "legacy_loss": ("m.h5", "known-attack", legacy(sequential(dense()), {"loss": function("os", "popen")})),
        "tfjs_path": ("model.json", "loads-a-file", json.dumps({"format": "graph-model", "modelTopology": {"node": []}, "weightsManifest": [{"paths": ["../../etc/x.bin"], "weights": []}]}).encode()),
        "tfjs_lambda": ("model.json", "marshalled-code", json.dumps({"format": "layers-model", "modelTopology": {"model_config": _legacy_lambda()}}).encode()),
        "metadata_lambda": ("keras_metadata.pb", "marshalled-code", b"\n\x8a\x08\x08\x01\x12\x04root" + json.dumps(_legacy_lambda()).encode() + b"\x12\x02\x08"),
        "archive_of_other_name": ("m.zip", "marshalled-code", archive(sequential(new_lambda))),
        "hdf5_of_other_name": ("m.dat", "marshalled-code", legacy(_legacy_lambda())),
        "compressed_archive": ("m.keras", "marshalled-code", archive(sequential(new_lambda), compression=zipfile.ZIP_DEFLATED)),
        "escaped_keys": ("m.json", "marshalled-code", json.dumps(_legacy_lambda()).replace("class_name", "cl\\u0061ss_name").encode()),
        "behind_harmless_faults": ("m.keras", "known-attack", archive(sequential(*[dense(class_name=f"Own{number}", module="mine") for number in range(300)], lambda_layer(function("os", "system"))))),
        "behind_filters": ("m.h5", "reads-other-file", weights(_with_filters_and_link)),
        "hidden_by_duplicate": ("m.json", "duplicate-key", doubled),
        "second_config": ("m.keras", "marshalled-code", _two_configs(sequential(new_lambda), sequential(dense()))),
        "external_storage": ("m.weights.h5", "reads-other-file", weights(_with_external)),
        "external_link": ("m.h5", "reads-other-file", weights(_with_user_link)),
        "virtual": ("m.h5", "reads-other-file", weights(_with_virtual)),
        "external_in_archive": ("m.keras", "reads-other-file", archive(sequential(dense()), h5=weights(_with_external))),
        "external_in_compressed": ("m.keras", "reads-other-file", archive(sequential(dense()), h5=weights(_with_external), compression=zipfile.ZIP_DEFLATED)),
        "unknown_filter": ("m.h5", "unknown-filter", weights(_with_filter(40_000))),
        "shape_bomb": ("m.weights.h5", "shape-bomb", weights(_with_bomb)),
        "many_bombs": ("m.h5", "shape-bomb", weights(_with_many_bombs)),
        "pickle_attribute": ("m.h5", "hidden-pickle", weights(_with_pickle_attribute)),
        "pickle_array": ("m.h5", "hidden-pickle", weights(_with_pickle_array)),
    }  # fmt: skip


def _written(file: str, config: object) -> bytes:
    return archive(config) if file.endswith(".keras") else json.dumps(config).encode()


def _two_configs(first: object, second: object) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two entries of one name
        return _with_members(archive(first), {"config.json": json.dumps(second).encode()})


def malformed_cases() -> dict[str, tuple[str, str, bytes]]:
    """Files that cannot be believed: name to (file name, rule, bytes)."""
    good = weights()
    deep = b'{"class_name": "Sequential", "config": ' + b"[" * 100_000
    return {
        "empty": ("m.h5", "unreadable", b""),
        "no_hdf5": ("m.h5", "unreadable", b"not an HDF5 file at all"),
        "cut": ("m.h5", "unreadable", _cut(good)),
        "cut_archive": ("m.keras", "unreadable", _cut(archive(sequential(dense())))),
        "no_config": ("m.keras", "unreadable", zip_bytes({"metadata.json": b"{}"})),
        "many_members": ("m.keras", "unreadable", _with_members(archive(sequential(dense())), dict.fromkeys(map(str, range(10_001)), b""))),
        "long_json": ("m.json", "unreadable", json.dumps(sequential(dense())).encode() + b" " * (17 * 1024**2)),
        "broken_config": ("m.keras", "unreadable", archive(b'{"class_name": ')),
        "config_is_a_list": ("m.keras", "unreadable", archive([])),
        "deep_config": ("m.keras", "unreadable", archive(deep)),
        "long_config": ("m.keras", "unreadable", archive(b'{"a": "' + b"x" * (17 * 1024**2) + b'"}', compression=zipfile.ZIP_DEFLATED)),
        "many_lists": ("m.keras", "unreadable", archive(b'{"a": [' + b"[]," * 600_000 + b"[]]}")),
        "legacy_broken": ("m.h5", "unreadable", legacy(b"{")),
        "broken_weights": ("m.keras", "unreadable", archive(sequential(dense()), h5=b"noise")),
        "pointer": ("m.h5", "unreadable", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "dangling": ("m.h5", "dangling-link", weights(lambda file: file.__setitem__("a", h5py.SoftLink("/nowhere")))),
        "cycle": ("m.h5", "link-cycle", weights(_with_cycle)),
        "trailing": ("m.h5", "bytes-around", good + b"#!/bin/sh\necho"),
        "no_function": ("m.keras", "broken-config", archive(sequential({"class_name": "function", "config": {}, "module": "x"}))),
    }  # fmt: skip


def _with_members(data: bytes, members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as made:
        for name, held in members.items():
            made.writestr(name, held)
    return buffer.getvalue()


def review_cases() -> dict[str, tuple[str, str, bytes]]:
    """Models that need somebody's class or library: name to (file name, rule, bytes)."""
    own = {
        "module": "my_package.layers",
        "class_name": "MyLayer",
        "config": {},
        "registered_name": "my_package>MyLayer",
    }
    return {
        "custom_layer": ("m.keras", "custom-class", archive(sequential(own))),
        "custom_function": ("m.keras", "custom-class", archive(sequential(lambda_layer(function("builtins", "my_package>act"))))),
        "custom_legacy": ("m.h5", "custom-class", legacy({"class_name": "Sequential", "config": {"layers": [{"class_name": "MyLayer", "config": {}}]}})),
        "named_lambda": ("m.h5", "custom-class", legacy(sequential(lambda_layer("my_act", function_type="function", module="__main__")))),
        "custom_loss": ("m.h5", "custom-class", legacy(sequential(dense()), {"loss": {"out": "my_loss"}, "metrics": ["mae"]})),
        "program_inside": ("m.keras", "carries-program", _with_members(archive(sequential(dense())), {"assets/run.sh": b"echo harmless"})),
        "registered_filter": ("m.h5", "needs-a-filter", weights(_with_filter(32015))),
    }  # fmt: skip


def plain_cases() -> dict[str, tuple[str, bytes]]:
    """Honest files: name to (file name, bytes)."""

    def typed(file: h5py.File) -> None:
        file.create_dataset(
            "packed", data=np.ones((64, 64), "float32"), compression="gzip", shuffle=True, fletcher32=True
        )
        file.create_dataset("fast", data=np.ones((64, 64), "float16"), compression="lzf")
        file.create_dataset("words", data=["one", "two"], dtype=h5py.string_dtype())
        file.create_dataset("bytes", data=np.arange(256, dtype="uint8"))
        file.create_dataset("none", dtype="float32", data=h5py.Empty("float32"))
        file["type"] = np.dtype("float64")
        file["again"] = file["packed"]
        file["soft"] = h5py.SoftLink("/packed")
        file.attrs["reference"] = file["packed"].ref
        file.attrs["numbers"] = np.arange(5)

    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": None,
    }
    initial = {
        "module": "keras.initializers",
        "class_name": "GlorotUniform",
        "config": {"seed": None},
        "registered_name": None,
    }
    adam = {
        "module": "keras.src.backend.torch.optimizers.torch_adam",
        "class_name": "Adam",
        "config": {"name": "adam"},
        "registered_name": "Adam",
    }
    full = dense(
        config={"name": "d", "units": 2, "dtype": policy, "kernel_initializer": initial},
        build_config={"input_shape": [None, 4]},
    )
    compiled = {
        "optimizer": adam,
        "loss": function("keras.losses", "mean_squared_error", "mean_squared_error"),
        "metrics": ["mae"],
    }
    old = {
        "class_name": "Functional",
        "config": {
            "layers": [
                {"class_name": "Dense", "config": {"name": "d", "activation": "relu"}},
                _op_layer("math.add"),
                _node_layer("AddV2"),
            ]
        },
    }
    words = _lookup("StringLookup", ["/etc/passwd", "os.system", "eval"])
    return {
        "model": ("m.keras", archive(sequential(full, compile_config=compiled))),
        "compressed": ("m.keras", archive(sequential(full), compression=zipfile.ZIP_DEFLATED)),
        "words": ("m.keras", archive(sequential(words))),
        "activation": ("m.keras", archive(sequential(lambda_layer(function("keras.ops", "relu"))))),
        "operation": ("m.keras", archive(sequential({"module": "keras.src.ops.numpy", "class_name": "GetItem", "config": {}, "registered_name": "GetItem"}))),
        "legacy": ("m.h5", legacy(old, {"loss": "mse", "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.1}}})),
        "json": ("m.json", json.dumps(old).encode()),
        "tfjs": ("model.json", json.dumps({"format": "layers-model", "modelTopology": {"model_config": old}, "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": []}]}).encode()),
        "weights": ("m.weights.h5", weights()),
        "plain_hdf5": ("data.hdf5", weights(typed)),
        "matlab": ("features.mat", weights(typed, user_block=b"MATLAB 7.3 MAT-file")),
        "metadata": ("keras_metadata.pb", b"\n\x10\x12\x04root" + json.dumps(old).encode() + b"\x12\x02\x08\x01"),
    }  # fmt: skip


def foreign_cases() -> dict[str, tuple[str, bytes]]:
    """Files of other kinds, which this check has nothing to say about."""
    return {
        "config": ("config.json", b'{"model_type": "llama", "class_name": "Lambda"}'),
        "list": ("list.json", b'[{"class_name": "Lambda", "config": {}}]'),
        "archive": ("m.zip", zip_bytes({"config.json": b'{"class_name": 1}', "a.txt": b"text"})),
        "text": ("readme.txt", b"class_name: Lambda"),
        "long_words": (
            "tokenizer.json",
            b'{"class_name": 1, "config": 2, "w": "' + b"x" * (17 * 1024**2) + b'"}',
        ),
        "broken_json": ("x.json", b'{"a": '),
    }
