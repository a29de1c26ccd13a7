"""A hub on loopback: speaks the routes of the Hugging Face Hub that its own client uses.

    with HubServer() as hub:
        hub.add("org/tiny", {"config.json": b"{}"}, large={"model.safetensors": b"..."})
        FetchOptions(cache, endpoint=hub.url)

Source: routes and headers as huggingface_hub 1.33 and 2.4 call them.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/?]+)(?:/.*)?)?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


def git_blob_sha1(data: bytes) -> str:
    """The id git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


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
    """A model repository: commits, and the names that point to them."""

    commits: dict[str, Commit] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    gated: str | bool = False
    is_disabled: bool = False

    def find(self, revision: str) -> Commit | None:
        """The commit that a branch, tag or commit id means."""
        return self.commits.get(self.revisions.get(revision, revision))


@dataclass
class HubServer:
    """The server; use it as a context.

    Attributes:
        repositories: By "org/name".
        serve: What is sent instead of a file's bytes; the digests in tree and headers stay the true ones.
        fails: Status to answer with instead, by path prefix ("/api/", "/org/name/resolve/").
        page_size: Entries of one page of the tree.
        requests: "METHOD path" of everything asked, and the token it came with.
        after: Called after each answer with the path: to move a branch between two calls.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    serve: Callable[[str, bytes], bytes] = lambda path, data: data
    fails: dict[str, int] = field(default_factory=dict)
    page_size: int = 1000
    requests: list[tuple[str, str]] = field(default_factory=list)
    after: Callable[[str], None] = lambda path: None

    def __enter__(self) -> Self:
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The endpoint to give to a client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

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
        return commit.id

    def paths(self, prefix: str = "") -> list[str]:
        """Everything that was asked for, as "METHOD path", whose text starts with `prefix`."""
        return [request for request, _ in self.requests if request.startswith(prefix)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *_: object) -> None:
        """Tests read `requests` instead."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path, errors="strict")
        raw = urlsplit(self.path).path
        self.hub.requests.append((f"{self.command} {path}", self.headers.get("Authorization", "")))
        status = next((code for prefix, code in self.hub.fails.items() if path.startswith(prefix)), None)
        if status is not None:
            self._error(status, "")
        elif match := _API.fullmatch(raw):
            self._api(match[1], match[2] or "", unquote(match[3] or "main"))
        elif match := _FILE.fullmatch(raw):
            self._file(match[1], unquote(match[2]), unquote(match[3]))
        else:
            self._error(404, "RepoNotFound")
        self.hub.after(path)

    def _commit(self, name: str, revision: str) -> tuple[Repository, Commit] | None:
        repository = self.hub.repositories.get(name)
        if repository is None:
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
            self._tree(commit)
            return
        siblings = [{"rfilename": path} for path in commit.files]
        self._json(
            {
                "_id": "0", "id": name, "modelId": name, "author": name.split("/")[0], "sha": commit.id,
                "lastModified": "2026-01-02T03:04:05.000Z", "private": False, "disabled": False,
                "gated": repository.gated, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings,
            }
        )  # fmt: skip

    def _tree(self, commit: Commit) -> None:
        query = dict(part.partition("=")[::2] for part in urlsplit(self.path).query.split("&"))
        start = int(query.get("cursor", "0"))
        entries = commit.tree()
        end = start + self.hub.page_size
        headers = {}
        if end < len(entries):
            address = f"{self.hub.url}{urlsplit(self.path).path}?recursive=true&cursor={end}"
            headers["Link"] = f'<{address}>; rel="next"'
        self._json(entries[start:end], headers)

    def _file(self, name: str, revision: str, path: str) -> None:
        found = self._commit(name, revision)
        if found is None:
            return
        repository, commit = found
        if repository.gated:
            self._error(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif path not in commit.files:
            self._error(404, "EntryNotFound")
        else:
            self._bytes(commit, path)

    def _bytes(self, commit: Commit, path: str) -> None:
        data = self.hub.serve(path, commit.files[path])
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{commit.etag(path)}"', "Accept-Ranges": "bytes"}
        if path in commit.large:
            headers |= {
                "X-Linked-Etag": f'"{commit.etag(path)}"',
                "X-Linked-Size": str(len(commit.files[path])),
            }
        status, asked = 200, re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
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
