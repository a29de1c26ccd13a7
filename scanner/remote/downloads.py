"""Downloads one file: takes up partial files, stops at lies about sizes, at stalls and at full disks.

What has come is kept beside the target as `<name>.part`, with the validator (ETag or date) that the server
gave for it in `<name>.part.validator`. It is taken up only when the server confirms by If-Range that the
file is still the same, or when the address itself names the digest of what it gives.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from scanner.remote.addresses import shown_url
from scanner.remote.client import Client, require_success
from scanner.remote.failures import TryAgainError
from scanner.source import SourceError

if TYPE_CHECKING:
    import httpx2

# What a file system needs beyond the bytes: blocks that are not full, our own notes.
SPARE_BYTES: Final = 64 * 1024**2
_LOOK_AT_DISK_BYTES: Final = 256 * 1024**2
_LEAST_BYTES_PER_STALL: Final = 1024
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True)
class Download:
    """What to fetch, and to where.

    Attributes:
        url: Address.
        target: Path of the file; replaced when all bytes are there.
        headers: To send along.
        expected_bytes: Size that somebody recorded, None when nobody did.
        is_addressed: Whether the address names the digest of the bytes, so that they cannot change.
        unless: ETag or date of what is there already; the server may answer that it is still that.
    """

    url: str
    target: Path
    headers: Mapping[str, str]
    expected_bytes: int | None = None
    is_addressed: bool = False
    unless: str = ""


@dataclass(frozen=True)
class Delivery:
    """What the server told about a file.

    Attributes:
        url: The address that gave it in the end.
        headers: Of its answer, names in lower case.
        is_unchanged: Whether it is still what `Download.unless` names; nothing was fetched then.
    """

    url: str
    headers: Mapping[str, str]
    is_unchanged: bool = False


def download(
    client: Client,
    wanted: Download,
    on_bytes: Callable[[int], None],
    on_size: Callable[[int], None] = lambda size_bytes: None,
) -> Delivery:
    """Fetches the file; `on_bytes` hears of every piece, the part that was there already first.

    `on_size` hears before how long the whole file will be, 0 where the server does not tell.

    Raises:
        StatusError: when the server refuses.
        SourceError: when it cannot be fetched, is not as long as it should be, or the disk is too small.
    """
    part = _Part(wanted)
    try:
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        delivery = client.patiently(lambda: _once(client, part, on_bytes, on_size))
        if not delivery.is_unchanged:
            part.finish()
    except OSError as error:
        raise SourceError(
            f"{wanted.target}: {error.strerror or error}",
            hint="free some disk space or choose another folder with --data-dir",
        ) from error
    return delivery


def require_space(folder: Path, needed_bytes: int) -> None:
    """Refuses to begin what the disk cannot hold.

    Raises:
        SourceError: when fewer than `needed_bytes` and some spare are free where `folder` is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > 0 and needed_bytes + SPARE_BYTES > free_bytes:
        raise SourceError(
            f"{folder}: {needed_bytes / 1e9:.1f} GB to fetch and {free_bytes / 1e9:.1f} GB free",
            hint="free some disk space, choose another folder with --data-dir, or fetch fewer files",
        )


def identity_of(headers: Mapping[str, str]) -> str:
    """What the server calls these bytes: their ETag, else their date; "" when neither can be sent back."""
    named = (headers.get("etag", ""), headers.get("last-modified", ""))
    return next(filter(_can_be_sent, named), "")


