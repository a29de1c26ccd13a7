"""What runs when somebody opens a folder, a page or a picture with the tool that it is made for."""

from __future__ import annotations

from typing import Final

from scanner.code import documents, tool_commands
from scanner.code.tool_commands import ToolFault
from scanner.code.tool_files import is_tool_file
from scanner.findings import Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError, read_text

_TOOL_BYTES: Final = 1024**2
_DOCUMENT_BYTES: Final = 16 * 1024**2  # charts that were exported with all their code have five


def opened_faults(snapshot: Snapshot, entry: FileEntry) -> list[ToolFault] | None:
    """What a file has run that needs a look, the worst first; None for one that has nothing run.

    Raises:
        PartlyReadError: when it was not read far enough.
    """
    is_tool = is_tool_file(entry.path)
    if not is_tool and not documents.is_document(entry.path):
        return None
    try:
        text = read_text(snapshot, entry.path, _TOOL_BYTES if is_tool else _DOCUMENT_BYTES)
    except ModelFileError as error:
        return [ToolFault("script-in-document", "file", None, f"was not read ({error})", Severity.MEDIUM)]
    return tool_commands.faults_in(text, entry.path) if is_tool else documents.faults_in(text, entry.path)
