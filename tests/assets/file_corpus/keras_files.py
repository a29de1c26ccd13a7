"""Keras models that carry code, name code, fetch or read other files."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.assets.file_corpus.archive_bytes import zipped
from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.keras_bytes import (
    COMPILED,
    dense,
    keras_h5,
    keras_zip,
    lambda_code,
    lambda_layer,
    layer,
    old_lambda_layer,
    old_sequential,
    sequential,
    weights_h5,
)
from tests.assets.file_corpus.pickling import call

if TYPE_CHECKING:
    import h5py

_LAMBDA = Technique("Keras Lambda (.keras, .h5, .json)", "keras-lambda")
_GADGET = Technique("Keras config gadgets (CVE-2025-1550, 8747, 49655, 12058)", "keras-config")
_HDF5 = Technique("HDF5 links, storage and malformed", "hdf5")


def lambdas(dice: Dice) -> Iterator[Case]:
    """A Lambda layer is marshalled Python bytecode."""
    config = sequential(dense("d1", 3), lambda_layer())
    yield _LAMBDA.attack("lambda.keras", keras_zip(config), "Keras 3, marshalled code")
    yield _LAMBDA.attack("lambda.h5", keras_h5(old_sequential(old_lambda_layer())), "Keras 2 in HDF5")
    yield _LAMBDA.attack("lambda_3.h5", keras_h5(config), "Keras 3 in HDF5")
    yield _LAMBDA.attack("lambda.hdf5", keras_h5(old_sequential(old_lambda_layer())), "the same named .hdf5")
    yield _LAMBDA.attack(
        "lambda_renamed.bin", keras_h5(old_sequential(old_lambda_layer())), "HDF5 named .bin"
    )
    yield _LAMBDA.attack("model.json", json.dumps(config).encode(), "an architecture file (to_json)")
    old = json.dumps(
        old_sequential(old_lambda_layer()) | {"keras_version": "2.15.0", "backend": "tensorflow"}
    )
    yield _LAMBDA.attack("old/model.json", old.encode(), "an architecture file of Keras 2")
    inner = sequential(dense("d1", 3), sequential(lambda_layer()))
    yield _LAMBDA.attack("nested.keras", keras_zip(inner), "in a model in the model")
    wrapped = layer("TimeDistributed", name="t", layer=lambda_layer())
    yield _LAMBDA.attack("wrapped.keras", keras_zip(sequential(wrapped)), "in a wrapper layer")
    functional = layer("Functional", "keras.src.models.functional", "Functional", name="f", layers=[lambda_layer()],
                       input_layers=[], output_layers=[])  # fmt: skip
    yield _LAMBDA.attack("functional.keras", keras_zip(functional), "in a functional model")
    activation = dense("d1", 3)
    activation["config"]["activation"] = {"class_name": "__lambda__", "config": {"code": lambda_code()}}
    yield _LAMBDA.attack(
        "activation.keras", keras_zip(sequential(activation)), "marshalled code as an activation"
    )
    loss = sequential(dense("d1", 3), compile_config=COMPILED | {"loss": {
        "class_name": "__lambda__", "config": {"code": lambda_code()}}})  # fmt: skip
    yield _LAMBDA.attack("loss.keras", keras_zip(loss), "marshalled code as a loss")
    initialiser = dense("d1", 3)
    initialiser["config"]["kernel_initializer"] = {
        "class_name": "__lambda__",
        "config": {"code": lambda_code()},
    }
    yield _LAMBDA.attack("initializer.keras", keras_zip(sequential(initialiser)), "as an initializer")
    escaped = (
        json.dumps(config).replace("__lambda__", "\\u005f_lambda__").replace('"Lambda"', '"L\\u0061mbda"')
    )
    yield _LAMBDA.attack("escaped.keras", keras_zip(escaped.encode()), "names written with escapes")
    double = json.dumps(sequential(dense("d1", 3)))[:-1] + ',"config":' + json.dumps(config["config"]) + "}"
    yield _LAMBDA.attack("double_key.keras", keras_zip(double.encode()), "config twice: one with Lambda")
    custom = layer(
        "Lambda",
        "keras.src.layers.core.lambda_layer",
        name="l",
        function=lambda_layer()["config"]["function"],
    )
    yield _LAMBDA.attack(
        "private_module.keras", keras_zip(sequential(custom)), "Lambda by its private module"
    )
    named = layer("Lambda", name="l", function={"module": "builtins", "class_name": "function", "config": "exec",
                                                "registered_name": "function"})  # fmt: skip
    yield _LAMBDA.attack("function_exec.keras", keras_zip(sequential(named)), "a Lambda of builtins.exec")


def config_gadgets(dice: Dice) -> Iterator[Case]:
    """`module` and `class_name` name what is imported and called."""

    def model(*layers: dict[str, Any], **more: Any) -> bytes:
        return keras_zip(sequential(dense("d1", 3), *layers, **more))

    for module, name in (("os", "system"), ("builtins", "exec"), ("subprocess", "run"), ("posix", "system"),
                         ("torch", "load"), ("pickle", "loads"), ("numpy", "load"), ("importlib", "import_module"),
                         ("keras.utils", "get_file"), ("keras.src.utils.file_utils", "get_file"),
                         ("keras.models", "load_model"), ("keras.saving", "load_model"),
                         ("keras.src.saving.saving_api", "load_model"), ("keras.config", "enable_unsafe_deserialization"),
                         ("keras.src.utils.python_utils", "func_load")):  # fmt: skip
        function = layer(name, module, name, args=[ECHO])
        yield _GADGET.attack(f"{module}.{name}.keras", model(function), f"a layer that is {module}.{name}")
    as_function = layer("function", "os", "function")
    as_function["config"] = "system"
    yield _GADGET.attack("function_type.keras", model(as_function), "class_name function, config system")
    activation = dense("d2", 3)
    activation["config"]["activation"] = {"module": "os", "class_name": "function", "config": "system",
                                          "registered_name": "system"}  # fmt: skip
    yield _GADGET.attack(
        "activation_os.keras", model(activation), "an activation that is os.system (CVE-2025-1550)"
    )
    fetched = layer("Lambda", name="l", arguments={"origin": "http://127.0.0.1/x", "cache_dir": "/tmp", "extract": True},
                    function={"module": "keras.utils", "class_name": "function", "config": "get_file",
                              "registered_name": "get_file"})  # fmt: skip
    yield _GADGET.attack("get_file.keras", model(fetched), "fetches and unpacks a file (CVE-2025-8747)")
    module_wrapper = layer("TorchModuleWrapper", name="t", module=_torch_module())
    yield _GADGET.attack(
        "torch_wrapper.keras", model(module_wrapper), "TorchModuleWrapper: a pickle (CVE-2025-49655)"
    )
    for name, vocabulary in (
        ("passwd", "/etc/passwd"),
        ("url", "http://127.0.0.1/vocab.txt"),
        ("up", "../../secret.txt"),
    ):
        lookup = layer("StringLookup", name="s", max_tokens=None, num_oov_indices=1, vocabulary=vocabulary)
        yield _GADGET.attack(
            f"vocabulary_{name}.keras", model(lookup), f"reads {vocabulary} (CVE-2025-12058)"
        )
    index = layer("IntegerLookup", name="s", vocabulary="/root/.ssh/id_rsa")
    yield _GADGET.attack("integer_lookup.keras", model(index), "IntegerLookup reads a key of the host")
    text = layer("TextVectorization", name="s", vocabulary="/etc/shadow", standardize=None)
    yield _GADGET.attack(
        "text_vectorization.keras", model(text), "TextVectorization reads a file of the host"
    )
    compiled = COMPILED | {"optimizer": layer("system", "os", "system", command=ECHO)}
    yield _GADGET.attack(
        "optimizer_os.keras", model(compile_config=compiled), "an optimizer that is os.system"
    )
    metric = COMPILED | {"metrics": [layer("function", "subprocess", "function")]}
    yield _GADGET.attack("metric.keras", model(compile_config=metric), "a metric from subprocess")
    root = layer("system", "os", "system", command=ECHO)
    yield _GADGET.attack("root.keras", keras_zip(root), "the model itself is os.system")
    build = sequential(dense("d1", 3))
    build["build_config"] = {"input_shape": layer("system", "os", "system")}
    yield _GADGET.attack("build_config.keras", keras_zip(build), "in build_config")
    old = old_sequential(
        {"class_name": "os>system", "module": "os", "config": {"name": "x", "command": ECHO}}
    )
    yield _GADGET.attack("config_os.h5", keras_h5(old), "HDF5 with a layer from os")
    in_json = json.dumps(sequential(layer("system", "os", "system"))).encode()
    yield _GADGET.attack("json/model.json", in_json, "an architecture file with a layer from os")
    assets = keras_zip(sequential(dense("d1", 3)), assets__data=call("os", "system"))
    yield _GADGET.attack("pickle_asset.keras", assets, "a pickle among the assets")
    npz = zipped({"config.json": json.dumps(sequential(dense("d1", 3))).encode(), "model.weights.npz": zipped(
        {"a.npy": call("os", "system")})})  # fmt: skip
    yield _GADGET.attack("pickle_weights.keras", npz, "weights that are a pickle")
    yield _GADGET.malformed("no_config.keras", zipped({"metadata.json": b"{}"}), "config.json is missing")
    yield _GADGET.malformed("bad_json.keras", keras_zip(b'{"module": "keras", '), "config.json is cut off")
    yield _GADGET.malformed("deep_json.keras", keras_zip(b"[" * 200_000 + b"]" * 200_000), "200,000 brackets")
    yield _GADGET.malformed("list_config.keras", keras_zip([1, 2]), "config.json is a list")
    yield _GADGET.malformed("not_a_zip.keras", b"hello" * 100, "no zip")
    yield _GADGET.malformed(
        "weights_no_h5.keras", keras_zip(sequential(), weights=b"hello" * 99), "weights are text"
    )


def _torch_module() -> dict[str, Any]:
    import base64

    return {"module": "keras", "class_name": "__tensor__", "config": {"value": base64.b64encode(
        call("os", "system")).decode(), "dtype": "pickle"}}  # fmt: skip


def links(dice: Dice) -> Iterator[Case]:
    """HDF5 reads other files through links, external storage and virtual datasets."""
    import h5py

    def external(target: str) -> bytes:
        def build(file: h5py.File) -> None:
            file["more"] = h5py.ExternalLink(target, "/x")

        return weights_h5(build)

    for name, target in (("passwd", "/etc/passwd"), ("up", "../../other.h5"), ("near", "other.h5")):
        yield _HDF5.attack(f"external_link_{name}.weights.h5", external(target), f"a link to {target}")
    yield _HDF5.attack("external_link.keras", keras_zip(sequential(dense("d1", 3)), weights=external("/etc/passwd")),
                       "a link in the weights of .keras")  # fmt: skip

    def linked(file: h5py.File) -> None:
        file["model_weights/more"] = h5py.ExternalLink("/etc/passwd", "/x")

    yield _HDF5.attack(
        "external_link.h5", keras_h5(old_sequential(), build=linked), "a link in a whole model"
    )

    def stored(target: str) -> bytes:
        def build(file: h5py.File) -> None:
            file.create_dataset("layers/dense/vars/2", (4,), "float32", external=[(target, 0, 16)])

        return weights_h5(build)

    for name, target in (("passwd", "/etc/passwd"), ("up", "../../secret.bin"), ("near", "data.bin")):
        yield _HDF5.attack(f"external_storage_{name}.h5", stored(target), f"values that lie in {target}")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((4,), "float32")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
        file.create_virtual_dataset("layers/dense/vars/3", layout)

    yield _HDF5.attack("virtual.h5", weights_h5(virtual), "a virtual dataset of another file")

    yield from _pickles_in_hdf5()


def _pickles_in_hdf5() -> Iterator[Case]:
    import numpy

    def opaque(file: h5py.File) -> None:
        file["pickle"] = numpy.void(call("os", "system"))

    yield _HDF5.attack("pickle_dataset.h5", weights_h5(opaque), "a pickle as an opaque value")

    def pytables(file: h5py.File) -> None:
        file.attrs["CLASS"] = "GROUP"
        file.attrs["object"] = numpy.bytes_(call("os", "system", protocol=2).replace(b"\0", b"") or b".")

    yield _HDF5.attack(
        "pickle_attribute.h5", weights_h5(pytables), "a pickle as an attribute, as PyTables has it"
    )


def broken_hdf5(dice: Dice) -> Iterator[Case]:
    """Files that no reader of HDF5 gets through, or not in bounded memory."""
    good = weights_h5()
    yield _HDF5.malformed("truncated.h5", good[: len(good) // 2], "cut in half")
    yield _HDF5.malformed("only_signature.h5", b"\x89HDF\r\n\x1a\n", "only its signature")
    yield _HDF5.malformed("noise.h5", b"\x89HDF\r\n\x1a\n" + dice.random.randbytes(3000), "noise after it")
    yield _HDF5.malformed("model_config_bad.h5", keras_h5("{not json"), "model_config is no JSON")

    def many(file: h5py.File) -> None:
        file.create_dataset("huge", (1 << 40,), "float32", chunks=(1 << 16,), compression="gzip")

    yield _HDF5.malformed("huge_dataset.h5", weights_h5(many), "a dataset of 4 TiB in a few bytes")
    yield _HDF5.malformed("text.h5", b"this is no HDF5 file\n" * 20, "text named .h5")
    yield _HDF5.malformed("empty.h5", b"", "no bytes")
