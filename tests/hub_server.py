"""A hub on loopback: speaks the routes of the Hugging Face Hub that its own client uses.

    with HubServer() as hub:
        hub.add("org/tiny", {"config.json": b"{}"}, large={"model.safetensors": b"..."})
        FetchOptions(cache, endpoint=hub.url)

`behaves` turns it into a hostile one: a function per path prefix that writes the answer itself.

Source: routes and headers as huggingface_hub 1.31, 1.33 and 2.4 call them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from tests.loopback import LoopbackServer, QuietHandler

_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree|commits|refs)(?:/([^/?]+))?(?:/.*)?)?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


def git_blob_sha1(data: bytes) -> str:
    """The id git gives a file."""
    identity = hashlib.sha1(b"blob %d\0" % len(data))
    identity.update(data)  # not one long copy of both
    return identity.hexdigest()


@dataclass(frozen=True)
class Commit:
    """The files of one commit; those in `large` are stored as large files."""

    id: str
    files: Mapping[str, bytes]
    large: frozenset[str]

    def tree(self) -> list[dict[str, object]]:
        """As the tree route lists it."""
        return [self._entry(path, data) for path, data in self.files.items()]

    def _entry(self, path: str, data: bytes) -> dict[str, object]:
        entry: dict[str, object] = {
            "type": "file",
            "path": path,
            "size": len(data),
            "oid": git_blob_sha1(data),
        }
        if path in self.large:
            sha256 = hashlib.sha256(data).hexdigest()
            version = "https://git-lfs.github.com/spec/v1"
            pointer = f"version {version}\noid sha256:{sha256}\nsize {len(data)}\n".encode()
            entry |= {
                "oid": git_blob_sha1(pointer),
                "lfs": {"oid": sha256, "size": len(data), "pointerSize": len(pointer)},
            }
        return entry

    def etag(self, path: str) -> str:
        """sha256 of a large file, git's id of any other."""
        data = self.files[path]
        return hashlib.sha256(data).hexdigest() if path in self.large else git_blob_sha1(data)


@dataclass
class Repository:
    """A model repository.

    Attributes:
        commits: By id.
        revisions: The names that point to them.
        history: What main was, oldest first.
        gated: As the model route tells it; files then need a token of `granted`.
        is_private: Whether nobody without a token of `granted` learns that it exists.
        granted: Tokens.
        is_disabled: Whether the hub has taken it down.
    """

    commits: dict[str, Commit] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    gated: str | bool = False
    is_private: bool = False
    granted: frozenset[str] = frozenset()
    is_disabled: bool = False

    def find(self, revision: str) -> Commit | None:
        """The commit that a branch, tag or commit id means."""
        return self.commits.get(self.revisions.get(revision, revision))


@dataclass
class HubServer(LoopbackServer):
    """The server; use it as a context.

    Attributes:
        repositories: By "org/name".
        serve: What is sent instead of a file's bytes; the digests in tree and headers stay the true ones.
        fails: Status to answer with instead, by path prefix ("/api/", "/org/name/resolve/").
        behaves: What answers instead, by path prefix; it writes to the handler itself.
        entries: What the tree route tells, of the true entries.
        info: What the model route tells, of the true fields.
        page_size: Entries of one page of the tree, and commits of one of the history.
        prefix: What stands before every path, for hubs that are not at the top of their host.
        requests: "METHOD path" of everything asked, and the token it came with.
        ranges: The Range of everything asked, "" where there was none.
        after: Called after each answer with the path: to move a branch between two calls.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    serve: Callable[[str, bytes], bytes] = lambda path, data: data
    fails: dict[str, int] = field(default_factory=dict)
    behaves: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    entries: Callable[[list[dict[str, object]]], object] = lambda entries: entries
    info: Callable[[dict[str, object]], object] = lambda fields: fields
    page_size: int = 1000
    prefix: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    after: Callable[[str], None] = lambda path: None

    def handler(self) -> type[QuietHandler]:
        return _Handler

    @property
    def url(self) -> str:
        """The endpoint to give to a client."""
        return f"http://{self.host}{self.prefix}"

    def add(
        self,
        name: str,
        files: Mapping[str, bytes],
        large: Mapping[str, bytes] | None = None,
        *,
        revision: str = "main",
    ) -> str:
        """Commits these files to a repository under `revision`, and returns the commit's id."""
        large = large or {}
        everything = {**files, **large}
        identity = json.dumps(sorted((path, git_blob_sha1(data)) for path, data in everything.items()))
        commit = Commit(hashlib.sha1(identity.encode()).hexdigest(), everything, frozenset(large))
        repository = self.repositories.setdefault(name, Repository())
        repository.commits[commit.id] = commit
        repository.revisions[revision] = commit.id
        if revision == "main":
            repository.history.append(commit.id)
        return commit.id

    def paths(self, prefix: str = "") -> list[str]:
        """Everything that was asked for, as "METHOD path", whose text starts with `prefix`."""
        return [request for request, _ in self.requests if request.startswith(prefix)]


