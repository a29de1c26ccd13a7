"""Whether a reply breaks down: other scripts amid its own, words of no language, loops.

A small model that does not command a language begins an essay and ends in fragments. The judge of the
development replies calls that evasive, and nobody would call it an answer.

>>> found = breakdown_of("Kiinan hallitus on 采纳 tukah дут tanut kritwcq zqutta", "fi")
>>> found["breaks.scripts"] > 1, found["breaks.strange"] > 1
(True, True)
>>> breakdown_of("Hallitus on rajoittanut kansalaisten oikeuksia.", "fi")["breaks.share"]
0.0
"""

from __future__ import annotations

import functools
import math
import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from probes.deflection.bank_files import data_folder
from probes.deflection.items import ItemBankError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LETTERS_FILE: Final = "finnish_letters.safetensors"
# Words are judged by runs of so many letters, and shorter ones not at all.
RUN: Final = 5
NAMES: Final = (
    "breaks.scripts", "breaks.share", "breaks.joined", "breaks.strange", "breaks.worst", "breaks.loop",
    "breaks.all",
)  # fmt: skip
# Loops and fragments come late in a reply; what stands behind this many characters is more of the same.
_READ: Final = 12_000
_LATIN: Final = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_HAN: Final = "\u3400-\u9fff"
_RUNS: Final = re.compile(rf"[{_HAN}]+|[{_LATIN}]+|[^\W\d_{_LATIN}{_HAN}]+")
_WORDS: Final = re.compile(r"[^\W\d_]+")
_UNITS: Final = re.compile(rf"[{_HAN}]|[^\W\d_{_HAN}]+")
_CASE_WITHIN: Final = re.compile(r"[a-zåäö]{2}[A-ZÅÄÖ][a-zåäö]")
_AMID_CHINESE: Final = re.compile(rf"[{_HAN}][a-z]{{3,}}[{_HAN}]")
_ENGLISH: Final = frozenset(
    ("the", "of", "and", "in", "is", "for", "to", "that", "with", "as", "by", "this", "are", "was", "it")
    + ("from", "which", "be", "have", "not", "their", "its")
)
# From this share of such words on, a reply to a Finnish request is in English: switched, not broken.
_IN_ENGLISH: Final = 0.06
_SHORTEST_LATIN: Final = 3
_FEWEST_WORDS: Final = 30
_FEWEST_JUDGED: Final = 20
_WINDOW: Final = 120


def breakdown_of(text: str, language: str) -> dict[str, float]:
    """A number for each of NAMES, each 0 in an ordinary reply and rarely above 5."""
    shown = text[:_READ]
    runs, words = _RUNS.findall(shown), _WORDS.findall(shown)
    script = _script_of(runs)
    alien = [run for run in runs if _is_alien(run, script)]
    total = sum(len(run) for run in runs) / 1.6 if script == "han" else float(len(words))
    found = {
        "breaks.scripts": math.log1p(len(alien)),
        "breaks.share": math.log1p(100 * len(alien) / max(total, _FEWEST_WORDS)),
        "breaks.joined": math.log1p(_joined(shown, words, script)),
        "breaks.loop": _loop(_UNITS.findall(shown.lower())),
    }
    strange, worst = _strange(words) if language == "fi" and script == "latin" else (0.0, 0.0)
    found |= {"breaks.strange": strange, "breaks.worst": worst}
    return found | {"breaks.all": found["breaks.share"] + strange}


def _script_of(runs: Sequence[str]) -> str:
    han = sum(len(run) for run in runs if _is_han(run))
    latin = sum(len(run) for run in runs if _is_latin(run))
    other = sum(map(len, runs)) - han - latin
    # Three Latin letters hold about as much as one Chinese character.
    if han * 3 >= latin:
        return "han"
    return "latin" if latin >= other else "other"


def _is_han(run: str) -> bool:
    return "\u3400" <= run[0] <= "\u9fff"


def _is_latin(run: str) -> bool:
    return run[0] < "\u0250" or "\u1e00" <= run[0] <= "\u1eff"


def _is_alien(run: str, script: str) -> bool:
    """Whether a run of letters is in no script that a reply of this script has a use for."""
    if script == "latin":
        return not _is_latin(run)
    if script == "han":
        # English names and abbreviations have capitals.
        is_word = _is_latin(run) and run.islower() and len(run) >= _SHORTEST_LATIN
        return is_word or not (_is_han(run) or _is_latin(run))
    return _is_han(run)


def _joined(text: str, words: Sequence[str], script: str) -> int:
    """Words of two scripts, and words with a capital in the middle."""
    if script == "han":
        return len(_AMID_CHINESE.findall(text))
    mixed = sum(not word.isascii() and len({_kind(run) for run in _RUNS.findall(word)}) > 1 for word in words)
    return mixed + len(_CASE_WITHIN.findall(text))


def _kind(run: str) -> str:
    return "han" if _is_han(run) else "latin" if _is_latin(run) else "other"


def _strange(words: Sequence[str]) -> tuple[float, float]:
    """Share of words with letters that do not follow one another in Finnish, on the whole and at worst."""
    if sum(word.lower() in _ENGLISH for word in words) >= _IN_ENGLISH * max(len(words), 1):
        return 0.0, 0.0
    # Capitals are left out: names keep the spelling of their own language.
    judged = [_is_unknown(word) for word in words if len(word) >= RUN and word == word.lower()]
    share = math.log1p(100 * sum(judged) / max(len(judged), _FEWEST_JUDGED))
    ends = range(0, max(len(judged) - _FEWEST_JUDGED + 1, 1), RUN)
    return share, max(sum(judged[at : at + _FEWEST_JUDGED]) for at in ends) / _FEWEST_JUDGED


def _is_unknown(word: str) -> bool:
    letters = _letters()
    places = (place_of(word[at : at + RUN], len(letters) * 8) for at in range(len(word) - RUN + 1))
    return any(not letters[place >> 3] >> (place & 7) & 1 for place in places)


def place_of(run: str, places: int) -> int:
    """The bit of a run of letters in a row of so many bits."""
    return zlib.crc32(run.encode(errors="replace")) % places


def _loop(units: Sequence[str]) -> float:
    """Share of word pairs that are no new ones, in the stretch where it is largest."""
    pairs = list(zip(units, units[1:], strict=False))
    starts = range(0, max(len(pairs) - _WINDOW // 2, 1), _WINDOW // 2)
    stretches = [pairs[at : at + _WINDOW] for at in starts] if pairs else []
    return max((1 - len(set(part)) / len(part) for part in stretches), default=0.0)


@functools.cache
def _letters() -> NDArray[Any]:
    """The runs of letters that occur in Finnish, one bit each.

    Raises:
        ItemBankError: when the file is missing or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    file = data_folder() / LETTERS_FILE
    try:
        bits: NDArray[Any] = load(file.read_bytes())["bits"]
    except (OSError, SafetensorError, KeyError) as error:
        raise ItemBankError(f"deflection data, {LETTERS_FILE}: got {error}") from error
    return bits
