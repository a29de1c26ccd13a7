"""What a hub tells about a repository is looked at before it is believed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.hub.folder import HubFolder
from scanner.manifest import Snapshot
from scanner.source import FetchOptions, SourceError
from tests.hub_server import HubServer, answering, git_blob_sha1
from tests.scanner.test_hub_fence import INFO, QUICK, TREE, at, get, refused

Entry = dict[str, Any]
FILES = {"config.json": b"{}", "README.md": b"# Tiny\n"}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("org/tiny", FILES)
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> FetchOptions:
    return FetchOptions(tmp_path / "cache", endpoint=hub.url)


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


LEADS_OUT = [
    "../escaped", "../../../../../../../../tmp/escaped", "a/../../escaped", "/tmp/escaped", "//server/share",
    "\\\\server\\share\\x",
    "C:\\escaped", "C:/escaped", "C:escaped", "a/C:/escaped", "a\\b", "..\\escaped", "..", ".",
    "", "./x", "a/./b", "a//b", "a/", "nul\0byte", "line\nbreak", "tab\t", "esc\x1b[2J", "del\x7f",
    "rtl\u202egpj.exe",
    "zero\u200bwidth", "lone\ud800surrogate", "a" * 256, "\u00e9" * 128, "/".join(["deep"] * 300),
]  # fmt: skip


@pytest.mark.parametrize("name", LEADS_OUT)
def test_name_that_leads_out_or_is_not_what_it_looks_like_is_refused(
    hub: HubServer, options: FetchOptions, tmp_path: Path, name: str
) -> None:
    bad: Entry = {"type": "file", "path": name, "size": 7, "oid": git_blob_sha1(b"outside")}
    hub.entries = lambda entries: [*entries, bad]
    before = everything(tmp_path)
    assert "lists a file" in refused(options)
    assert not hub.paths("GET /org/tiny/resolve/")
    new = everything(tmp_path) - before
    assert all(path == "cache" or path.startswith("cache/hub") for path in new)
    assert not [path for path in new if (tmp_path / path).is_file()]


@pytest.mark.parametrize(
    "changed",
    [
        {"path": None}, {"path": 7}, {"path": ["config.json"]}, {"path": {"a": 1}},
        {"size": None}, {"size": "7"}, {"size": 7.5}, {"size": True}, {"size": -1}, {"size": 2**70},
        {"size": 10**4000},
        {"oid": None}, {"oid": 7}, {"oid": []},
        {"lfs": 7}, {"lfs": []}, {"lfs": {}}, {"lfs": {"oid": 7, "size": 7, "pointerSize": 1}},
        {"lfs": {"oid": "0" * 64, "size": 8, "pointerSize": 1}},
        {"type": []}, {"lastCommit": 7}, {"securityFileStatus": "safe"},
    ],
)  # fmt: skip
def test_field_of_a_wrong_type_or_with_an_absurd_value_is_one_error(
    hub: HubServer, options: FetchOptions, changed: Entry
) -> None:
    entry: Entry = {"type": "file", "path": "x", "size": 7, "oid": "0" * 40} | changed
    hub.entries = lambda entries: [entry]
    if changed == {"type": []}:  # no file, to the client: it is not fetched, and nothing is left
        assert "none of the 0 files" in refused(options)
        return
    shown = refused(options)
    assert "does not answer like a hub" in shown or "lists" in shown
    assert len(shown) < 500


@pytest.mark.parametrize(
    "changed",
    [
        {"sha": None}, {"sha": 7}, {"sha": "main"}, {"sha": "../" * 13 + "x"}, {"sha": "A" * 40},
        {"sha": "0" * 39},
        {"sha": "0" * 40 + "\n"}, {"id": None}, {"id": 7}, {"lastModified": 7}, {"lastModified": "yesterday"},
        {"author": 7}, {"gated": {"a": 1}}, {"gated": [1]},
        {"siblings": 7}, {"siblings": [1]},
        {"safetensors": "x"}, {"transformersInfo": 7}, {"inferenceProviderMapping": 7},
        {"evalResults": [7]},
    ],
)  # fmt: skip
def test_model_route_with_wrong_fields_is_one_error(
    hub: HubServer, options: FetchOptions, changed: Entry
) -> None:
    hub.info = lambda fields: fields | changed
    assert "does not answer like a hub" in refused(options)


@pytest.mark.parametrize("place", [INFO, TREE])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"<!doctype html><title>Sign in to the guest network</title>", b"null", b"7", b'"x"',
        b"[7]", b'["x"]',
        b'{"a": 1}', b"[[]]", b"{", b"[" * 150_000, b'{"a":' * 30_000, b"\xff\xfe", b'[{"path": "\xc3"}]',
        b"[1e999999]", b"[" + b"9" * 5000 + b"]", b"NaN", b'{"id": "x", "id": "y"}',
    ],
)  # fmt: skip
def test_answer_that_is_no_hubs_is_one_error(
    hub: HubServer, options: FetchOptions, place: str, body: bytes
) -> None:
    at(
        hub,
        place,
        answering(200, [body], {"Content-Type": "application/json", "Content-Length": str(len(body))}),
    )
    assert "does not answer like a hub" in refused(options)


def test_text_of_the_hub_is_kept_short_and_on_one_line(hub: HubServer, options: FetchOptions) -> None:
    hub.info = lambda fields: fields | {"author": "org\x1b[31m\n" + "x" * 100_000, "gated": "auto\u202e"}
    facts = dict(get(options).source)
    assert facts["author"].isprintable()
    assert len(facts["author"]) == 200
    assert facts["gated"] == "auto?"


def test_repository_that_moved_is_named(hub: HubServer, options: FetchOptions) -> None:
    assert "answers_as" not in dict(get(options).source)
    hub.info = lambda fields: fields | {"id": "newcomer/tiny"}
    assert ("answers_as", "newcomer/tiny") in get(options).source


def test_other_commit_than_the_one_asked_for_is_an_error(hub: HubServer, options: FetchOptions) -> None:
    asked = hub.add("org/tiny", FILES)
    other = hub.add("org/tiny", {"config.json": b"other"})
    hub.info = lambda fields: fields | {"sha": other}
    assert f"answers commit {other} when asked for {asked}" in refused(options, f"hf://org/tiny@{asked}")


def test_path_listed_twice_is_an_error(hub: HubServer, options: FetchOptions) -> None:
    hub.entries = lambda entries: [*entries, dict(entries[0], size=3)]
    assert "'config.json' twice" in refused(options)


@pytest.mark.parametrize("order", [1, -1])
def test_path_that_is_file_and_folder_is_an_error(hub: HubServer, options: FetchOptions, order: int) -> None:
    below: Entry = {"type": "file", "path": "config.json/x/y", "size": 1, "oid": "0" * 40}
    hub.entries = lambda entries: [*entries, below][::order]
    assert "'config.json' as a file and as the folder of 'config.json/x/y'" in refused(options)


def test_links_of_the_repository_are_fetched_as_files(hub: HubServer, options: FetchOptions) -> None:
    # What git stores for a link is its target as text, and that is all the hub serves.
    hub.add("org/tiny", {**FILES, "link": b"/etc/passwd"})
    place = get(options).local_path("link")
    assert not place.is_symlink()
    assert place.read_bytes() == b"/etc/passwd"


def test_names_that_differ_in_case_are_kept_apart_where_the_disk_can(
    hub: HubServer, options: FetchOptions
) -> None:
    hub.add("org/tiny", {**FILES, "Config.json": b"other"})
    snapshot = get(options)
    assert snapshot.local_path("Config.json").read_bytes() == b"other"
    assert snapshot.local_path("config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("others", [("Config.json",), ("CONFIG.JSON/x",)])
def test_names_that_are_one_on_this_disk_are_an_error_that_names_both(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch, others: tuple[str, ...]
) -> None:
    monkeypatch.setattr(HubFolder, "ignores_case", True)
    assert get(options).files  # as long as nothing collides
    hub.add("org/tiny", {**FILES, **dict.fromkeys(others, b"other")})
    shown = refused(options)
    assert "config.json" in shown
    assert others[0] in shown


def test_disk_that_counts_case_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    folder = HubFolder(tmp_path / "org--Tiny", "0" * 40)
    folder.prepare()
    assert not folder.ignores_case
    (tmp_path / "ORG--tINY").mkdir()  # another repository, not the same
    assert not folder.ignores_case


def test_as_many_files_as_we_fetch_and_no_more(hub: HubServer, options: FetchOptions) -> None:
    many = {f"file-{number}": b"" for number in range(QUICK.files - len(FILES))}
    hub.add("org/tiny", {**FILES, **many})
    hub.page_size = 7
    assert len(get(options).files) == QUICK.files
    hub.add("org/tiny", {**FILES, **many, "one-more": b""})
    assert "more than 50 files" in refused(options)


def test_patterns_choose_what_is_fetched_and_the_rest_is_named(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", {**FILES, "onnx/model.onnx": b"1", "onnx/config.json": b"2", "run.py": b"3"})
    chosen = dataclasses.replace(options, allow=("*.json", "onnx/"), ignore=("*.onnx",))
    snapshot = get(chosen)
    assert [entry.path for entry in snapshot.files] == ["config.json", "onnx/config.json"]
    assert [value for key, value in snapshot.source if key == "left_out"] == [
        "README.md", "onnx/model.onnx", "run.py",
    ]  # fmt: skip
    assert snapshot.missing == ()
    assert len(hub.paths("GET /org/tiny/resolve/")) == 2
    assert get(dataclasses.replace(chosen, offline=True)).files == snapshot.files
    assert "the patterns leave none of the 5 files" in refused(
        dataclasses.replace(options, allow=("*.gguf",))
    )


def test_very_many_left_out_files_are_counted(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", {**FILES, **{f"log/{number}": b"" for number in range(1003)}})
    limits = dataclasses.replace(QUICK, files=2000)
    snapshot = get(dataclasses.replace(options, ignore=("log/",)), limits=limits)
    assert len([key for key, _ in snapshot.source if key == "left_out"]) == 1000
    assert ("left_out_more", "3") in snapshot.source


def test_files_that_the_tree_does_not_list_are_named(hub: HubServer, options: FetchOptions) -> None:
    snapshot: Snapshot = get(options)
    root = Path(snapshot.root)
    (root / "sub").mkdir()
    (root / "sub" / "modeling.py").write_text("print('planted')")
    (root / "folder").symlink_to("/etc")
    again = get(options)
    assert [value for key, value in again.source if key == "extra_file"] == ["folder", "sub/modeling.py"]
    assert again.files == snapshot.files


@pytest.mark.parametrize("damage", [{"path": "../../x"}, {"size_bytes": -1}, {"size_bytes": "x"}])
def test_kept_listing_that_was_changed_is_refused_offline(
    hub: HubServer, options: FetchOptions, damage: Entry
) -> None:
    commit = get(options).commit
    kept = options.cache / "hub" / "org--tiny" / f"{commit}.json"
    listing = json.loads(kept.read_text())
    listing["files"][0] |= damage
    kept.write_text(json.dumps(listing))
    with pytest.raises(SourceError, match="not a HubListing"):
        get(dataclasses.replace(options, offline=True))
