"""The directory source: what it lists, what it refuses, and the digests it finds beside the files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from scanner.fetching import fetch
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError
from tests.hub_server import git_blob_sha1

CONFIG = b'{"model_type": "llama"}'
WEIGHTS = b"weights" * 1000
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "sub" / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def get(folder: Path) -> Snapshot:
    return fetch(ModelRef.parse(str(folder)), FetchOptions(folder.parent / "cache"))


def hub_metadata(folder: Path, path: str, etag: str, commit: str = COMMIT) -> None:
    """Writes what huggingface_hub leaves beside a file of a local_dir."""
    file = folder / ".cache" / "huggingface" / "download" / f"{path}.metadata"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{commit}\n{etag}\n1767322800.0\n")


def test_every_file_is_listed_with_our_digest(model: Path) -> None:
    snapshot = get(model)
    assert [(entry.path, entry.sha256, entry.size_bytes) for entry in snapshot.files] == [
        ("config.json", sha256(CONFIG), len(CONFIG)),
        ("sub/model.safetensors", sha256(WEIGHTS), len(WEIGHTS)),
    ]
    assert snapshot.commit is None
    assert snapshot.root == str(model.resolve())
    assert all(entry.matches_source is None for entry in snapshot.files)


def test_digest_unchanged_when_model_moved(model: Path, tmp_path: Path) -> None:
    before = get(model)
    after = get(model.rename(tmp_path / "elsewhere"))
    assert (before.digest, before.weights_digest) == (after.digest, after.weights_digest)


def test_tool_folders_are_counted_and_not_listed(model: Path) -> None:
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (model / "sub" / ".cache").mkdir()
    (model / "sub" / ".cache" / "kept.bin").write_text("listed: only the hub's own .cache is at the top")
    snapshot = get(model)
    assert ("left_out", ".git/ (1 files)") in snapshot.source
    assert [entry.path for entry in snapshot.files] == [
        "config.json", "sub/.cache/kept.bin", "sub/model.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["missing", "empty", "not-a-model", "a-file"])
def test_what_is_no_model_is_an_error_with_a_hint(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "not-a-model").mkdir()
    (tmp_path / "not-a-model" / "notes.txt").write_text("nothing here")
    (tmp_path / "a-file").write_text("nothing here")
    with pytest.raises(SourceError) as caught:
        get(tmp_path / name)
    assert caught.value.hint
    assert name in str(caught.value)


def test_hub_cache_root_is_answered_with_its_snapshot(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--org--tiny" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_bytes(CONFIG)
    with pytest.raises(SourceError) as caught:
        get(tmp_path / "models--org--tiny")
    assert COMMIT in caught.value.hint


def test_hub_cache_snapshot_is_read_through_its_links(tmp_path: Path) -> None:
    repository = tmp_path / "models--org--tiny"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for name, data, blob in [
        ("config.json", CONFIG, git_blob_sha1(CONFIG)),
        ("model.safetensors", WEIGHTS, sha256(WEIGHTS)),
    ]:
        (repository / "blobs" / blob).write_bytes(data)
        (snapshot / name).symlink_to(Path("..", "..", "blobs", blob))
    (snapshot / "gone.json").symlink_to(Path("..", "..", "blobs", "0" * 40))
    found = get(snapshot)
    assert found.commit == COMMIT
    assert [entry.matches_source for entry in found.files] == [True, True]
    assert found.missing == ("gone.json",)
    (repository / "blobs" / sha256(WEIGHTS)).write_bytes(b"tampered")
    assert [entry.matches_source for entry in get(snapshot).files] == [True, False]


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """A snapshot in a hub cache that another commit shares."""
    repository = tmp_path / "hub" / "models--org--tiny"
    snapshot = repository / "snapshots" / COMMIT
    (snapshot / "sub").mkdir(parents=True)
    (repository / "snapshots" / ("0" * 40)).mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    (repository / "blobs" / sha256(WEIGHTS)).write_bytes(WEIGHTS)
    (snapshot / "model.safetensors").symlink_to(Path("..", "..", "blobs", sha256(WEIGHTS)))
    (snapshot / "sub" / "model.gguf").symlink_to(Path("..", "..", "..", "blobs", sha256(WEIGHTS)))
    return snapshot


def test_folder_inside_a_hub_snapshot_is_read_through_its_links(cached: Path) -> None:
    found = get(cached / "sub")
    assert [(entry.path, entry.matches_source) for entry in found.files] == [("model.gguf", True)]
    assert found.commit == COMMIT


@pytest.mark.parametrize("above", [1, 2])
def test_hub_cache_is_not_taken_for_one_model(cached: Path, above: int) -> None:
    with pytest.raises(SourceError, match="a hub cache with 2 commits") as caught:
        get(cached.parents[above])
    assert str(cached) in caught.value.hint


def test_link_of_a_hub_snapshot_to_another_repository_leads_out(cached: Path) -> None:
    other = cached.parents[2] / "models--org--other" / "blobs"
    other.mkdir(parents=True)
    (other / "secret").write_text("another model's")
    (cached / "notes.txt").symlink_to(other / "secret")
    snapshot = get(cached)
    assert snapshot.find("notes.txt") is None
    assert ("link_outside", f"notes.txt -> {other / 'secret'}") in snapshot.source


def test_only_the_hubs_notes_in_dot_cache_are_left_out(model: Path) -> None:
    hub_metadata(model, "config.json", git_blob_sha1(CONFIG))
    (model / ".cache" / "evil.bin").write_bytes(WEIGHTS)
    snapshot = get(model)
    assert snapshot.find(".cache/evil.bin") is not None
    assert ("left_out", ".cache/huggingface/ (1 files)") in snapshot.source


def test_link_out_of_the_folder_is_recorded_and_never_read(model: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not the model's")
    (model / "notes.txt").symlink_to(secret)
    (model / "others").symlink_to(tmp_path, target_is_directory=True)
    snapshot = get(model)
    assert snapshot.find("notes.txt") is None
    assert ("link_outside", f"notes.txt -> {secret}") in snapshot.source
    assert ("link_outside", f"others -> {tmp_path}") in snapshot.source
    assert not [entry for entry in snapshot.files if entry.path.startswith("others")]


def test_link_inside_the_folder_is_a_file_like_any_other(model: Path) -> None:
    (model / "alias.safetensors").symlink_to(Path("sub", "model.safetensors"))
    entry = get(model).find("alias.safetensors")
    assert entry is not None
    assert entry.sha256 == sha256(WEIGHTS)


def test_link_that_leads_nowhere_or_in_a_circle_is_missing(model: Path) -> None:
    (model / "circle.bin").symlink_to("circle.bin")
    (model / "nowhere.bin").symlink_to("nothing")
    assert get(model).missing == ("circle.bin", "nowhere.bin")


def test_model_reached_through_a_link_is_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(model, target_is_directory=True)
    assert get(tmp_path / "current").digest == get(model).digest


@pytest.mark.skipif(os.name != "posix", reason="named pipes are of POSIX")
def test_named_pipe_is_refused_and_not_waited_for(model: Path) -> None:
    os.mkfifo(model / "model.bin")
    with pytest.raises(SourceError, match="not a regular file"):
        get(model)


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are of POSIX")
@pytest.mark.parametrize("name", [b"evil\nname.bin", b"\xff\xfe.bin"])
def test_name_that_could_forge_a_listing_is_refused(model: Path, name: bytes) -> None:
    Path(os.fsdecode(os.path.join(os.fsencode(model), name))).write_bytes(b"x")
    with pytest.raises(SourceError, match="file name"):
        get(model)


def test_unreadable_file_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by taking the permission away: tests that run as root may read everything.
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("scanner.file_hashing.open", refuse, raising=False)
    with pytest.raises(SourceError, match=r"\.(json|safetensors): Permission denied") as caught:
        get(model)
    assert "readable" in caught.value.hint


def test_hub_metadata_gives_commit_and_digests(model: Path) -> None:
    hub_metadata(model, "config.json", git_blob_sha1(CONFIG))
    hub_metadata(model, "sub/model.safetensors", sha256(WEIGHTS))
    snapshot = get(model)
    assert snapshot.commit == COMMIT
    assert [entry.matches_source for entry in snapshot.files] == [True, True]
    (model / "config.json").write_bytes(CONFIG.replace(b"llama", b"llamb"))
    assert [entry.matches_source for entry in get(model).files] == [False, True]
    (model / "config.json").unlink()
    assert get(model).missing == ("config.json",)


def test_hub_metadata_of_two_commits_names_no_commit(model: Path) -> None:
    hub_metadata(model, "config.json", git_blob_sha1(CONFIG))
    hub_metadata(model, "sub/model.safetensors", sha256(WEIGHTS), commit="f" * 40)
    snapshot = get(model)
    assert snapshot.commit is None
    assert "commits_mixed" in dict(snapshot.source)


@pytest.mark.parametrize("content", ["", "no commit\nno digest\n", "\x00\xff"])
def test_damaged_hub_metadata_is_told(model: Path, content: str) -> None:
    hub_metadata(model, "config.json", git_blob_sha1(CONFIG))
    file = model / ".cache" / "huggingface" / "download" / "config.json.metadata"
    file.write_bytes(content.encode("latin-1"))
    snapshot = get(model)
    assert all(entry.source_digest is None for entry in snapshot.files)
    assert "config.json" in dict(snapshot.source).get("digest_unreadable", "") or not content


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("SHA256SUMS", "{digest}  sub/model.safetensors"),
        ("SHA256SUMS", "{digest} *./sub/model.safetensors"),
        ("sha256sums.txt", "SHA256 (sub/model.safetensors) = {digest}"),
        ("sub/model.safetensors.sha256", "{digest}"),
        ("sub/model.safetensors.sha256", "{digest}  model.safetensors"),
        ("checksums.txt", "# made by a script\n\n{digest}  sub/model.safetensors"),
    ],
)
def test_sums_files_are_read_in_every_usual_form(model: Path, name: str, line: str) -> None:
    for data, expected in [(WEIGHTS, True), (b"other", False)]:
        (model / name).write_text(line.format(digest=sha256(data).upper()) + "\n")
        entry = get(model).find("sub/model.safetensors")
        assert entry is not None
        assert entry.matches_source is expected
        assert entry.source_digest is not None
        assert entry.source_digest.origin == name


@pytest.mark.parametrize("line", ["rubbish", "{d}  ../outside.bin", "{d}  /etc/passwd", "abc  config.json"])
def test_unreadable_line_of_a_sums_file_is_told(model: Path, line: str) -> None:
    (model / "SHA256SUMS").write_text(line.format(d="0" * 64))
    snapshot = get(model)
    assert "SHA256SUMS, line 1" in dict(snapshot.source)["digest_unreadable"]
    assert snapshot.missing == ()


def test_file_on_record_and_not_there_is_missing(model: Path) -> None:
    (model / "SHA256SUMS").write_text(f"{'0' * 64}  gone.safetensors\n")
    assert get(model).missing == ("gone.safetensors",)


def test_contradicting_record_is_not_hidden_by_a_fitting_one(model: Path) -> None:
    hub_metadata(model, "sub/model.safetensors", sha256(WEIGHTS))
    (model / "SHA256SUMS").write_text(f"{'0' * 64}  sub/model.safetensors\n")
    entry = get(model).find("sub/model.safetensors")
    assert entry is not None
    assert entry.matches_source is False
    assert entry.source_digest is not None
    assert entry.source_digest.origin == "SHA256SUMS"
