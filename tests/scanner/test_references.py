"""Model references as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.references import BadReferenceError, ModelRef

SHA = "0123456789abcdef" * 4
SCHEMES = ("hf://", "oci://", "ollama://", "oci-layout:", "https://", "http://", "s3://", "file://")


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
        ("s3://bucket/key@2#x", ("s3", "bucket/key@2#x", None)),
        (f"gs://bucket/a.gguf#sha256={SHA}", ("gs", "bucket/a.gguf", f"sha256:{SHA}")),
        ("ollama://tiny", ("ollama", "tiny", None)),
        ("ollama://tiny:1b", ("ollama", "tiny", "1b")),
        ("ollama://host:5000/ns/tiny:1b", ("ollama", "host:5000/ns/tiny", "1b")),
        ("oci://host:5000/a/b", ("oci", "host:5000/a/b", None)),
        ("oci://host/a/b:v1", ("oci", "host/a/b", "v1")),
        (f"oci://host/a/b:v1@sha256:{SHA}", ("oci", "host/a/b", f"sha256:{SHA}")),
        ("oci-layout:kit", ("oci-layout", "kit", None)),
        ("oci-layout:/a@b/kit@v1", ("oci-layout", "/a@b/kit", "v1")),
        ("oci-layout:/a@b/kit", ("oci-layout", "/a@b/kit", None)),
        ("https://host/a@b.gguf?download=true", ("https", "host/a@b.gguf?download=true", None)),
        (f"https://host/a.gguf#sha256={SHA.upper()}", ("https", "host/a.gguf", f"sha256:{SHA}")),
        ("file:///models/a%20b.gguf", ("gguf", "/models/a b.gguf", None)),
        ("file:///models/tiny", ("directory", "/models/tiny", None)),
    ],
)
def test_reference_is_read_as_written(text: str, expected: tuple[str, str, str | None]) -> None:
    ref = ModelRef.parse(text)
    assert (ref.scheme, ref.location, ref.revision) == expected
    assert ref.text == text


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "hf://", "hf://@main", "oci://", "oci-layout:", "ollama://:tag", "https://", "https://[::1",
        f"s3://#sha256={SHA}",
    ],
)  # fmt: skip
def test_reference_to_nothing_is_an_error_with_a_hint(text: str) -> None:
    with pytest.raises(BadReferenceError) as caught:
        ModelRef.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "https://user:topsecret@host/a.gguf",
        "https://topsecret@host/a.gguf",
        "https://host/a.gguf?X-Amz-Signature=topsecret",
        "https://host/a.gguf?sv=1&sig=topsecret",
        "https://host/a.gguf?private_token=topsecret",
        "oci://user:topsecret@host/a/b:v1",
        "ollama://user:topsecret@host/a/b:v1",
    ],
)
def test_address_that_grants_access_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadReferenceError) as caught:
        ModelRef.parse(text)
    assert "topsecret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "text",
    [
        f"https://host/a.gguf#sha256={SHA[:-1]}", "https://host/a.gguf#sha256=", "s3://bucket/a.gguf#SHA256:0",
        f"https://host/a.gguf#sha512={SHA}{SHA}", f"https://host/a.gguf#sha256={SHA}0",
    ],
)  # fmt: skip
def test_demand_that_cannot_be_met_is_not_dropped(text: str) -> None:
    with pytest.raises(BadReferenceError, match="64 hex digits") as caught:
        ModelRef.parse(text)
    assert caught.value.hint


@given(st.text() | st.sampled_from(SCHEMES).flatmap(lambda scheme: st.text().map(scheme.__add__)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        ref = ModelRef.parse(text)
    except BadReferenceError:
        return
    assert ref.text == text
    assert ref.location


@pytest.mark.parametrize("start", ["https://host/a.gguf", "http://127.0.0.1/a.gguf", "s3://bucket/a.gguf"])
@pytest.mark.parametrize(
    "demand",
    ["#sha256=abc", f"#sha256={SHA}0", f"#sha256 {SHA}", f"#SHA-256={SHA}", "#sha256=", "#md5=" + "0" * 32],
)
def test_demand_that_is_no_sha256_is_refused_and_never_overlooked(start: str, demand: str) -> None:
    with pytest.raises(BadReferenceError, match="64 hex digits"):
        ModelRef.parse(start + demand)


def test_number_sign_in_the_name_of_a_stored_object_stays() -> None:
    assert ModelRef.parse("s3://bucket/a#1/b.gguf").location == "bucket/a#1/b.gguf"
