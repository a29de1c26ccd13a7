"""Addresses of files on servers: encrypted, without passwords in them, and safe to show.

>>> shown_url("https://user:pass@host/a.gguf?X-Amz-Signature=1&download=true#x")
'https://host/a.gguf?X-Amz-Signature=...&download=...'
>>> is_same_origin("https://host/a", "https://HOST:443/b")
True
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit, urlunsplit

from scanner.source import SourceError

_PORTS: Final = {"http": 80, "https": 443}


def require_askable(url: str, plain_http_hosts: Sequence[str]) -> str:
    """The URL, when it is one that may be asked: https, or http on this machine or an allowed host.

    Raises:
        SourceError: when it is no URL, holds a password, or would be asked without encryption.
    """
    parts = _split(url)
    host = (parts.hostname or "").casefold()
    if parts.scheme == "https" or is_loopback(host):
        return url
    if host in {allowed.strip("[]").casefold() for allowed in plain_http_hosts}:
        return url
    raise SourceError(
        f"{shown_url(url)}: plain http to {host}, where anybody on the way can change the bytes",
        hint=f"use https, or allow this host by --plain-http {host}",
    )


def shown_url(url: str) -> str:
    """The URL without user, password and fragment, and with the names but not the values of its query.

    Addresses that were signed for a short time carry the right to read in their query.
    """
    try:
        parts = urlsplit(url)
        query = "&".join(f"{quote(name)}=..." for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def is_same_origin(one: str, other: str) -> bool:
    """Whether scheme, host and port are the same: what may see the same token."""
    return _origin(urlsplit(one)) == _origin(urlsplit(other))


def is_loopback(host: str) -> bool:
    """Whether a host, as written in a URL, is this machine."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def leads_home(here: str, there: str) -> bool:
    """Whether a server elsewhere sends us to this machine, or to where clouds keep their secrets.

    Args:
        here: Address of the server.
        there: Where it sends us.
    """
    host = (urlsplit(there).hostname or "").rstrip(".")
    return _is_of_this_machine(host) and not is_loopback(urlsplit(here).hostname or "")


def _is_of_this_machine(host: str) -> bool:
    if host.casefold().endswith(".localhost") or is_loopback(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # Also as IPv6 writes an IPv4 address, which connects to the same; 0.0.0.0 is this machine too.
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SourceError(
            f"{shown_url(url)}: no address: {error}", hint="write https://host/path/model.gguf"
        ) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise SourceError(f"{shown_url(url)}: no http address", hint="write https://host/path/model.gguf")
    if "@" in parts.netloc:
        raise SourceError(
            f"{shown_url(url)}: the address holds a user name or password",
            hint="leave them out and give them by --credential",
        )
    return parts


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").casefold(), parts.port or _PORTS.get(parts.scheme)
