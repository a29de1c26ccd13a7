"""`python -m fuzz.seeds`: writes the small files of the corpus into fuzz/corpus, by target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from fuzz import CORPUS
from fuzz.targets import TARGETS, Target
from tests.assets.file_corpus.files import Case
from tests.assets.file_corpus.writing import made_corpus

_LARGEST_BYTES: Final = 4096
# All targets together stay below a megabyte.
_MOST_BYTES: Final = 60_000


def main() -> None:
    """Writes the seeds of every target; minimise them with `python -m fuzz TARGET --keep`."""
    made, _ = made_corpus()
    for name, target in TARGETS.items():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        left = _MOST_BYTES
        for data in sorted(set(_seeds(target, made)), key=len):
            if len(data) > left:
                break
            left -= len(data)
            (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def _seeds(target: Target, made: list[Case]) -> Iterator[bytes]:
    for case in made:
        if case.path.partition("/")[0] not in target.seeds:
            continue
        files = {case.path: case.content} if isinstance(case.content, bytes) else case.content
        for path, data in files.items():
            number = _name(target, path)
            if number is not None and len(data) <= _LARGEST_BYTES:
                yield bytes([number]) + data


def _name(target: Target, path: str) -> int | None:
    """The number of the target's name that a file of this path goes under: its own name, or its suffix."""
    name = path.rpartition("/")[2]
    for number, each in enumerate(target.names):
        if each == name or (each.startswith("m.") and name.endswith(each[1:])):
            return number
    return None


if __name__ == "__main__":
    main()
