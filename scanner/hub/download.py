"""Brings files of one commit into a folder: in parts that survive a kill, never through links.

The hub's client would throw a partial file away (since 1.33 its name is unique to the process, so that
nobody could find it again), write on for as long as a server sends, and take a file that is there
already when the hub fails. So the bytes are received here, over the fenced connection of the client:

- into `<folder>/parts`, under a name made of path and digest; what lies there is asked for no more;
- no byte beyond the size that the tree lists;
- a file that was put together from several answers is hashed before it counts;
- only then is it moved to its place, in one step.

With Xet, which speaks to hosts of its own in native code, the client itself receives, into `parts` too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from scanner.hashing import hash_file
from scanner.hub.client import HubSession, progress_bar
from scanner.hub.fence import LIMIT
from scanner.hub.folder import HubFolder, alone, emptied, opened_part, plain_status
from scanner.hub.listing import HubFile
from scanner.hub.patience import retrying
from scanner.progress import Progress, Task
from scanner.source import SourceError

if TYPE_CHECKING:
    import httpx2

_THREADS: Final = 4
# Attempts count afresh once this much more has arrived: a large file may be interrupted often.
_PROGRESS_BYTES: Final = 1024**2


def download(session: HubSession, repository: str, folder: HubFolder, files: Sequence[HubFile],
             progress: Progress) -> None:  # fmt: skip
    """Brings `files`, none of which is whole yet, into `folder`, several at a time.

    Raises:
        SourceError: when the disk is too small, or the hub does not deliver one of them.
    """
    if not files:
        return
    folder.prepare()
    with alone(folder.path):
        folder.require_space(files)
        with progress.task("Fetching", sum(file.size_bytes for file in files), "bytes") as task:
            fetching = _Fetching(session, repository, folder, task)
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="fetching") as threads:
                try:
                    for _ in threads.map(fetching.bring, files):
                        pass
                except BaseException:
                    # Also for Ctrl-C: leaving the pool waits for its threads, and a file takes minutes.
                    fetching.stopped.set()
                    threads.shutdown(wait=False, cancel_futures=True)
                    raise
        with contextlib.suppress(OSError):  # parts of other commits may lie there
            folder.parts.rmdir()


class _Fetching:
    """One run over the files of a repository, from several threads."""

    def __init__(self, session: HubSession, repository: str, folder: HubFolder, task: Task) -> None:
        self.stopped = threading.Event()
        self._session = session
        self._repository = repository
        self._folder = folder
        self._task = task
        self._lock = threading.Lock()

    def bring(self, file: HubFile) -> None:
        if self.stopped.is_set():
            return
        self._task.note(file.path)
        part = self._folder.part(file)
        if file.is_xet and _xet_is_on():
            self._receive_by_client(file, part)
        else:
            self._receive(file, part)
        place = self._folder.root / file.path
        plain_status(self._folder.root, file.path)  # nothing may have come in between
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part.replace(place)
        except OSError as error:
            raise SourceError(
                f"{place}: {error.strerror or error}", hint="make room for this file"
            ) from error

    def _receive(self, file: HubFile, part: Path) -> None:
        with opened_part(part) as stream:
            found_bytes = stream.seek(0, os.SEEK_END)
            if found_bytes > file.size_bytes:
                emptied(stream)
                found_bytes = 0
            self._advance(found_bytes)
            answers = self._until_whole(file, stream)
            is_joined = bool(found_bytes) or answers > 1
        if is_joined and not _is_as_listed(file, part):
            # Parts of different answers do not fit: the one honest way is to begin again.
            self._advance(-file.size_bytes)
            with opened_part(part) as stream:
                emptied(stream)
                self._until_whole(file, stream)

    def _until_whole(self, file: HubFile, stream: BinaryIO) -> int:
        """Asks until the file is whole; how many answers it took."""
        answers = seen_bytes = 0

        def has_moved() -> bool:
            nonlocal seen_bytes
            before, seen_bytes = seen_bytes, stream.seek(0, os.SEEK_END)
            return seen_bytes - before >= _PROGRESS_BYTES

        def ask() -> None:
            nonlocal answers
            if stream.seek(0, os.SEEK_END) < file.size_bytes or not file.size_bytes:
                answers += 1
                self._ask(file, stream)

        retrying(self._session.limits, self.stopped, has_moved)(ask)
        return answers

    def _ask(self, file: HubFile, stream: BinaryIO) -> None:
        from huggingface_hub import get_session, hf_hub_url

        session, commit = self._session, self._folder.commit
        address = hf_hub_url(self._repository, file.path, revision=commit, endpoint=session.endpoint)
        start = stream.seek(0, os.SEEK_END)
        headers = {**session.headers, "Range": f"bytes={start}-"} if start else session.headers
        bounds = {LIMIT: file.size_bytes}
        with get_session().stream("GET", address, headers=headers, extensions=bounds) as response:
            start = self._start(file, stream, response, start)
            for chunk in response.iter_bytes():
                if self.stopped.is_set():
                    raise SourceError(f"{file.path}: fetching was stopped")
                start += len(chunk)
                if start > file.size_bytes:
                    raise SourceError(
                        f"{session.shown} sent more of {file.path} than the {file.size_bytes} bytes it lists",
                        hint="do not use this repository or mirror; report it to its operator",
                    )
                stream.write(chunk)
                self._advance(len(chunk))
            if start < file.size_bytes:
                request = response.request
                raise session.fence.failed(request, f"ended after {start} of {file.size_bytes} bytes")

    def _start(self, file: HubFile, stream: BinaryIO, response: httpx2.Response, asked: int) -> int:
        """At which byte the answer begins; the part is cut off there."""
        if asked and response.status_code == 206:
            told = response.headers.get("Content-Range", "")
            if not told.startswith(f"bytes {asked}-"):
                self._advance(-asked)
                emptied(stream)
                raise self._session.fence.failed(response.request, f"answered another range than {asked}-")
            return asked
        if asked and response.status_code == 416:
            self._advance(-asked)
            emptied(stream)
            raise self._session.fence.failed(response.request, f"has no bytes from {asked} on")
        require_success(response, file.path)
        if asked:  # the server does not know ranges, and sends the file from its start
            self._advance(-asked)
            emptied(stream)
        return 0

    def _receive_by_client(self, file: HubFile, part: Path) -> None:
        own = part.with_suffix(".client")
        shutil.rmtree(own, ignore_errors=True)  # what an earlier call left would be taken as it is
        try:
            self._ask_client(file, own)
            (own / file.path).replace(part)
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _ask_client(self, file: HubFile, own: Path) -> None:
        from huggingface_hub import hf_hub_download

        session = self._session
        with session.fence.receiving(file.size_bytes):
            hf_hub_download(
                self._repository,
                file.path,
                revision=self._folder.commit,
                local_dir=own,
                cache_dir=own / "cache",
                endpoint=session.endpoint,
                token=session.api.token,
                library_name="weighbridge",
                tqdm_class=progress_bar(self._task),
            )
        status = plain_status(own, file.path)
        if status is None or status.st_size != file.size_bytes:
            got = "nothing" if status is None else f"{status.st_size} bytes"
            raise SourceError(
                f"{session.shown} sent {got} for {file.path}, listed with {file.size_bytes}",
                hint="set HF_HUB_DISABLE_XET=1 and fetch again; if it stays so, report it to the hub",
            )

    def _advance(self, count: int) -> None:
        if count:
            with self._lock:
                self._task.advance(count)


def _xet_is_on() -> bool:
    """Whether the hub's client would fetch through Xet."""
    from huggingface_hub.utils._runtime import is_xet_available

    return is_xet_available()


def require_success(response: httpx2.Response, path: str) -> None:
    """Raises the client's error for an answer that is none.

    Raises:
        SourceError: when the answer is not even an error of a hub.
    """
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    try:
        hf_raise_for_status(response)
    # NOTE: the client trusts the shape of what stands in the body of an error.
    except (AttributeError, TypeError, LookupError, RecursionError) as error:
        raise SourceError(
            f"{path}: the hub answered {response.status_code}, with a body that is not a hub's",
            hint="check the endpoint; a proxy may have answered in its place",
        ) from error


def _is_as_listed(file: HubFile, part: Path) -> bool:
    if not file.digest:
        return True
    hashes = hash_file(part, with_git_sha1=file.algorithm == "git-sha1")
    return file.digest == (hashes.sha256 if file.algorithm == "sha256" else hashes.git_sha1)
