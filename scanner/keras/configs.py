r"""Judges the configuration of a Keras model: every object in it, wherever it stands.

>>> layer = {"class_name": "Lambda", "config": {"name": "lambda", "function": ["4wEAAAAAAAAA", None, None]}}
>>> [fault.rule for fault in config_faults({"class_name": "Sequential", "config": {"layers": [layer]}})]
['marshalled-code']

Source: keras 3.15.1: serialization_lib.py, lambda_layer.py, index_lookup.py, tfsm_layer.py, torch_utils.py;
CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-9906, CVE-2025-12058, CVE-2025-49655,
CVE-2026-1462.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from scanner.acting_text import is_source
from scanner.keras.faults import FaultList, KerasFault
from scanner.keras.names import is_known_class, is_own_module, judge_name
from scanner.keras.paths import MANIFEST, manifest_paths, outside_paths
from scanner.keras.references import is_name, references
from scanner.keras.tensorflow_calls import op_layer_fault
from scanner.pickles.globals import Tier, Verdict
from scanner.pickles.payloads import marshalled_code, pickled_attack, torch_module_attack
from scanner.tensorfiles.safetensors_layout import shown

_PLACE_PARTS: Final = 6
# Objects that hold values, not classes.
_VALUES: Final = frozenset({
    "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__keras_tensor__", "__tuple__",
    "__dict__", "__list__", "tuple", "list", "dict", "TensorShape", "TypeSpec", "CompositeTensor",
})  # fmt: skip
_LOOKUPS: Final = frozenset({"StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"})
_OP_LAYERS: Final = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod"})


@dataclass(frozen=True)
class _Node:
    """A value of the configuration and the keys that lead to it."""

    value: object
    place: tuple[str, ...] = ()
    is_call: bool = False  # of TensorFlow, by a name of its own

    def inner(self, key: str | int, value: object) -> _Node:
        part = f"[{key}]" if isinstance(key, int) else shown(key)
        is_call = (
            isinstance(self.value, dict)
            and str(self.value.get("class_name"))[:40] in _OP_LAYERS
            and key == "config"
        )
        return _Node(value, (*self.place, part)[-_PLACE_PARTS:], is_call)

    @property
    def where(self) -> str:
        text = "".join(part if part.startswith("[") else f".{part}" for part in self.place)
        return text.lstrip(".") or "the top of the configuration"


def config_faults(value: object) -> list[KerasFault]:
    """What rebuilding a model from this configuration would do beside computing; some of each kind."""
    faults: list[KerasFault] = FaultList()
    in_texts: list[KerasFault] = FaultList()
    waiting = [_Node(value)]
    while waiting:
        node = waiting.pop()
        if isinstance(node.value, dict):
            faults.extend(_table_faults(node, node.value))
            waiting.extend(node.inner(key, inner) for key, inner in reversed(node.value.items()))
        elif isinstance(node.value, list):
            waiting.extend(
                node.inner(index, inner)
                for index, inner in enumerate(node.value)
                if isinstance(inner, dict | list | str)
            )
        elif isinstance(node.value, str):
            in_texts.extend(_text_faults(node, node.value))
    told = {fault.rule for fault in faults}  # the layer that a text belongs to says more
    return _outermost(faults) + [fault for fault in in_texts if fault.rule not in told]


def _outermost(faults: list[KerasFault]) -> list[KerasFault]:
    """The faults without code inside a layer that was named for it."""
    places = {fault.place for fault in faults if fault.rule == "marshalled-code"}
    return [
        fault
        for fault in faults
        if fault.rule != "marshalled-code"
        or not any(fault.place.startswith(f"{place}.") for place in places if place != fault.place)
    ]


def looks_like_keras(value: object) -> bool:
    """Whether Keras or TensorFlow.js would take this JSON value for a model, layer or other object."""
    if isinstance(value, dict) and MANIFEST in value:
        return True
    topology = value.get("modelTopology", value) if isinstance(value, dict) else None
    if not isinstance(topology, dict):
        return False
    config = topology.get("model_config", topology)
    return isinstance(config, dict) and isinstance(config.get("class_name"), str) and "config" in config


def is_of_keras(value: object) -> bool:
    """Whether such a value is surely one of Keras, and not of a package that describes its classes alike."""
    if not isinstance(value, dict) or not looks_like_keras(value):
        return False
    return "keras_version" in value or "backend" in value or is_known_class(str(value.get("class_name")))


def _table_faults(node: _Node, value: Mapping[str, object]) -> Iterator[KerasFault]:
    name = value.get("class_name")
    if isinstance(name, str):
        yield from _object_faults(node, value, name)
    elif not node.is_call:
        yield from _reference_faults(node, value)
        yield from _manifest_faults(node, value)


def _manifest_faults(node: _Node, value: Mapping[str, object]) -> Iterator[KerasFault]:
    """Files of weights outside the model that a model for TensorFlow.js names."""
    for path in manifest_paths(value):
        message = f"its weights are read from {shown(path)}, which lies outside the model"
        yield KerasFault("loads-a-file", message, f"{node.where}, {MANIFEST}")


def _object_faults(node: _Node, value: Mapping[str, object], name: str) -> Iterator[KerasFault]:
    config = value.get("config")
    table = config if isinstance(config, dict) else {}
    called = f" '{shown(str(table['name']))}'" if isinstance(table.get("name"), str) else ""
    where = f"{shown(name)}{called} at {node.where}"
    if name == "__lambda__" or (name == "Lambda" and _carries_code(table)):
        yield KerasFault(
            "marshalled-code",
            f"{where} carries Python code, which runs when the model is loaded or used",
            node.where,
        )
        return
    if name in _VALUES:
        return
    yield from _name_faults(node, value, name, where)
    # Models of Keras 1 have a bare list of layers.
    yield from _special_faults(node, name, {"layers": config} if isinstance(config, list) else table, where)
    yield from _path_faults(node, name, table, where)


def _carries_code(config: Mapping[str, object]) -> bool:
    """Whether a Lambda layer brings its function as code instead of a name."""
    for key in ("function", "output_shape", "mask"):
        kind = config.get(f"{key}_type")
        held = config.get(key)
        if isinstance(held, dict) and held.get("class_name") in ("__tuple__", "__lambda__", "tuple"):
            held = held.get("items", ["code"])
        is_list_of_text = isinstance(held, list) and bool(held) and isinstance(held[0], str)
        is_source = isinstance(held, str) and not is_name(held)
        if held is not None and (kind == "lambda" or is_list_of_text or is_source):
            return True
    return False


def _has_layers(config: Mapping[str, object]) -> bool:
    """Whether a model lists its layers, each an object with a class."""
    layers = config.get("layers")
    return isinstance(layers, list) and all(
        isinstance(layer, dict) and isinstance(layer.get("class_name"), str) for layer in layers
    )


def _is_broken(function: object) -> bool:
    """Whether what stands for the function of a Lambda layer is neither a name, nor an object, nor code."""
    return function == [] or isinstance(function, bool | int | float)


def _name_faults(node: _Node, value: Mapping[str, object], name: str, where: str) -> Iterator[KerasFault]:
    module = value.get("module")
    if module is not None and not isinstance(module, str):
        yield KerasFault("broken-config", f"{where} names a module that is no text", node.where)
        return
    is_function = name == "function"
    if not is_function and isinstance(value.get("config"), str | int | float):
        yield KerasFault("broken-config", f"{where} has a configuration that is none", node.where)
    looked_up = (
        value.get("spec_name") if name == "__typespec__" else value.get("config") if is_function else name
    )
    if not isinstance(looked_up, str):
        yield KerasFault("broken-config", f"{where} does not say which function it is", node.where)
        return
    verdict = judge_name(module, looked_up, is_function=is_function)
    registered = value.get("registered_name")
    if verdict.tier is Tier.PLUMBING and _is_foreign(registered, name, looked_up):
        verdict = Verdict(Tier.INSTANCE, "a class registered under a name of its own")
    full = f"{module}.{looked_up}" if module else looked_up
    if is_function and verdict.tier is Tier.INSTANCE and not is_own_module(module):
        # Keras writes "builtins" for the functions of others: this was written by hand.
        verdict = Verdict(
            Tier.ATTACK, "Keras never writes a function of another package; old versions import it"
        )
    if verdict.tier is Tier.ATTACK:
        message = f"{where} looks up {shown(full)} ({verdict.why})"
        yield KerasFault("known-attack", message, node.where, subject=shown(full))
    elif verdict.tier is Tier.INSTANCE:
        own = registered if isinstance(registered, str) and registered != "function" else full
        yield KerasFault("custom-class", shown(own), node.where, subject=shown(full))


def _is_foreign(registered: object, name: str, looked_up: str) -> bool:
    """Whether the name under which a class was registered is not one that Keras gives its own."""
    if not isinstance(registered, str) or registered in (name, looked_up):
        return False
    package, _, own = registered.replace(">", ".").rpartition(".")
    is_of_keras = package.split(".")[0] in ("", "keras", "Keras", "tf_keras", "builtins")
    return not is_of_keras and not (package == "Custom" and is_known_class(own))


def _special_faults(node: _Node, name: str, config: Mapping[str, object], where: str) -> Iterator[KerasFault]:
    if name == "TFSMLayer":
        message = (
            f"{where} loads the TensorFlow program {shown(str(config.get('filepath')))} when it is built"
        )
        yield KerasFault("loads-a-file", message, node.where)
    elif name == "TorchModuleWrapper":
        yield from _torch_faults(node, config, where)
    elif name in ("JaxLayer", "FlaxLayer"):
        yield KerasFault("custom-class", f"{name} and the functions it calls", node.where, subject=name)
    elif name in ("Sequential", "Functional") and not _has_layers(config):
        yield KerasFault("broken-config", f"{where} has no list of layers", node.where)
    elif name == "Lambda" and _is_broken(config.get("function")):
        yield KerasFault("broken-config", f"{where} has a function that is none", node.where)
    elif name in _OP_LAYERS:
        yield from op_layer_fault(config, where, node.where)
        yield from _exported_faults(node, config)
    elif name in _LOOKUPS and isinstance(config.get("vocabulary"), str):
        message = f"{where} reads its vocabulary from the file {shown(str(config['vocabulary']))}"
        yield KerasFault("loads-a-file", message, node.where)


def _exported_faults(node: _Node, config: Mapping[str, object]) -> Iterator[KerasFault]:
    """TensorFlow knows the functions of Keras by their names too."""
    for key in ("function", "symbol"):
        named = config.get(key)
        if isinstance(named, str) and named.startswith("keras."):
            yield from _reference_faults(node, {"function": named})


def _torch_faults(node: _Node, config: Mapping[str, object], where: str) -> Iterator[KerasFault]:
    attack = torch_module_attack(config.get("module"))
    if attack is None:
        yield KerasFault("custom-class", "a pickled PyTorch module", node.where, subject="TorchModuleWrapper")
    else:
        yield KerasFault("hidden-pickle", f"{where} unpickles a PyTorch module: {attack}", node.where)


def _path_faults(node: _Node, name: str, config: Mapping[str, object], where: str) -> Iterator[KerasFault]:
    if name == "TFSMLayer" or (name in _LOOKUPS and isinstance(config.get("vocabulary"), str)):
        return
    for key, path in outside_paths(config):
        message = f"{where} names the file {shown(path)} under '{key}', which lies outside the model"
        yield KerasFault("loads-a-file", message, node.where)


def _reference_faults(node: _Node, value: Mapping[str, object]) -> Iterator[KerasFault]:
    """Functions that stand there by their name alone, as in `"loss": "mse"`."""
    for name, verdict in references(value):
        if verdict.tier is Tier.ATTACK:
            message = f"{node.where} looks up {shown(name)} ({verdict.why})"
            yield KerasFault("known-attack", message, node.where, subject=shown(name))
        else:
            yield KerasFault("custom-class", shown(name), node.where, subject=shown(name))


def _text_faults(node: _Node, text: str) -> Iterator[KerasFault]:
    is_word = bool(node.place) and node.place[-1].startswith("[")  # of a vocabulary, which may hold any
    if not is_word and is_source(text):
        yield KerasFault("marshalled-code", f"the text at {node.where} is Python code", node.where)
    elif marshalled_code(text):
        message = f"the text at {node.where} is marshalled Python code"
        yield KerasFault("marshalled-code", message, node.where)
    elif attack := pickled_attack(text):
        message = f"the text at {node.where} is a pickle that calls up {attack}"
        yield KerasFault("hidden-pickle", message, node.where)
