"""One digest for the weights of a model, whatever files they lie in.

A tensor is a line "<dtype> <shape> <BLAKE3 of its values> <name>". The digest is the BLAKE3 of the name of
the algorithm and the sorted set of lines: order of tensors, shards, padding, free text of headers and a
second copy in another container do not matter. docs/integrity.md says what it shows and what not.

>>> weight = TensorDigest("w", "F32", (2, 3), "ab" * 32, 24)
>>> digest_of([weight]) == digest_of([weight, weight])
True
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from blake3 import blake3

from scanner.manifest import LeftOut, TensorIdentity
from scanner.tensorfiles.digests import TensorDigest

ALGORITHM: Final = "weighbridge-tensors/1"
VALUES_ALGORITHM: Final = "weighbridge-tensor-values/1"
# Names that loaders fill from the token embedding when they are absent, so that some writers leave them out
# and others (torch.save) do not. Source: `_tied_weights_keys` of transformers 5.14; llama.cpp, which takes
# token_embd.weight where output.weight is absent.
_TIED: Final = re.compile(
    r"(?:output|(?:.*\.)?(?:lm_head|embed_out|encoder\.embed_tokens|decoder\.embed_tokens|predictions\.decoder))"
    r"\.(?:weight|bias)"
)


def digest_of(tensors: Iterable[TensorDigest]) -> str:
    """The digest of the tensors of one file, 64 hex digits."""
    return _digest(ALGORITHM, {_line(each) for each in _untied(tensors)})


def identity_of(
    files: Mapping[str, Sequence[TensorDigest]], left_out: Sequence[LeftOut] = ()
) -> TensorIdentity | None:
    """The identity of the weights in these files; None when there are no weight files at all.

    Tensors of files in different folders are told apart by the folder, counted from the one that holds all of
    them: a pipeline has a `conv_in.weight` in each of its parts.
    """
    if not files and not left_out:
        return None
    if not files:
        return TensorIdentity(ALGORITHM, "", 0, 0, tuple(left_out))
    by_folder: dict[str, list[TensorDigest]] = {}
    for path, tensors in files.items():
        by_folder.setdefault(PurePosixPath(path).parent.as_posix(), []).extend(tensors)
    skipped = len(_common(by_folder))
    lines: dict[str, int] = {}
    contents: set[str] = set()
    for folder, tensors in by_folder.items():
        prefix = "".join(f"{part}/" for part in PurePosixPath(folder).parts[skipped:])
        for each in _untied(tensors):
            lines[_line(each, prefix)] = each.size_bytes
            contents.add(_content(each))
    return TensorIdentity(
        ALGORITHM,
        _digest(ALGORITHM, lines),
        len(lines),
        sum(lines.values()),
        tuple(left_out),
        _digest(VALUES_ALGORITHM, contents),
    )


def _common(folders: Iterable[str]) -> tuple[str, ...]:
    """The parts that the paths of all folders begin with."""
    first, *others = (PurePosixPath(folder).parts for folder in folders)
    length = next((n for n in range(len(first), 0, -1) if all(other[:n] == first[:n] for other in others)), 0)
    return first[:length]


def _untied(tensors: Iterable[TensorDigest]) -> list[TensorDigest]:
    """The tensors without the second names of tied ones."""
    listed = list(tensors)
    own = {each.content for each in listed if not _TIED.fullmatch(each.name)}
    return [each for each in listed if each.content not in own or not _TIED.fullmatch(each.name)]


def _content(tensor: TensorDigest) -> str:
    return f"{tensor.dtype} [{','.join(map(str, tensor.shape))}] {tensor.digest}"


def _line(tensor: TensorDigest, prefix: str = "") -> str:
    # JSON, so that no name can spell the end of its line.
    return f"{_content(tensor)} {json.dumps(prefix + tensor.name)}"


def _digest(algorithm: str, lines: Iterable[str]) -> str:
    digest = blake3(f"{algorithm}\n".encode())
    for line in sorted(lines):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
