"""archive-unsafe: every trick is told by its name, honest archives pass, and bombs stay packed."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from scanner.archives.torch_serve import MANIFEST
from scanner.archives.walk import look_into
from scanner.checks.archive_unsafe import CHECK
from scanner.file_check import FileVerdict, is_sound
from scanner.findings import Outcome
from scanner.parts import Parts, Piece
from tests.assets import archive_cases as cases
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import context_of, findings_of

ZIPS, TARS, CODE = cases.zip_cases(), cases.tar_cases(), cases.code_cases()
WRONG = {**ZIPS, **TARS, **CODE}
NAMES = cases.name_cases()
REVIEWED = cases.reviewed_cases()
PACKED = cases.compressions()


def verdict_of(name: str, data: bytes, folder: Path) -> tuple[FileVerdict, set[str]]:
    """The worst that is said of a file with these bytes, and the rules of all that is said."""
    context = context_of(write_all(folder, {name: data}))
    said = list(CHECK.examine_safely(context, context.snapshot.files[0]))
    assert said
    findings = [item for item in said if not hasattr(item, "unit")]
    verdict = max((CHECK.verdict_of(item) for item in findings), key=lambda verdict: verdict.rank)
    assert all(item.locations[0].path == name for item in findings if item.outcome is not Outcome.NOT_RUN)
    return verdict, {item.rule for item in findings}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_archive_is_told_with_its_rule(name: str, tmp_path: Path) -> None:
    rule, data = WRONG[name]
    verdict, rules = verdict_of(name, data, tmp_path / "model")
    assert rule in rules
    assert verdict is max((CHECK.verdicts[each] for each in rules), key=lambda each: each.rank)


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_name_that_is_not_what_it_seems_is_told(case: str, suffix: str, tmp_path: Path) -> None:
    rule, name = NAMES[case]
    members = [("ok.txt", b"1"), (name, b"2")]
    data = cases.zipped(members) if suffix == "zip" else cases.tarred(members)
    verdict, rules = verdict_of(
        f"m.{suffix}", gzip.compress(data) if suffix == "tar.gz" else data, tmp_path / "m"
    )
    assert rules == {rule}
    assert verdict in (FileVerdict.ATTACK, FileVerdict.NOT_READABLE)


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (("Data.txt", "data.txt"), "name-means-something-else"),
        (("data", "data/x"), "name-means-something-else"),
        (("data.bin", "d\u0430t\u0430.bin"), "name-hides-something"),
    ],
)
def test_names_that_are_one_to_some_are_told(names: tuple[str, str], rule: str, tmp_path: Path) -> None:
    _, rules = verdict_of("m.zip", cases.zipped([(name, b"") for name in names]), tmp_path / "m")
    assert rules == {rule}


@pytest.mark.parametrize(
    ("old", "new"), [(b"\0", "name-hides-something"), (b"\xff", "name-means-something-else")]
)
def test_bytes_that_are_no_text_in_a_name_are_told(old: bytes, new: str, tmp_path: Path) -> None:
    data = cases.zipped([("okXevil.txt", b"1")]).replace(b"okXevil.txt", b"ok" + old + b"evil.txt")
    assert verdict_of("m.zip", data, tmp_path / "m")[1] == {new}


@pytest.mark.parametrize("name", REVIEWED)
def test_archive_of_code_is_for_a_person_to_read(name: str, tmp_path: Path) -> None:
    assert verdict_of(name, REVIEWED[name], tmp_path / "m")[0] is FileVerdict.NEEDS_CLASS_INSTANCE


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_zeros_are_a_bomb_and_text_is_not(suffix: str, tmp_path: Path) -> None:
    honest, bomb = PACKED[suffix]
    assert verdict_of(f"a.{suffix}", honest, tmp_path / "a") == (FileVerdict.PLAIN_DATA, {"sound"})
    assert verdict_of(f"a.{suffix}", bomb, tmp_path / "b") == (FileVerdict.ATTACK, {"bomb"})


@pytest.mark.parametrize("suffix", PACKED)
def test_what_follows_a_packed_stream_is_told(suffix: str, tmp_path: Path) -> None:
    honest = PACKED[suffix][0]
    twice = verdict_of(f"a.{suffix}", honest + honest, tmp_path / "a")
    behind = verdict_of(f"a.{suffix}", honest + cases.ATTACK, tmp_path / "b")
    cut = verdict_of(f"a.{suffix}", honest[:-6], tmp_path / "c")
    assert behind[0] is cut[0] is FileVerdict.NOT_READABLE
    assert twice[0] is FileVerdict.PLAIN_DATA


def test_zip_bomb_inside_archives_is_found_without_unpacking_it(tmp_path: Path) -> None:
    inner = cases.zipped([("zeros", bytes(20 * 1024**2))], zipfile.ZIP_DEFLATED)
    outer = cases.zipped([(f"{index}.zip", inner) for index in range(16)], zipfile.ZIP_DEFLATED)
    assert "bomb" in verdict_of("42.zip", outer, tmp_path / "m")[1]


def test_archives_are_looked_into_four_deep_and_no_deeper(tmp_path: Path) -> None:
    assert verdict_of("a.zip", cases.nested_zip(3), tmp_path / "a") == (FileVerdict.PLAIN_DATA, {"sound"})
    assert verdict_of("a.zip", cases.nested_zip(30), tmp_path / "b")[1] == {"nested-too-deep"}


def test_zeros_in_an_array_are_no_bomb(tmp_path: Path) -> None:
    import numpy as np

    (tmp_path / "m").mkdir()
    np.savez_compressed(tmp_path / "m" / "mask.npz", mask=np.zeros((6000, 6000), dtype=bool))
    assert all(is_sound(each) for each in _examined(tmp_path / "m"))


def test_7z_is_looked_into_and_encrypted_7z_is_not_passed(tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr")

    def packed(password: str | None = None, **members: bytes) -> bytes:
        buffer = io.BytesIO()
        with py7zr.SevenZipFile(buffer, "w", password=password) as archive:
            for name, data in members.items():
                archive.writestr(data, name)
        return buffer.getvalue()

    assert verdict_of("a.7z", packed(a=b"text"), tmp_path / "a") == (FileVerdict.PLAIN_DATA, {"sound"})
    assert verdict_of("b.7z", packed(a=cases.ELF), tmp_path / "b")[1] == {"holds-program"}
    assert verdict_of("c.7z", packed(a=bytes(20 * 1024**2)), tmp_path / "c")[1] == {"bomb"}
    assert verdict_of("d.7z", packed("secret", a=b"text"), tmp_path / "d")[1] == {"unreadable"}
    assert verdict_of("e.7z", packed(a=b"text")[:-5], tmp_path / "e")[0] is FileVerdict.NOT_READABLE


@pytest.mark.parametrize("case", cases.model_cases())
@pytest.mark.parametrize("packing", ["zip", "deflated.zip", "tar", "tar.gz", "7z", "nested.zip"])
def test_model_in_an_archive_is_judged_by_the_check_of_its_kind(
    case: str, packing: str, tmp_path: Path
) -> None:
    files = cases.model_cases()[case]
    (member,) = files
    context = context_of(write_all(tmp_path / "m", {f"a.{packing}": _packed(packing, files)}))
    said = list(CHECK.examine_safely(context, context.snapshot.files[0]))
    told = next(item for item in said if item.rule in ("member-attacks", "member-malformed"))
    assert told.locations[0].path == f"a.{packing}"
    assert told.locations[0].detail.endswith(member)
    assert CHECK.verdict_of(told) in (FileVerdict.ATTACK, FileVerdict.NOT_READABLE)


def test_pickle_in_a_7z_archive_is_read_and_honest_ones_are_sound(tmp_path: Path) -> None:
    pytest.importorskip("py7zr")
    attack = _packed("7z", {"notes.txt": cases.ATTACK, "m.pt": cases.torch_zip()})
    assert verdict_of("a.7z", attack, tmp_path / "a") == (FileVerdict.ATTACK, {"member-attacks"})
    honest = _packed("7z", {"m.pkl": pickle.dumps({"a": [1.5]}), "config.json": b'{"model_type": "llama"}'})
    assert verdict_of("b.7z", honest, tmp_path / "b") == (FileVerdict.PLAIN_DATA, {"sound"})


def test_pickle_behind_zlib_under_any_name_is_read(tmp_path: Path) -> None:
    for name in ("a.zz", "model.pkl.z"):
        verdict = verdict_of(name, zlib.compress(cases.ATTACK), tmp_path / name)
        assert verdict == (FileVerdict.ATTACK, {"member-attacks"})


def test_file_packed_by_itself_is_judged_by_the_check_of_its_kind(tmp_path: Path) -> None:
    for case in ("keras", "safetensors"):
        ((name, data),) = cases.model_cases()[case].items()
        verdict, _ = verdict_of(f"{name}.gz", gzip.compress(data), tmp_path / case)
        assert verdict in (FileVerdict.ATTACK, FileVerdict.NOT_READABLE)


def test_model_too_long_to_be_held_is_told_and_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.archives.shelf.KEPT_BYTES", 100)
    data = cases.zipped([("m.onnx", os.urandom(200))], zipfile.ZIP_DEFLATED)
    assert verdict_of("a.zip", data, tmp_path / "a")[1] == {"unreadable"}


def test_requirements_of_a_served_archive_from_elsewhere_are_told(tmp_path: Path) -> None:
    manifest = (
        MANIFEST,
        b'{"model": {"handler": "image_classifier", "requirementsFile": "requirements.txt"}}',
    )
    for line, rules in (
        (b"torch>=2", {"holds-code"}),
        (b"--index-url https://example.com/simple", {"holds-code", "holds-dangerous-code"}),
    ):
        data = cases.zipped([manifest, ("requirements.txt", line)])
        assert verdict_of("a.mar", data, tmp_path / str(len(rules)))[1] == rules


def test_kinds_that_are_not_opened_are_not_passed(tmp_path: Path) -> None:
    for name, head in (("a.rar", b"Rar!\x1a\x07\x01\0"), ("b.zip", b"MSCF\0\0\0\0")):
        verdict, rules = verdict_of(name, head + bytes(600), tmp_path / name)
        assert (verdict, rules) == (FileVerdict.NOT_READABLE, {"unreadable"})


def test_what_torch_and_numpy_write_is_sound(tmp_path: Path) -> None:
    import numpy as np
    import torch

    folder = tmp_path / "m"
    folder.mkdir()
    state = {"a": torch.zeros(40, 40), "b": torch.ones(7)}
    torch.save(state, folder / "a.pt")
    torch.save(state, folder / "pytorch_model.bin")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "script.pt")
    np.savez(folder / "a.npz", a=np.arange(9))
    np.savez_compressed(folder / "b.npz", a=np.zeros((900, 900)))
    said = _examined(folder)
    assert len(said) == 5
    assert all(is_sound(each) for each in said)


def test_what_zip_and_tar_writers_write_is_sound(tmp_path: Path) -> None:
    files = {
        f"{method}.zip": cases.zipped([("README.md", b"text " * 99), ("ü/é.txt", b"")], method, b"made by me")
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    }
    files["streamed.zip"] = _streamed_zip()
    files["appended.zip"] = _appended_zip()
    files["empty.zip"] = cases.zipped([])
    files["metadata.tflite"] = b"\x1c\0\0\0TFL3" + bytes(400) + files["0.zip"]
    checkpoint = cases.torch_zip(content=b"N.")
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        files[f"{kind}.tar"] = _tar_of(kind, checkpoint)
    files["model.nemo"] = gzip.compress(files["2.tar"])
    files["several.zip"] = cases.zipped([("m.pt", checkpoint), ("a.tar.gz", files["model.nemo"])])
    said = _examined(write_all(tmp_path / "m", files))
    assert [each.message for each in said if not is_sound(each)] == []
    assert len(said) == len(files)


def test_honest_and_other_files_are_one_pass_and_nothing(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "m", {"a.zip": cases.zipped([("a", b"1")]), "notes.txt": b"PK and BZh"})
    (passed,) = findings_of(CHECK, folder)
    assert passed.outcome is Outcome.PASS
    assert [place.path for place in passed.locations] == ["a.zip"]
    (not_run,) = findings_of(CHECK, write_all(tmp_path / "n", {"notes.txt": b"text"}))
    assert not_run.outcome is Outcome.NOT_RUN


def test_names_in_messages_are_escaped_and_short(tmp_path: Path) -> None:
    data = cases.zipped([("../\x1b[31m" + "x" * 5000, b"1")])
    for finding in _examined(write_all(tmp_path / "m", {"a.zip": data})):
        assert finding.message.isprintable()
        assert len(finding.message) < 600


def test_tensors_that_were_not_fetched_are_told_and_the_rest_is_judged() -> None:
    name, data = "m.pt", cases.torch_zip([("archive/../x", b"1")])
    begin, _ = cases.places(data)
    pieces = (Piece(0, 60, 0), Piece(begin, len(data), 60))
    kept = data[:60] + data[begin:]

    def opened() -> BinaryIO:
        return Parts(pieces, "", "only its directory was read").reader(
            name, len(data), lambda: io.BytesIO(kept)
        )

    codes = {fault.rule.code for fault in look_into(opened, name, len(data)).faults}
    assert {"not-fetched", "name-leads-out"} <= codes


def test_random_bytes_behind_every_magic_never_escape_as_errors(tmp_path: Path) -> None:
    heads = (
        *(b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
        *(b"\x04\x22\x4d\x18", b"7z\xbc\xaf\x27\x1c", cases.tarred([("a", b"")])[:512]),
    )
    files = {f"{index}.zip": head + os.urandom(2000) for index, head in enumerate(heads)}
    for finding in _examined(write_all(tmp_path / "m", files)):
        assert finding.outcome is not Outcome.PASS


@pytest.mark.parametrize("name", ["checksum.pt", "two-names.tar", "handler.mar"])
def test_any_cut_and_any_flipped_byte_is_read_without_an_error(name: str, tmp_path: Path) -> None:
    data = WRONG[name][1]
    for step in range(0, len(data), max(1, len(data) // 60)):
        for changed in (data[:step], cases.patched(data, (step, bytes([data[step] ^ 0xFF])))):
            look_into(lambda changed=changed: io.BytesIO(changed), name, len(changed))  # type: ignore[misc]


def _examined(folder: Path):  # type: ignore[no-untyped-def]
    context = context_of(folder)
    return [item for entry in context.snapshot.files for item in CHECK.examine_safely(context, entry)]


def _packed(packing: str, files: Mapping[str, bytes]) -> bytes:
    members = list(files.items())
    if packing == "7z":
        py7zr = pytest.importorskip("py7zr")
        buffer = io.BytesIO()
        with py7zr.SevenZipFile(buffer, "w") as archive:
            for name, data in members:
                archive.writestr(data, name)
        return buffer.getvalue()
    tar = cases.tarred(members)
    return {
        "zip": cases.zipped(members),
        "deflated.zip": cases.zipped(members, zipfile.ZIP_DEFLATED),
        "tar": tar,
        "tar.gz": gzip.compress(tar),
        "nested.zip": cases.zipped([("in.tar.gz", gzip.compress(tar))], zipfile.ZIP_DEFLATED),
    }[packing]


def _streamed_zip() -> bytes:
    """As written to a pipe: sizes behind the data, and 64-bit fields that are not needed."""

    class _Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += data
            return len(data)

    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", "text" * 50)
        with archive.open("c.bin", "w", force_zip64=True) as stream:
            stream.write(bytes(100))
    return bytes(pipe.data)


def _appended_zip() -> bytes:
    buffer = io.BytesIO()
    for name in ("a", "b"):
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr(name, name * 99)
    return buffer.getvalue()


def _tar_of(kind: int, checkpoint: bytes) -> bytes:
    """As `tar -C folder .` writes it, with long and foreign names where the kind allows them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        folder = tarfile.TarInfo(".")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        names = ["./model.ckpt", "./ü.yaml"]
        names += [f"./{'d/' * 60}{'n' * 120}"] if kind != tarfile.USTAR_FORMAT else []
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(checkpoint)
            archive.addfile(info, io.BytesIO(checkpoint))
    return buffer.getvalue()


