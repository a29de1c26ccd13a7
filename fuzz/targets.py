"""What is fuzzed: a check, the names that its files may have, and where its seeds come from."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.check import CheckContext
from scanner.evidence import UnkeptEvidence
from scanner.file_check import FileCheck
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        module: Of the check, in scanner.checks.
        names: File names; the first byte of the input picks one.
        seeds: Folders of the corpus (tests/assets/file_corpus) whose files are seeds.
    """

    module: str
    names: Sequence[str]
    seeds: Sequence[str]


TARGETS: Final[Mapping[str, Target]] = {
    "pickle": Target("pickle_runs_code", ("m.pkl", "m.pt", "m.joblib", "m.bin", "m.dill"),
                     ("pickle-opcodes", "pickle-nested", "pickle-broken", "pickle-frames", "joblib",
                      "torch")),
    "npy": Target("pickle_runs_code", ("m.npy", "m.npz"), ("numpy", "honest-pickle")),
    "archive": Target("archive_unsafe",
                      ("m.zip", "m.tar", "m.tar.gz", "m.pt", "m.7z", "m.mar", "m.nemo", "m.distcp"),
                      ("zip-tricks", "archive-payload", "archive-traversal")),
    "skops": Target("skops_runs_code", ("m.skops",), ("archive-payload",)),
    "safetensors": Target("safetensors_malformed", ("m.safetensors", "m.safetensors.index.json"),
                          ("safetensors", "safetensors-index", "honest-safetensors")),
    "gguf": Target("gguf_malformed", ("m.gguf",), ("gguf-malformed", "gguf-template", "honest-gguf")),
    "template": Target("chat_template_unsafe",
                       ("chat_template.jinja", "tokenizer_config.json", "chat_template.json", "m.gguf",
                        "m.toml", "m.safetensors"),
                       ("template-ssti", "template-dos", "template-injection", "honest-texts")),
    "keras": Target("keras_runs_code", ("m.keras", "m.h5", "model.json", "config.json", "m.yaml"),
                    ("keras-lambda", "keras-config", "hdf5", "honest-keras")),
    "tensorflow": Target("tensorflow_graph_unsafe", ("saved_model.pb", "m.pb", "m.pbtxt"),
                         ("tensorflow", "honest-tensorflow")),
    "tflite": Target("tflite_unsafe", ("m.tflite",), ("tflite", "honest-tensorflow")),
    "onnx": Target("onnx_unsafe", ("m.onnx",), ("onnx", "honest-onnx")),
    "code": Target("remote_code",
                   ("handler.py", "setup.py", "config.json", "requirements.txt", "modules.json",
                    "model_index.json", "m.yaml", "MLmodel"),
                   ("remote-code", "config-code")),
    "foreign": Target("foreign_model_unsafe", ("m.pmml", "m.xml"), ("config-code",)),
    "kind": Target("file_kind_unclear", ("m.bin", "m.png", "m.txt", "m.safetensors", "m"),
                   ("polyglots", "wrong-extension", "honest-data")),
    "weights": Target("weights_implausible", ("m.safetensors", "m.gguf"),
                      ("tampered-weights", "honest-safetensors", "honest-gguf")),
}  # fmt: skip


class Subject:
    """Judges inputs by one target's check, each as the only file of a model in `folder`."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target, self._folder = target, folder
        self._check: FileCheck = importlib.import_module(f"scanner.checks.{target.module}").CHECK

    def judge(self, data: bytes) -> int:
        """How much the check says of it; what escapes it is a fault."""
        name = self._target.names[data[0] % len(self._target.names)] if data else self._target.names[0]
        path = self._folder / name
        path.write_bytes(data[1:])
        # No digest is computed: no check of files goes by it.
        entry = FileEntry(name, len(data[1:]), "0" * 64)
        snapshot = Snapshot(ModelRef.parse(str(self._folder)), None, str(self._folder), (entry,))
        context = CheckContext(snapshot, UnkeptEvidence())
        try:
            return len(list(self._check.examine_safely(context, entry)))
        finally:
            path.unlink()
