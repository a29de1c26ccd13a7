"""Writes which runs of five letters occur in Finnish: probes/data/deflection/finnish_letters.safetensors.

    python scripts/make_finnish_letters.py fivegrams.json.br

The file is `lingua/language-models/fi/fivegrams.json.br` of the package lingua-language-detector 1.3.5
(Apache-2.0), counted there in news texts of the Wortschatz corpora of Leipzig University. Needs brotli. A run
is one bit of four million, at the place of its checksum; about one run in fourteen is taken for a known one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import brotli
import numpy as np
import yaml
from safetensors.numpy import save

from probes.deflection.breakdown import LETTERS_FILE, RUN, place_of

PLACES = 1 << 22
DATA = Path("probes/data/deflection")


def main(source: Path) -> None:
    """Writes the bits and their description."""
    content = source.read_bytes()
    counted = json.loads(brotli.decompress(content))["ngrams"]
    runs = sorted({run for runs in counted.values() for run in runs.split(" ") if len(run) == RUN})
    bits = np.zeros(PLACES // 8, dtype=np.uint8)
    for run in runs:
        place = place_of(run, PLACES)
        bits[place >> 3] |= 1 << (place & 7)
    (DATA / LETTERS_FILE).write_bytes(save({"bits": bits}))
    described = {
        "source": "lingua-language-detector 1.3.5, Finnish fivegrams (news texts of the Wortschatz corpora, "
        "Leipzig University)",
        "licence": "Apache-2.0",
        "runs": len(runs),
        "places": PLACES,
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "sha256": hashlib.sha256((DATA / LETTERS_FILE).read_bytes()).hexdigest(),
    }
    header = "# Which runs of five letters occur in Finnish; written by scripts/make_finnish_letters.py.\n"
    text = header + yaml.safe_dump(described, sort_keys=False, width=110)
    (DATA / "finnish_letters.yaml").write_text(text, encoding="utf-8")
    print(f"wrote {DATA / LETTERS_FILE}: {len(runs)} runs")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
