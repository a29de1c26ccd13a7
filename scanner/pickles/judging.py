"""How a name that a pickle looks up is judged by what the pickle does with it.

>>> from scanner.pickles.stream import GlobalUse
>>> judge(GlobalUse("torch.nn.functional", "relu", 0)).tier  # a layer may keep it
<Tier.INSTANCE: 'instance'>
>>> judge(GlobalUse("torch.nn.functional", "relu", 0, is_called=True)).tier
<Tier.ATTACK: 'attack'>
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

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

# Its source, in torch's own restricted language, is looked through where it lies in the archive.
_SCRIPTED: Final = Verdict(Tier.PLUMBING, "a class of the TorchScript program in the archive")


def judge(use: GlobalUse) -> Verdict:
    """What it means that a pickle looks this name up, and does with it what it does."""
    if use.deed:
        return Verdict(Tier.ATTACK, use.deed)
    if use.is_scripted:
        return _SCRIPTED
    verdict = classify(use.module, use.name)
    rules = rules_of_names()
    if use.is_idle:
        return rules.idle.get(canonical(use.module, use.name), verdict)
    if verdict.tier is Tier.INSTANCE and not verdict.is_listed and use.is_called:
        return _called(use, rules) or verdict
    return verdict


def _called(use: GlobalUse, rules: Rules) -> Verdict | None:
    """What is to be said of a name that no row knows, now that loading calls it."""
    module, name = canonical(use.module, use.name)
    library, last = module.split(".")[0], name.rpartition(".")[2]
    words = words_of(last) | {last.lower()}
    if not is_function(name):
        if words & rules.words["running_classes"]:
            return Verdict(Tier.ATTACK, "loading would make a runner of programs", False)
        return None
    if module == "builtins":
        return Verdict(
            Tier.ATTACK, "loading calls a method of a built-in value, which no object needs", False
        )
    is_told = not words & rules.words["suspicious_words"]
    if last != name and not is_told:
        return Verdict(Tier.ATTACK, "loading calls a method of this name", False)
    if library in rules.words["naming_libraries"]:
        is_known = is_told and _rebuilds(last, words, rules)
    else:
        is_known = library not in rules.words["closed_libraries"]
    if is_known:
        return None
    return Verdict(Tier.ATTACK, "loading calls it, and this library rebuilds no object with it")


def _rebuilds(name: str, words: Set[str], rules: Rules) -> bool:
    """Whether a function is named as those are that rebuild an object."""
    telling = rules.words["rebuilding_words"]
    if name.startswith("_"):
        telling |= rules.words["private_rebuilding_words"]
    return not words.isdisjoint(telling)
