"""Words of licence texts: markup is not read, copyright lines are left out, terms in them are not."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.licensing.term_words import sets_term
from scanner.licensing.words import folded, words_of


@given(st.text(max_size=400))
def test_spans_are_in_order_and_inside_the_text(text: str) -> None:
    ends = [0]
    for word, start, end in words_of(text):
        assert word
        assert ends[-1] <= start < end <= len(text)
        ends.append(end)


@pytest.mark.parametrize(
    "changed",
    [
        "// The \u201cSoftware\u201d is\n// provided as\u2010is",
        "<p>The &quot;Software&quot; is<br/>provided <b>as-is</b></p>",
        "> **The** `Software` is\r\n> provided AS-IS",
        html.escape('The "Software" is provided as-is'),
    ],
)
def test_markup_quotes_and_comment_signs_are_no_words(changed: str) -> None:
    assert folded(changed) == "the software is provided as is"


@pytest.mark.parametrize(
    "line",
    [
        "Copyright (c) 2019-2026 The Example Authors. All rights reserved.",
        "# \u00a9 2024 Example GmbH",
        "Copyright [yyyy] [name of copyright owner]",
        "Portions copyright 2020 CourtBouillon",
        "All rights reserved.",
    ],
)
def test_copyright_lines_are_left_out(line: str) -> None:
    assert folded(f"{line}\nPermission") == "permission"


@pytest.mark.parametrize(
    "line",
    [
        "Copyright (c) 2026 Acme, for research only",
        "(c) 2026 Acme. No commercial use.",
        "copyright notice, this list of conditions and the following disclaimer.",
        "Copyright 2026 applies\u3002\u4ec5\u4f9b\u7814\u7a76",
    ],
)
def test_lines_with_terms_are_no_copyright_lines(line: str) -> None:
    assert sets_term(folded(line))


@pytest.mark.parametrize(
    "line", ["Copyright 2026 Acme. Hands away, hospitals!", "\u00a9 2026 Acme; hospitals differ"]
)
def test_second_sentence_in_a_copyright_line_is_read(line: str) -> None:
    assert "hospitals" in folded(line)


@pytest.mark.parametrize(
    "tag", ['<p title="hospitals are off">', "<b hospitals differ>", "<i title='no-sale'>", "<hospitals>"]
)
def test_tags_that_could_hold_a_sentence_are_read(tag: str) -> None:
    assert folded(tag)


def test_tags_are_no_words_and_comments_are() -> None:
    tagged = '<a href="https://example.org/licenses/MIT" class="x">Hello</a><br /><!-- not for sale -->'
    assert folded(tagged) == "hello not for sale"
