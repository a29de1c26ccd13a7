"""Operations of torch by their name: those that reach out of a program, and those that torch itself brings.

>>> judge_operation("aten", "from_file")
(<Tier.ATTACK: 'attack'>, "calls 'from_file', which maps a file into memory, and can write it")
>>> judge_operation("aten", "add") is None
True
"""

from __future__ import annotations

from typing import Final

from scanner.pickles.globals import Tier

# Operations by their last name. Source: the schemas that torch 2.13 registers
# (torch._C._jit_get_all_schemas) with a file name, a call or a program among their arguments, and what
# torchvision and torchaudio do with files.
REACHING_OUT: Final = {
    "save": "writes a file",
    "from_file": "maps a file into memory, and can write it",
    "load_tensor": "reads a file",
    "write_file": "writes a file",
    "read_file": "reads a file",
    "save_audio_file": "writes a file",
    "load_audio_file": "reads a file",
    "rpc_async": "calls functions on other machines",
    "rpc_sync": "calls functions on other machines",
    "rpc_remote": "calls functions on other machines",
    "load_library": "loads a native library",
    "PythonOp": "calls Python",
    "IgnoredPythonOp": "calls Python",
    "execute_engine": "runs a native program that lies in the archive",
    "aoti_call_delegate": "runs a native program that it names by its path",
}
# Source: the namespaces of torch._C._jit_get_all_schemas in torch 2.13 without extensions, and of what its
# export writes beside them. What talks to other machines (c10d, rpc) is left out.
_OF_TORCH: Final = frozenset({
    "", "_c10d_functional", "_inductor_test", "_quantized", "aten", "cuda", "higher_order", "inductor",
    "metal", "metal_prepack", "mkl", "mkldnn", "mkldnn_prepacked", "mtia", "onednn", "prepacked", "prim",
    "prims", "profiler", "quantized", "quantized_decomposed", "rngprims", "sparse", "streams", "symm_mem",
    "vulkan", "vulkan_prepack", "xnnpack",
})  # fmt: skip
_SHOWN_LIMIT: Final = 80


def judge_operation(namespace: str, name: str) -> tuple[Tier, str] | None:
    """How bad it is that a program calls this operation, and a clause about it; None for plain ones."""
    if name in REACHING_OUT:
        return Tier.ATTACK, f"calls '{name}', which {REACHING_OUT[name]}"
    if namespace not in _OF_TORCH:
        return (
            Tier.INSTANCE,
            f"calls {shown_text(f'{namespace}::{name}')}, which an extension of torch brings",
        )
    return None


def shown_text(text: str) -> str:
    """Text of a file in quotes, bounded, without anything that a terminal would act on."""
    cut = text if len(text) <= _SHOWN_LIMIT else f"{text[:_SHOWN_LIMIT]}..."
    return ascii(cut)
