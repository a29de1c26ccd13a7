"""Where SARIF results point to: files of the model, as percent-encoded paths below the folder MODEL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from scanner.findings import Location
from scanner.manifest import Snapshot

# What a finding without a place of its own is about: how the model is set up, and what is said of it.
_STANDS_FOR_THE_MODEL: Final = ("config.json", "README.md")


def artifacts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every file of the model, with its digest where every byte was read (section 3.24)."""
    return [
        {
            "location": {"uri": quote(entry.path), "uriBaseId": "MODEL"},
            "length": entry.size_bytes,
            **({"hashes": {"sha-256": entry.sha256}} if entry.is_whole else {}),
        }
        for entry in snapshot.files
    ]


def place_of(locations: Sequence[Location], snapshot: Snapshot) -> tuple[dict[str, Any], bool]:
    """The first place of a finding, and whether it is its own; there is always one.

    Lines of a file that has none are given as the first, since code scanning shows nothing otherwise.
    """
    known = {entry.path: index for index, entry in enumerate(snapshot.files)}
    own = next(iter(locations), None)
    stand_in = next((path for path in _STANDS_FOR_THE_MODEL if path in known), next(iter(known), "model"))
    path = own.path if own else stand_in
    artifact: dict[str, Any] = {"uri": quote(path), "uriBaseId": "MODEL"}
    if path in known:
        artifact["index"] = known[path]
    place: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": {"startLine": (own.line if own else None) or 1},
        }
    }
    if own and own.detail:
        place["logicalLocations"] = [{"fullyQualifiedName": own.detail}]
    return place, own is not None