def _can_be_sent(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable()


class _Part:
    """The partial file, what is known about it, and how much of it was reported."""

    def __init__(self, wanted: Download) -> None:
        self.wanted = wanted
        self.path = wanted.target.with_name(f"{wanted.target.name}.part")
        self._note = wanted.target.with_name(f"{wanted.target.name}.part.validator")
        self.reported_bytes = 0

    @property
    def validator(self) -> str:
        return self._note.read_text() if self._note.is_file() else ""

    def usable_bytes(self) -> int:
        """How many bytes are there that may be taken up; what may not be is removed."""
        if not self.path.is_file():
            return 0
        if not (self.wanted.is_addressed or self.validator):
            self.discard()
            return 0
        return self.path.stat().st_size

    def begin(self, headers: Mapping[str, str]) -> None:
        """Empties the file, and notes what the server calls what it is about to send."""
        self.discard()
        etag = identity_of(headers)
        validator = headers.get("last-modified", "") if etag.startswith("W/") else etag
        if _can_be_sent(validator):
            self._note.write_text(validator)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        self.path.touch()
        self.path.replace(self.wanted.target)
        self._note.unlink(missing_ok=True)


def _once(
    client: Client, part: _Part, on_bytes: Callable[[int], None], on_size: Callable[[int], None]
) -> Delivery:
    wanted = part.wanted
    start = part.usable_bytes()
    headers = dict(wanted.headers)
    if start:
        headers["Range"] = f"bytes={start}-"
        if not wanted.is_addressed:
            headers["If-Range"] = part.validator
    elif wanted.unless:
        is_etag = wanted.unless.startswith(('"', "W/"))
        headers["If-None-Match" if is_etag else "If-Modified-Since"] = wanted.unless
    with client.opened(wanted.url, headers) as response:
        # Not asked whether it changed, a server has no reason to say so: refused like any other status.
        is_unchanged = response.status_code == 304 and not start and bool(wanted.unless)
        delivery = Delivery(str(response.url), dict(response.headers), is_unchanged)
        if delivery.is_unchanged:
            return delivery
        if response.status_code == 416 or not _continues(response, start):
            part.discard()
            should = f"; expected {wanted.expected_bytes} bytes" if wanted.expected_bytes else ""
            raise TryAgainError(
                f"{shown_url(wanted.url)}: does not go on after byte {start} "
                f"(HTTP {response.status_code}){should}"
            )
        require_success(response)
        if response.status_code != 206:
            start = 0
            part.begin(response.headers)
        whole_bytes = _whole_bytes(response, start, wanted)
        require_space(wanted.target.parent, (whole_bytes or 0) - start)
        on_size(whole_bytes or 0)
        if start > part.reported_bytes:
            on_bytes(start - part.reported_bytes)
            part.reported_bytes = start
        _receive(client, response, part, whole_bytes, on_bytes)
        return delivery


def _continues(response: httpx2.Response, start: int) -> bool:
    """Whether a partial answer begins where we asked it to; answers of another kind do not matter here."""
    if response.status_code != 206:
        return True
    told = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return start > 0 and told is not None and int(told[1]) == start


def _whole_bytes(response: httpx2.Response, start: int, wanted: Download) -> int | None:
    """Size of the whole file as the server or a record has it.

    Raises:
        SourceError: when the two differ.
    """
    told = _RANGE.fullmatch(response.headers.get("content-range", "")) if start else None
    length = response.headers.get("content-length", "")
    announced = None
    if told is not None:
        announced = int(told[3]) if told[3] != "*" else None
    elif length.isascii() and length.isdigit():
        announced = start + int(length)
    if wanted.expected_bytes is not None and announced not in (None, wanted.expected_bytes):
        raise SourceError(
            f"{shown_url(wanted.url)}: the server announces {announced} bytes; "
            f"expected {wanted.expected_bytes}, as recorded",
            hint="do not use this server for this model; tell whoever runs it",
        )
    return announced if wanted.expected_bytes is None else wanted.expected_bytes


def _receive(
    client: Client,
    response: httpx2.Response,
    part: _Part,
    whole_bytes: int | None,
    on_bytes: Callable[[int], None],
) -> None:
    shown = shown_url(part.wanted.url)
    with part.path.open("ab") as stream:
        before = size = stream.tell()
        pulse = _Pulse(client.patience.stall_seconds, shown)
        try:
            for piece in response.iter_raw():
                size += len(piece)
                if whole_bytes is not None and size > whole_bytes:
                    raise SourceError(
                        f"{shown}: the server sends more than the {whole_bytes} bytes it should have",
                        hint="do not use this server for this model; tell whoever runs it",
                    )
                _write(stream, piece, size, part.path)
                if size > part.reported_bytes:
                    on_bytes(size - part.reported_bytes)
                    part.reported_bytes = size
                pulse.beat(len(piece))
        except _broken_off() as error:
            raise TryAgainError(
                f"{shown}: broke off after {size} of {whole_bytes or 'unknown'} bytes",
                has_progressed=size - before >= _LEAST_BYTES_PER_STALL,
            ) from error
    if whole_bytes is not None and size != whole_bytes:
        raise TryAgainError(
            f"{shown}: ended after {size} of {whole_bytes} bytes", has_progressed=size > before
        )


def _write(stream: BinaryIO, piece: bytes, size: int, path: Path) -> None:
    if size % _LOOK_AT_DISK_BYTES < len(piece) and shutil.disk_usage(path.parent).free < SPARE_BYTES:
        raise SourceError(
            f"{path}: the disk is full after {size / 1e9:.1f} GB; the server does not tell how many it sends",
            hint="free some disk space or choose another folder with --data-dir",
        )
    stream.write(piece)


def _broken_off() -> tuple[type[Exception], ...]:
    import httpx2

    return (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)


class _Pulse:
    """Ends a transfer that trickles: every byte comes in time, and the file never."""

    def __init__(self, stall_seconds: float, shown: str) -> None:
        self._seconds = stall_seconds
        self._shown = shown
        self._since = time.monotonic()
        self._bytes = 0

    def beat(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        now = time.monotonic()
        if now - self._since < self._seconds:
            return
        if self._bytes < _LEAST_BYTES_PER_STALL:
            raise TryAgainError(f"{self._shown}: {self._bytes} bytes in {now - self._since:.0f} s")
        self._since, self._bytes = now, 0
