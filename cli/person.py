"""Who prepares or decides: from options, the environment or a settings file, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from scanner.errors import ScanError

if TYPE_CHECKING:
    from policies.decisions import Person

_KEYS: Final = ("name", "role")


class PersonError(ScanError):
    """Who decides is not known, or their settings file cannot be read."""


def known_person(by_name: str, by_role: str, person_path: Path) -> Person | None:
    """Who runs this command, None when nothing says it.

    Raises:
        PersonError: when only a name or only a role is known, or the settings file is wrong.
    """
    from policies.decisions import Person

    settings = _read(person_path)
    given = {
        "name": (by_name or settings.get("name", ""), _source("by_name") if by_name else str(person_path)),
        "role": (by_role or settings.get("role", ""), _source("by_role") if by_role else str(person_path)),
    }
    known = {key: value.strip() for key, (value, _) in given.items() if value.strip()}
    if not known:
        return None
    if len(known) < len(_KEYS):
        raise PersonError(
            f"who decides: got {' and '.join(known)} alone, expected a name and a role",
            hint="give --by NAME and --by-role ROLE, or write both into the file of --person",
        )
    sources = dict.fromkeys(source for _, source in given.values())
    return Person(known["name"], known["role"], " and ".join(sources))


def require_person(by_name: str, by_role: str, person_path: Path) -> Person:
    """Who decides.

    Raises:
        PersonError: when it is not known.
    """
    person = known_person(by_name, by_role, person_path)
    if person is None:
        raise PersonError(
            "who decides is not known, and is not guessed",
            hint=f"give --by NAME and --by-role ROLE, or write `name:` and `role:` into {person_path}",
        )
    return person


def _source(parameter: str) -> str:
    source = click.get_current_context().get_parameter_source(parameter)
    return "environment" if source is ParameterSource.ENVIRONMENT else "option"


def _read(path: Path) -> Mapping[str, str]:
    """Name and role of a settings file; nothing when there is none."""
    from policies.documents import DocumentError, parse_yaml
    from scanner.registry import nearest

    where = f"settings file {path}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PersonError(
            f"{where}: {error.strerror or error}", hint="choose another with --person"
        ) from error
    data = parse_yaml(content, where)
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise DocumentError(f"{where}: expected `name:` and `role:`, each a text")
    for key in data:
        if key not in _KEYS:
            raise DocumentError(f"{where}: unknown key '{key}'{nearest(key, _KEYS)}")
    return data
