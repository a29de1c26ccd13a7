"""Calls in Python source that need an explanation, one by one."""

from __future__ import annotations

import pytest

from scanner.code.calls import find_calls


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"from transformers import AutoModel\nAutoModel.from_pretrained('a/b', trust_remote_code=True)", 1),
        (b"self.factory().load('a/b', trust_remote_code=True)", 1),
        (b"from transformers import AutoModel\nAutoModel.from_pretrained('a/b', trust_remote_code=False)", 0),
        (b"def load(trust_remote_code):\n  return make('a/b', trust_remote_code=trust_remote_code)", 0),
    ],
)
def test_trust_in_code_of_another_repository_is_execution(source: bytes, expected: int) -> None:
    assert [site.kind for site in find_calls(source)] == ["execution"] * expected
