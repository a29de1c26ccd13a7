"""Servers on loopback that give out files: plain ones at addresses, and those of an OCI registry.

    with RegistryServer() as server:
        server.push("team/model", "v1", [Layer("application/vnd.ollama.image.model", b"GGUF...")])
        ModelRef.parse(f"oci://{server.host}/team/model:v1")

Each can be made to misbehave by path. Source: OCI Distribution Specification 1.1, "Pull"; CNCF Distribution,
"Token Authentication Specification"; RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import LoopbackServer, QuietHandler

T = TypeVar("T")

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Layer:
    """One layer as it is pushed; `claims` is the content whose digest and size the manifest gives."""

    media_type: str
    data: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    claims: bytes | None = None

    def descriptor(self) -> dict[str, object]:
        told = self.data if self.claims is None else self.claims
        value: dict[str, object] = {
            "mediaType": self.media_type, "digest": f"sha256:{sha256(told)}", "size": len(told),
        }  # fmt: skip
        return value | ({"annotations": self.annotations} if self.annotations else {}) | (
            {"name": self.name} if self.name else {}
        )  # fmt: skip


def manifest(layers: Iterable[Layer], config: Layer | None = None, **more: object) -> bytes:
    """A manifest of these layers."""
    config = config or Layer("application/vnd.oci.empty.v1+json", b"{}")
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
        **more,
    }
    return json.dumps(value).encode()


def index(*entries: tuple[bytes, str]) -> bytes:
    """An index of manifests with their tags."""
    listed = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": f"sha256:{sha256(data)}",
            "size": len(data),
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }
        for data, tag in entries
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()


def tar_of(files: Mapping[str, bytes], *members: tarfile.TarInfo, packed: bool = False) -> bytes:
    """A tar archive of these files, then of members without content (links, devices)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return gzip.compress(buffer.getvalue()) if packed else buffer.getvalue()


@dataclass
class Faults:
    """How the server misbehaves with paths that begin with a key.

    Attributes:
        statuses: Answered one after the other before it behaves.
        redirects: Where it sends us instead.
        cut_after: Bytes after which it closes the connection, once per entry.
        stalls: Seconds it waits before the rest of the body.
        trickles: Seconds before each single byte of the body.
        swapped: The body it sends in place of the true one.
        announced: Content-Length it claims.
        headers: Sent along.
    """

    statuses: dict[str, list[int]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    stalls: dict[str, float] = field(default_factory=dict)
    trickles: dict[str, float] = field(default_factory=dict)
    swapped: dict[str, bytes] = field(default_factory=dict)
    announced: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)


def _for(table: Mapping[str, T], path: str) -> T | None:
    return next((value for prefix, value in table.items() if path.startswith(prefix)), None)


