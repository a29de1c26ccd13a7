"""Fetching what a lock names: which commit is asked for, and what the snapshot says afterwards."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from typing import Any, ClassVar

import pytest

from scanner import fetching
from scanner.check import Profile
from scanner.lock import demand
from scanner.lock.demand import fetch_locked, held_to, pinned
from scanner.lock.model_lock import LockError, ModelLock, lock_of
from scanner.manifest import FileEntry, Snapshot, SourceDigest, TensorIdentity
from scanner.path_patterns import is_taken
from scanner.references import ModelRef
from scanner.scan import ScanRequest
from scanner.source import FetchOptions, Source, SourceError

COMMIT, OTHER = "1" * 40, "2" * 40
ORIGIN = f"hub tree at {COMMIT}"


def entry(path: str, content: str = "", *, is_recorded: bool = True) -> FileEntry:
    own = hashlib.sha256(content.encode()).hexdigest()
    return FileEntry(
        path, len(content), own, None, SourceDigest("sha256", own, ORIGIN) if is_recorded else None
    )


def snapshot(*files: FileEntry, **parts: Any) -> Snapshot:
    given = {"commit": COMMIT, **parts}
    return Snapshot(
        ModelRef.parse("hf://org/name@main"), root="/x", files=files or (entry("a", "1"),), **given
    )


def lock(given: Snapshot | None = None, **parts: Any) -> ModelLock:
    return lock_of(given or snapshot(), fetched_on=datetime.date(2026, 1, 2), tool="x", **parts)


class Shelf(Source):
    """Serves what it holds of every model, by patterns unless it is careless."""

    scheme: ClassVar[str] = "hf"
    serves_commits: ClassVar[bool] = True

    def __init__(self, *paths: str, is_careless: bool = False, commit: str = COMMIT) -> None:
        self.paths, self.is_careless, self.commit = paths, is_careless, commit
        self.asked: list[ModelRef] = []

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        self.asked.append(ref)
        taken = [
            path for path in self.paths if self.is_careless or is_taken(path, options.allow, options.ignore)
        ]
        left_out = tuple(("left_out", path) for path in self.paths if path not in taken)
        facts = (("requested_revision", ref.revision or "main"), *left_out)
        return Snapshot(ref, self.commit, "/x", tuple(map(entry, taken)), source=facts)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    made = Shelf("a.json", "b.bin")
    for module in (fetching, demand):
        monkeypatch.setattr(module, "load_sources", lambda: {"hf": made})
    return made


def options(**parts: Any) -> FetchOptions:
    return FetchOptions(cache=None, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", ["hf://org/name", "hf://org/name@main", f"hf://org/name@{COMMIT}"])
def test_commit_of_the_lock_is_asked_for_and_the_name_stays(asked: str, shelf: Shelf) -> None:
    held = lock(snapshot(source=(("requested_revision", "main"),)))
    found = fetch_locked(ModelRef.parse(asked), held, options(), "model.lock.json")
    assert [ref.revision for ref in shelf.asked] == [COMMIT]
    assert found.ref.text == asked
    assert ("requested_revision", "main") in found.source


@pytest.mark.parametrize(
    "asked", ["hf://org/other", "hf://other/name@main", "hf://org/name@v2", f"hf://org/name@{OTHER}"]
)
def test_lock_of_another_model_or_revision_is_refused_before_anything_is_fetched(
    asked: str, shelf: Shelf
) -> None:
    with pytest.raises(LockError, match=r"model\.lock\.json is for"):
        fetch_locked(ModelRef.parse(asked), lock(), options(), "model.lock.json")
    assert shelf.asked == []


def test_source_without_commits_is_asked_as_ever() -> None:
    ref = ModelRef.parse("./model")
    assert pinned(ref, lock(), "x") is ref
    assert pinned(ModelRef.parse("hf://org/name"), lock(snapshot(commit=None)), "x").revision is None


def test_source_that_answers_another_commit_is_found_out(shelf: Shelf) -> None:
    shelf.commit = OTHER
    found = fetch_locked(ModelRef.parse("hf://org/name"), lock(), options(), "model.lock.json")
    (said,) = [value for key, value in found.source if key == "lock_commit"]
    assert COMMIT in said
    assert OTHER in said


def test_patterns_of_the_lock_are_those_of_the_fetch(shelf: Shelf) -> None:
    first = fetching.fetch(ModelRef.parse("hf://org/name@main"), options(ignore=("*.bin",)))
    held = lock(first, ignore=("*.bin",))
    assert held.left_out == ("b.bin",)
    found = fetch_locked(ModelRef.parse("hf://org/name"), held, options(), "model.lock.json")
    assert [each.path for each in found.files] == ["a.json"]
    assert not [key for key, _ in found.source if key in ("lock_extra", "lock_commit")]
    assert ("ignore", "*.bin") in found.source


def test_source_that_ignores_patterns_is_refused(shelf: Shelf) -> None:
    shelf.is_careless = True
    with pytest.raises(SourceError, match="cannot leave files out"):
        fetching.fetch(ModelRef.parse("hf://org/name"), options(allow=("*.json",)))


def test_patterns_that_take_nothing_are_an_error_not_an_empty_model(shelf: Shelf) -> None:
    with pytest.raises(SourceError, match="no file is left"):
        fetching.fetch(ModelRef.parse("hf://org/name"), options(allow=("nothing",)))


def test_record_of_the_source_stays_where_the_lock_agrees_and_the_lock_speaks_where_it_does_not() -> None:
    held = lock(snapshot(entry("a", "1"), entry("b", "1"), entry("c", "1"), entry("gone", "1")))
    given = snapshot(entry("a", "1"), entry("b", "2"), entry("c", "1", is_recorded=False), entry("extra"))
    found = held_to(given, held, "my.lock.json")
    origins = {each.path: each.source_digest.origin for each in found.files if each.source_digest}
    assert origins == {"a": ORIGIN, "b": "my.lock.json", "c": "my.lock.json", "extra": ORIGIN}
    assert {each.path: each.matches_source for each in found.files}["b"] is False
    assert found.missing == ("gone",)
    assert [value for key, value in found.source if key == "lock_extra"] == ["extra"]


def test_pull_request_stays_flagged_although_its_commit_is_asked_for() -> None:
    held = lock(snapshot(source=(("requested_revision", "refs/pr/1"), ("unmerged_revision", "refs/pr/1"))))
    plain = snapshot(source=(("requested_revision", COMMIT),))
    found = held_to(plain, held, "x").source
    assert ("unmerged_revision", "refs/pr/1") in found
    assert ("requested_revision", "refs/pr/1") in found
    assert ("unmerged_revision", "refs/pr/1") not in held_to(plain, lock(), "x").source


def test_same_weights_in_other_files_are_told_beside_what_differs() -> None:
    tensors = TensorIdentity("tensors-1", "a" * 64, 3, 96)
    held = lock(snapshot(entry("one.safetensors", "1"), tensors=tensors))
    found = held_to(snapshot(entry("1-of-1.safetensors", "2"), tensors=tensors), held, "x")
    assert [key for key, _ in found.source] == ["lock", "lock_extra", "lock_same_tensors"]


def test_scan_without_a_lock_is_not_taken_up_as_one_with() -> None:
    request = ScanRequest(
        ModelRef.parse("x"), Profile.QUICK, (), 0, "", "auto", "auto", datetime.date(2026, 1, 2)
    )
    given = snapshot()
    identities = {
        each.identity(given, {})
        for each in (
            request,
            dataclasses.replace(request, lock="a" * 64),
            dataclasses.replace(request, ignore=("*.bin",)),
        )
    }
    assert len(identities) == 3
