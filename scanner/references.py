"""What was asked for: a model reference as people write it, parsed once.

>>> ref = ModelRef.parse("hf://org/name@main")
>>> (ref.scheme, ref.location, ref.revision)
('hf', 'org/name', 'main')
>>> ModelRef.parse("weights/model.gguf").scheme
'gguf'
>>> ref = ModelRef.parse("oci://registry.example:5000/team/model:v1")
>>> (ref.location, ref.revision)
('registry.example:5000/team/model', 'v1')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from scanner.errors import ScanError

_EXAMPLES: Final[Mapping[str, str]] = {
    "hf": "hf://org/name@revision",
    "ollama": "ollama://name:tag",
    "oci": "oci://registry/repository:tag",
    "oci-layout": "oci-layout:FOLDER@tag",
    "https": "https://host/path/model.gguf",
    "http": "http://127.0.0.1/path/model.gguf",
    "file": "file:///path/to/model",
}
# Parts of the names of query parameters that grant access, in the signed addresses of the large stores.
_SECRETS: Final = ("signature", "credential", "token", "secret", "password", "apikey", "api_key", "sig")
_LAYOUT: Final = "oci-layout:"
_DEMANDED: Final = re.compile(r"(?P<location>.*)#sha256[=:](?P<digest>[0-9a-fA-F]{64})", re.DOTALL)
# Names in stores may hold "#"; what looks like a digest behind it is meant as one.
_MEANT: Final = re.compile(r"#\s*(?:sha|md5|blake|digest|checksum)[^/]*$", re.IGNORECASE)


class BadReferenceError(ScanError):
    """The model reference cannot be read."""


@dataclass(frozen=True)
class ModelRef:
    """A model as the user named it.

    Attributes:
        text: Exactly what was written.
        scheme: Name of the source that serves it, in lower case: "hf", "directory", "gguf", "demo",
            "ollama", "oci", "oci-layout", "https", "s3" and other stores, or a plug-in's.
        location: Repository "org/name", a local path, or what stands between scheme and revision.
        revision: Branch, tag, commit or digest for sources that have them; "sha256:" and digits where the
            reference demands the digest of a file; else None.
    """

    text: str
    scheme: str
    location: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference that `text` writes.

        Raises:
            BadReferenceError: when `text` is empty, its `scheme://` part has no location, or it holds
                what grants access.
        """
        if not text.strip():
            raise BadReferenceError(
                "the model reference is empty",
                hint="name a directory, a .gguf file, hf://org/name or demo",
            )
        if text == "demo":
            return cls(text, "demo", "demo")
        scheme, separator, rest = text.partition("://")
        if not separator and text.startswith(_LAYOUT):
            scheme, rest = "oci-layout", text.removeprefix(_LAYOUT)
        elif not separator:
            return cls(text, _kind_of_path(text), text)
        scheme = scheme.lower()
        location, revision = _SPLITS.get(scheme, _at_sign)(rest)
        if not location:
            # Of an address, what was written is not repeated: it may hold a password.
            raise BadReferenceError(
                f"{text}: nothing after {scheme}:" if "@" not in rest else f"no location after {scheme}:",
                hint=f"write for instance {_EXAMPLES.get(scheme, f'{scheme}://bucket/path')}",
            )
        if scheme == "file":
            return cls(text, _kind_of_path(location), location)
        return cls(text, scheme, location, revision)


def _kind_of_path(path: str) -> str:
    return "gguf" if path.lower().endswith(".gguf") else "directory"


def _at_sign(rest: str) -> tuple[str, str | None]:
    """`org/name@revision`, as the hub writes it."""
    location, _, revision = rest.partition("@")
    return location, revision or None


def _layout(rest: str) -> tuple[str, str | None]:
    """`FOLDER@tag`; folders may have "@" in their names, tags have no "/"."""
    location, separator, revision = rest.rpartition("@")
    if not separator or "/" in revision or "\\" in revision:
        return rest, None
    return location, revision or None


def _image(rest: str) -> tuple[str, str | None]:
    """`registry:5000/repository:tag@sha256:...`, as container tools write it; a digest outweighs a tag."""
    named, separator, digest = rest.partition("@")
    if separator and not digest.startswith("sha256:"):
        # Not repeated: where a digest should stand, a login may have been written before a host.
        raise BadReferenceError(
            "what follows '@' in the reference is no digest",
            hint="write oci://registry/repository@sha256:..., and give a login by --credential",
        )
    folder, slash, name = named.rpartition("/")
    name, _, tag = name.partition(":")
    return f"{folder}{slash}{name}", digest or tag or None


def _address(rest: str) -> tuple[str, str | None]:
    """`host/path`, with `#sha256=...` for the digest that the file must have."""
    try:
        parts = urlsplit(f"//{rest}")
        names = [name.casefold() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError as error:
        raise BadReferenceError(
            f"the address cannot be read: {error}", hint=f"write for instance {_EXAMPLES['https']}"
        ) from error
    if "@" in parts.netloc:
        raise BadReferenceError(
            "the address holds a user name or password, which reports would show",
            hint="leave them out and give them by --credential",
        )
    if any(word in name for name in names for word in _SECRETS):
        raise BadReferenceError(
            "the address is signed: its query lets anybody read the file, and reports would show it",
            hint="fetch the file by other means and scan that, or name the store (s3://bucket/key)",
        )
    return _demanded(rest)


def _demanded(rest: str) -> tuple[str, str | None]:
    if match := _DEMANDED.fullmatch(rest):
        return match["location"], f"sha256:{match['digest'].lower()}"
    if _MEANT.search(rest):
        # Taken for a part of the name, a digest that is cut off would demand nothing.
        raise BadReferenceError(
            "what follows '#' in the reference is no sha256 of 64 hex digits",
            hint="write for instance https://host/path/model.gguf#sha256=..., with all of the digest",
        )
    return rest, None


def _file(rest: str) -> tuple[str, str | None]:
    """`file:///path`, a path on this machine."""
    path = unquote(rest.removeprefix("localhost"))
    return path, None


_SPLITS: Final[Mapping[str, Callable[[str], tuple[str, str | None]]]] = {
    "hf": _at_sign,
    "ollama": _image,
    "oci": _image,
    "oci-layout": _layout,
    "https": _address,
    "http": _address,
    "file": _file,
    **dict.fromkeys(("s3", "gs", "az", "abfs", "memory"), _demanded),
}
