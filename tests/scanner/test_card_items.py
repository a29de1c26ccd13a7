"""Documentation items: found where they are, not found in what templates leave behind."""

from __future__ import annotations

import importlib.resources
import time

import pytest

from scanner.model_files import ModelCard
from scanner.origins.card_items import CardItemsError, Documentation, card_items, examine, parse_items

XI, XII = card_items()
TEXT = (importlib.resources.files("scanner") / "data" / "card_items.yaml").read_text(encoding="utf-8")


def present(text: str, **changes: object) -> set[str]:
    """Ids of the Annex XI and XII items that a card of this text shows."""
    front_matter = changes.pop("front_matter", {})
    parts = {"config": {}, "gguf": {}, "files": {}, **changes}
    shown = Documentation(ModelCard(front_matter, text, "README.md"), **parts)  # type: ignore[arg-type]
    return {result.item.id for annex in (XI, XII) for result in examine(annex, shown) if result.is_present}


def test_empty_card_shows_nothing() -> None:
    assert present("") == set()


def test_annexes_hold_eleven_items_each_with_an_article() -> None:
    assert [len(annex.items) for annex in (XI, XII)] == [11, 11]
    assert all(item.article.startswith("Annex XI") for annex in (XI, XII) for item in annex.items)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("## Environmental impact\nTraining used about 12 of our own windmills.", "xi-2-e"),
        ("It took 120 MWh.", "xi-2-e"),
        ("Trained in 300 H100 hours.", "xi-2-d"),
        ("```python\nfrom transformers import pipeline\n```", "xii-2-a"),
        ("It has a context length of 8192.", "xii-2-b"),
        ("Needs transformers >= 4.51.", "xii-1-e"),
        ("See our Acceptable Use Policy.", "xi-1-b"),
    ],
)
def test_item_is_found(text: str, item: str) -> None:
    assert item in present(text)


@pytest.mark.parametrize(
    "text",
    [
        "## Environmental impact\n[More Information Needed]\n",
        "## Environmental impact\n<!-- energy consumption in kWh goes here -->\n",
        "## Environmental impact\n\n## Citation\nNobody wrote the section above.",
        "## Environmental impact\n- **Hours used:**\n- **Cloud Provider:** TBD\n",
    ],
)
def test_unfilled_template_section_does_not_count(text: str) -> None:
    assert "xi-2-e" not in present(text)


def test_heading_inside_a_code_block_is_no_section() -> None:
    assert "xi-2-e" not in present("```\n# carbon footnote of a shell script here\necho one two three\n```\n")


def test_text_below_a_deeper_heading_counts_for_its_parent() -> None:
    assert "xi-2-e" in present("# Environmental impact\n## Details\nWe planted some trees afterwards.")


def test_item_with_a_missing_part_is_absent_and_says_which() -> None:
    shown = Documentation(ModelCard({}, "Released in May 2026.", "README.md"), {}, {}, {})
    result = next(result for result in examine(XI, shown) if result.item.id == "xi-1-c")
    assert not result.is_present
    assert result.missing == ("how it is distributed",)


def test_config_header_and_files_can_show_an_item() -> None:
    assert "xi-1-d" in present("", config={"model_type": "llama"}, files={"tensors": "model.safetensors"})
    assert "xii-2-b" in present("", gguf={"general.architecture": "llama", "llama.context_length": 8192})
    assert "xii-2-b" not in present("", gguf={"general.architecture": "llama", "qwen.context_length": 8192})
    assert "xi-1-f" in present("", files={"licence": "LICENSE"})


def test_place_of_a_found_part_is_its_line() -> None:
    shown = Documentation(ModelCard({}, "one\n\nIt took 120 MWh.", "README.md"), {}, {}, {})
    result = next(result for result in examine(XI, shown) if result.item.id == "xi-2-e")
    assert result.parts[0].place is not None
    assert result.parts[0].place.line == 3


@pytest.mark.parametrize(
    "piece", ["<!--", "# ", "**", "trained ", "[More Information Needed]", "2026 release "]
)
def test_hostile_card_ends_soon(piece: str) -> None:
    began = time.monotonic()
    present(piece * (400_000 // len(piece)))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema: weighbridge.card-items/1", "schema: x/1"),
        ("{id: xi-1-b,", "{id: xi-1-a,"),
        ("front_matter: [release_date]", "frontmatter: [release_date]"),
        ("text: ['\\b[kMG]Wh\\b'", "text: ['\\b[kMGWh\\b'"),
    ],
)
def test_broken_list_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(CardItemsError, match="card_items.yaml"):
        parse_items(TEXT.replace(old, new, 1))