def test_folder_that_holds_bytes_is_an_attack(tmp_path: Path) -> None:
    data = cases.zipped([("ok.txt", b"1"), ("a/data.pkl/", b"cos\nsystem\n(S'x'\ntR.")])
    verdict, rules = verdict_of("m.zip", data, tmp_path)
    assert verdict is FileVerdict.ATTACK
    assert "hidden-member" in rules


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"import os\nos.system('x')\n", FileVerdict.ATTACK),
        (b"import os\ndef run():\n    os.system('x')\n", FileVerdict.NEEDS_CLASS_INSTANCE),
    ],
)
def test_package_that_starts_a_program_when_imported_is_an_attack(
    source: bytes, expected: FileVerdict, tmp_path: Path
) -> None:
    data = cases.zipped([("x/__init__.py", source), ("x-1.dist-info/METADATA", b"Name: x\n")])
    assert verdict_of("x-1-py3-none-any.whl", data, tmp_path)[0] is expected


def test_served_model_without_its_handler_is_broken(tmp_path: Path) -> None:
    manifest = b'{"model": {"handler": "handler.py", "serializedFile": "w.bin"}}'
    data = cases.zipped([(MANIFEST, manifest), ("w.bin", b"1")])
    assert verdict_of("m.mar", data, tmp_path)[0] is FileVerdict.NOT_READABLE


def test_tar_archive_of_nothing_but_zeros_is_a_bomb(tmp_path: Path) -> None:
    data = gzip.compress(cases.tarred([("a", bytes(48 * 1024**2))]))
    assert "bomb" in verdict_of("m.tar.gz", data, tmp_path)[1]


def test_package_named_as_a_module_of_python_does_not_call_itself(tmp_path: Path) -> None:
    data = cases.zipped([("os/__init__.py", b"import os\nos.system('x')\n")])
    assert verdict_of("os-1-py3-none-any.whl", data, tmp_path)[0] is FileVerdict.ATTACK


@pytest.mark.parametrize(
    "member", ["word/vbaProject.bin", "xl/macrosheets/sheet1.xml", "Basic/Standard/a.xml"]
)
def test_macros_of_a_document_are_for_a_person(member: str, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(member, b"<macros/>")
    expected = (FileVerdict.NEEDS_CLASS_INSTANCE, {"holds-code"})
    verdict, rules = verdict_of("card.docm", stream.getvalue(), tmp_path)
    assert (verdict, rules) == expected, rules
