"""Names of files that somebody else chose."""

from __future__ import annotations

import pytest

from scanner.file_names import colliding, leads_out, too_long, unportable


@pytest.mark.parametrize(
    "path",
    ["config.json", "a/b/c.bin", ".gitattributes", "a..b", "...", "A+B (1).json", "模型/权重.bin",
     "é", "a b", "1_Pooling/x"],
)  # fmt: skip
def test_usual_names_stay_inside(path: str) -> None:
    assert not leads_out(path)
    assert not too_long(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("CON", "device"), ("con.txt", "device"), ("a/AUX.tar.gz", "device"), ("com1", "device"),
        ("LPT9.bin", "device"),
        ("nul .txt", "device"), ("a./b", "dot"), ("a ", "space"), ("a/b.", "dot"), ("what?.json", "?"),
        ("a*b", "*"),
        ("x:stream", ":"), ("a|b", "|"), ('"', '"'), ("<", "<"),
    ],
)  # fmt: skip
def test_names_that_windows_cannot_hold_are_told_with_the_reason(path: str, why: str) -> None:
    assert why in unportable(path)


@pytest.mark.parametrize(
    "path", ["config.json", "console.txt", "com10", "a/auxiliary.json", ".hidden", "a.b.c", "com"]
)
def test_names_that_windows_can_hold_are_not_told(path: str) -> None:
    assert unportable(path) == ""


@pytest.mark.parametrize(
    ("paths", "groups"),
    [
        (["a", "b"], []),
        (["Config.json", "config.json", "x"], [("Config.json", "config.json")]),
        (["A/x", "a/x"], [("A/x", "a/x")]),
        (["A/x", "a/y"], []),
        (["A", "a/y"], [("A", "a/y")]),
        (["caf\u00e9", "cafe\u0301"], [("cafe\u0301", "caf\u00e9")]),
        (["stra\u00dfe", "STRASSE"], [("STRASSE", "stra\u00dfe")]),
    ],
)
def test_names_that_are_one_to_some_disks_are_grouped(
    paths: list[str], groups: list[tuple[str, ...]]
) -> None:
    assert list(colliding(paths)) == groups
