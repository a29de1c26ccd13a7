"""Holds the rules about regressions against the measurements that there are, before anything is judged."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection

from policies.documents import near
from policies.policy_file import PolicyFile, PolicyFileError


def require_directed(policy: PolicyFile, directed: Collection[str]) -> None:
    """Makes sure that every pattern of a rule about regressions can ever match.

    Args:
        policy: The policy.
        directed: Names of the measurements that can get worse.

    Raises:
        PolicyFileError: when a rule names something else; it would be silent for ever.
    """
    for rule in policy.gate.rules:
        for pattern in rule.regressed.measurements if rule.regressed else ():
            if not any(fnmatch.fnmatchcase(name, pattern) for name in directed):
                raise PolicyFileError(
                    f"{policy.where}, gate rule {rule.id}: no measurement that can get worse is called "
                    f"'{pattern}'{near(pattern, directed)}",
                    hint=f"those are {', '.join(sorted(directed))}",
                )
