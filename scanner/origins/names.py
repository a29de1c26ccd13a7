"""Takes names of models apart, so that two names of the same model compare equal however they are written.

>>> name = ModelName.of("SmolLM2-135M-Instruct.Q4_1")
>>> name.difference(ModelName.of("Smollm2 135M instruct")).is_contradiction
False
>>> name.difference(ModelName.of("SmolLM2 135M")).only_left
('instruct',)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

# How weights are packed, not what they are: llama.cpp's quantisation names, number formats, other packers.
_PACKING: Final = re.compile(
    r"""(?<![a-z0-9])(?:
        i?q\d+(?:[_-](?:\d|k|xxs|xs|s|m|l|xl|nl)(?![a-z0-9]))* | q\d+f(?:16|32)(?:_\d)? | tq\d_\d
        | mxfp4(?:[_-]moe)? | nvfp4 | nf4 | (?:b|t)?f(?:p)?(?:8|16|32|64)(?:[_-]?(?:e\dm\d|dynamic))?
        | u?int[48] | w\d+a\d+ | \d+(?:\.\d+)?[_-]?(?:bit|bits|bpw) | awq | gptq | exl[23] | bnb | hqq
        | imat(?:rix)? | i1 | ud | gguf | ggml | safetensors | mlx | onnx | openvino | hf
    )(?![a-z0-9])""",
    re.VERBOSE | re.IGNORECASE,
)
_PART: Final = re.compile(r"-\d{5}-of-\d{5}$")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([mbt])")
_WORD: Final = re.compile(r"[^\s\-_/\\()\[\]+,:;|]+")
_ATOM: Final = re.compile(r"\d+(?:\.\d+)?[mbt](?![a-z0-9])|[^\W\d_]+|\d+(?:\.\d+)*")
_SCALE: Final = {"m": 1e6, "b": 1e9, "t": 1e12}
# Words that say nothing about which model it is.
_EMPTY: Final = frozenset({
    "model", "models", "weights", "weight", "pytorch", "checkpoint", "ckpt", "final", "main",
    "latest", "output", "outputs", "merged", "export", "converted", "snapshot", "snapshots", "hub",
    "tmp", "temp", "v", "the",
})  # fmt: skip
# What was done to a model so that it behaves differently. A name that lacks such a word names another model.
_TUNING: Final = frozenset({
    "instruct", "chat", "sft", "dpo", "orpo", "kto", "ppo", "grpo", "rlhf", "rlvr", "coder", "code",
    "math", "vision", "vl", "vlm", "audio", "omni", "embedding", "reranker", "guard", "reward",
    "reasoning", "reasoner", "thinking", "uncensored", "abliterated", "heretic", "distill", "lora",
    "adapter", "draft", "roleplay", "medical", "legal", "finance",
})  # fmt: skip
_SPELLINGS: Final = {
    "it": "instruct",
    "instruction": "instruct",
    "distilled": "distill",
    "embed": "embedding",
}


@dataclass(frozen=True)
class NameDifference:
    """How two names differ, after packing, case and separators are set aside.

    Attributes:
        only_left: Words that only the left name has, as atoms, sorted.
        only_right: Words that only the right name has.
        share_words: Whether they have at least one word (not a number) in common.
    """

    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    share_words: bool

    @property
    def is_contradiction(self) -> bool:
        """Whether the names cannot both be right: each has what the other lacks, or a tuning word is lacking.

        A name that is only longer than the other ("Qwen3 4B" and "Qwen3 4B 2507") does not contradict it.
        """
        one_sided = _TUNING.intersection((*self.only_left, *self.only_right))
        return bool(one_sided) or bool(self.only_left and self.only_right)


@dataclass(frozen=True)
class ModelName:
    """A name in parts.

    Attributes:
        text: As it was written.
        atoms: Its words in lower case, letters and numbers apart, sizes in one piece ("135m").
        sizes: Numbers of weights that it states: 135e6 for "135M".
    """

    text: str
    atoms: frozenset[str]
    sizes: tuple[float, ...]

    @classmethod
    def of(cls, text: str, *, neutral: Iterable[str] = ()) -> Self:
        """The parts of `text`, without the words of the names in `neutral` (publishers, packers)."""
        skipped = _EMPTY.union(*(_atoms(name) for name in neutral))
        atoms = frozenset(_atoms(text)) - skipped
        # Only sizes that stand alone: "8x7B" and "A3B" are not the number of weights.
        sizes = (_size(word.lower()) for word in _words(text))
        return cls(text, atoms, tuple(sorted({size for size in sizes if size is not None})))

    @property
    def is_telling(self) -> bool:
        """Whether anything is left that could name a model: a word of letters or a size."""
        return any(atom[0].isalpha() or _size(atom) is not None for atom in self.atoms)

    def difference(self, other: ModelName) -> NameDifference:
        """What each of the names says that the other does not."""
        return NameDifference(
            _unexplained(self, other),
            _unexplained(other, self),
            any(atom.isalpha() for atom in self.atoms & other.atoms),
        )

    @property
    def quoted(self) -> str:
        """The name in quotes, cut to 100 characters and safe to print: it comes from the model."""
        return repr(self.text[:100])

    def words_with(self, atoms: Iterable[str]) -> tuple[str, ...]:
        """The words of the name, as written, that hold one of `atoms`."""
        wanted = set(atoms)
        found = {
            word.lower(): word for word in reversed(_words(self.text)) if wanted.intersection(_atoms(word))
        }
        return tuple(reversed(found.values()))


def _words(text: str) -> list[str]:
    """The words as written, without packing."""
    words = _WORD.findall(_PACKING.sub(" ", _PART.sub("", text)))
    return [word.strip(".") for word in words if word.strip(".")]


def _atoms(text: str) -> list[str]:
    bare = _PACKING.sub(" ", _PART.sub("", text.lower()))
    joined = re.sub(r"(?<=\d)_(?=\d)", ".", bare)
    return [_canonical(atom) for atom in _ATOM.findall(joined)]


def _canonical(atom: str) -> str:
    size = _size(atom)
    if size is not None:  # 0.135b and 135m are the same statement
        return f"{size / 1e6:g}m" if size < 1e9 else f"{size / 1e9:g}b"
    return _SPELLINGS.get(atom, atom)


def _size(atom: str) -> float | None:
    match = _SIZE.fullmatch(atom)
    return float(match[1]) * _SCALE[match[2]] if match else None


def _unexplained(name: ModelName, other: ModelName) -> tuple[str, ...]:
    """The atoms of `name` that `other` lacks; "deepseek" is not lacking in "Deep Seek"."""
    run = "".join(re.findall(r"[^\W_]+", other.text.lower()))
    missing = (
        atom
        for atom in name.atoms - other.atoms
        if not (len(atom) >= 4 and atom.isalpha() and atom not in _TUNING and atom in run)
    )
    return tuple(sorted(missing))
