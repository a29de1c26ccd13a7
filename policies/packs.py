"""Control packs: legal instruments as data, compiled and checked when they are loaded.

A pack is one YAML file in `policies/packs/`; its shape is `policies/data/pack.schema.json`, the language
of its rules is that of `policies/rules.py`. No pack needs code.

>>> "eu-ai-act" in available_packs()
True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from policies.controls import Control, Pack
from policies.documents import parse_yaml, read_document
from policies.frameworks import Framework, load_frameworks
from policies.organisation import load_questions
from policies.pack_text import ControlCompiler, ControlText, PackError, PackText, compile_duty_holders
from policies.rules import RuleLanguage
from scanner.check import Check, Needs
from scanner.registry import nearest

__all__ = ["Control", "Pack", "PackError", "available_packs", "control_ids", "load_packs"]

_KIND: Final = "policy pack"


def available_packs() -> tuple[str, ...]:
    """Ids of the packs that Weighbridge ships, sorted."""
    return tuple(sorted(_shipped()))


def load_packs(names: Sequence[str], checks: Mapping[str, Check], extra: Sequence[Path] = ()) -> list[Pack]:
    """The packs with these ids, and those of the files in `extra`, ready to judge by.

    Args:
        names: Ids of shipped packs, or of packs in `extra`.
        checks: Every check there is, by id; rules may refer to no others.
        extra: Pack files of the user; each is loaded whether or not `names` has it.

    Raises:
        PackError: for an unknown pack, two packs or controls with one id, or a control that cannot be
            judged: unknown check, measurement, question, field or mapped id, a type error, a rule without
            evidence.
        DocumentError: when a file cannot be read or has another shape.
    """
    language, frameworks = RuleLanguage(checks, load_questions()), load_frameworks()
    own = [_load(path, language, frameworks, checks) for path in extra]
    shipped, own_ids = _shipped(), {pack.id for pack in own}
    for name in names:
        if name not in shipped and name not in own_ids:
            raise PackError(
                f"unknown policy pack '{name}'{nearest(name, [*shipped, *own_ids])}",
                hint=f"known packs are {', '.join(sorted([*shipped, *own_ids]))}",
            )
    packs = [
        _load(shipped[name], language, frameworks, checks)
        for name in dict.fromkeys(names)
        if name not in own_ids
    ]
    _require_distinct([*packs, *own])
    return [*packs, *own]


def control_ids(extra: Sequence[Path] = ()) -> frozenset[str]:
    """Ids of every control of every shipped pack and of the files in `extra`, without compiling rules.

    Raises:
        DocumentError: when a file cannot be read or has another shape.
    """
    own = (read_document(path, _KIND, "pack") for path in extra)
    # A policy file does not wait for the schema: shipped packs are held against it when they are loaded.
    shipped = (parse_yaml(path.read_bytes(), f"{_KIND} {path.name}") for path in _shipped().values())
    return frozenset(
        control["id"]
        for data in (*shipped, *(document.data for document in own))
        for control in data["controls"]
    )


def _shipped() -> dict[str, Traversable]:
    folder = resources.files("policies").joinpath("packs")
    return {
        file.name.removesuffix(".yaml").replace("_", "-"): file
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    }


def _load(
    path: Traversable,
    language: RuleLanguage,
    frameworks: Mapping[str, Framework],
    checks: Mapping[str, Check],
) -> Pack:
    document = read_document(path, _KIND, "pack")
    text = document.part(PackText, "pack")
    controls = tuple(
        ControlCompiler(document, language, checks, frameworks, control).control()
        for control in document.part(list[ControlText], "controls")
    )
    seen: set[str] = set()
    for control in controls:
        if not control.effective and text.status != "proposed":
            raise PackError(
                f"{document.where}, control {control.id}, key effective: got none, expected at least one day",
                hint="only the controls of a pack with the status proposed have no day",
            )
        if control.id in seen:
            raise PackError(f"{document.where}, control {control.id}: the id is given to two controls")
        seen.add(control.id)
    return Pack(
        text.id, text.title, text.version, document.digest, text.status, text.cite, text.sources,
        text.reviewed.next, controls,
        reviewed_by=text.reviewed.by or "",
        duty_holders=compile_duty_holders(document, language, text, controls),
        questioning=frozenset(check.id for check in checks.values() if check.needs is not Needs.STATIC),
    )  # fmt: skip


def _require_distinct(packs: Sequence[Pack]) -> None:
    owners: dict[str, str] = {}
    for pack in packs:
        for token in (pack.id, *(control.id for control in pack.controls)):
            if token in owners:
                raise PackError(f"policy pack {pack.id}: the id '{token}' is taken by pack {owners[token]}")
            owners[token] = pack.id
