"""The frameworks that controls are mapped to: which ids each of them knows.

One file a framework in `policies/data/frameworks/`. An id that stands in none of them is an error when a pack
is loaded, so that a crosswalk never holds an id which its framework does not have.

>>> load_frameworks()["owasp_llm"].ids["LLM03"]
'Supply Chain'
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from policies.assessment import LegalSource
from policies.documents import DocumentError, read_document


@dataclass(frozen=True)
class Framework:
    """A framework, one edition of it.

    Attributes:
        id: Key under `maps` in a pack, "nist_ai_rmf".
        title: With its edition, "NIST AI RMF 1.0".
        published: The day on which that edition came out.
        is_whole: Whether `ids` holds every id of the framework, or only those that a model scan can touch.
        sources: Where the ids were read.
        ids: Each id with a short title, in the framework's own order.
    """

    id: str
    title: str
    published: datetime.date
    is_whole: bool
    sources: tuple[LegalSource, ...]
    ids: Mapping[str, str]


@dataclass(frozen=True)
class _Head:
    id: str
    title: str
    published: datetime.date
    is_whole: bool
    sources: tuple[LegalSource, ...]


def load_frameworks() -> dict[str, Framework]:
    """Every framework of `policies/data/frameworks/`, by id, sorted by it.

    Raises:
        DocumentError: when a file is broken, or not named after its framework.
    """
    folder = resources.files("policies").joinpath("data", "frameworks")
    frameworks: dict[str, Framework] = {}
    for path in sorted(folder.iterdir(), key=lambda file: file.name):
        document = read_document(path, "framework", "framework")
        head = document.part(_Head, "framework")
        if path.name != f"{head.id}.yaml":
            raise DocumentError(f"{document.where}: got the id '{head.id}', expected that of the file's name")
        frameworks[head.id] = Framework(
            head.id, head.title, head.published, head.is_whole, head.sources,
            document.part(dict[str, str], "ids"),
        )  # fmt: skip
    return frameworks
