"""A hub on loopback, in a process of its own, with one repository of a terabyte that nobody had to write.

The shards have true headers and are zeros behind them, made when they are asked for. It counts what it sends.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import unquote, urlsplit

REPOSITORY: Final = "giant/terabyte-moe"
SHARDS: Final = 1000
# Each shard: so many expert matrices of 2048 x 2048 numbers of two bytes, 8.4 MB each: a gigabyte.
_TENSORS: Final = 119
_SIDE: Final = 2048
_COMMIT: Final = "7e" * 20
_PAGE: Final = 1000
_TOKENIZER_BYTES: Final = 7_000_000
_TEMPLATE: Final = "{% for m in messages %}{{ m.content }}{% endfor %}"
_CARD: Final = """---
license: apache-2.0
base_model: giant/base
---
# Terabyte

A mixture of experts, trained on 15 trillion tokens.
"""


@dataclass(frozen=True)
class _File:
    """A head that is written out, and zeros up to the size."""

    head: bytes
    size_bytes: int

    def stretch(self, begin: int, end: int) -> bytes:
        return self.head[begin:end].ljust(end - begin, b"\0")


@contextmanager
def terabyte_hub() -> Iterator[tuple[str, Connection]]:
    """The address of the hub; sending anything on the connection gets the bytes sent so far."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        process.terminate()
        process.join()


def _serve(connection: Connection) -> None:
    server = _Server(_files())
    connection.send(f"http://127.0.0.1:{server.server_address[1]}")
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    while connection.recv() is not None:
        connection.send(server.sent_bytes)


def _files() -> Mapping[str, _File]:
    files, places = {}, {}
    data_bytes = _TENSORS * _SIDE * _SIDE * 2
    for shard in range(SHARDS):
        name = f"model-{shard + 1:05d}-of-{SHARDS:05d}.safetensors"
        header, end = {}, 0
        for number in range(_TENSORS):
            layer, expert = divmod(shard * _TENSORS + number, 2048)
            tensor = f"model.layers.{layer}.mlp.experts.{expert}.up_proj.weight"
            begin, end = end, end + _SIDE * _SIDE * 2
            header[tensor] = {"dtype": "BF16", "shape": [_SIDE, _SIDE], "data_offsets": [begin, end]}
            places[tensor] = name
        text = json.dumps(header).encode()
        files[name] = _File(struct.pack("<Q", len(text)) + text, 8 + len(text) + data_bytes)
    config = {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2048,
        "num_experts_per_tok": 8, "hidden_size": _SIDE, "num_hidden_layers": 60, "vocab_size": 150_000,
    }  # fmt: skip
    vocabulary = {f"token{number:08d}": number for number in range(_TOKENIZER_BYTES // 26)}
    texts = {
        "config.json": json.dumps(config),
        "README.md": _CARD,
        "LICENSE": "Apache License\nVersion 2.0, January 2004\n",
        "model.safetensors.index.json": json.dumps({"metadata": {}, "weight_map": places}),
        "tokenizer.json": json.dumps({"added_tokens": [], "model": {"vocab": vocabulary}}),
        "tokenizer_config.json": json.dumps({"chat_template": _TEMPLATE}),
    }  # fmt: skip
    return {**files, **{name: _File(text.encode(), len(text)) for name, text in texts.items()}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, files: Mapping[str, _File]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.sent_bytes = 0
        self.tree = [_listed(path, file) for path, file in files.items()]


def _listed(path: str, file: _File) -> dict[str, object]:
    entry = {"type": "file", "path": path, "size": file.size_bytes}
    if path.endswith(".safetensors"):
        large = {
            "oid": hashlib.sha256(path.encode()).hexdigest(),
            "size": file.size_bytes,
            "pointerSize": 134,
        }
        return {**entry, "oid": hashlib.sha1(path.encode()).hexdigest(), "lfs": large}
    return {**entry, "oid": hashlib.sha1(b"blob %d\0" % len(file.head) + file.head).hexdigest()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one segment.
    wbufsize = -1
    # The hub sends what it has at once, as any server of files does.
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith(f"/api/models/{REPOSITORY}/tree/"):
            self._tree()
        elif path.startswith(f"/api/models/{REPOSITORY}"):
            owner = REPOSITORY.partition("/")[0]
            self._send(
                200, json.dumps({"id": REPOSITORY, "sha": _COMMIT, "author": owner, "siblings": []}).encode()
            )
        else:
            self._file(path.removeprefix(f"/{REPOSITORY}/resolve/{_COMMIT}/"))

    def _tree(self) -> None:
        query = dict(part.partition("=")[::2] for part in urlsplit(self.path).query.split("&"))
        start = int(query.get("cursor", "0"))
        end = start + _PAGE
        extra = {}
        if end < len(self.server.tree):
            port = self.server.server_address[1]
            address = f"http://127.0.0.1:{port}{urlsplit(self.path).path}?recursive=true&cursor={end}"
            extra["Link"] = f'<{address}>; rel="next"'
        self._send(200, json.dumps(self.server.tree[start:end]).encode(), extra)

    def _file(self, path: str) -> None:
        file = self.server.files[path]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, file.stretch(0, file.size_bytes))
            return
        begin, end = int(asked[1]), min(int(asked[2]) + 1, file.size_bytes)
        extra = {"Content-Range": f"bytes {begin}-{end - 1}/{file.size_bytes}"}
        self._send(206, file.stretch(begin, end), extra)

    def _send(self, status: int, data: bytes, extra: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **(extra or {})}.items():
            self.send_header(key, value)
        head = len(b"".join(self._headers_buffer))  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        self.server.sent_bytes += head + 2 + len(data)
