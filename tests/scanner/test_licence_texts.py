"""Licence recognition: a text is itself, an added clause never hides, and a strange text is nobody's."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from scanner.licensing.texts import MAX_RESIDUE, fingerprint, recognise

BODY = (
    "Whoever holds a parcel may open it, weigh it, change its wrapping and hand it to anybody else. "
    "The name of the sender stays on the label. Nobody promises that the parcel is of any use, and the "
    "sender owes nothing for what happens to it. These rules travel with the parcel wherever it goes."
)
OTHER = (
    "Visitors of the lighthouse climb the stairs one by one, keep to the left and touch none of the lenses. "
    "The keeper answers questions between noon and three, and closes the door in a storm."
)
KNOWN = {"parcel": fingerprint(BODY), "lighthouse": fingerprint(OTHER)}


def test_known_text_is_recognised_exactly_without_residue() -> None:
    read = recognise(BODY, KNOWN)
    assert (read.names, read.is_exact, read.unknown) == (("parcel",), True, ())


def test_wrapping_case_and_copyright_lines_do_not_matter() -> None:
    wrapped = "Copyright (c) 2026 Somebody\n\n" + BODY.upper().replace(" ", "\n  ")
    assert recognise(wrapped, KNOWN).is_exact


def test_two_texts_in_one_file_are_both_named() -> None:
    assert set(recognise(f"{BODY}\n\n{OTHER}", KNOWN).names) == {"parcel", "lighthouse"}


def test_half_a_text_is_not_recognised() -> None:
    assert recognise(BODY[: len(BODY) // 2], KNOWN).names == ()


def test_inserted_words_inside_a_sentence_are_residue() -> None:
    changed = BODY.replace("may open it", "may, for research only, open it")
    read = recognise(changed, KNOWN)
    assert read.names == ("parcel",)
    assert [sentence.line for sentence in read.residue([r"\bresearch only\b"])] == [1]


def test_changed_number_inside_a_known_sentence_is_residue() -> None:
    known = {"limit": fingerprint(BODY + " Above 700 million users a year the sender must be asked first.")}
    changed = BODY + " Above 5 million users a year the sender must be asked first."
    assert len(recognise(changed, known).residue([r"\b\d+ million\b"])) == 1


def test_trigger_words_of_the_known_text_itself_are_no_residue() -> None:
    known = {"limit": fingerprint(BODY + " Commercial use is welcome in all of the known countries here.")}
    text = BODY + " Commercial use is welcome in all of the known countries here."
    assert recognise(text, known).residue([r"\bcommercial\b"]) == []


@given(st.text(max_size=300))
def test_an_added_clause_is_found_wherever_it_stands(noise: str) -> None:
    clause = "This parcel serves non-commercial purposes."
    for text in (f"{clause}\n\n{BODY}\n{noise}", f"{noise}\n\n{BODY}\n\n{clause}"):
        assert recognise(text, KNOWN).residue([r"\bnon commercial\b"])


@given(st.text(max_size=2000))
def test_no_text_breaks_the_reader(text: str) -> None:
    read = recognise(text, KNOWN)
    assert all(0 <= start < end <= len(text) for start, end in read.unknown)


def test_hostile_length_ends_soon_and_is_bounded() -> None:
    began = time.monotonic()
    read = recognise("non-commercial use only. " * 20_000 + "non commercial " * 20_000, KNOWN)
    assert len(read.residue([r"\bnon ?commercial\b"])) == MAX_RESIDUE
    assert time.monotonic() - began < 10


def test_words_left_out_are_counted_and_names_are_not() -> None:
    slot = BODY.split().index("sender")
    known = {"parcel": fingerprint(BODY, slots=[(slot, slot + 1)])}
    assert recognise(BODY, known).missing_words == 0
    assert recognise(BODY.replace("The name of the sender", "The sender"), known).missing_words == 2
    renamed = recognise(BODY.replace("the sender stays", "Acme Weights Limited stays"), known)
    assert renamed.names == ("parcel",)


def test_name_in_a_slot_is_no_residue_and_a_term_in_it_is() -> None:
    words = BODY.split()
    slot = words.index("anybody")
    known = {"parcel": fingerprint(BODY, slots=[(slot, slot + 2)])}
    named = recognise(BODY.replace("anybody else.", "Jane Doe."), known)
    assert (named.unknown, named.missing_words) == ((), 0)
    narrowed = recognise(BODY.replace("anybody else.", "members only."), known)
    assert [words for _, words in narrowed.unexplained()] == ["members only"]


def test_other_wording_of_a_licence_is_that_licence() -> None:
    other = BODY.replace("Nobody promises", "No one at all promises")
    known = KNOWN | {"parcel#1": fingerprint(other)}
    read = recognise(other, known)
    assert (read.names, read.missing_words, read.unknown) == (("parcel#1",), 0, ())
