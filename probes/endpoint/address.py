"""Where a server may listen: on this machine, or on a host that the user allowed by name.

Prompts of a scan tell what an auditor looks for, and replies may hold personal data: neither leaves the
machine unless somebody said so.

>>> locate("http://127.0.0.1:8000/v1").label
'127.0.0.1:8000'
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from probes.backend import BackendError

_PORTS: Final = {"http": 80, "https": 443}
_CONNECT_SECONDS: Final = 5.0
_EXAMPLE: Final = "name it like --server-url http://127.0.0.1:8000/v1"


@dataclass(frozen=True)
class Address:
    """A server whose address was checked; requests go to `ip` and nowhere else.

    Attributes:
        scheme: "http" or "https".
        host: As the user wrote it, for the Host header and the certificate.
        port: TCP port.
        ip: The address that `host` meant when it was checked, so that no later look-up can mean another.
        path: Path of the API without a final slash, "/v1".
    """

    scheme: str
    host: str
    port: int
    ip: str
    path: str

    @property
    def label(self) -> str:
        """Host and port, "127.0.0.1:8000"."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def root(self) -> str:
        """The address that requests are sent to, without the API's path."""
        return f"{self.scheme}://{_bracketed(self.ip)}:{self.port}"


def locate(url: str, allowed_hosts: Sequence[str] = ()) -> Address:
    """The server of this URL, when it may be asked.

    Args:
        url: "http://127.0.0.1:8000/v1"; "/v1" is added to a URL without a path.
        allowed_hosts: Hosts beyond loopback that may be asked, as they are written in URLs.

    Raises:
        BackendError: when the URL is none, its host is unknown, or it is not on this machine and not allowed.
    """
    parts, port = _parse(url)
    host = str(parts.hostname)
    ips = _resolve(host, port)
    if host.casefold() not in {allowed.strip("[]").casefold() for allowed in allowed_hosts}:
        _require_loopback(host, ips)
    return Address(parts.scheme, host, port, _listening(ips, port), parts.path.rstrip("/") or "/v1")


def _parse(url: str) -> tuple[SplitResult, int]:
    if not url:
        raise BackendError("the backend endpoint needs the address of a server", hint=_EXAMPLE)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BackendError(f"the server address is no URL: {error}", hint=_EXAMPLE) from error
    # The URL itself is not repeated where it may hold a password.
    if parts.username is not None or parts.password is not None:
        raise BackendError(
            "the server address holds a user name or password", hint="leave them out and give an API key"
        )
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BackendError(f"the server address '{url}' does not begin with http://HOST", hint=_EXAMPLE)
    if parts.query or parts.fragment:
        raise BackendError("the server address holds a query ('?') or a fragment ('#')", hint=_EXAMPLE)
    return parts, port or _PORTS[parts.scheme]


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BackendError(
            f"the host '{host}' of the server address is not known: {error}", hint="check the spelling"
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _require_loopback(host: str, ips: Sequence[str]) -> None:
    """Every address counts: a name that means two machines could be asked at either."""
    outside = [ip for ip in ips if not _is_loopback(ip)]
    if not outside:
        return
    means = "" if outside[0] == host else f" (the address {outside[0]})"
    raise BackendError(
        f"the server {host}{means} is not on this machine, and prompts and replies would leave it",
        hint=f"if that is intended, allow it by --allow-host {host}",
    )


def _is_loopback(ip: str) -> bool:
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _listening(ips: Sequence[str], port: int) -> str:
    """The first address that takes a connection ("localhost" means two), else the first."""
    if len(ips) > 1:
        for ip in ips:
            try:
                socket.create_connection((ip, port), timeout=_CONNECT_SECONDS).close()
            except OSError:
                continue
            return ip
    return ips[0]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
