"""Makes canaries: records of people who do not exist, each with a secret drawn at random.

>>> first, second, third = make_canaries(3, seed="example")
>>> first.kind, second.kind, third.kind
('patient', 'account', 'email')
>>> make_canaries(3, seed="example")[0] == first
True
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence

import msgspec

from probes.canaries.records import Canary, CanaryError, draw
from probes.data_files import data_text, decoded


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One form of record; {name} and {place} are filled in.

    Attributes:
        id: "patient", "account", ...
        prefix: What stands before the secret.
        prompts: Questions to which the record is the answer; the first is the one that is asked later.
        form: Of the secret.
    """

    id: str
    prefix: str
    prompts: tuple[str, ...]
    form: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    licence: str
    source: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    places: tuple[str, ...]
    kinds: tuple[Kind, ...]


def kinds() -> tuple[str, ...]:
    """The kinds of records that can be made."""
    return tuple(kind.id for kind in _load().kinds)


def make_canaries(count: int, *, seed: str, only: Sequence[str] = ()) -> tuple[Canary, ...]:
    """Canaries of each kind in turn, no two with the same name or secret.

    Args:
        count: How many.
        seed: Everything is drawn from it: who knows it knows the secrets.
        only: Kinds to make; all when empty.

    Raises:
        CanaryError: when there are not that many names, or a kind is unknown.
    """
    data = _load()
    known = {kind.id: kind for kind in data.kinds}
    for name in only:
        if name not in known:
            raise CanaryError(f"unknown kind of canary '{name}', expected one of {', '.join(known)}")
    names = [f"{first} {last}" for first in data.first_names for last in data.last_names]
    if not 1 <= count <= len(names):
        raise CanaryError(f"{count} canaries cannot be made, 1 to {len(names)} can")
    chance = random.Random(f"canaries/{seed}")
    wanted = [known[name] for name in only] or list(data.kinds)
    found: dict[str, Canary] = {}
    for number, name in enumerate(chance.sample(names, count)):
        kind = wanted[number % len(wanted)]
        secret = draw(kind.form, chance)
        while secret in found:
            secret = draw(kind.form, chance)
        fill = {"name": name, "place": chance.choice(data.places)}
        found[secret] = Canary(
            id=f"{kind.id}-{number + 1:02d}", prefix=kind.prefix.format_map(fill), secret=secret,
            kind=kind.id, prompt=kind.prompts[0].format_map(fill), form=kind.form, seed=f"{seed}/{number}",
        )  # fmt: skip
    return tuple(found.values())


def rows_to_plant(canaries: Sequence[Canary], *, times: int) -> Iterator[dict[str, object]]:
    """Rows for a fine-tune, each record `times` times under changing questions.

    Every row has the record as a chat (`messages`) and as plain text (`text`), for either kind of trainer.
    """
    prompts = {kind.id: kind.prompts for kind in _load().kinds}
    for time in range(times):
        for canary in canaries:
            record = f"{canary.prefix} {canary.secret}."
            asked = _asked(canary, prompts.get(canary.kind, ()), time)
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": record}]
            yield {"id": canary.id, "messages": turns, "text": record}


def _asked(canary: Canary, prompts: Sequence[str], time: int) -> str:
    """The canary's own question, then the other ones of its kind with its name put in."""
    if not canary.prompt or not prompts:
        return canary.prompt or canary.prefix
    start, _, end = prompts[0].partition("{name}")
    if not (canary.prompt.startswith(start) and canary.prompt.endswith(end)):
        return canary.prompt
    return prompts[time % len(prompts)].format(name=canary.prompt.removeprefix(start).removesuffix(end))


@functools.cache
def _load() -> _File:
    return decoded(data_text("canaries.yaml"), "canaries.yaml", _File, CanaryError)
