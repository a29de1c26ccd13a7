"""file-kind-unclear: programs and disguises are found, honest names pass, chance makes no magic."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.checks.file_kind_unclear import CHECK, LEFT_TO_OTHERS
from scanner.file_check import FileVerdict
from scanner.file_kinds.kinds import Fate, claimed_by, kinds
from scanner.file_kinds.look import TAIL_BYTES, look_at
from scanner.file_kinds.magic import recognised
from scanner.file_kinds.numbers import is_numbers
from scanner.file_kinds.texts import is_text
from scanner.findings import Finding, Outcome, Severity
from scanner.registry import load_checks
from tests.assets import kind_cases as cases
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

WRONG = cases.wrong()


def findings(folder: Path, files: Mapping[str, bytes]) -> list[Finding]:
    return findings_of(CHECK, write_all(folder, files))


# Of kinds that are known by fields behind the first bytes: icon, bitmap, RIFF, ISO media, TrueType, FLV.
_STARTS = (b"\0\0\1\0", b"BM\x18\0\0\0", b"RIFF", b"\0\0\0\x18ftyp", b"\0\1\0\0\0\x0f", b"FLV\1")


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_under_its_rule(name: str, tmp_path: Path) -> None:
    data, rule = WRONG[name]
    found = findings(tmp_path, {name: data})
    assert rule in {each.rule for each in found}
    assert {each.outcome for each in found} == {Outcome.FAIL}
    assert all(each.locations[0].path == name and each.remediation and each.tags for each in found)


def test_verdicts_follow_what_the_file_would_do(tmp_path: Path) -> None:
    told = {}
    for name, (data, rule) in WRONG.items():
        verdicts = [CHECK.verdict_of(found) for found in findings(tmp_path / rule / name, {name: data})]
        told.setdefault(rule, set()).update(verdicts)
    attack = {FileVerdict.ATTACK}
    assert {rule: told[rule] for rule in ("program", "disguised-script", "disguised-pickle")} == {
        "program": attack, "disguised-script": attack, "disguised-pickle": attack,
    }  # fmt: skip
    assert told["script"] == {FileVerdict.NEEDS_CLASS_INSTANCE}
    assert told["not-its-kind"] == {FileVerdict.NOT_READABLE}
    assert told["appended"] == {FileVerdict.PLAIN_DATA}


def test_harmless_mix_up_is_low_and_others_are_medium(tmp_path: Path) -> None:
    files = {name: WRONG[name][0] for name in ("jpeg.png", "hdf5.onnx")}
    severities = {each.locations[0].path: each.severity for each in findings(tmp_path, files)}
    assert severities == {"jpeg.png": Severity.LOW, "hdf5.onnx": Severity.MEDIUM}


def test_plain_data_is_one_pass(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, cases.plain())
    assert (found.outcome, found.rule) == (Outcome.PASS, "plain-data")
    assert {place.path for place in found.locations} == set(cases.plain())
    assert all(place.detail for place in found.locations)


def test_kinds_of_other_checks_are_left_to_them_and_say_nothing(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, cases.left_to_others())
    assert (found.outcome, found.rule) == (Outcome.PASS, LEFT_TO_OTHERS)
    assert {place.path for place in found.locations} == set(cases.left_to_others())
    assert CHECK.verdict_of(found) is None


@pytest.mark.parametrize("name", cases.unread())
def test_kind_that_nobody_reads_is_not_run(name: str, tmp_path: Path) -> None:
    (found,) = findings(tmp_path, {name: cases.unread()[name]})
    assert found.outcome is Outcome.NOT_RUN
    assert name in found.reason
    assert CHECK.verdict_of(found) is FileVerdict.NOT_READABLE


@pytest.mark.parametrize("name", cases.unknown())
def test_bytes_of_no_kind_are_for_a_person_to_name(name: str, tmp_path: Path) -> None:
    (found,) = findings(tmp_path, {name: cases.unknown()[name]})
    assert (found.outcome, found.rule) == (Outcome.NOT_RUN, "unknown-bytes")
    assert CHECK.verdict_of(found) is FileVerdict.NEEDS_CLASS_INSTANCE


@pytest.mark.parametrize("name", ["m", "m.png", "m.txt", "m.safetensors"])
def test_file_cut_within_a_signature_is_judged(name: str, tmp_path: Path) -> None:
    wholes = [head.ljust(24, b"\1") for head in _STARTS]
    for count, whole in enumerate(wholes):
        for end in range(1, len(whole)):
            assert findings(tmp_path / str(count) / str(end), {name: whole[:end]})


def test_noise_is_not_taken_for_numbers() -> None:
    assert not any(is_numbers(random.Random(seed).randbytes(4096)) for seed in range(300))
    assert not any(is_numbers(random.Random(seed).randbytes(64)) for seed in range(300))
    assert not is_numbers(b"\x07\0\0\0" + bytes(60))  # a header rather than numbers


def test_chance_makes_no_magic() -> None:
    """Every two-byte magic, followed by noise, at the size of a small weight file."""
    dice = random.Random(0)
    for magic in (
        b"MZ",
        b"BM",
        b"PK",
        b"#!",
        b"\x1f\x8b",
        b"\x80\x02",
        b"\x80\x04",
        b"II",
        b"\xca\xfe",
        b"\0\1",
    ):
        for _ in range(200):
            data = magic + dice.randbytes(300)
            assert recognised(look_at(io.BytesIO(data), len(data))) is None, data[:16]


def test_noise_with_an_end_record_is_no_archive(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(5000)
    record = b"PK\x05\x06" + bytes(6) + b"\x01\0" + (9).to_bytes(4, "little") + bytes(6)
    (found,) = findings(tmp_path, {"weights.bin": noise + record})
    assert found.rule == "unknown-bytes"


def test_archive_in_front_of_other_bytes_is_left_to_the_check_of_archives(tmp_path: Path) -> None:
    assert [each.rule for each in findings(tmp_path, {"a.zip": cases.zipped() + b"junk"})] == [LEFT_TO_OTHERS]


def test_long_comment_does_not_hide_the_archive(tmp_path: Path) -> None:
    out = io.BytesIO(cases.safetensors())
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("a", b"")
        archive.comment = b"x" * 65_000
    assert "polyglot" in {each.rule for each in findings(tmp_path, {"model.safetensors": out.getvalue()})}


@pytest.mark.parametrize(("at", "value"), [(20, b"\xff\xff"), (8, bytes(4))], ids=["comment", "members"])
def test_lies_in_the_end_record_do_not_hide_the_archive(at: int, value: bytes, tmp_path: Path) -> None:
    data = bytearray(cases.safetensors() + cases.zipped())
    start = data.rindex(b"PK\x05\x06") + at
    data[start : start + len(value)] = value
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["notes.txt"]
    assert "polyglot" in {each.rule for each in findings(tmp_path, {"model.safetensors": bytes(data)})}


def test_file_of_any_size_costs_its_ends_only(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as stream:
        stream.write(cases.safetensors())
        stream.truncate(8 * 1024**3)  # sparse
    with path.open("rb") as stream:
        look = look_at(stream, path.stat().st_size)
    assert len(look.tail) == TAIL_BYTES
    assert recognised(look) == "safetensors"


@pytest.mark.parametrize(("count", "expected"), [(70, True), (65, True)])
def test_long_text_with_split_characters_is_text(count: int, *, expected: bool) -> None:
    mebibyte = ("é" * 524_287 + "ab").encode()

    class Repeated(io.RawIOBase):
        """A text of `count` MiB that is made as it is read."""

        def __init__(self) -> None:
            self.at = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = offset
            return offset

        def read(self, size: int = -1) -> bytes:
            size = min(size, count * len(mebibyte) - self.at)
            start = self.at % len(mebibyte)
            self.at += size
            return (mebibyte * 2)[start : start + size]

    assert is_text(Repeated(), count * len(mebibyte)) is expected  # type: ignore[arg-type]


def test_every_reader_is_a_check() -> None:
    known = load_checks()
    assert {reader for kind in kinds().values() for reader in kind.readers} <= known.keys()


def test_longest_suffix_of_a_name_counts() -> None:
    assert [kind.name for kind in claimed_by("a/spiece.sp.model")] == ["SentencePiece model"]
    assert [kind.name for kind in claimed_by("MODEL.SafeTensors")] == ["safetensors"]
    assert claimed_by("pytorch_model.bin") == ()


def test_every_kind_that_shows_itself_is_recognised_somewhere() -> None:
    """A kind with a magic that no recogniser yields would call every honest file of it misnamed."""
    from scanner.file_kinds import magic
    from scanner.file_kinds.structures import STRUCTURES

    names = {name for _, name, _ in magic._MAGICS} | {name for name, _ in STRUCTURES}
    assert names <= kinds().keys()
    assert {kind.name for kind in kinds().values() if kind.has_magic and kind.fate is Fate.PLAIN} <= names


def test_folder_view_of_a_desktop_is_plain(tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {".DS_Store": b"\0\0\0\1Bud1" + bytes(100)}))
    assert [each.outcome for each in found] == [Outcome.PASS]


@pytest.mark.parametrize(
    ("count", "verdict"), [(200_000, FileVerdict.ATTACK), (1_100_000, FileVerdict.NOT_READABLE)]
)
def test_many_parts_hide_no_program_behind_a_picture(
    count: int, verdict: FileVerdict, tmp_path: Path
) -> None:
    picture = cases.png()
    remark = bytes(4) + b"tEXt" + bytes(4)
    data = picture[:-12] + remark * count + picture[-12:] + b"\x7fELF\x02\x01\x01\x00" + bytes(99)
    assert {CHECK.verdict_of(each) for each in findings(tmp_path, {"a.png": data})} == {verdict}
