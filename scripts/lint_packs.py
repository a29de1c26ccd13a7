"""Holds the shipped control packs to their rules and prints what each of them holds.

Every check id, measurement, question and mapped id exists, or loading fails; every check feeds a control
or is excused; every control has source, day, limits and a mapping.
"""

from __future__ import annotations

import sys

from cli.checks import known_checks
from policies.controls import EvidenceKind
from policies.pack_lint import counts, excused_checks, faults
from policies.packs import available_packs, load_packs
from scanner.errors import ScanError

_ROW = "{:<16}{:>9}{:>11}{:>8}{:>8}{:>8}{:>8}{:>9}{:>11}{:>10}"


def main() -> int:
    """Prints the counts of each pack, then every fault; 1 when there is any."""
    checks = known_checks()
    try:
        packs = load_packs(available_packs(), checks)
        found = faults(packs, checks, excused_checks())
    except ScanError as error:
        print(f"lint-packs: {error}")
        return 1
    heads = ("pack", "controls", "automatic", "hybrid", "person", "checks", "mapped")
    print(_ROW.format(*heads, "primary", "secondary", "recalled"))
    for pack in packs:
        count = counts(pack)
        kinds = (count.kinds.get(kind, 0) for kind in EvidenceKind)
        sources = (count.sources.get(name, 0) for name in ("primary", "secondary", "recalled"))
        print(_ROW.format(pack.id, count.controls, *kinds, count.checks, count.mapped, *sources))
    print(
        "\n".join(found)
        or f"lint-packs: {len(packs)} packs break no rule; each of {len(checks)} checks is used or excused"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
