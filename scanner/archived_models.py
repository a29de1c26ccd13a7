"""Has the checks of other kinds of files judge the models inside an archive, as if it had been unpacked.

Nothing is written to disk: a file of the archive is opened where it lies, or out of memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from scanner.archives.faults import shown
from scanner.archives.shelf import Kept
from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding
from scanner.manifest import FileEntry, Snapshot
from scanner.parts import PartlyReadError

# Checks that need files on disk, their neighbours or the whole model, that judge names, or that are this one.
_LEFT_OUT: Final = frozenset({
    "archive-unsafe", "file-kind-unclear", "modelaudit-flags", "openvino-ir-unsafe", "weights-implausible",
})  # fmt: skip
# In most archives their own check finds them, which looks into these itself.
_PICKLES: Final = "pickle-runs-code"


@dataclass(frozen=True)
class MemberFinding:
    """What a check said of a file inside an archive.

    Attributes:
        member: Its path inside, safe to print.
        finding: As the check said it.
        verdict: What that means for the file.
    """

    member: str
    finding: Finding
    verdict: FileVerdict


# Only ever the same as itself: what opens its files cannot be compared, and code is remembered by snapshot.
@dataclass(frozen=True, eq=False)
class _MemberSnapshot(Snapshot):
    """The files of an archive as if they lay in a folder.

    Attributes:
        openers: What opens them, by path.
    """

    openers: Mapping[str, Callable[[], BinaryIO]] = field(default_factory=dict)

    def open(self, path: str) -> BinaryIO:
        """The file of this path.

        Raises:
            OSError: when the archive has none.
        """
        if path not in self.openers:
            raise FileNotFoundError(2, "no such file in the archive", path)
        return self.openers[path]()

    def local_path(self, path: str) -> Path:
        """Nothing of it lies on disk.

        Raises:
            PartlyReadError: always.
        """
        raise PartlyReadError(f"{path}: lies in an archive, not on disk")


def judge_members(
    context: CheckContext, container: str, kept: Sequence[Kept], *, has_pickles: bool
) -> Iterator[MemberFinding]:
    """What the checks of other kinds say of these files of one archive, beside that they are sound.

    Args:
        context: Of the check that asks.
        container: Where the archive lies in the file, "" for the file itself.
        kept: Its files.
        has_pickles: Whether pickles in it are to be looked for, because their own check does not open it.
    """
    openers = {shown(each.name, 400)[1:-1]: each for each in kept}
    files = tuple(FileEntry(path, each.size_bytes, "0" * 64) for path, each in sorted(openers.items()))
    snapshot = _MemberSnapshot(
        context.snapshot.ref, None, "", files, openers={path: each.open for path, each in openers.items()}
    )
    inside = dataclasses.replace(context, snapshot=snapshot)
    checks = _file_checks(has_pickles=has_pickles)
    for entry in files:
        member = f"{container}:{entry.path}" if container else entry.path
        for check in checks:
            context.check_deadline()
            for item in check.examine_safely(inside, entry):
                if not isinstance(item, Finding):
                    continue
                verdict = check.verdict_of(item)
                if verdict is not None and verdict is not FileVerdict.PLAIN_DATA:
                    yield MemberFinding(member, item, verdict)


def _file_checks(*, has_pickles: bool) -> list[FileCheck]:
    from scanner.registry import load_checks

    left_out = _LEFT_OUT if has_pickles else _LEFT_OUT | {_PICKLES}
    return [
        check for key, check in load_checks().items() if key not in left_out and isinstance(check, FileCheck)
    ]