@dataclass
class FileServer(LoopbackServer):
    """Gives out files; use it as a context.

    Attributes:
        files: By path ("/dir/model.gguf").
        faults: How it misbehaves.
        requests: Path, Range and Authorization of everything asked.
        has_etags: Whether it sends ETags and honours If-Range and If-None-Match.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    has_etags: bool = True

    def handler(self) -> type[QuietHandler]:
        return _Handler

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def asked(self, prefix: str) -> list[tuple[str, str, str]]:
        """Requests of paths that begin with `prefix`."""
        return [request for request in self.requests if request[0].startswith(prefix)]

    def respond(self, handler: _Handler, path: str) -> None:
        if path in self.files:
            handler.give(path, self.files[path])
        else:
            handler.send(404, b"not here")


@dataclass
class RegistryServer(FileServer):
    """A registry; with a `secret`, only for who fetches a token with it ("user:secret")."""

    secret: str = ""
    realm: str = ""

    def push(
        self, repository: str, tag: str, layers: Iterable[Layer], config: Layer | None = None, **more: object
    ) -> str:
        """Stores an artefact, and returns its manifest's digest."""
        layers = list(layers)
        for layer in (*layers, config or Layer("", b"{}")):
            told = layer.data if layer.claims is None else layer.claims
            self.files[f"/v2/{repository}/blobs/sha256:{sha256(told)}"] = layer.data
        return self.put(repository, tag, manifest(layers, config, **more))

    def put(self, repository: str, tag: str, data: bytes) -> str:
        """Stores a manifest under its tag and digest, and returns that."""
        digest = f"sha256:{sha256(data)}"
        for reference in (tag, digest):
            self.files[f"/v2/{repository}/manifests/{reference}"] = data
        return digest

    def respond(self, handler: _Handler, path: str) -> None:
        given = handler.headers.get("Authorization", "")
        if path == "/token":
            scope = parse_qs(urlsplit(handler.path).query).get("scope", [""])[0]
            wanted = f"Basic {base64.b64encode(self.secret.encode()).decode()}"
            if self.secret and given == wanted:
                handler.send(200, json.dumps({"token": f"pass-{scope}"}).encode())
            else:
                handler.send(401, b"{}")
        elif self.secret and not given.startswith("Bearer pass-repository:"):
            realm = self.realm or f"{self.url}/token"
            challenge = f'Bearer realm="{realm}",service="test"'
            handler.send(401, b"{}", {"WWW-Authenticate": challenge})
        else:
            if "/manifests/" in path and path in self.files and path not in self.faults.swapped:
                digest = f"sha256:{sha256(self.files[path])}"
                handler.more = {"Docker-Content-Digest": digest, "Content-Type": OCI_MANIFEST}
            super().respond(handler, path)


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    state: FileServer
    more: Mapping[str, str] = {}

    def do_GET(self) -> None:
        state, path = self.state, unquote(urlsplit(self.path).path)
        self.more = {}
        asked = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        state.requests.append((path, *asked))
        if statuses := _for(state.faults.statuses, path):
            self.send(statuses.pop(0), b"no")
        elif target := _for(state.faults.redirects, path):
            self.send(302, b"", {"Location": target})
        else:
            state.respond(self, path)

    def give(self, path: str, data: bytes) -> None:
        """Sends a file, or the part of it that is asked for, as well or badly as the faults have it."""
        faults = self.state.faults
        data = faults.swapped.get(path, data)
        etag = f'"{sha256(data)[:12]}"'
        headers = {**self.more, **(_for(faults.headers, path) or {})}
        status = 200
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.state.has_etags:
            headers.setdefault("ETag", etag)
            if self.headers.get("If-None-Match") == headers["ETag"]:
                self.send(304, b"", headers)
                return
            if self.headers.get("If-Range") not in (None, headers["ETag"]):
                asked = None
        if asked and int(asked[1]) >= len(data):
            self.send(416, b"", headers)
            return
        if asked:
            headers["Content-Range"] = f"bytes {asked[1]}-{len(data) - 1}/{len(data)}"
            status, data = 206, data[int(asked[1]) :]
        cuts = _for(faults.cut_after, path)
        self.send(
            status,
            data,
            headers,
            cut_after=cuts.pop(0) if cuts else None,
            stall_seconds=_for(faults.stalls, path) or 0.0,
            trickle_seconds=_for(faults.trickles, path) or 0.0,
            announced=faults.announced.get(path),
        )

    def send(
        self,
        status: int,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        cut_after: int | None = None,
        stall_seconds: float = 0.0,
        trickle_seconds: float = 0.0,
        announced: int | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if announced != -1:
            self.send_header("Content-Length", str(len(data) if announced is None else announced))
        self.end_headers()
        try:
            if stall_seconds:
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                time.sleep(stall_seconds)
                self.close_connection = True
                return
            if trickle_seconds:
                for byte in data:
                    self.wfile.write(bytes([byte]))
                    time.sleep(trickle_seconds)
                return
            if cut_after is not None or announced is not None:
                self.close_connection = True
            if status != 304:
                self.wfile.write(data if cut_after is None else data[:cut_after])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
