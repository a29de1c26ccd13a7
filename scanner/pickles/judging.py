"""How a name that a pickle looks up is judged by what the pickle does with it.

>>> from scanner.pickles.stream import GlobalUse
>>> judge(GlobalUse("acme.io", "rebuild_thing", 0)).tier
<Tier.INSTANCE: 'instance'>
>>> judge(GlobalUse("acme.io", "do_it", 0, is_called=True)).tier
<Tier.ATTACK: 'attack'>
"""

from __future__ import annotations

from scanner.pickles.globals import (
    Rules,
    Tier,
    Verdict,
    canonical,
    classify,
    is_function,
    rules_of_names,
    words_of,
)
from scanner.pickles.stream import GlobalUse


def judge(use: GlobalUse) -> Verdict:
    """What it means that a pickle looks this name up, and does with it what it does."""
    if use.deed:
        return Verdict(Tier.ATTACK, use.deed)
    verdict = classify(use.module, use.name)
    rules = rules_of_names()
    if use.is_idle:
        return rules.idle.get(canonical(use.module, use.name), verdict)
    if verdict.tier is Tier.INSTANCE and not verdict.is_listed and use.is_called:
        return _called(use, rules) or verdict
    return verdict


def _called(use: GlobalUse, rules: Rules) -> Verdict | None:
    """Loading calls what nobody knows: it is named as what rebuilds an object, or it is an attack."""
    module, name = canonical(use.module, use.name)
    last = name.rpartition(".")[2]
    words = words_of(name.replace(".", "_")) | {last.lower()}
    if not is_function(name):
        if words & rules.words["running_classes"]:
            return Verdict(Tier.ATTACK, "loading would make a runner of programs", False)
        return None
    is_private = last.startswith("_") or not is_function(name.partition(".")[0])
    rebuilds = words & rules.words["rebuilding_words"] or (
        is_private and words & rules.words["private_rebuilding_words"]
    )
    if (
        rebuilds
        and not words & rules.words["suspicious_words"]
        and module.split(".")[0] not in rules.closed_libraries
    ):
        return None
    return Verdict(
        Tier.ATTACK, "loading calls this function, and none that rebuilds an object is named so", False
    )
