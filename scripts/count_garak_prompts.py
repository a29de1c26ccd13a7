"""Writes probes/data/garak_prompts.yaml: how many prompts each probe of garak makes, and how long they are.

Run it after an update of garak: it makes the prompts of all its probes once, in the confined process, which
takes some minutes. What a scan costs (`--static`, `cost()`) and docs/garak.md are worked out from the file.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import yaml

from probes.garak import surface
from probes.garak.messages import MintOrder
from probes.garak.selection import read_inventory
from probes.garak.session import GarakCrashError, GarakSession

TARGET = Path("probes/data/garak_prompts.yaml")
# Enough prompts to tell a probe of long documents from one of short questions.
LOOKED_AT = 16
HEADER = """\
# How many prompts each probe of garak makes under its own cap of 256, and their mean length in characters.
# Written by scripts/count_garak_prompts.py; probes that cannot make any offline are not in it.
"""


def main() -> int:
    """Counts, and writes the file."""
    known = read_inventory(surface.inventory_path())
    counts: dict[str, dict[str, int | str]] = {}
    with GarakSession() as session:
        for name in sorted(known):
            try:
                minted = session.mint(MintOrder(name, LOOKED_AT, 0, 64))
            except GarakCrashError as error:
                print(f"{name}: {error}", file=sys.stderr)
                continue
            if minted.problem is not None:
                print(f"{name}: {minted.problem.reason}", file=sys.stderr)
                continue
            lengths = [
                sum(len(message.content) for message in prompt.conversation.messages)
                for prompt in minted.prompts
            ]
            counts[name] = {
                "prompts": minted.available,
                "characters": round(sum(lengths) / len(lengths)),
                "detector": minted.primary,
            }
    data = {
        "garak": surface.installed_version(),
        "source": "made by every probe of the installed garak, seed 0, without a network",
        "retrieved": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "licence": "Apache-2.0",
        "probes": counts,
    }
    TARGET.write_text(HEADER + yaml.safe_dump(data, sort_keys=False, width=110), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
