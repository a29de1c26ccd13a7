"""Paths that configuration names: whether they lead out of the folder of the file, and where to.

>>> leaves_folder("../x"), is_of_the_system("../../etc/passwd"), is_of_the_system("/home/me/vocab.txt")
(True, True, False)
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

# Where a machine keeps what it is, and folders and files by whose names secrets are kept everywhere.
_SYSTEM: Final = frozenset({"etc", "proc", "sys", "dev", "boot"})
_SECRET: Final = frozenset(
    {".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".netrc", ".git-credentials", ".pypirc",
     ".npmrc", ".bashrc", ".profile", ".bash_history", ".env", "id_rsa", "id_ed25519"}
)  # fmt: skip
_SHARE: Final = re.compile(r"\\\\[\w.-]+\\")  # another machine, which Windows gives a password


def leaves_folder(path: str) -> bool:
    """Whether a path leads out of the folder of the file that names it."""
    pure = PurePosixPath(path.replace("\\", "/"))
    return pure.is_absolute() or ".." in pure.parts or "://" in path or path[1:3] == ":\\"


def climbs_out(path: str) -> bool:
    """Whether a relative path goes up out of the folder that it begins in."""
    depth = 0
    for part in PurePosixPath(path.replace("\\", "/")).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def is_of_the_system(path: str) -> bool:
    """Whether a path leads out of its folder to files of the system, to secrets or to another machine.

    Other absolute paths are what authors leave in files: "/root/.cache/huggingface/x/vocab.txt".
    """
    if not leaves_folder(path):
        return False
    plain = path.removeprefix("file://").replace("\\", "/")
    parts = [part for part in PurePosixPath(plain).parts if part not in ("/", "//", "..")]
    first = parts[0].lower() if parts else ""
    is_system = first in _SYSTEM and parts[:2] != ["dev", "shm"]
    return is_system or any(part.lower() in _SECRET for part in parts) or bool(_SHARE.match(path))
