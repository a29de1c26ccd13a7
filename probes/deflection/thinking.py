r"""Separates what a reply says from the reasoning in front of it, in the formats in which models mark that.

>>> separated = separate("<think>\n\n</think>\n\nParis.")
>>> (separated.spoken, separated.thinking.value, separated.place((0, 5)))
('Paris.', 'empty', (19, 24))
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

# Opening and closing mark of each format. A block that is not closed reaches to the end: the reply was cut
# while the model was thinking.
_ANYWHERE: Final = (
    # DeepSeek-R1, Qwen3, GLM, MiniMax, Nemotron, Phi; Seed-OSS. Replies name these tags only when asked to.
    *((f"<{tag}>", f"</{tag}>") for tag in ("think", "thinking", "seed:think")),
    (r"\[THINK\]", r"\[/THINK\]"),  # Magistral, Ministral
    ("◁think▷", "◁/think▷"),  # Kimi
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Command A Reasoning
    (r"\[unused16\]", r"\[unused17\]"),  # Pangu
    # gpt-oss: every channel but "final" is not meant for the user.
    (r"<\|channel\|>(?:analysis|commentary)[^<]*<\|message\|>", r"<\|end\|>|(?=<\|start\||<\|channel\|)"),
    (r"<\|channel>thought\b", r"<channel\|>"),  # Gemma 4
)  # fmt: skip
# These occur in ordinary prose too, so they count at the very beginning only.
_AT_THE_START: Final = (
    *((f"<{tag}>", f"</{tag}>") for tag in ("thoughts?", "reasoning", "reflection")),  # EXAONE Deep, Reka
    (r"Here(?: is|'s) my thought process:", r"Here(?: is|'s) my response:"),  # Granite 3.2
    ("Here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),  # Apriel
    ("analysis(?=[A-Z])", "assistantfinal"),  # gpt-oss, its special tokens left out
)
# Closing marks that are met alone: the chat template had already opened the block in the prompt.
_ORPHANS: Final = (
    "</think>", "</thinking>", "</seed:think>", r"\[/THINK\]", "◁/think▷", r"<\|END_THINKING\|>",
    r"\[unused17\]",
)  # fmt: skip
# What stands around the spoken part in the same formats, and is no part of it.
_FURNITURE: Final = (
    r"<\|start\|>assistant", r"<\|channel\|>final(?: <\|constrain\|>\w+)?<\|message\|>",
    r"<\|(?:end|return)\|>", r"<\|(?:START|END)_RESPONSE\|>", r"\[(?:BEGIN|END) FINAL RESPONSE\]",
    "</?answer>",
)  # fmt: skip


def _block(opening: str, closing: str, name: str) -> str:
    return rf"(?:{opening})(?P<{name}>.*?)(?:{closing}|\Z)"


_BLOCKS: Final = re.compile(
    "|".join(
        [
            *(_block(*marks, f"any{i}") for i, marks in enumerate(_ANYWHERE)),
            *(rf"\A\s*{_block(*marks, f'start{i}')}" for i, marks in enumerate(_AT_THE_START)),
        ]
    ),
    re.DOTALL,
)
_ORPHAN: Final = re.compile("|".join(_ORPHANS))
_MARK: Final = re.compile("|".join(_FURNITURE))


class Thinking(enum.Enum):
    """Whether a reply came with reasoning."""

    NONE = "none"
    EMPTY = "empty"
    PRESENT = "present"


@dataclass(frozen=True)
class Separated:
    """A reply taken apart.

    Attributes:
        spoken: What it says to the user, without white space at either end.
        thoughts: The reasoning.
        thinking: EMPTY for a block with nothing but white space in it.
        places: Where `spoken` stands in the text, piece by piece: start and end in characters.
    """

    spoken: str
    thoughts: str
    thinking: Thinking
    places: tuple[tuple[int, int], ...]

    def place(self, span: tuple[int, int]) -> tuple[int, int]:
        """Start and end in the text of a span of `spoken` that holds at least one character."""
        return self._offset(span[0]), self._offset(span[1] - 1) + 1

    def _offset(self, index: int) -> int:
        for start, end in self.places:
            if index < end - start:
                return start + index
            index -= end - start
        raise IndexError(f"no character {index} behind the last of the spoken text")


def separate(text: str) -> Separated:
    """The reply without its reasoning, and the reasoning; an unclosed block is all reasoning."""
    removed, thoughts = _reasoning(text)
    spoken_parts = _rest(len(text), removed)
    marks = [match.span() for part in spoken_parts for match in _MARK.finditer(text, *part)]
    places = _trimmed(text, _rest(len(text), sorted(removed + marks)))
    spoken = "".join(text[start:end] for start, end in places)
    thought = "\n".join(part.strip() for part in thoughts).strip()
    thinking = Thinking.PRESENT if thought else Thinking.EMPTY if removed else Thinking.NONE
    return Separated(spoken, thought, thinking, places)


def _reasoning(text: str) -> tuple[list[tuple[int, int]], list[str]]:
    """Spans of the blocks with their marks, in order, and what stands in each."""
    removed, thoughts, begin = [], [], 0
    orphan, opened = _ORPHAN.search(text), _BLOCKS.search(text)
    if orphan is not None and (opened is None or orphan.start() < opened.start()):
        begin = orphan.end()
        removed.append((0, begin))
        thoughts.append(text[: orphan.start()])
    for match in _BLOCKS.finditer(text, begin):
        removed.append(match.span())
        thoughts.extend(part for part in match.groupdict().values() if part is not None)
    return removed, thoughts


def _rest(length: int, removed: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left between the spans, which are in order."""
    edges = [0, *(edge for span in removed for edge in span), length]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def _trimmed(text: str, places: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The places without the white space at either end of all of them together."""
    kept = list(places)
    while kept and not text[slice(*kept[0])].strip():
        del kept[0]
    while kept and not text[slice(*kept[-1])].strip():
        del kept[-1]
    if kept:
        start, end = kept[0]
        kept[0] = (end - len(text[start:end].lstrip()), end)
        start, end = kept[-1]
        kept[-1] = (start, start + len(text[start:end].rstrip()))
    return tuple(kept)
