"""Files at addresses: taken up, held against demanded digests, and no token led astray."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.checks.integrity_mismatch import CHECK as INTEGRITY
from scanner.findings import Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.remote import downloads
from scanner.remote.client import Client
from scanner.source import Access, FetchOptions, SourceError
from scanner.sources.https import AddressSource
from tests.fakes import RecordingProgress
from tests.registry_server import FileServer, sha256
from tests.scanner.artefacts import GGUF, HASTY, contents, facts, findings

PATH = "/models/tiny.gguf"
LONG = GGUF + bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer({PATH: GGUF}) as running:
        yield running


def get(address: str, tmp_path: Path, **options: object) -> Snapshot:
    given = FetchOptions(tmp_path / "cache", **options)  # type: ignore[arg-type]
    return AddressSource(HASTY).fetch(ModelRef.parse(address), given)


def refused(address: str, tmp_path: Path, **options: object) -> str:
    with pytest.raises(SourceError) as caught:
        get(address, tmp_path, **options)
    assert caught.value.hint
    return str(caught.value)


def test_one_file_is_the_model(server: FileServer, tmp_path: Path) -> None:
    snapshot = get(server.url + PATH, tmp_path)
    assert contents(snapshot) == {"tiny.gguf": GGUF}
    assert snapshot.files[0].sha256 == sha256(GGUF)
    assert facts(snapshot, "final_url") == [server.url + PATH]
    assert facts(snapshot, "etag") == [f'"{sha256(GGUF)[:12]}"']
    assert [f.outcome for f in findings(INTEGRITY, snapshot, tmp_path)] == [Outcome.NOT_RUN]


def test_demanded_digest_is_held_against_the_file(server: FileServer, tmp_path: Path) -> None:
    assert get(f"{server.url}{PATH}#sha256={sha256(GGUF)}", tmp_path).files[0].matches_source
    (failed,) = (
        f for f in findings(INTEGRITY, get(f"{server.url}{PATH}#sha256={'0' * 64}", tmp_path), tmp_path)
        if f.outcome is Outcome.FAIL
    )  # fmt: skip
    assert "demanded by the reference" in failed.message


@pytest.mark.parametrize("is_right", [True, False])
@pytest.mark.parametrize("header", ["Repr-Digest", "X-Checksum-Sha256"])
def test_digest_that_the_server_gives_is_held_against_the_file(
    server: FileServer, tmp_path: Path, header: str, is_right: bool
) -> None:
    data = GGUF if is_right else b"other"
    packed = base64.b64encode(hashlib.sha256(data).digest()).decode()
    value = f"sha-256=:{packed}:" if header == "Repr-Digest" else sha256(data)
    server.faults.headers[PATH] = {header: value}
    assert get(server.url + PATH, tmp_path).files[0].matches_source is is_right


def test_unchanged_file_is_not_sent_again(server: FileServer, tmp_path: Path) -> None:
    first = get(server.url + PATH, tmp_path)
    server.faults.swapped[PATH] = GGUF  # the same bytes
    second = get(server.url + PATH, tmp_path)
    assert second.files[0].sha256 == first.files[0].sha256
    assert second.files[0].matches_source
    server.files[PATH] = GGUF + b"new"
    server.faults.swapped.clear()
    assert contents(get(server.url + PATH, tmp_path)) == {"tiny.gguf": GGUF + b"new"}


def test_etag_that_cannot_be_sent_back_is_no_identity(server: FileServer, tmp_path: Path) -> None:
    server.files[PATH] = LONG
    server.faults.headers[PATH] = {"ETag": '"\xe9"'}
    server.faults.cut_after[PATH] = [4000]
    for _ in range(2):
        assert contents(get(server.url + PATH, tmp_path)) == {"tiny.gguf": LONG}


def test_server_that_calls_what_nobody_has_unchanged_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.faults.statuses[PATH] = [304] * 9
    assert "HTTP 304" in refused(server.url + PATH, tmp_path)


def test_file_that_changed_in_the_cache_is_named_and_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    first = get(server.url + PATH, tmp_path)
    first.local_path("tiny.gguf").write_bytes(bytes(len(GGUF)))
    assert get(server.url + PATH, tmp_path).files[0].matches_source is False
    assert get(server.url + PATH, tmp_path, offline=True).files[0].matches_source is False
    assert contents(get(server.url + PATH, tmp_path)) == {"tiny.gguf": GGUF}


def test_offline_takes_the_cache_and_asks_nobody(server: FileServer, tmp_path: Path) -> None:
    assert "not in the cache" in refused(server.url + PATH, tmp_path, offline=True)
    get(server.url + PATH, tmp_path)
    server.requests.clear()
    snapshot = get(server.url + PATH, tmp_path, offline=True)
    assert snapshot.files[0].matches_source
    assert facts(snapshot, "resolved_from_cache")
    assert server.requests == []


@pytest.mark.parametrize("has_etags", [True, False])
def test_broken_off_file_is_whole_in_the_end(server: FileServer, tmp_path: Path, has_etags: bool) -> None:
    server.files[PATH], server.has_etags = LONG, has_etags
    server.faults.cut_after[PATH] = [4000, 3000]
    progress = RecordingProgress()
    assert contents(get(server.url + PATH, tmp_path, progress=progress)) == {"tiny.gguf": LONG}
    assert (progress.jobs[0].total, progress.jobs[0].done) == (len(LONG), len(LONG))
    ranges = [asked for _, asked, _ in server.requests]
    # Without a validator nothing says that what comes next is still of the same file.
    assert ranges == (["", "bytes=4000-", "bytes=7000-"] if has_etags else ["", "", ""])


def test_file_that_changed_meanwhile_is_begun_anew(server: FileServer, tmp_path: Path) -> None:
    server.files[PATH] = LONG
    server.faults.cut_after[PATH] = [4000, 0, 0, 0]
    refused(server.url + PATH, tmp_path)
    server.files[PATH] = GGUF + bytes(9000)
    assert contents(get(server.url + PATH, tmp_path)) == {"tiny.gguf": GGUF + bytes(9000)}


def test_token_does_not_follow_to_another_host(server: FileServer, tmp_path: Path) -> None:
    with FileServer({"/other.gguf": GGUF}) as other:
        server.faults.redirects[PATH] = f"{other.url}/other.gguf?X-Amz-Signature=secret"
        snapshot = get(server.url + PATH, tmp_path, access=Access("topsecret"))
    assert server.requests[0][2] == "Bearer topsecret"
    assert other.requests == [("/other.gguf", "", "")]
    assert contents(snapshot) == {"tiny.gguf": GGUF}
    assert "secret" not in str(snapshot.source)
    assert "secret" not in "".join(path.read_text() for path in tmp_path.rglob("fetched.json"))


def test_hub_token_is_not_sent_anywhere_else(server: FileServer, tmp_path: Path) -> None:
    get(server.url + PATH, tmp_path, token="hf_token")
    assert [given for _, _, given in server.requests] == [""]


def test_this_machine_is_not_asked_through_a_proxy(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert contents(get(server.url + PATH, tmp_path)) == {"tiny.gguf": GGUF}


def test_redirects_without_end_are_refused(server: FileServer, tmp_path: Path) -> None:
    server.faults.redirects["/"] = server.url + PATH
    assert "more than 10 redirects" in refused(server.url + PATH, tmp_path)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("http://example.org/x.gguf", "plain http to example.org"),
        ("file:///etc/passwd", "no http address"),
        ("https://user:pass@example.org/x.gguf", "holds a user name"),
        ("http://[::1", "cannot be asked"),
    ],
)
def test_redirect_that_is_not_safe_is_refused(
    server: FileServer, tmp_path: Path, target: str, problem: str
) -> None:
    server.faults.redirects[PATH] = target
    said = refused(server.url + PATH, tmp_path)
    assert problem in said
    assert "pass@" not in said


def test_plain_http_is_for_this_machine_and_allowed_hosts(tmp_path: Path) -> None:
    assert "plain http to example.invalid" in refused("http://example.invalid/x.gguf", tmp_path)
    allowed = refused(
        "http://example.invalid/x.gguf", tmp_path, access=Access(plain_http_hosts=("example.invalid",))
    )
    assert "the connection failed" in allowed


@pytest.mark.parametrize(
    ("status", "problem"),
    [(401, "HTTP 401"), (403, "HTTP 403"), (404, "HTTP 404"), (410, "HTTP 410")],
)
def test_refusal_is_one_clear_error(server: FileServer, tmp_path: Path, status: int, problem: str) -> None:
    server.faults.statuses[PATH] = [status]
    assert problem in refused(server.url + PATH, tmp_path)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again_and_not_for_ever(server: FileServer, tmp_path: Path, status: int) -> None:
    server.faults.statuses[PATH] = [status] * 2
    assert contents(get(server.url + PATH, tmp_path)) == {"tiny.gguf": GGUF}
    server.faults.statuses[PATH] = [status] * 99
    assert f"busy (HTTP {status})" in refused(server.url + PATH, tmp_path / "other")
    assert len(server.requests) == 3 + HASTY.tries


def test_stall_ends(server: FileServer, tmp_path: Path) -> None:
    server.faults.stalls[PATH] = 1.0
    assert "broke off after" in refused(server.url + PATH, tmp_path)


def test_trickle_ends(server: FileServer, tmp_path: Path) -> None:
    server.faults.trickles[PATH] = 0.05
    assert "bytes in 0 s" in refused(server.url + PATH, tmp_path)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("https://127.0.0.1:8080/admin", "an address of this machine"),
        ("https://localhost/admin", "an address of this machine"),
        ("https://[::1]/admin", "an address of this machine"),
        ("https://[::ffff:127.0.0.1]/admin", "an address of this machine"),
        ("https://0.0.0.0/admin", "an address of this machine"),
        ("https://admin.localhost./", "an address of this machine"),
        ("http://169.254.169.254/latest/meta-data", "an address of this machine or its own network"),
        ("http://example.org/x.gguf", "redirects to plain http"),
    ],
)
def test_far_server_cannot_send_us_home_or_into_the_open(target: str, problem: str) -> None:
    with Client(Access(), HASTY) as client, pytest.raises(SourceError, match=problem):
        client._redirected("https://example.org/x.gguf", target, {})


def test_length_that_is_a_lie_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.faults.announced[PATH] = len(GGUF) + 1000
    assert "broke off after" in refused(server.url + PATH, tmp_path)
    assert not list(tmp_path.rglob("tiny.gguf"))


def test_full_disk_is_seen_before(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "SPARE_BYTES", 2**60)
    assert "GB to fetch" in refused(server.url + PATH, tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_answer_packed_on_the_way_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.faults.headers[PATH] = {"Content-Encoding": "gzip"}
    assert "packed by gzip" in refused(server.url + PATH, tmp_path)


@pytest.mark.parametrize("page", [b"<html>log in", b"version https://git-lfs.github.com/spec/v1"])
def test_page_in_place_of_the_file_is_refused(server: FileServer, tmp_path: Path, page: bytes) -> None:
    server.files[PATH] = page
    assert "not the file, but" in refused(server.url + PATH, tmp_path)
    assert not list(tmp_path.rglob("tiny.gguf"))


def test_all_parts_of_a_split_model_are_fetched(server: FileServer, tmp_path: Path) -> None:
    names = [f"big-{number:05d}-of-00003.gguf" for number in (1, 2, 3)]
    server.files = {f"/models/{name}": GGUF + name.encode() for name in names}
    snapshot = get(f"{server.url}/models/{names[0]}", tmp_path)
    assert contents(snapshot) == {name: GGUF + name.encode() for name in names}
    del server.files[f"/models/{names[1]}"]
    second = get(f"{server.url}/models/{names[0]}", tmp_path / "other")
    assert second.missing == (names[1],)
    del server.files[f"/models/{names[0]}"]
    assert "HTTP 404" in refused(f"{server.url}/models/{names[0]}", tmp_path / "third")


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("/models/", "is no weight file"),
        ("/models/tiny.zip", "is no weight file"),
        ("/..%2F..%2Fevil.gguf", "is no file name"),
        ("/a%0Ab.gguf", "which no report can show"),
        ("/..%5Cevil.gguf", "outside the model's folder"),
    ],
)  # fmt: skip
def test_address_of_something_else_is_refused(
    server: FileServer, tmp_path: Path, location: str, problem: str
) -> None:
    assert problem in refused(server.url + location, tmp_path)
    assert server.requests == []
    assert not list(tmp_path.rglob("*evil*"))


def test_page_of_the_hub_is_shown_the_way(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        get("https://huggingface.co/org/name", tmp_path)
    assert "hf://org/name" in caught.value.hint
