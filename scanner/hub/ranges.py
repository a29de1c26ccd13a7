"""Fetches stretches of a repository's files from the hub: by commit, over the fenced connection.

The hub answers for large files with the address of another host; the fence follows and leaves the token
behind. No more is received than was asked for, and no link on this machine is followed.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from scanner.hub.client import HubSession
from scanner.hub.download import require_success
from scanner.hub.fence import LIMIT
from scanner.hub.folder import HubFolder, plain_status
from scanner.hub.patience import retrying
from scanner.inspection.allowance import Allowance
from scanner.inspection.demand import DemandFile, FetchedFile
from scanner.inspection.files import Supply
from scanner.source import SourceError

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
# "bytes 0-99/1000", RFC 9110, section 14.4.
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_PARTIAL_CONTENT: Final = 206


class HubSupply(Supply):
    """One commit of a repository on the hub; what is fetched of it is kept in the folder of the commit."""

    def __init__(self, session: HubSession, repository: str, folder: HubFolder) -> None:
        self.root = folder.root
        self._session, self._repository, self._commit = session, repository, folder.commit
        self._stopped = threading.Event()

    def bring_whole(self, path: str, size_bytes: int) -> None:
        """Fetches the file, in place of whatever lay there.

        Raises:
            SourceError: when the hub does not send as many bytes as it listed.
        """
        target = self._place(path)

        def get() -> None:
            with _replacing(target) as kept:
                for chunk in self._received(path, 0, size_bytes, size_bytes):
                    kept.write(chunk)

        self._persistently(get)

    def on_demand(self, path: str, size_bytes: int, allowance: Allowance, first_bytes: int) -> DemandFile:
        """The file to be fetched piece by piece; the pieces are kept where the whole file would be."""
        target = self._place(path)
        # A new file, never one that another inspection is reading.
        target.unlink(missing_ok=True)
        kept = target.open("x+b")

        def fetch(begin: int, end: int) -> bytes:
            return self._persistently(lambda: b"".join(self._received(path, begin, end, size_bytes)))

        return FetchedFile(path, size_bytes, allowance, first_bytes, fetch=fetch, kept=kept)

    def stop(self) -> None:
        """Lets nobody wait for another attempt."""
        self._stopped.set()

    def _place(self, path: str) -> Path:
        plain_status(self.root, path)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _persistently(self, get: Callable[[], T]) -> T:
        return retrying(self._session.limits, self._stopped)(get)

    def _received(self, path: str, begin: int, end: int, size_bytes: int) -> Iterator[bytes]:
        """The bytes from `begin` to `end` of a file of this size, in chunks, and exactly these."""
        # From their own modules: the package itself looks a name up anew each time.
        from huggingface_hub.file_download import hf_hub_url
        from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

        session, is_whole = self._session, end - begin == size_bytes
        address = hf_hub_url(self._repository, path, revision=self._commit, endpoint=session.endpoint)
        headers = session.headers if is_whole else {**session.headers, "Range": f"bytes={begin}-{end - 1}"}
        bounds = {LIMIT: end - begin}
        with get_session().stream("GET", address, headers=headers, extensions=bounds) as response:
            require_success(response, path)
            if not is_whole:
                _require_range(path, response, f"{begin}-{end - 1}/{size_bytes}")
            left = end - begin
            for chunk in response.iter_bytes():
                left -= len(chunk)
                yield chunk
            if left:
                got = end - begin - left
                raise session.fence.failed(response.request, f"ended after {got} of {end - begin} bytes")


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A new file that takes the name of `target` when all went well."""
    temporary = target.with_name(f".{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as stream:
            yield stream
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _require_range(path: str, response: httpx2.Response, wanted: str) -> None:
    told = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(told.strip())
    is_range = response.status_code == _PARTIAL_CONTENT and match is not None
    if is_range and match and f"{match[1]}-{match[2]}/{match[3]}" == wanted:
        return
    got = f"status {response.status_code}" + (f" and {told[:80]!a}" if told else "")
    raise SourceError(
        f"{path}: asked for bytes {wanted}, the hub or mirror answered with {got}",
        hint="an inspection needs a server that knows range requests and has the files that it lists; "
        "`weighbridge scan` fetches them whole",
    )
