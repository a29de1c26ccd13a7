"""Judges the layers that Keras describes inside a SavedModel: some are code, which loading runs.

Until TensorFlow 2.5 the description of each layer lay in the SavedModel itself, as JSON; a Lambda layer in it
carries marshalled byte code, and a TFOpLambda layer names any function of TensorFlow.

Source: tensorflow 2.4, python/keras/saving/saved_model/load.py and python/keras/layers/core.py; CWE-502.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from scanner.findings import Severity
from scanner.graphs.fault import GraphFault, malformed
from scanner.graphs.paths import shown
from scanner.graphs.tensorflow import GraphKind, user_objects
from scanner.graphs.wire import Wire

# The description of a model of some hundred layers takes about a megabyte.
_METADATA_BYTES: Final = 8 * 1024**2
# Functions of TensorFlow that reach files or Python, and those among them that take bytes and give a tensor.
_BEYOND: Final = ("io.", "data.", "py_func", "numpy_function", "load_", "raw_ops.", "saved_model.", "train.")
_DECODING: Final = ("io.decode", "io.parse", "io.serialize", "io.encode")
_MOST_VALUES: Final = 1_000_000


def keras_faults(wire: Wire, kind: GraphKind) -> Iterator[GraphFault]:
    """Layers that are code, among those that a SavedModel describes.

    Raises:
        PartlyReadError: when the descriptions were not read.
    """
    for number, (identifier, field) in enumerate(user_objects(wire, kind)):
        if not identifier.startswith("_tf_keras"):
            continue
        where = f"Keras object {number}"
        if field.size > _METADATA_BYTES:
            yield malformed(f"its description takes {field.size} bytes", where)
            continue
        try:
            value: object = json.loads(wire.raw(field, _METADATA_BYTES))
        except (ValueError, RecursionError):
            continue  # Keras takes a description that it cannot read for none
        yield from _layers(value, where)


def _layers(value: object, where: str) -> Iterator[GraphFault]:
    """Lambda layers in a description, at any depth."""
    waiting = [value]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
            yield from _layer(each.get("class_name"), each.get("config"), where)
        elif isinstance(each, list):
            waiting += each
    yield malformed(f"its description holds more than {_MOST_VALUES} values", where)


def _layer(kind: object, config: object, where: str) -> Iterator[GraphFault]:
    function = config.get("function") if isinstance(config, dict) else None
    if kind == "Lambda" and isinstance(function, list | dict):
        yield GraphFault(
            "runs-code",
            where,
            "a Lambda layer carries marshalled Python code, which loading the model with Keras runs",
            Severity.CRITICAL,
            ("CWE-502",),
        )
    elif kind == "Lambda" and isinstance(function, str):
        yield GraphFault(
            "unknown-operation",
            where,
            f"a Lambda layer calls a function {shown(function)} that is not in the file",
            Severity.MEDIUM,
            ("CWE-829",),
        )
    elif kind == "TFOpLambda" and isinstance(function, str) and _is_more_than_math(function):
        yield GraphFault(
            "runs-code",
            where,
            f"a TFOpLambda layer calls {shown(function)} of TensorFlow, which does more than compute",
            Severity.CRITICAL,
            ("CWE-94",),
        )


def _is_more_than_math(function: str) -> bool:
    name = function.removeprefix("tf.").removeprefix("compat.v1.")
    return name.startswith(_BEYOND) and not name.startswith(_DECODING)
