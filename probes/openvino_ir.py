"""A model in OpenVINO's own format (IR), made from its transformers counterpart and kept with a yardstick.

The copy is traced from the loaded model, so that every architecture of transformers whose layers are plain
attention can be converted, a dequantised GGUF like any other. Tracing fixes what Python decides; therefore
each copy is kept with what transformers says of a short text, and is used only if OpenVINO says the same.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from probes.backend import BackendError
from probes.openvino_engine import import_engine, openvino_call
from scanner.errors import ScanError
from scanner.hashing import hash_file
from scanner.manifest import Snapshot, is_weight_file
from scanner.records import decode, digest, encode_pretty

# Goes up whenever a conversion would come out otherwise.
CONVERTER: Final = 1
_MANIFEST: Final = "weighbridge.json"
_MODEL: Final = "openvino_model.xml"
_REPLY_TOKENS: Final = 8
# Of the traced example; every one of them is free in the copy.
_ROWS, _PAST, _NEW = 2, 3, 4


@dataclass(frozen=True)
class Yardstick:
    """What transformers, in float32, says of a text and of its own greedy reply to it.

    Attributes:
        ids: The text.
        reply: What follows.
        logprobs: Of each token of both but the first, given all before it.
    """

    ids: tuple[int, ...]
    reply: tuple[int, ...]
    logprobs: tuple[float, ...]

    def distance(self, ids: Sequence[int], logprobs: Sequence[float]) -> float:
        """How far another engine's log-probabilities lie off, at most.

        Args:
            ids: The text and that engine's own greedy reply; compared up to the first other token.
            logprobs: Of each but the first.
        """
        own = [*self.ids, *self.reply]
        same = next((place for place, (a, b) in enumerate(zip(own, ids, strict=False)) if a != b), len(own))
        pairs = list(zip(self.logprobs, logprobs, strict=False))[:same]
        # A NaN compares as nothing: it must not pass for small.
        return max((abs(a - b) if b == b else float("inf") for a, b in pairs), default=float("inf"))


@dataclass(frozen=True)
class IrCopy:
    """A converted model on disk.

    Attributes:
        files: Name and sha256 of each file.
        yardstick: What it must say.
        notes: What an auditor should know about its weights.
    """

    files: tuple[tuple[str, str], ...]
    yardstick: Yardstick
    notes: tuple[str, ...] = ()


class IrStore:
    """Converted models by key, in the user's cache or in a folder that goes with this object."""

    def __init__(self, cache_folder: Path | None) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if cache_folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="weighbridge-openvino-")
            cache_folder = Path(self._temporary.name)
        self._root = cache_folder / "openvino"

    def folder(self, key: str) -> Path:
        """Where the copy of this key lies, if it does."""
        return self._root / key

    def find(self, key: str) -> IrCopy | None:
        """The copy of this key, None where there is none or its files are not what was written."""
        try:
            found = decode((self.folder(key) / _MANIFEST).read_bytes(), IrCopy)
            whole = all(hash_file(self.folder(key) / name).sha256 == sha256 for name, sha256 in found.files)
        except (OSError, ScanError):
            return None
        return found if whole else None

    @contextlib.contextmanager
    def new(self) -> Iterator[Path]:
        """A folder to write a copy into; what is not kept is gone afterwards.

        Raises:
            BackendError: when the disk is full or may not be written.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                prefix=".new-", dir=self._root, ignore_cleanup_errors=True
            ) as new:
                yield Path(new)
        except OSError as error:
            raise BackendError(
                f"{self._root}: the converted model cannot be kept: {error.strerror or error}",
                hint="free some disk space",
            ) from error

    def keep(self, key: str, new: Path, yardstick: Yardstick, notes: tuple[str, ...]) -> IrCopy:
        """Files a finished copy under its key, whole or not at all."""
        names = sorted(path.name for path in new.iterdir())
        copy = IrCopy(tuple((name, hash_file(new / name).sha256) for name in names), yardstick, notes)
        (new / _MANIFEST).write_bytes(encode_pretty(copy))
        target = self.folder(key)
        shutil.rmtree(target, ignore_errors=True)
        try:
            new.rename(target)
        except OSError:
            if not target.is_dir():  # else another scan was faster, and wrote the same
                raise
        return copy

    def close(self) -> None:
        """Removes the copies that nobody asked to keep."""
        if self._temporary is not None:
            self._temporary.cleanup()


def copy_key(snapshot: Snapshot, *, is_half: bool) -> str:
    """Names a copy after all it depends on: files, converter, and the libraries that convert."""
    import torch
    import transformers

    deciding = [
        (entry.path, entry.sha256)
        for entry in snapshot.files
        if is_weight_file(entry.path) or entry.path.endswith(".json")
    ]
    versions = import_engine().get_version(), transformers.__version__, str(torch.__version__)
    return digest((CONVERTER, is_half, versions, sorted(deciding)))


def measure(model: Any, ids: Sequence[int]) -> Yardstick:  # noqa: ANN401 - transformers is not typed
    """What this loaded transformers model says of the ids."""
    import torch

    row = list(ids)
    with torch.inference_mode():
        for _ in range(_REPLY_TOKENS):
            row.append(int(model(input_ids=torch.tensor([row]), use_cache=False).logits[0, -1].argmax()))
        logits = model(input_ids=torch.tensor([row]), use_cache=False).logits[0, :-1]
        told = logits.float().log_softmax(dim=-1).gather(1, torch.tensor(row[1:])[:, None])[:, 0]
    return Yardstick(tuple(ids), tuple(row[len(ids) :]), tuple(float(value) for value in told))


def convert(model: Any, target: Path, *, name: str, is_half: bool) -> None:  # noqa: ANN401
    """Writes the model as stateful IR, as OpenVINO GenAI takes it.

    Args:
        model: Loaded by transformers, in evaluation mode, on the CPU.
        target: Folder for the two files.
        name: Of the model, for errors.
        is_half: Whether weights are written in float16.

    Raises:
        BackendError: when the architecture cannot be converted.
        OutOfMemoryError: when the memory did not suffice.
    """
    openvino = import_engine()
    with openvino_call(f"{name}: a {model.config.model_type} model cannot be converted for OpenVINO"):
        shapes = _cache_shapes(model)
        example = _example(shapes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing tells of everything that it fixes
            converted = openvino.convert_model(_traceable(model), example_input=example)
        _name_ports(openvino, converted, shapes)
        _hide_cache(openvino, converted, layers=len(shapes))
        openvino.save_model(converted, target / _MODEL, compress_to_fp16=is_half)


def _cache_shapes(model: Any) -> list[tuple[int, int, int]]:  # noqa: ANN401
    """Per layer: key-value heads, width of a key, width of a value."""
    import torch

    with torch.inference_mode():
        cache = model(input_ids=torch.tensor([[1, 2]]), use_cache=True).past_key_values
    kinds = {type(layer).__name__ for layer in cache.layers}
    if not kinds <= {"DynamicLayer", "DynamicSlidingWindowLayer"}:
        raise BackendError(f"layers other than attention ({', '.join(sorted(kinds))}) are not supported")
    return [(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3]) for layer in cache.layers]


def _example(shapes: Sequence[tuple[int, int, int]]) -> tuple[Any, ...]:
    import torch

    past = [torch.zeros(_ROWS, heads, _PAST, width) for heads, *both in shapes for width in both]
    ids = torch.ones(_ROWS, _NEW, dtype=torch.long)
    seen = torch.ones(_ROWS, _PAST + _NEW, dtype=torch.long)
    return ids, seen, torch.arange(_PAST, _PAST + _NEW).repeat(_ROWS, 1), *past


def _traceable(model: Any) -> Any:  # noqa: ANN401
    """The model as a function of tensors alone: what was seen goes in, what is seen now comes out."""
    import torch
    from transformers.cache_utils import DynamicCache, DynamicLayer

    class Step(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, position_ids: Any, *past: Any) -> Any:  # noqa: ANN401
            cache = DynamicCache()
            for keys, values in zip(past[::2], past[1::2], strict=True):
                # Not by `update`, which would trace the empty tensor that it begins with.
                layer = DynamicLayer()
                layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
                layer.keys, layer.values = keys, values
                cache.layers.append(layer)
            out = self.model(
                input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
                past_key_values=cache, use_cache=True,
            )  # fmt: skip
            seen = [tensor for layer in out.past_key_values.layers for tensor in (layer.keys, layer.values)]
            return out.logits, *seen

    return Step().eval()


def _names(layers: int, prefix: str) -> list[str]:
    return [f"{prefix}.{layer}.{what}" for layer in range(layers) for what in ("key", "value")]


def _name_ports(openvino: Any, converted: Any, shapes: Sequence[tuple[int, int, int]]) -> None:  # noqa: ANN401
    """Names inputs and outputs as OpenVINO GenAI expects them, and frees every length."""
    inputs = ["input_ids", "attention_mask", "position_ids", *_names(len(shapes), "past_key_values")]
    outputs = ["logits", *_names(len(shapes), "present")]
    if (len(converted.inputs), len(converted.outputs)) != (len(inputs), len(outputs)):
        raise BackendError(
            f"it takes {len(converted.inputs)} inputs and gives {len(converted.outputs)} outputs, "
            f"expected {len(inputs)} and {len(outputs)}"
        )
    for port, name in [
        *zip(converted.inputs, inputs, strict=True),
        *zip(converted.outputs, outputs, strict=True),
    ]:
        port.get_tensor().set_names({name})
    widths = [(heads, width) for heads, *both in shapes for width in both]
    free = [[-1, -1]] * 3 + [[-1, heads, -1, width] for heads, width in widths]
    for port, shape in zip(converted.inputs, free, strict=True):
        port.get_node().set_partial_shape(openvino.PartialShape(shape))
    converted.validate_nodes_and_infer_types()


def _hide_cache(openvino: Any, converted: Any, *, layers: int) -> None:  # noqa: ANN401
    """Turns the key-value inputs and outputs into state within the model, reordered by `beam_idx`.

    Source: optimum-intel 2.2.0, optimum/exporters/openvino/stateful.py (Apache-2.0), which does the same and
        cannot be installed beside this transformers.
    """
    import numpy as np

    ops = openvino.opset13
    rows = converted.input("input_ids").get_partial_shape()[0]
    beams = ops.parameter(name="beam_idx", dtype=openvino.Type.i32, shape=openvino.PartialShape([rows]))
    beams.output(0).get_tensor().add_names({"beam_idx"})
    converted.add_parameters([beams])
    states = dict(zip(_names(layers, "past_key_values"), _names(layers, "present"), strict=True))
    for name in states:
        port = converted.input(name)
        readers = port.get_target_inputs()
        reordered = ops.gather(port, beams, ops.constant(0))
        for reader in readers:
            reader.replace_source_output(reordered.output(0))
    converted.validate_nodes_and_infer_types()
    passes = import_engine("openvino.passes")
    manager = passes.Manager()
    manager.register_pass(passes.MakeStateful(states))
    manager.run_passes(converted)
    shape = ops.shape_of(converted.input("input_ids"), output_type="i64")
    batch = ops.gather(shape, ops.constant([0]), ops.constant(0))
    for op in converted.get_ops():
        if op.get_type_name() == "ReadValue":
            lengths = [size.min_length for size in op.get_output_partial_shape(0)][1:]
            empty = [batch, *(ops.constant(np.array([size], dtype=np.int64)) for size in lengths)]
            zero = ops.constant(0.0, dtype=op.get_output_element_type(0))
            op.set_arguments([ops.broadcast(zero, ops.concat(empty, axis=0))])
    converted.validate_nodes_and_infer_types()
