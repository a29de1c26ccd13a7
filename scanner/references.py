"""What was asked for: a model reference as people write it, parsed once.

>>> ref = ModelRef.parse("hf://org/name@main")
>>> (ref.scheme, ref.location, ref.revision)
('hf', 'org/name', 'main')
>>> ModelRef.parse("weights/model.gguf").scheme
'gguf'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from scanner.errors import ScanError


class BadReferenceError(ScanError):
    """The model reference cannot be read."""


@dataclass(frozen=True)
class ModelRef:
    """A model as the user named it.

    Attributes:
        text: Exactly what was written.
        scheme: Name of the source that serves it, in lower case: "hf", "directory", "gguf", "demo", or a
            plug-in's.
        location: Repository "org/name" or a local path.
        revision: Branch, tag or commit for sources that have them, else None.
    """

    text: str
    scheme: str
    location: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference that `text` writes.

        Raises:
            BadReferenceError: when `text` is empty or its `scheme://` part has no location.
        """
        if not text.strip():
            raise BadReferenceError(
                "the model reference is empty",
                hint="name a directory, a .gguf file, hf://org/name or demo",
            )
        if text == "demo":
            return cls(text, "demo", "demo")
        scheme, separator, rest = text.partition("://")
        if not separator:
            return cls(text, "gguf" if text.lower().endswith(".gguf") else "directory", text)
        location, _, revision = rest.partition("@")
        if not location:
            raise BadReferenceError(
                f"{text}: nothing after {scheme}://",
                hint="write for instance hf://org/name@revision",
            )
        return cls(text, scheme.lower(), location, revision or None)
