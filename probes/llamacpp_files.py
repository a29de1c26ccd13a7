"""Whether a GGUF file may be given to llama.cpp, which ends the whole process over some broken ones.

Two gates: the header is held against the file by our own reader, and then a child process loads the file and
computes one token, so that what aborts, aborts there.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from probes.backend import BackendError
from scanner.tensorfiles.gguf_header import GgufArray, GgufError, GgufHeader, read_gguf_header
from scanner.tensorfiles.gguf_layout import DEFAULT_ALIGNMENT, layout_faults

_TRIAL_SECONDS: Final = 900
# Types for which a batch was measured to give bit for bit the logits that each prompt gives alone, on a CPU
# with float32 keys and values and without rearranged weights.
_BATCH_INDEPENDENT: Final = frozenset({"Q4_1"})
_VECTORS: Final = frozenset({"F32"})
_LONG_NAMES: Final = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class GgufFacts:
    """What the header of a sound file says of its weights.

    Attributes:
        name: Of the file.
        dtype: Its quantisation: "Q4_1", "Q4_K_M", "F32".
        tensor_types: Types of its matrices, most numerous first: "Q4_1", "Q8_0".
    """

    name: str
    dtype: str
    tensor_types: tuple[str, ...]

    @property
    def dtype_names(self) -> tuple[str, ...]:
        """What `--dtype` may say and mean this file, in lower case."""
        long = _LONG_NAMES.get(self.dtype)
        return (self.dtype.lower(), *((long,) if long else ()))

    @property
    def is_batch_independent(self) -> bool:
        """Whether prompts side by side are known to be computed as each alone."""
        return set(self.tensor_types) <= _BATCH_INDEPENDENT


def require_sound(path: Path) -> GgufFacts:
    """What the header says, once it and the file agree.

    Raises:
        BackendError: when they do not, or the file is only a part of a model.
    """
    try:
        header = read_gguf_header(path)
    except GgufError as error:
        raise BackendError(f"{path}: not a sound GGUF file: {error}", hint=error.hint) from error
    parts = header.number("split.count")
    if parts is not None and parts > 1:
        raise BackendError(
            f"{path}: one of {int(parts)} parts of a model",
            hint="merge the parts with llama-gguf-split --merge first",
        )
    fault = _first_fault(path, header)
    if fault:
        raise BackendError(
            f"{path}: not a sound GGUF file: {fault}", hint="fetch the file again; do not load it"
        )
    return GgufFacts(path.name, _dtype(header), _matrix_types(header))


def require_loadable(path: Path) -> None:
    """Loads the file in a child process and computes one token there.

    Raises:
        BackendError: when the child says that it cannot, or ends without a word.
    """
    command = [sys.executable, "-m", "probes.llamacpp_trial", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"{path}: llama.cpp does not get it loaded in {_TRIAL_SECONDS} s") from error
    if done.returncode == 0:
        return
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode < 0:
        ended = signal.Signals(-done.returncode).name
        said = f"llama.cpp ends the process with {ended} over this file"
    raise BackendError(
        f"{path}: {said or 'llama.cpp ends the process over this file'}",
        hint="fetch the model again; if that does not help, its publisher shipped a broken one",
    )


def _first_fault(path: Path, header: GgufHeader) -> str:
    alignment = header.metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        return f"the alignment is {alignment!r}; expected a power of two"
    start = -(-header.header_bytes // alignment) * alignment
    faults = layout_faults(header.tensors, alignment, max(0, path.stat().st_size - start))
    return faults[0].message if faults else _vocabulary_fault(header)


def _vocabulary_fault(header: GgufHeader) -> str:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    embedding = next((tensor for tensor in header.tensors if tensor.name == "token_embd.weight"), None)
    if not isinstance(tokens, GgufArray) or embedding is None or len(embedding.shape) != 2:
        return "it has no vocabulary or no embedding of one"
    if tokens.length != embedding.shape[1]:
        return f"its tokenizer has {tokens.length} tokens, its embedding {embedding.shape[1]} rows"
    return ""


def _matrix_types(header: GgufHeader) -> tuple[str, ...]:
    from gguf.constants import GGMLQuantizationType

    kinds = Counter(GGMLQuantizationType(t.type_id).name for t in header.tensors if len(t.shape) > 1)
    return tuple(kind for kind, _ in kinds.most_common())


def _dtype(header: GgufHeader) -> str:
    """`general.file_type` in llama.cpp's words, or the commonest type of its matrices."""
    from gguf.constants import LlamaFileType

    said = header.number("general.file_type")
    try:
        return str(LlamaFileType(said).name).removeprefix("MOSTLY_").removeprefix("ALL_")
    except ValueError:
        return next(iter(_matrix_types(header)), "unknown")
