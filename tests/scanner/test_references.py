"""Model references as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.references import BadReferenceError, ModelRef


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo", ("demo", "demo", None)),
        ("./demo", ("directory", "./demo", None)),
        ("hf://org/name", ("hf", "org/name", None)),
        ("hf://org/name@v1.0", ("hf", "org/name", "v1.0")),
        ("hf://org/name@refs/pr/7", ("hf", "org/name", "refs/pr/7")),
        ("hf://org/name/sub/file.gguf@main", ("hf", "org/name/sub/file.gguf", "main")),
        ("hf://org/name@", ("hf", "org/name", None)),
        ("/models/tiny", ("directory", "/models/tiny", None)),
        ("models/tiny.gguf", ("gguf", "models/tiny.gguf", None)),
        ("models/TINY.GGUF", ("gguf", "models/TINY.GGUF", None)),
        ("models/a@b", ("directory", "models/a@b", None)),
        ("HF://Org/Name", ("hf", "Org/Name", None)),
        (r"C:\models\tiny.gguf", ("gguf", r"C:\models\tiny.gguf", None)),
        ("models/tiny.gguf/", ("directory", "models/tiny.gguf/", None)),
        ("hf://org/name@feature/x", ("hf", "org/name", "feature/x")),
        ("s3://bucket/key", ("s3", "bucket/key", None)),
    ],
)
def test_reference_is_read_as_written(text: str, expected: tuple[str, str, str | None]) -> None:
    ref = ModelRef.parse(text)
    assert (ref.scheme, ref.location, ref.revision) == expected
    assert ref.text == text


@pytest.mark.parametrize("text", ["", "   ", "hf://", "hf://@main"])
def test_reference_to_nothing_is_an_error_with_a_hint(text: str) -> None:
    with pytest.raises(BadReferenceError) as caught:
        ModelRef.parse(text)
    assert caught.value.hint


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        ref = ModelRef.parse(text)
    except BadReferenceError:
        return
    assert ref.text == text
    assert ref.location
