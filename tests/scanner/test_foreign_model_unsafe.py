"""foreign-model-unsafe: XML models that do more than hold data fail, R and Java are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.checks.foreign_model_unsafe import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

ATTACK, READER = FileVerdict.ATTACK, FileVerdict.NEEDS_CLASS_INSTANCE
PLAIN, UNREAD = FileVerdict.PLAIN_DATA, FileVerdict.NOT_READABLE
HEAD = b'<?xml version="1.0"?>'
SOUND = (
    HEAD
    + b'<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    b'<Header><Application name="SkLearn2PMML"/></Header><Extension name="p" value="0.5">x</Extension>'
    b'<Apply function="sum"><FieldRef field="a"/></Apply></PMML>'
)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.pmml", SOUND, PLAIN),
        ("a.pmml", b"<PMML><Header description='eval(x), exec(y)'/></PMML>", PLAIN),
        ("a.pmml", b"<PMML><Extension><a value='eval(x)'/></Extension></PMML>", ATTACK),
        ("net.xml", HEAD + b"<net name='x'><layers><layer id='0'/></layers></net>", PLAIN),
        ("a.pmml", HEAD + b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><PMML>&x;</PMML>', ATTACK),
        ("a.pmml", HEAD + b'<!DOCTYPE a SYSTEM "http://localhost/x.dtd"><PMML/>', ATTACK),
        ("a.pmml", HEAD + b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><PMML>&b;</PMML>', ATTACK),
        ("net.xml", HEAD + b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/x">%x;]><net/>', ATTACK),
        ("a.pmml", b"<PMML><Extension><script>alert(1)</script></Extension></PMML>", ATTACK),
        ("a.pmml", b"<PMML><Extension>importlib.import_module('subprocess')</Extension></PMML>", ATTACK),
        ("a.pmml", b"<PMML><Extension>subprocess latency summary</Extension></PMML>", PLAIN),
        ("a.pmml", b"<PMML><DataField source='https://evil.example/x'/></PMML>", ATTACK),
        ("a.pmml", b"<PMML><Application reference='https://example.com/docs'/></PMML>", PLAIN),
        ("a.pmml", b"<PMML><Extension>java.lang.Runtime</Extension></PMML>", ATTACK),
        ("a.pmml", b"<PMML><Extension value='javascript:alert(1)'/></PMML>", ATTACK),
        ("a.pmml", b"<PMML xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='x'/></PMML>", ATTACK),
        ("a.pmml", b"<?xml-stylesheet href='http://localhost/x.xsl'?><PMML/>", ATTACK),
        ("a.pmml", b"<PMML><Apply function='com.example.Udf'/></PMML>", READER),
        ("a.pmml", b"<PMML>", UNREAD),
        ("a.pmml", b"no xml", UNREAD),
        ("a.pmml", b"", UNREAD),
        ("a.pmml", b"<html/>", UNREAD),
        ("a.pmml", b"<PMML>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</PMML>", UNREAD),
        ("m.rds", b"\x1f\x8b", UNREAD),
        ("m.RData", b"RDX3\nX\n", UNREAD),
        ("m.jls", b"7JL", UNREAD),
        ("m.ser", b"\xac\xed\x00\x05sr", UNREAD),
    ],
)  # fmt: skip
def test_verdict_of_one_file(name: str, data: bytes, expected: FileVerdict, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {name: data}))
    said = [verdict for each in found if (verdict := CHECK.verdict_of(each)) is not None]
    assert max(said, key=lambda each: each.rank) is expected
    assert all(each.locations[0].path == name for each in found)


_CALLS = b"".join(b"<Apply function='a.b.C%d'/>" % number for number in range(40))


@pytest.mark.parametrize(
    "data",
    [
        b"<PMML>" + _CALLS + b"<Extension value='javascript:1'/></PMML>",
        b"<PMML><a>" + b"a " * 9_996 + b"javascript:1</a></PMML>",
        b"<PMML><a>" + b"a " * 500_000 + b"javascript:1</a></PMML>",
        b"<PMML><a>" + b"a\n" * 50_000 + b"javascript:1</a></PMML>",
        b"<PMML><a b='" + b"a " * 50_000 + b"javascript:1'/></PMML>",
    ],
    ids=["functions", "end of a piece", "long text", "lines", "long value"],
)
def test_neither_number_nor_length_hides_a_script(data: bytes, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {"a.pmml": data}))
    assert "script" in {each.rule for each in found}


def test_name_of_an_element_is_told_as_it_stands(tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {"a.pmml": b"<html/>"}))
    assert [each.message for each in found] == ["a.pmml begins with <html>, not with <PMML>"]


def test_nothing_that_a_document_links_to_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("opened")
    data = HEAD + f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><PMML>&x;</PMML>'.encode()
    found = findings_of(CHECK, write_all(tmp_path / "model", {"a.pmml": data}))
    assert [each.rule for each in found] == ["entities"]
    assert "opened" not in found[0].message


def test_model_without_such_files_is_not_judged(tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {"config.json": b"{}"}))
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]
