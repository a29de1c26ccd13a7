"""Fetches stretches of a repository's files from the hub: by commit, with the hub's own client.

The hub answers for large files with the address of another host; the client follows and leaves the token
behind. A server that sends more than was asked for is not read any further.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from scanner.hub.client import transport_errors
from scanner.inspection.allowance import Allowance
from scanner.inspection.demand import DemandFile, FetchedFile
from scanner.inspection.files import Supply
from scanner.source import SourceError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
# "bytes 0-99/1000", RFC 9110, section 14.4.
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_CHUNK_BYTES: Final = 256 * 1024
_TRIES: Final = 3


class HubSupply(Supply):
    """One commit of a repository on the hub; what is fetched of it is kept under `root`."""

    def __init__(self, api: HfApi, repository: str, commit: str, root: Path) -> None:
        # NOTE: documented for users of the client, and re-exported without saying so to type checkers.
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        self.root = root
        self._api, self._repository, self._commit = api, repository, commit
        # Ranges count bytes of the file, not of a compressed transfer.
        self._headers = {
            **build_hf_headers(token=api.token, library_name="weighbridge"),
            "Accept-Encoding": "identity",
        }

    def bring_whole(self, path: str, size_bytes: int) -> None:
        """Fetches the file, in place of whatever lay there.

        Raises:
            SourceError: when the hub sends another number of bytes than it listed.
        """

        def get() -> None:
            with _replacing(self.root / path) as kept:
                count = 0
                for chunk in self._stream(path, size_bytes, ""):
                    kept.write(chunk)
                    count += len(chunk)
                _require_length(path, count, size_bytes)

        _persistently(get)

    def on_demand(self, path: str, size_bytes: int, allowance: Allowance, first_bytes: int) -> DemandFile:
        """The file to be fetched piece by piece; the pieces are kept where the whole file would be."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # A new file, never one that another inspection is reading.
        target.unlink(missing_ok=True)
        kept = target.open("x+b")

        def fetch(begin: int, end: int) -> bytes:
            return _persistently(lambda: self._range(path, begin, end, size_bytes))

        return FetchedFile(path, size_bytes, allowance, first_bytes, fetch=fetch, kept=kept)

    def _range(self, path: str, begin: int, end: int, size_bytes: int) -> bytes:
        whole = begin == 0 and end == size_bytes
        data = b"".join(self._stream(path, end - begin, "" if whole else f"{begin}-{end - 1}/{size_bytes}"))
        _require_length(path, len(data), end - begin)
        return data

    def _stream(self, path: str, size_bytes: int, wanted: str) -> Iterator[bytes]:
        """The bytes of a file, or of the stretch "first-last/size" of it; ends soon after `size_bytes`."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import hf_raise_for_status, http_stream_backoff  # type: ignore[attr-defined]

        url = hf_hub_url(self._repository, path, revision=self._commit, endpoint=self._api.endpoint)
        headers = {**self._headers, "Range": f"bytes={wanted.partition('/')[0]}"} if wanted else self._headers
        with http_stream_backoff("GET", url, headers=headers) as response:
            hf_raise_for_status(response)
            if wanted:
                _require_range(path, response.status_code, response.headers.get("Content-Range", ""), wanted)
            count = 0
            for chunk in response.iter_raw(_CHUNK_BYTES):
                yield chunk
                count += len(chunk)
                if count > size_bytes:
                    return


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A new file that takes the name of `target` when all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name[:200]}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as stream:
            yield stream
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _persistently(get: Callable[[], T]) -> T:
    """What `get` yields, tried again when the connection breaks in the middle."""
    from huggingface_hub.errors import HfHubHTTPError

    for _ in range(_TRIES - 1):
        try:
            return get()
        except HfHubHTTPError:  # an answer, and one that the client has tried to get another for
            raise
        except transport_errors():
            continue
    return get()


def _require_range(path: str, status: int, told: str, wanted: str) -> None:
    match = _CONTENT_RANGE.fullmatch(told.strip())
    if status == 206 and match and f"{match[1]}-{match[2]}/{match[3]}" == wanted:  # noqa: PLR2004
        return
    got = f"status {status}" + (f" and {told[:80]!a}" if told else "")
    raise SourceError(
        f"{path}: asked for bytes {wanted}, the hub or mirror answered with {got}",
        hint="an inspection needs a server that knows range requests and has the files that it lists; "
        "`weighbridge scan` fetches them whole",
    )


def _require_length(path: str, got_bytes: int, expected_bytes: int) -> None:
    if got_bytes != expected_bytes:
        more = "more than " if got_bytes > expected_bytes else ""
        raise SourceError(
            f"{path}: the hub or mirror sent {more}{min(got_bytes, expected_bytes)} bytes, expected "
            f"{expected_bytes}",
            hint="try again later; if it stays so, the server does not have what it lists",
        )
