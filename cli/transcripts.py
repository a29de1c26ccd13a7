"""Where recorded replies lie: files, folders, or the evidence of a stored scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import ScanError

if TYPE_CHECKING:
    from cli.workplace import Workplace


def transcript_paths(names: Sequence[str], workplace: Workplace) -> tuple[Path, ...]:
    """The files and folders that the user named, and the transcripts of the scans that the user named.

    Raises:
        ScanError: when a name is neither.
    """
    return tuple(path for name in names for path in _paths(name, workplace))


def _paths(name: str, workplace: Workplace) -> list[Path]:
    path = Path(name)
    if path.exists():
        return [path]
    return _of_scan(name, workplace)


def _of_scan(scan_id: str, workplace: Workplace) -> list[Path]:
    from db.errors import UnknownScanError
    from db.store import Store
    from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE

    with Store.open(workplace.database_url) as store:
        try:
            scan = store.load_scan(store.find(scan_id))
        except UnknownScanError as error:
            raise ScanError(
                f"--transcript {scan_id}: neither a file, a folder nor a stored scan",
                hint="`weighbridge history` lists the scans; a file is a .jsonl of recorded replies",
            ) from error
    refs = [*(ref for each in scan.findings for ref in each.evidence)]
    refs += [ref for each in scan.measurements for ref in each.evidence]
    digests = dict.fromkeys(ref.sha256 for ref in refs if ref.media_type == TRANSCRIPT_MEDIA_TYPE)
    if not digests:
        raise ScanError(
            f"--transcript {scan_id}: that scan kept no transcripts",
            hint="name a scan that questioned its model",
        )
    return [workplace.evidence.path(digest) for digest in digests]
