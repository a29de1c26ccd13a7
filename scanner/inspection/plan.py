"""How far each file is read in an inspection, by its name and size.

>>> extent_of("model-00001-of-01000.safetensors", 10**9), extent_of("config.json", 700)
(<Extent.HEADER: 'header'>, <Extent.WHOLE: 'whole'>)
"""

from __future__ import annotations

import enum
from pathlib import PurePosixPath
from typing import Final

from scanner.graphs.kinds import GRAPH_SUFFIXES
from scanner.inspection.demand import FIRST_BYTES
from scanner.manifest import is_weight_file

# Loaders unpickle these too, or look into them as archives.
_PICKLED: Final = frozenset({
    ".pkl", ".pickle", ".pck", ".joblib", ".dill", ".cloudpickle", ".npy", ".keras",
})  # fmt: skip
_TEXTS: Final = frozenset(
    {
        "", ".md", ".txt", ".rst", ".json", ".jsonl", ".ndjson", ".ipynb", ".yaml", ".yml", ".toml", ".cfg",
        ".ini", ".csv", ".tsv", ".jinja", ".jinja2", ".j2", ".py", ".sh", ".html", ".htm", ".xml", ".log",
        ".sql", ".pdf", ".docx", ".rtf", ".gz", ".eml", ".vcf", ".conll", ".srt", ".tex", ".bib",
        ".sig", ".asc", ".gpg", ".minisig",
    }
)  # fmt: skip
# As much as any check reads of such files: vocabularies and indexes are the longest that are read whole.
_LONG_JSON_BYTES: Final = 64 * 1024**2
_TEXT_BYTES: Final = 16 * 1024**2
_OTHER_BYTES: Final = 1024**2


class Extent(enum.Enum):
    """How far a file is read; in this order, so that what says most comes first."""

    WHOLE = "whole"
    HEADER = "header"
    BEGINNING = "beginning"
    NOTHING = "nothing"


def extent_of(path: str, size_bytes: int) -> Extent:
    """How far to read the file of this name and size."""
    suffix = PurePosixPath(path.lower()).suffix
    if size_bytes <= FIRST_BYTES:
        return Extent.WHOLE
    if is_weight_file(path) or suffix in _PICKLED or suffix in GRAPH_SUFFIXES:
        return Extent.HEADER
    limit = _LONG_JSON_BYTES if suffix == ".json" else _TEXT_BYTES if suffix in _TEXTS else _OTHER_BYTES
    if size_bytes <= limit:
        return Extent.WHOLE
    return Extent.BEGINNING if suffix in _TEXTS else Extent.NOTHING
