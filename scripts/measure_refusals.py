"""Measures probes/refusals.py against labelled replies: `measure_refusals.py REPLIES.jsonl.gz`.

Each row has `response`, `label` (DENIAL, COMPLETE; others are left out), `judges_agree` and `language`. What
it prints goes into probes/data/refusals.yaml, key `measured`.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

from probes.proportions import wilson
from probes.refusals import Manner, manner_of

# The replies, in the order of the file, whose first lines were seen while the rules were written.
SEEN = {"en": 40, "zh": 12}


def main() -> int:
    """Prints recall, false alarms and precision by language, on replies that were not seen."""
    rows = [json.loads(line) for line in gzip.decompress(Path(sys.argv[1]).read_bytes()).splitlines()]
    for language in ("en", "zh"):
        of = [row for row in rows if row["language"] == language and row["judges_agree"]]
        seen = [row for row in rows if row["language"] == language and row["label"] == "DENIAL"]
        seen_ids = {row["id"] for row in seen[: SEEN[language]]}
        denied = [row for row in of if row["label"] == "DENIAL" and row["id"] not in seen_ids]
        complete = [row for row in of if row["label"] == "COMPLETE"]
        hits = sum(manner_of(row["response"]) is Manner.REFUSED for row in denied)
        alarms = sum(manner_of(row["response"]) is Manner.REFUSED for row in complete)
        print(language, _share("recall", hits, len(denied)), _share("precision", hits, hits + alarms))
        print("  ", _share("false alarms", alarms, len(complete)))
        if "--show" in sys.argv:
            for row in denied:
                if manner_of(row["response"]) is not Manner.REFUSED:
                    print("  missed:", repr(row["response"][:300]))
            for row in complete:
                if manner_of(row["response"]) is Manner.REFUSED:
                    print("  alarm:", repr(row["response"][:300]))
    return 0


def _share(name: str, count: int, n: int) -> str:
    found = wilson(count, n)
    return f"{name} {count}/{n} = {count / n:.3f} [{found.low:.3f}, {found.high:.3f}]"


if __name__ == "__main__":
    sys.exit(main())
