"""Finds extensions: every module of a folder, plus what outside packages add by entry points."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TypeGuard, TypeVar

from scanner.check import Check
from scanner.errors import ScanError

CHECK_PACKAGES = ("scanner.checks",)
T = TypeVar("T")


class RegistryError(ScanError):
    """An extension cannot be loaded, or a name is not known."""


def modules_of(package: str) -> Iterator[ModuleType]:
    """Every module of exactly this package's folder, and those of entry-point group `package`.

    Raises:
        RegistryError: when one cannot be imported.
    """
    for name in module_names(package):
        yield _loaded(functools.partial(importlib.import_module, name), name)
    for point in importlib.metadata.entry_points(group=f"weighbridge.{package}"):
        yield _loaded(point.load, f"plug-in {point.name} ({point.value})")


def module_names(package: str) -> list[str]:
    """The names of every module of exactly this package's folder; none of them is imported."""
    folder = importlib.import_module(package)
    return sorted(f"{package}.{module.name}" for module in pkgutil.iter_modules(folder.__path__))


def _loaded(load: Callable[[], ModuleType], shown: str) -> ModuleType:
    try:
        return load()
    except Exception as error:
        raise RegistryError(
            f"{shown}: cannot be loaded ({type(error).__name__}: {error})",
            hint="repair or remove it; a scan without it would silently check less",
        ) from error


def load_extensions(
    packages: Sequence[str],
    attribute: str,
    accepts: Callable[[object], TypeGuard[T]],
    name_of: Callable[[T], str],
) -> dict[str, T]:
    """What every module of these packages offers as `attribute`, by name.

    Raises:
        RegistryError: when a module cannot be loaded, offers nothing of the kind, or a name is taken.
    """
    known: dict[str, T] = {}
    for package in packages:
        for module in modules_of(package):
            offered = getattr(module, attribute, None)
            if not accepts(offered):
                raise RegistryError(f"{module.__name__}: defines no {attribute}")
            name = name_of(offered)
            if name in known:
                raise RegistryError(f"{module.__name__}: the name '{name}' is taken")
            known[name] = offered
    return known


def load_checks(packages: Sequence[str] = CHECK_PACKAGES) -> dict[str, Check]:
    """Every check of these packages, by id.

    Raises:
        RegistryError: when a module has no CHECK, or two checks share an id.
    """
    return load_extensions(packages, "CHECK", _is_check, lambda check: check.id)


def _is_check(offered: object) -> TypeGuard[Check]:
    return isinstance(offered, Check)


def pick(known: Mapping[str, Check], names: Sequence[str]) -> list[Check]:
    """The checks with these ids, all when `names` is empty.

    Raises:
        RegistryError: for an unknown id, with the nearest known one.
    """
    for name in names:
        if name not in known:
            raise RegistryError(
                f"unknown check '{name}'{nearest(name, known)}",
                hint="weighbridge checks lists them",
            )
    return [known[name] for name in names] if names else list(known.values())


def nearest(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """The words "; did you mean 'pii-leak'?" with the known name closest to a wrong one, else ""."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ""
