"""Holds the files of the deflection item bank to its rules, topic by topic, before they are committed.

python scripts/lint_bank.py                  every topic and the bank as a whole
python scripts/lint_bank.py falun-gong tibet  these topics only
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from probes.deflection.bank_files import data_folder, read_bank
from probes.deflection.lint import faults_of, topic_faults


def main(topics: Sequence[str]) -> int:
    """Prints every fault; 1 when there is any."""
    bank = read_bank(data_folder())
    if topics:
        chosen = [topic for topic in bank.topics if topic.id in topics]
        faults = [fault for topic in chosen for fault in topic_faults(topic, bank.rules)]
        faults += [f"{name}: no such topic" for name in topics if name not in {topic.id for topic in chosen}]
    else:
        faults = faults_of(bank)
    print("\n".join(faults) or f"{len(topics) or len(bank.topics)} topics break no rule")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
