"""Keras models in the layouts that Keras 3.15 and 2.15 write, without Keras."""

from __future__ import annotations

import base64
import io
import json
import marshal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.assets.file_corpus.archive_bytes import zipped
from tests.assets.file_corpus.files import ECHO

if TYPE_CHECKING:
    import h5py

Config = dict[str, Any]


def layer(
    class_name: str, module: str | None = "keras.layers", registered: str | None = None, **config: Any
) -> Config:
    """One serialized object of Keras 3."""
    made: Config = {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": registered,
    }
    return made


def _policy() -> Config:
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": None,
    }


def dense(name: str, units: int, **more: Any) -> Config:
    """A dense layer as Keras 3.15 writes it."""
    return layer(
        "Dense", name=name, trainable=True, dtype=_policy(), units=units, activation="relu", use_bias=True,
        kernel_initializer=layer("GlorotUniform", "keras.initializers", seed=None),
        bias_initializer=layer("Zeros", "keras.initializers"), kernel_regularizer=None, bias_regularizer=None,
        kernel_constraint=None, bias_constraint=None, **more,
    )  # fmt: skip


def sequential(*layers: Config, **more: Any) -> Config:
    """The config.json of a sequential model with these layers after its input."""
    start = layer("InputLayer", batch_shape=[None, 4], dtype="float32", sparse=False, name="input_layer")
    made = layer("Sequential", "keras", name="seq", trainable=True, dtype=_policy(), layers=[start, *layers])
    return {**made, "build_config": {"input_shape": [None, 4]}, **more}


COMPILED: Config = {
    "optimizer": {
        "module": "keras.src.backend.torch.optimizers.torch_adam",
        "class_name": "Adam",
        "config": {"name": "adam", "learning_rate": 0.001, "beta_1": 0.9, "epsilon": 1e-07, "amsgrad": False},
        "registered_name": "Adam",
    },
    "loss": "mse", "loss_weights": None, "metrics": ["accuracy"], "run_eagerly": False, "jit_compile": False,
}  # fmt: skip


def lambda_code(source: str = f"lambda x: __import__('os').system('{ECHO}') or x") -> str:
    """Marshalled code as a Lambda layer carries it; compiled, never run."""
    code = compile(source, "<lambda>", "eval").co_consts[0]
    return base64.encodebytes(marshal.dumps(code)).decode()


def lambda_layer(source: str | None = None) -> Config:
    """A Lambda layer of Keras 3 with marshalled code."""
    code = lambda_code() if source is None else lambda_code(source)
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    return layer("Lambda", name="lambda", trainable=True, function=function, output_shape=[4], arguments={})


def old_lambda_layer() -> Config:
    """A Lambda layer of Keras 2."""
    config = {"name": "lambda", "trainable": True, "function": {"class_name": "tuple", "items": [
        lambda_code(), None, None]}, "function_type": "lambda", "module": "__main__", "output_shape": None,
        "output_shape_type": "raw", "arguments": {}}  # fmt: skip
    return {"class_name": "Lambda", "config": config}


def keras_zip(config: object, *, weights: bytes | None = None, **more: bytes) -> bytes:
    """A .keras file; `config` may be bytes taken as they are."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    members = {
        "metadata.json": b'{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}',
        "config.json": text,
        "model.weights.h5": weights_h5() if weights is None else weights,
    }
    return zipped(members | {name.replace("__", "/"): data for name, data in more.items()})


def hdf5(build: Callable[[h5py.File], None]) -> bytes:
    """An HDF5 file made by `build`."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        build(file)
    return buffer.getvalue()


def weights_h5(build: Callable[[h5py.File], None] | None = None) -> bytes:
    """The model.weights.h5 of one dense layer."""

    def made(file: h5py.File) -> None:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "d1"
        group["0"], group["1"] = _numbers(4, 3), _numbers(3)
        file.create_group("vars").attrs["name"] = "seq"
        if build is not None:
            build(file)

    return hdf5(made)


def keras_h5(
    config: object, *, training: object = None, build: Callable[[h5py.File], None] | None = None
) -> bytes:
    """A whole model in HDF5 as Keras 2 writes it."""

    def made(file: h5py.File) -> None:
        file.attrs["backend"], file.attrs["keras_version"] = "tensorflow", "2.15.0"
        file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = ["d1"]
        weights.attrs["backend"] = "tensorflow"
        group = weights.create_group("d1")
        group.attrs["weight_names"] = ["seq/d1/kernel", "seq/d1/bias"]
        group["seq/d1/kernel"], group["seq/d1/bias"] = _numbers(4, 3), _numbers(3)
        if build is not None:
            build(file)

    return hdf5(made)


def old_sequential(*layers: Mapping[str, Any]) -> Config:
    """The model_config of Keras 2."""
    start = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "in"},
    }
    kept = {
        "class_name": "Dense",
        "config": {"name": "d1", "trainable": True, "units": 3, "activation": "relu"},
    }
    return {"class_name": "Sequential", "config": {"name": "seq", "layers": [start, kept, *layers]}}


def _numbers(*shape: int) -> Any:
    import numpy

    return numpy.random.default_rng(1).normal(0, 0.05, shape).astype("float32")
