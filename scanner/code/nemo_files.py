"""The configuration inside a NeMo archive, which names the classes that loading makes."""

from __future__ import annotations

import tarfile
from pathlib import PurePosixPath
from typing import Final

from scanner.code.loader_keys import named_in_yaml
from scanner.code.yaml_targets import YamlTarget, targets_in
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError

_MEMBERS_LIMIT: Final = 2000
_YAML_LIMIT_BYTES: Final = 4 * 1024**2
# What is read of a compressed archive to find its configuration, which lies before the weights or after.
_READ_LIMIT_BYTES: Final = 512 * 1024**2


def nemo_targets(snapshot: Snapshot, entry: FileEntry) -> list[YamlTarget]:
    """Every name of code in the YAML files of a .nemo archive.

    Raises:
        PartlyReadError: when it was not read far enough.
        ModelFileError: when it is no tar archive, or too long to be looked through.
        TargetFileError: when its YAML cannot be read and mentions code.
    """
    found: list[YamlTarget] = []
    try:
        with snapshot.open(entry.path) as stream, tarfile.open(fileobj=stream, mode="r:*") as archive:
            is_plain = archive.fileobj is stream  # its members are skipped, not read through
            for number, member in enumerate(archive):
                if number >= _MEMBERS_LIMIT or (member.offset > _READ_LIMIT_BYTES and not is_plain):
                    raise ModelFileError(f"{entry.path}: too long to be looked through for its configuration")
                if member.isfile() and PurePosixPath(member.name).suffix.lower() in (".yaml", ".yml"):
                    found.extend(_in_member(archive, member, entry.path))
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise ModelFileError(f"{entry.path}: is no tar archive that can be read ({error})") from error
    return found


def _in_member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> list[YamlTarget]:
    if member.size > _YAML_LIMIT_BYTES:
        raise ModelFileError(
            f"{path}: its configuration has {member.size} bytes; {_YAML_LIMIT_BYTES} are read"
        )
    file = archive.extractfile(member)
    text = "" if file is None else file.read(_YAML_LIMIT_BYTES).decode("utf-8", "replace")
    try:
        keyed = [YamlTarget(each.kind, each.key, each.target, each.line or 1) for each in named_in_yaml(text)]
    except ValueError as error:
        raise ModelFileError(f"{path}: its configuration is {error}") from error
    return [*targets_in(text, path), *keyed]
