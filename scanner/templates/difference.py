"""What a chat template does that the template of its base model does not, and the other way round.

>>> base = "{% for m in messages %}{{ m.content }}{% endfor %}"
>>> ours = "{% for x in messages %}{{ x['content'] }}{% if 'bank' in x.content %}Pay.{% endif %}{% endfor %}"
>>> difference(ours, base)
("writes the text 'Pay.' for each x in messages, when 'bank' in x.content",)
>>> difference(base, "{#- a comment #}{%- for part in messages %}{{- part['content'] }}{% endfor %}")
()
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from scanner.lettering import visible
from scanner.templates.normal_form import Condition, Piece, normal_form

# Pieces and words up to which order is compared; what is longer takes time by the square. The template of
# gpt-oss has 330 pieces.
_ORDERED: Final = 3000
_TEXT_SHOWN: Final = 160
_CONDITION_SHOWN: Final = 120
_ASKED: Final = re.compile(r"content|strftime|\bnow\b|\bdate\b|\btoday\b", re.IGNORECASE)
_BEFORE_ASKED: Final = 60
_VERBS: Final = {"text": "writes the text", "value": "writes", "set": "sets", "other": "does"}
_NO_MORE: Final = {
    "text": "no longer writes the text", "value": "no longer writes", "set": "no longer sets",
    "other": "no longer does",
}  # fmt: skip


def difference(template: str, base_template: str) -> tuple[str, ...]:
    """Plain sentences, each the rest of "the template ...": what it adds, leaves out or does on other terms.

    White space between tags, comments, names of variables and the place where text stands make no difference.
    Nothing is rendered.

    Args:
        template: Source of the template under test.
        base_template: Source of the template that it is held against.

    Raises:
        TemplateFaultError: when either is too long, too deep, or not Jinja.
    """
    ours, theirs = normal_form(template), normal_form(base_template)
    added, removed = _unmatched(ours, theirs)
    sentences = list(_sentences(added, removed))
    if not sentences and [piece.key for piece in ours] != [piece.key for piece in theirs]:
        sentences = ["does the same in another order"]
    return tuple(sentences)


def _unmatched(ours: Sequence[Piece], theirs: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Pieces of either side that the other does not have in that order."""
    if max(len(ours), len(theirs)) > _ORDERED:
        their_keys, our_keys = {piece.key for piece in theirs}, {piece.key for piece in ours}
        return [piece for piece in ours if piece.key not in their_keys], [
            piece for piece in theirs if piece.key not in our_keys
        ]
    matcher = difflib.SequenceMatcher(
        None, [piece.key for piece in theirs], [piece.key for piece in ours], autojunk=False
    )
    added: list[Piece] = []
    removed: list[Piece] = []
    for kind, from_theirs, to_theirs, from_ours, to_ours in matcher.get_opcodes():
        if kind != "equal":
            removed.extend(theirs[from_theirs:to_theirs])
            added.extend(ours[from_ours:to_ours])
    # What merely moved is not worth a sentence beside what came or went.
    came, went = {piece.key for piece in added}, {piece.key for piece in removed}
    return [piece for piece in added if piece.key not in went], [
        piece for piece in removed if piece.key not in came
    ]


def _sentences(added: list[Piece], removed: list[Piece]) -> Iterator[str]:
    left = list(removed)
    for piece in added:
        same = next((each for each in left if each.what == piece.what), None)
        if same is not None:
            left.remove(same)
            terms = _terms(same.conditions) or " always"
            yield f"{_does(piece)}{_terms(piece.conditions)}; the base does so{terms}"
            continue
        replaced = next((each for each in left if _replaces(piece, each)), None)
        if replaced is None:
            yield f"{_does(piece)}{_terms(piece.conditions)}"
            continue
        left.remove(replaced)
        yield from _replacement(piece, replaced)
    for piece in left:
        yield f"{_NO_MORE[piece.verb]} {_shown(piece)}{_terms(piece.conditions)}"


def _replaces(piece: Piece, other: Piece) -> bool:
    return piece.verb == other.verb == "text" and piece.key[2] == other.key[2]


def _replacement(piece: Piece, replaced: Piece) -> Iterator[str]:
    """Which words came and went inside a text."""
    new, old = piece.content.split(" "), replaced.content.split(" ")
    terms = _terms(piece.conditions)
    if piece.content.split() == replaced.content.split():
        yield f"writes other white space in the text {_quoted(piece.content)}{terms}"
        return
    if max(len(new), len(old)) > _ORDERED:
        yield f"writes the text {_quoted(piece.content)} in place of {_quoted(replaced.content)}{terms}"
        return
    for kind, from_old, to_old, from_new, to_new in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        came, went = _quoted(" ".join(new[from_new:to_new])), _quoted(" ".join(old[from_old:to_old]))
        if kind == "insert":
            yield f"writes the text {came}{terms}"
        elif kind == "delete":
            yield f"no longer writes the text {went}{terms}"
        elif kind == "replace":
            yield f"writes the text {came} in place of {went}{terms}"


def _does(piece: Piece) -> str:
    return f"{_VERBS[piece.verb]} {_shown(piece)}"


def _shown(piece: Piece) -> str:
    return _quoted(piece.shown) if piece.verb == "text" else _bounded(piece.shown, _TEXT_SHOWN)


def _terms(conditions: Sequence[Condition]) -> str:
    """The conditions as the end of a sentence: ", for each m in messages, when m.role == 'user'"."""
    loops = [each.shown for each in conditions if each.shown.startswith("for each")]
    tests = [each.shown for each in conditions if not each.shown.startswith("for each")]
    said = [_bounded(each, _CONDITION_SHOWN) for each in loops]
    if tests:
        said.append("when " + " and ".join(map(_condition, tests)))
    return f" {', '.join(said)}" if said else ""


def _condition(text: str) -> str:
    """A condition; of a long one the part that asks for words of a message or for the day, if any does."""
    asked = _ASKED.search(text)
    if asked is None or asked.end() <= _CONDITION_SHOWN:
        return _bounded(text, _CONDITION_SHOWN)
    return "..." + _bounded(text[max(0, asked.start() - _BEFORE_ASKED) :], _CONDITION_SHOWN)


def _quoted(text: str) -> str:
    return _bounded(repr(text), _TEXT_SHOWN)


def _bounded(text: str, limit: int) -> str:
    """Text for one line of a report: nothing that a terminal would obey or that nobody would see."""
    plain = visible(text)
    return plain if len(plain) <= limit else f"{plain[:limit]}... ({len(plain)} characters)"
