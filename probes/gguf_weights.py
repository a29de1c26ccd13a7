"""GGUF files for the transformers backend: which file it is, what it says of BOS, and loading it quickly.

transformers parses the whole file anew for the configuration, the tokenizer and the weights, and builds
gguf's table of tensor names once per submodule (397 times for a 30-layer Llama). Both are pure functions
of their arguments, so `ParsedOnce` lets them run once. The weights are the same, tensor for tensor.
"""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Final, Self

from probes.backend import BackendError
from scanner.manifest import Snapshot

# GGUF's names for numbers that stand as they are.
_UNPACKED: Final = frozenset({"F64", "F32", "F16", "BF16"})


def gguf_file_of(snapshot: Snapshot) -> Path | None:
    """The GGUF file to load, None when the snapshot holds other weights with a configuration.

    Raises:
        BackendError: when there are several, or only a part of one.
    """
    files = sorted(entry.path for entry in snapshot.with_suffix(".gguf") if not _is_projector(entry.path))
    has_config = snapshot.find("config.json") is not None
    if not files or (has_config and any(True for _ in snapshot.with_suffix(".safetensors", ".bin"))):
        return None
    if len(files) > 1:
        raise BackendError(
            f"{snapshot.root}: {len(files)} GGUF files, each perhaps another model: {', '.join(files[:3])}",
            hint="name the one file to scan; merge the parts of a split file with llama-gguf-split first",
        )
    return snapshot.local_path(files[0])


def _is_projector(path: str) -> bool:
    """Whether a file turns images into input of the model beside it; text is answered without it."""
    return PurePosixPath(path).name.lower().startswith("mmproj")


class ParsedOnce:
    """While it is open, no GGUF file is parsed twice, no table of names is built twice, and no bar is drawn.

    It can be opened again and still remembers; drop it to give the memory back.

    NOTE: it exchanges two names in the `gguf` module for memoised ones, and one of transformers, whose
    progress bar cannot be turned off. Other threads that load a GGUF meanwhile see the same results.
    """

    def __init__(self) -> None:
        import gguf

        self._originals = gguf.GGUFReader, gguf.get_tensor_name_map
        self._reader = functools.lru_cache(maxsize=1)(gguf.GGUFReader)
        self._name_map = functools.lru_cache(maxsize=8)(gguf.get_tensor_name_map)

    def __enter__(self) -> Self:
        import gguf
        from transformers import modeling_gguf_pytorch_utils as loader

        gguf.GGUFReader, gguf.get_tensor_name_map = self._reader, self._name_map
        self._bar = loader.tqdm
        loader.tqdm = functools.partial(self._bar, disable=True)
        return self

    def __exit__(self, *_: object) -> None:
        import gguf
        from transformers import modeling_gguf_pytorch_utils as loader

        gguf.GGUFReader, gguf.get_tensor_name_map = self._originals
        loader.tqdm = self._bar


def packing_note(path: Path) -> str:
    """How the file packs its weights, and what that means for replies; open `ParsedOnce` around it.

    "" when nothing is packed: then the file holds the weights as they were trained or published.
    """
    import gguf

    kinds = Counter(tensor.tensor_type.name for tensor in gguf.GGUFReader(str(path)).tensors)
    packed = {name: count for name, count in kinds.items() if name not in _UNPACKED}
    if not packed:
        return ""
    said = ", ".join(f"{count} as {name}" for name, count in sorted(packed.items()))
    return (
        f"The file packs {sum(packed.values())} of its {kinds.total()} tensors ({said}); they were unpacked "
        "before computing, so replies are those of the packed weights. They differ from replies of "
        "the model that was packed, and may differ from engines that compute in the packed form."
    )


def wants_bos(path: Path) -> bool:
    """Whether the file says that every prompt starts with the BOS token; open `ParsedOnce` around it.

    The tokenizer that transformers rebuilds from the file forgets this, and a Gemma answers with
    rubbish without it. The default is llama.cpp's: yes for SentencePiece vocabularies, else no.
    """
    import gguf

    fields = gguf.GGUFReader(str(path)).fields
    said = fields.get("tokenizer.ggml.add_bos_token")
    if said is not None:
        return bool(said.contents())
    kind = fields.get("tokenizer.ggml.model")
    return kind is not None and kind.contents() == "llama"
