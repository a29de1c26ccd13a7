"""Asks an OCI registry: manifests and blobs, with the token that it sends us to fetch.

Source: OCI Distribution Specification 1.1, "Pull"; CNCF Distribution, "Token Authentication Specification".
"""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from scanner.errors import InvalidValueError
from scanner.oci.manifests import (
    ACCEPTED,
    MANIFEST_LIMIT_BYTES,
    AbsentError,
    Descriptor,
    digest_of,
    is_digest,
)
from scanner.records import decode
from scanner.remote.addresses import is_loopback, leads_home, require_askable, shown_url
from scanner.remote.client import Client
from scanner.remote.downloads import Download, download
from scanner.remote.failures import StatusError, one_line
from scanner.source import Access, SourceError

T = TypeVar("T")

_TOKEN_LIMIT_BYTES: Final = 256 * 1024
_OTHER_HOSTS: Final = {"docker.io": "registry-1.docker.io"}
_DENIED: Final = "give a credential (user:secret) of this registry by --credential"


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


class Registry:
    """One repository of one registry.

    Attributes:
        shown: How errors name it: "ghcr.io/org/model".
    """

    def __init__(self, client: Client, host: str, repository: str, access: Access) -> None:
        self.shown = f"{host}/{repository}"
        self._client = client
        self._access = access
        self._repository = repository
        self._root = f"{_scheme(host, access)}://{_OTHER_HOSTS.get(host, host)}/v2/{quote(repository)}"
        self._authorization = _given(access.credential)

    def manifest(self, reference: str) -> bytes:
        """The manifest with this tag or digest, as the registry sends it.

        Raises:
            SourceError: when it is not there, access is refused, or the registry contradicts itself.
        """
        url = f"{self._root}/manifests/{quote(reference, safe=':')}"
        answer = self._authorised(
            lambda headers: self._client.get(
                url, {**headers, "Accept": ACCEPTED}, limit_bytes=MANIFEST_LIMIT_BYTES
            ),
            f"{self.shown}: no manifest '{reference}'",
        )
        told = answer.headers.get("docker-content-digest", "")
        if is_digest(told) and told != digest_of(answer.body):
            own = digest_of(answer.body)
            raise SourceError(
                f"{self.shown}: the registry calls the manifest {told}; its bytes have {own}",
                hint="do not use this registry: it gives out other bytes than it says",
            )
        return answer.body

    def fetch(self, blob: Descriptor, target: Path, on_bytes: Callable[[int], None]) -> None:
        """Puts the blob's bytes at `target`; whether they are the right ones is for the caller to see.

        Raises:
            SourceError: when it is not there, access is refused, or its length is wrong.
        """
        url = f"{self._root}/blobs/{blob.digest}"
        self._authorised(
            lambda headers: download(
                self._client,
                Download(url, target, headers, expected_bytes=blob.size, is_addressed=True),
                on_bytes,
            ),
            f"{self.shown}: no blob {blob.digest}",
        )

    def _authorised(self, ask: Callable[[Mapping[str, str]], T], absent: str) -> T:
        """What `ask` yields; when the registry wants a token first, or a newer one, with that."""
        try:
            try:
                return ask(self._headers())
            except StatusError as error:
                if error.status != 401:
                    raise
                self._authorization = self._token(error.headers.get("www-authenticate", ""))
                return ask(self._headers())
        except StatusError as error:
            if error.status == 404:
                raise AbsentError(absent, hint="check registry, name and tag") from error
            if error.status in (401, 403):
                raise SourceError(
                    f"{self.shown}: the registry refuses access (HTTP {error.status})", hint=_DENIED
                ) from error
            raise

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization else {}

    def _token(self, challenge: str) -> str:
        """The Authorization header that answers a challenge.

        Raises:
            SourceError: when it is none that is understood, or no token is given.
        """
        kind, _, rest = challenge.partition(" ")
        asked = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest)) if "=" in rest else {}
        basic = _basic(self._access.credential)
        if kind.casefold() == "basic" and basic:
            return basic
        if kind.casefold() != "bearer" or not asked.get("realm"):
            shown = one_line(challenge or "nothing said")
            raise SourceError(f"{self.shown}: the registry wants a login, by '{shown}'", hint=_DENIED)
        query = {"scope": asked.get("scope") or f"repository:{self._repository}:pull"}
        if service := asked.get("service"):
            query["service"] = service
        # The registry names who gives tokens; the credential goes there, and only over an encrypted way.
        realm = require_askable(asked["realm"], self._access.plain_http_hosts)
        if leads_home(self._root, realm):
            raise SourceError(
                f"{self.shown}: the registry sends us to {shown_url(realm)} for a token, an address of this "
                "machine or its own network",
                hint="do not use this registry; report it to whoever runs it",
            )
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        headers = {"Authorization": basic} if basic else {}
        body = self._client.get(url, headers, limit_bytes=_TOKEN_LIMIT_BYTES).body
        try:
            token = decode(body, _Token)
        except InvalidValueError as error:
            raise SourceError(f"{shown_url(realm)}: gives no token ({error})", hint=_DENIED) from error
        value = token.token or token.access_token
        if not value or not value.isascii() or not value.isprintable():
            raise SourceError(f"{shown_url(realm)}: gives no token", hint=_DENIED)
        return f"Bearer {value}"


def _scheme(host: str, access: Access) -> str:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    is_plain = is_loopback(name) or name.casefold() in {each.casefold() for each in access.plain_http_hosts}
    return "http" if is_plain else "https"


def _given(credential: str) -> str:
    """A bare token goes to the registry as it is; a user and a secret are for whoever gives tokens."""
    return f"Bearer {credential}" if credential and ":" not in credential else ""


def _basic(credential: str) -> str:
    if ":" not in credential:
        return ""
    return f"Basic {base64.b64encode(credential.encode()).decode()}"
