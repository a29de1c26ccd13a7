"""Makes every hostile or odd file that the file checks are tested on; payloads only ever say `echo`.

Nothing here is loaded or executed, and nothing it makes is committed. Run as
`python -m tests.assets.make_file_assets FOLDER` to look at them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.assets.archives import tar_bytes, zip_bytes
from tests.assets.code_cases import HARMLESS_CODE, auto_map, dangerous_code
from tests.assets.gguf_cases import (
    GGUF_ARCHITECTURE,
    gguf_array,
    gguf_bytes,
    gguf_cases,
    gguf_key,
    gguf_string,
    gguf_tensor,
)
from tests.assets.pickle_cases import (
    calling,
    not_pickles,
    npy_bytes,
    pickle_attacks,
    pickle_instances,
    pickle_unreadable,
    with_constant,
)
from tests.assets.safetensors_cases import (
    GOOD_TENSOR,
    safetensors_bytes,
    safetensors_cases,
    sound_safetensors_cases,
)
from tests.assets.template_cases import SOUND_TEMPLATES, further_hostile_templates, hostile_templates

__all__ = [
    "GGUF_ARCHITECTURE", "GOOD_TENSOR", "HARMLESS_CODE", "SOUND_TEMPLATES", "auto_map", "calling",
    "dangerous_code", "gguf_array", "gguf_bytes", "gguf_cases", "gguf_key", "gguf_string", "gguf_tensor",
    "further_hostile_templates",
    "hostile_templates", "not_pickles", "npy_bytes", "pickle_attacks", "pickle_instances",
    "pickle_unreadable", "safetensors_bytes", "safetensors_cases", "sound_safetensors_cases", "tar_bytes",
    "with_constant", "write_all", "zip_bytes",
]  # fmt: skip


def write_all(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files into `folder`, making it; their names may have folders."""
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def main(folder: Path) -> None:
    """Writes every asset, by check."""
    safetensors = {f"{name}.safetensors": data for name, (_, data) in safetensors_cases().items()}
    sound = {f"{name}.safetensors": data for name, data in sound_safetensors_cases().items()}
    hostile = {f"{name}.jinja": text.encode() for name, (_, text) in hostile_templates().items()}
    groups: dict[str, Mapping[str, bytes]] = {
        "safetensors-malformed": safetensors,
        "safetensors-sound": sound,
        "gguf-malformed": {f"{name}.gguf": data for name, (_, data) in gguf_cases().items()},
        "templates-hostile": hostile,
        "templates-sound": {f"{name}.jinja": text.encode() for name, text in SOUND_TEMPLATES.items()},
        "code": {f"{name}/modeling_x.py": text.encode() for name, (_, _, text) in dangerous_code().items()},
        "pickle-attacks": {name: data for name, (data, _) in pickle_attacks().items()},
        "pickle-instances": pickle_instances(),
        "pickle-unreadable": pickle_unreadable(),
        "pickle-none": not_pickles(),
    }
    for name, files in groups.items():
        write_all(folder / name, files)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
