"""The interface of everything that models come from. Stable: a file in `scanner/sources/` per scheme."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from scanner.errors import ScanError
from scanner.manifest import Snapshot
from scanner.progress import Progress, SilentProgress
from scanner.references import ModelRef


class SourceError(ScanError):
    """The model cannot be fetched or read."""


@dataclass(frozen=True)
class Access:
    """What sources beside the hub need of this machine and its user.

    Attributes:
        credential: "user:secret" or a token for the server that the reference names, "" for none; never
            stored, and never sent to another host, but for the one that a registry names to give tokens.
            The hub's token is not it.
        plain_http_hosts: Hosts that may be asked without encryption; this machine always may.
        ollama_store: Folder that Ollama keeps its models in, None where there is none.
    """

    credential: str = field(default="", repr=False)
    plain_http_hosts: tuple[str, ...] = ()
    ollama_store: Path | None = None


@dataclass(frozen=True)
class FetchOptions:
    """How to fetch.

    Attributes:
        cache: Folder that fetched files are kept in.
        endpoint: Address of the hub or mirror, "" for the public one.
        token: Access token for gated repositories, "" for none; never stored.
        offline: Take only what the cache holds.
        progress: Where to tell how far fetching and hashing are.
        allow: Patterns of the paths to take, () for all; see `scanner.path_patterns`.
        ignore: Patterns of the paths to leave out, even of those that are allowed. What was left out is
            in the snapshot's facts, one "left_out" a path, so that nobody takes a part for the whole.
        access: What sources beside the hub need to know.
    """

    cache: Path
    endpoint: str = ""
    token: str = ""
    offline: bool = False
    progress: Progress = field(default_factory=SilentProgress)
    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)


class Source(ABC):
    """Fetches what a reference of its scheme names, and hashes every byte itself.

    Attributes:
        scheme: The `ModelRef.scheme` it serves.
        aliases: Further schemes it serves.
        serves_commits: Whether a snapshot's `pin`, named as revision, gets the same bytes again.
    """

    scheme: ClassVar[str]
    serves_commits: ClassVar[bool] = False
    aliases: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot that `ref` names, complete and hashed.

        Wrong bytes are not an error here: they are in the snapshot beside the digest they should
        have, and the check `integrity-mismatch` says so.

        Raises:
            SourceError: when there is no such model, it cannot be read, or it is not a model.
        """

    def inspect(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot that `ref` names, its weight files read no further than their headers.

        A source that can read parts of files overrides this; see `scanner.inspection.files`.

        Raises:
            SourceError: as in `fetch`, and always when this source cannot read parts of files.
        """
        raise SourceError(
            f"{ref.text}: a model from a source of kind '{self.scheme}' is only read whole, not inspected",
            hint="`weighbridge scan` with --static-only fetches it and runs the same checks",
        )