def _refs(repository: Repository) -> dict[str, object]:
    known: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
    for name, commit in repository.revisions.items():
        kind = "pullRequests" if name.startswith("refs/pr/") else "branches"
        ref = name if name.startswith("refs/") else f"refs/heads/{name}"
        known[kind].append({"name": name, "ref": ref, "targetCommit": commit})
    return known


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    state: HubServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        raw = urlsplit(self.path).path.removeprefix(self.state.prefix)
        path = unquote(raw, errors="strict")
        self.state.requests.append((f"{self.command} {path}", self.headers.get("Authorization", "")))
        self.state.ranges.append(self.headers.get("Range", ""))
        status = next((code for prefix, code in self.state.fails.items() if path.startswith(prefix)), None)
        behave = next((each for prefix, each in self.state.behaves.items() if path.startswith(prefix)), None)
        if behave is not None:
            self.close_connection = True
            with contextlib.suppress(OSError):  # a client that has had enough hangs up
                behave(self)
        elif status is not None:
            self._error(status, "")
        else:
            self.answer()
        self.state.after(path)

    def answer(self) -> None:
        """Answers as a hub does."""
        raw = urlsplit(self.path).path.removeprefix(self.state.prefix)
        if match := _API.fullmatch(raw):
            self._api(match[1], match[2] or "", unquote(match[3] or "main"))
        elif match := _FILE.fullmatch(raw):
            self._file(match[1], unquote(match[2]), unquote(match[3]))
        else:
            self._error(404, "RepoNotFound")

    def _is_granted(self, repository: Repository) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in repository.granted

    def _commit(self, name: str, revision: str) -> tuple[Repository, Commit] | None:
        repository = self.state.repositories.get(name)
        if repository is None or (repository.is_private and not self._is_granted(repository)):
            return self._error(401, "RepoNotFound")
        if repository.is_disabled:
            return self._error(403, "", "Access to this resource is disabled.")
        commit = repository.find(revision)
        if commit is None:
            return self._error(404, "RevisionNotFound")
        return repository, commit

    def _api(self, name: str, what: str, revision: str) -> None:
        found = self._commit(name, revision)
        if found is None:
            return
        repository, commit = found
        if what == "tree":
            self._pages(self.state.entries(commit.tree()))
            return
        if what == "commits":
            known = [
                {"id": each, "title": "", "message": "", "authors": [], "date": "2026-01-02T03:04:05.000Z"}
                for each in reversed(repository.history)
            ]
            self._pages(known)
            return
        if what == "refs":
            self._json(_refs(repository))
            return
        siblings = [{"rfilename": path} for path in commit.files]
        self._json(self.state.info(
            {
                "_id": "0", "id": name, "modelId": name, "author": name.split("/")[0], "sha": commit.id,
                "lastModified": "2026-01-02T03:04:05.000Z", "private": repository.is_private,
                "disabled": False,
                "gated": repository.gated, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings,
            }
        ))  # fmt: skip

    def _pages(self, entries: object) -> None:
        if not isinstance(entries, list):
            self._json(entries)
            return
        query = dict(part.partition("=")[::2] for part in urlsplit(self.path).query.split("&"))
        start = int(query.get("cursor", "0"))
        end = start + self.state.page_size
        headers = {}
        if end < len(entries):
            place = urlsplit(self.path).path.removeprefix(self.state.prefix)
            address = f"{self.state.url}{place}?recursive=true&cursor={end}"
            headers["Link"] = f'<{address}>; rel="next"'
        self._json(entries[start:end], headers)

    def _file(self, name: str, revision: str, path: str) -> None:
        found = self._commit(name, revision)
        if found is None:
            return
        repository, commit = found
        if repository.gated and not self._is_granted(repository):
            self._error(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif path not in commit.files:
            self._error(404, "EntryNotFound")
        else:
            self._bytes(commit, path)

    def _bytes(self, commit: Commit, path: str) -> None:
        data = self.state.serve(path, commit.files[path])
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{commit.etag(path)}"', "Accept-Ranges": "bytes"}
        if path in commit.large:
            headers |= {
                "X-Linked-Etag": f'"{commit.etag(path)}"',
                "X-Linked-Size": str(len(commit.files[path])),
            }
        status, asked = 200, re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and int(asked[1]) >= len(data):
            status, data = 416, b""
            headers["Content-Range"] = f"bytes */{len(data)}"
        elif asked:
            first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            status, data = 206, data[first : last + 1]
        self._send(status, data, headers)

    def _json(self, value: object, headers: Mapping[str, str] | None = None) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _error(self, status: int, code: str, message: str = "") -> None:
        headers = {"X-Error-Code": code} if code else {}
        if message:
            headers["X-Error-Message"] = message
        self._send(status, b"{}", headers)

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def answering(
    status: int,
    body: Iterable[bytes] = (),
    headers: Mapping[str, str] | None = None,
    pause_seconds: float = 0.0,
) -> Callable[[BaseHTTPRequestHandler], None]:
    """A behaviour that writes these headers and then these pieces, and hangs up; no length unless given."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for key, value in {"Connection": "close", **(headers or {})}.items():
            handler.send_header(key, value)
        handler.end_headers()
        for piece in body:
            handler.wfile.write(piece)
            time.sleep(pause_seconds)

    return behave


def silent(handler: BaseHTTPRequestHandler) -> None:
    """A behaviour that accepts the request and never answers."""
    handler.connection.settimeout(20)
    handler.connection.recv(1)  # until the client hangs up


def in_turn(
    *behaviours: Callable[[BaseHTTPRequestHandler], None],
) -> Callable[[BaseHTTPRequestHandler], None]:
    """A behaviour that is each of these once, and then the last for good."""
    left = list(behaviours)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def honest(handler: BaseHTTPRequestHandler) -> None:
    """The behaviour of a hub that has nothing against anybody; for use in `in_turn`."""
    assert isinstance(handler, _Handler)
    # It said nothing of hanging up: a client that goes on over this connection would have to try again.
    handler.close_connection = False
    handler.answer()
