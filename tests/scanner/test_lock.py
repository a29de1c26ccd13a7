"""Locks: what they say, how they are written and read, and what is held against them."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as some

from scanner.lock.differences import Kind, differences, same_tensors
from scanner.lock.lock_file import decode_lock, encode_lock, encoded_schema, read_lock, shipped_schema
from scanner.lock.model_lock import LockError, ModelLock, lock_of, without_secrets
from scanner.manifest import FileEntry, LeftOut, Snapshot, SourceDigest, TensorIdentity
from scanner.references import ModelRef

COMMIT = "0123456789" * 4
ORIGIN = f"hub tree at {COMMIT}"
DAY = datetime.date(2026, 1, 2)
TENSORS = TensorIdentity("tensors-1", "a" * 64, 3, 96)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entry(path: str, content: str = "", *, recorded: str = "") -> FileEntry:
    source = SourceDigest("sha256", recorded, ORIGIN) if recorded else None
    return FileEntry(path, len(content), sha256(content), None, source)


def snapshot(*files: FileEntry, commit: str | None = COMMIT, **parts: Any) -> Snapshot:
    files = files or (entry("config.json", "{}"), entry("model.safetensors", "weights"))
    return Snapshot(ModelRef.parse("hf://org/name@main"), commit, "/somewhere/on/disk", files, **parts)


def lock(given: Snapshot | None = None, **parts: Any) -> ModelLock:
    return lock_of(given or snapshot(), fetched_on=DAY, tool="Weighbridge 0.1", **parts)


def document(of: ModelLock | None = None) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(encode_lock(of or lock()))
    return loaded


def test_lock_comes_back_as_it_was_written(tmp_path: Path) -> None:
    git = SourceDigest("git-sha1", "b" * 40, ORIGIN)
    files = (
        FileEntry("a é.json", 2, sha256("{}"), "b" * 40, git),
        dataclasses.replace(entry("w.bin", "x", recorded=sha256("x")), tensor_digest="c" * 64),
    )
    facts = (("requested_revision", "main"), ("endpoint", "https://mirror.example"), ("left_out", "x.onnx"))
    tensors = dataclasses.replace(TENSORS, left_out=(LeftOut("w.bin", "no index"),))
    made = lock(snapshot(*files, source=facts, tensors=tensors), ignore=("*.onnx",))
    path = tmp_path / "model.lock.json"
    path.write_bytes(encode_lock(made))
    assert read_lock(path) == made
    assert (made.left_out, made.endpoint) == (("x.onnx",), "https://mirror.example")
    assert [file.recorded_by for file in made.files] == [
        "hub tree at the commit (git-sha1)",
        "hub tree at the commit (sha256)",
    ]


paths = some.text(some.characters(exclude_categories=["C"]), min_size=1, max_size=8)


@given(some.dictionaries(paths, some.text(max_size=3), min_size=1, max_size=5))
def test_any_model_goes_through_its_lock_unharmed(contents: dict[str, str]) -> None:
    given = snapshot(*(entry(path, content) for path, content in sorted(contents.items())))
    made = lock(given)
    assert decode_lock(encode_lock(made), "x") == made
    assert differences(made, given) == ()


def test_equal_models_have_equal_locks_whatever_the_order_and_the_place() -> None:
    first = snapshot()
    moved = dataclasses.replace(first, root="/elsewhere", files=tuple(reversed(first.files)))
    assert encode_lock(lock(first)) == encode_lock(lock(moved))
    assert "somewhere" not in encode_lock(lock(first)).decode()


def test_a_new_commit_changes_only_the_lines_of_what_it_changes() -> None:
    origin = f"hub tree at {'9' * 40}"
    old = snapshot(entry("a", "1", recorded=sha256("1")), entry("b", "2", recorded=sha256("2")))
    changed = dataclasses.replace(entry("b", "3"), source_digest=SourceDigest("sha256", sha256("3"), origin))
    kept = dataclasses.replace(old.files[0], source_digest=SourceDigest("sha256", sha256("1"), origin))
    new = dataclasses.replace(old, commit="9" * 40, files=(kept, changed))
    before, after = (encode_lock(lock(each)).decode().splitlines() for each in (old, new))
    differing = [one.strip().partition(":")[0] for one, two in zip(before, after, strict=True) if one != two]
    assert differing == ['"commit"', '"digest"', '"sha256"']


def test_schema_file_is_that_of_the_types(update_golden: bool) -> None:
    if update_golden:
        target = Path(__file__).parents[2] / "scanner" / "data" / "model-lock.schema.json"
        target.write_bytes(encoded_schema())
    assert shipped_schema() == encoded_schema(), "run pytest tests/scanner/test_lock.py --update-golden"


def test_locks_are_valid_against_the_shipped_schema_and_mangled_ones_are_not() -> None:
    schema = json.loads(shipped_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(document(lock(snapshot(tensors=TENSORS))))
    wrong = document()
    wrong["files"][0]["sha256"] = "short"
    assert not validator.is_valid(wrong)
    assert not validator.is_valid({**document(), "extra": 1})


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    value = document()
    change(value)
    return json.dumps(value).encode()


def named_with_a_line_feed(value: dict[str, Any]) -> None:
    value["files"][0]["path"] = "a\n0"
    listing = "".join(f"{each['sha256']}  {each['path']}\n" for each in value["files"])
    value["digest"] = sha256(listing)


WHOLE = encode_lock(lock())
DAMAGE = {
    "empty": (b"", "not JSON"),
    "cut off": (WHOLE[: len(WHOLE) // 2], "not JSON"),
    "not text": (b"\xff\xfe\x00", "not JSON"),
    "deep": (b"[" * 100_000, "not JSON"),
    "a list": (b"[]", "is list"),
    "no schema": (edited(lambda lock: lock.pop("schema")), "schema is None"),
    "other schema": (edited(lambda lock: lock.update(schema="weighbridge.report/1")), "weighbridge.report/1"),
    "newer schema": (edited(lambda lock: lock.update(schema="weighbridge.model-lock/2")), "known is"),
    "key missing": (edited(lambda lock: lock.pop("commit")), "commit"),
    "key misspelt": (edited(lambda lock: lock["files"][0].update(tensor_digset="c")), "tensor_digset"),
    "key twice": (WHOLE.replace(b'"commit"', b'"commit": "x",\n  "commit"', 1), "twice"),
    "type": (edited(lambda lock: lock["files"][0].update(size_bytes="2")), "size_bytes"),
    "size below zero": (edited(lambda lock: lock["files"][0].update(size_bytes=-1)), "size_bytes"),
    "digest too short": (edited(lambda lock: lock["files"][0].update(sha256="ab")), "sha256"),
    "digest edited": (edited(lambda lock: lock["files"][0].update(sha256="a" * 64)), "digest"),
    "path edited": (edited(lambda lock: lock["files"][0].update(path="aonfig.json")), "digest"),
    "file removed": (edited(lambda lock: lock["files"].pop()), "digest"),
    "no files": (edited(lambda lock: lock.update(files=[])), "empty"),
    "file twice": (edited(lambda lock: lock["files"].append(lock["files"][-1])), "sorted"),
    "order": (edited(lambda lock: lock["files"].reverse()), "sorted"),
    "control characters": (edited(named_with_a_line_feed), "control characters"),
    "an escape": (edited(lambda lock: lock.update(reference="hf://o/n\x1b[2J")), "control characters"),
    "half a character": (WHOLE.replace(b"hf://org/name@main", b"hf://org/\\ud800"), "control characters"),
    "scheme": (edited(lambda lock: lock.update(scheme="directory")), "scheme"),
    "reference": (edited(lambda lock: lock.update(reference="")), "reference"),
    "date": (edited(lambda lock: lock.update(fetched_on="yesterday")), "fetched_on"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_lock_is_one_clear_error(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.lock.json"
    path.write_bytes(data)
    with pytest.raises(LockError) as raised:
        read_lock(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message
    assert raised.value.hint


@given(some.data())
def test_no_cut_and_no_flipped_bit_is_read_as_other_bytes(data: some.DataObject) -> None:
    """Damage may go unseen in who made the lock and when, never in which bytes it names."""
    place = data.draw(some.integers(0, len(WHOLE) - 1))
    flipped = bytearray(WHOLE)
    flipped[place] ^= 1 << data.draw(some.integers(0, 7))
    for damaged in (bytes(flipped), WHOLE[:place]):
        try:
            read = decode_lock(damaged, "x")
        except LockError:
            continue
        assert [(file.path, file.sha256) for file in read.files] == [
            (file.path, file.sha256) for file in lock().files
        ]


def test_white_space_of_the_file_does_not_count() -> None:
    assert decode_lock(json.dumps(document()).encode(), "x") == lock()


def test_lock_that_is_not_there_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="No such file") as raised:
        read_lock(tmp_path / "model.lock.json")
    assert "weighbridge fetch" in raised.value.hint


@pytest.mark.parametrize(
    "unsound",
    [
        snapshot(entry("a", "1", recorded=sha256("2"))),
        snapshot(missing=("model-2.safetensors",)),
        snapshot(FileEntry("a", 3, "")),
    ],
    ids=["differs", "incomplete", "partly read"],
)
def test_no_lock_is_made_of_what_is_not_as_recorded(unsound: Snapshot) -> None:
    with pytest.raises(LockError):
        lock(unsound)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@mirror.example", "https://mirror.example"),
        ("https://token@mirror.example/org/m.gguf?v=2", "https://mirror.example/org/m.gguf?v=2"),
        ("oci://me:secret@registry.example:5000/org/m@sha256:ab", "oci://registry.example:5000/org/m@sha256:ab"),
        ("hf://org/name@refs/pr/1", "hf://org/name@refs/pr/1"),
        ("ollama://llama3:8b@sha256:ab", "ollama://llama3:8b@sha256:ab"),
        ("./model@home?", "./model@home?"),
    ],
)  # fmt: skip
def test_secrets_of_an_address_are_not_written(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_lock_holds_no_password_of_its_source() -> None:
    ref = ModelRef("plug://me:secret@store.example/m", "plug", "me:secret@store.example/m")
    facts = (("endpoint", "https://me:secret@mirror.example"),)
    given = dataclasses.replace(snapshot(source=facts), ref=ref)
    assert b"secret" not in encode_lock(lock(given))
    assert lock(given).is_for(ref)


def test_manifest_digest_is_what_pins_an_artefact_without_commits() -> None:
    facts = (("manifest_digest", "sha256:" + "d" * 64),)
    held = lock(snapshot(commit=None, source=facts))
    assert held.commit == "sha256:" + "d" * 64
    assert differences(held, snapshot(commit=None, source=facts)) == ()
    other = snapshot(commit=None, source=(("manifest_digest", "sha256:" + "e" * 64),))
    assert [each.kind for each in differences(held, other)] == [Kind.COMMIT]


def test_commit_changed_missing_and_extra_files_are_named() -> None:
    other = snapshot(entry("config.json", "{ }"), entry("evil.py", "x"), commit="9" * 40)
    found = {(each.kind, each.path) for each in differences(lock(), other)}
    assert found == {
        (Kind.COMMIT, ""),
        (Kind.CHANGED, "config.json"),
        (Kind.MISSING, "model.safetensors"),
        (Kind.EXTRA, "evil.py"),
    }


def test_folder_without_commit_is_held_against_the_files_alone() -> None:
    assert differences(lock(), snapshot(commit=None)) == ()
    assert [each.kind for each in differences(lock(), snapshot(entry("x"), commit=None))] != []


def test_changed_file_with_the_same_tensors_says_so() -> None:
    old, new = (
        dataclasses.replace(entry("w.safetensors", content), tensor_digest="c" * 64) for content in "12"
    )
    (found,) = differences(lock(snapshot(old)), snapshot(new))
    assert "tensors are the same" in found.text


def test_same_weights_in_other_files_are_recognised_and_unknown_ones_prove_nothing() -> None:
    held = lock(snapshot(tensors=TENSORS))
    assert same_tensors(held, snapshot(entry("one.gguf"), tensors=TENSORS))
    assert not same_tensors(held, snapshot(tensors=dataclasses.replace(TENSORS, digest="b" * 64)))
    assert not same_tensors(held, snapshot())
    hidden = dataclasses.replace(TENSORS, left_out=(LeftOut("x.bin", "damaged"),))
    assert not same_tensors(held, snapshot(tensors=hidden))
    assert not same_tensors(lock(), snapshot())


def test_partly_read_file_is_never_as_locked_and_may_be_known_to_differ() -> None:
    git = SourceDigest("git-sha1", "b" * 40, ORIGIN)
    whole = FileEntry("a", 3, sha256("123"), "b" * 40, git)
    held = lock(snapshot(whole))

    def kinds(size_bytes: int, source: SourceDigest | None) -> list[Kind]:
        parts = FileEntry("a", size_bytes, "", None, source)
        return [each.kind for each in differences(held, snapshot(parts))]

    assert kinds(3, None) == kinds(3, git) == kinds(3, SourceDigest("sha256", sha256("123"), "x"))
    assert kinds(3, None) == [Kind.UNREAD]
    assert kinds(4, git) == [Kind.CHANGED]
    assert kinds(3, dataclasses.replace(git, value="c" * 40)) == [Kind.CHANGED]
    assert kinds(3, SourceDigest("sha256", sha256("124"), "x")) == [Kind.CHANGED]


def test_size_that_was_edited_in_the_lock_is_a_change_although_the_digest_fits() -> None:
    """The listing's digest covers paths and sha256 alone; equal bytes have one size."""
    edited = lock()
    first = edited.files[0]
    edited = dataclasses.replace(
        edited, files=(dataclasses.replace(first, size_bytes=first.size_bytes + 1), *edited.files[1:])
    )
    (found,) = differences(edited, snapshot())
    assert (found.kind, found.path) == (Kind.CHANGED, first.path)
    assert found.text == f"{first.path}: has 2 bytes, and 3 in the lock"
