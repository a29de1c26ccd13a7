"""Lookalikes: how many made-up imitations are found, how many real names are taken for one, and which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.origins.lookalikes import Likeness, likeness, skeleton
from scanner.origins.publishers import publisher_table

TABLE: Final = publisher_table()
REAL_NAMES: Final = [
    line
    for line in Path("tests/assets/hub_organisations.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
SIGNS: Final = (
    ("o", "0"), ("l", "1"), ("i", "1"), ("e", "3"), ("a", "4"), ("s", "5"), ("m", "rn"), ("w", "vv"),
    ("l", "I"), ("i", "l"), ("a", "а"), ("o", "о"), ("e", "е"), ("c", "с"), ("p", "р"),
)  # fmt: skip
AFFIXES: Final = ("{}-official", "{}-models", "{}-hf", "{}-team", "the-{}", "{}-3")
SHORT: Final = 6


def one_letter_edits(name: str) -> Iterator[str]:
    """Names with a letter left out, doubled, or swapped with its neighbour, at five places."""
    for at in sorted({0, 1, len(name) // 2, len(name) - 2, len(name) - 1}):
        yield name[:at] + name[at + 1 :]
        yield name[:at] + name[at] + name[at:]
        yield name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]


def imitations(name: str) -> dict[str, list[str]]:
    """Imitations of a name by kind."""
    signs = [re.sub(old, new, name, count=1, flags=re.IGNORECASE) for old, new in SIGNS]
    separators = [name.replace("-", ""), name.replace("-", "_"), f"{name[:3]}-{name[3:]}"]
    made = {
        "signs": signs,
        "separators": separators,
        "affix": [affix.format(name) for affix in AFFIXES],
        "edit": list(one_letter_edits(name)),
    }
    return {kind: sorted(each for each in set(names) if not TABLE.find(each)) for kind, names in made.items()}


def rate(kind: str, *, short: bool) -> tuple[int, int]:
    """(found, made) over every known name of at least, or below, SHORT letters."""
    found = made = 0
    for row in TABLE.publishers:
        for name in row.names:
            if (len(re.sub(r"[\W_]", "", name)) < SHORT) is short:
                for imitation in imitations(name)[kind]:
                    made += 1
                    found += TABLE.lookalike(imitation) is not None
    return found, made


@pytest.mark.parametrize(
    ("kind", "floor"), [("signs", 0.99), ("separators", 0.99), ("affix", 0.99), ("edit", 0.98)]
)
def test_nearly_every_imitation_of_a_long_name_is_found(kind: str, floor: float) -> None:
    found, made = rate(kind, short=False)
    print(f"{kind}: {found} of {made} imitations of names of {SHORT} letters and more found")  # noqa: T201 - the figures of docs/publishers.md
    assert made > 150
    assert found / made >= floor


@pytest.mark.parametrize(("kind", "floor"), [("signs", 0.95), ("separators", 0.95), ("affix", 0.95)])
def test_imitations_of_short_names_are_found_unless_one_letter_is_all_that_differs(
    kind: str, floor: float
) -> None:
    found, made = rate(kind, short=True)
    print(f"{kind}: {found} of {made} imitations of names below {SHORT} letters found")  # noqa: T201 - the figures of docs/publishers.md
    assert made > 10
    assert found / made >= floor


def test_hardly_any_real_name_is_taken_for_a_lookalike() -> None:
    flagged = [name for name in REAL_NAMES if TABLE.lookalike(name) is not None]
    print(f"real names: {len(flagged)} of {len(REAL_NAMES)} flagged: {flagged}")  # noqa: T201 - the figures of docs/publishers.md
    assert len(REAL_NAMES) >= 400
    assert len(flagged) / len(REAL_NAMES) <= 0.01


def test_real_names_are_not_those_of_the_table() -> None:
    assert [name for name in REAL_NAMES if TABLE.find(name) is not None] == []


@pytest.mark.parametrize(
    ("name", "known", "kind"),
    [
        ("meta-IIama", "meta-llama", Likeness.SIGNS),
        ("micrоsoft", "microsoft", Likeness.SIGNS),  # Cyrillic
        ("ｇoogle", "google", Likeness.SEPARATORS),  # full width, the same letter by Unicode's own rules
        ("vvizard", "wizard", Likeness.SIGNS),
        ("mistral_ai", "mistralai", Likeness.SEPARATORS),
        ("openia", "openai", Likeness.EDIT),
        ("deepseek-ai-official", "deepseek-ai", Likeness.AFFIX),
        ("the.qwen.team", "Qwen", Likeness.AFFIX),
        ("meta-llama-3", "meta-llama", Likeness.AFFIX),
    ],
)
def test_kind_of_likeness(name: str, known: str, kind: Likeness) -> None:
    assert likeness(name, known) is kind


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Owen", "Qwen"),
        ("QWEN", "qwen"),
        ("", "qwen"),
        ("---", "qwen"),
        ("google-bert", "google"),
        ("openai-community", "openai"),
        ("qwentastic", "Qwen"),
        ("\u202e", "google"),
    ],
)
def test_no_likeness(name: str, known: str) -> None:
    assert likeness(name, known) is None


def test_skeleton_of_a_skeleton_is_itself() -> None:
    for name in [*REAL_NAMES, *(name for row in TABLE.publishers for name in row.names)]:
        assert skeleton(skeleton(name)) == skeleton(name)


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_name_is_compared_and_no_known_one_is_flagged(name: str) -> None:
    found = TABLE.lookalike(name)
    assert found is None or TABLE.find(name) is None
    assert found is None or found.likeness is likeness(name, found.name)
