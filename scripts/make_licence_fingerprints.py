"""Makes scanner/data/licence_fingerprints.json from a folder of licence texts.

The folder is `licensedcode/data/licenses` of an unpacked scancode-toolkit wheel:

    pip download --no-deps scancode-toolkit==32.5.0 && unzip scancode_toolkit-*.whl -d scancode
    python scripts/make_licence_fingerprints.py scancode/licensedcode/data/licenses 32.5.0
"""

from __future__ import annotations

import base64
import datetime
import json
import sys
from pathlib import Path

import yaml

from scanner.licensing.texts import HASH_BYTES, SHINGLE_WORDS, fingerprint

_ROOT = Path(__file__).parent.parent


def main(folder: Path, version: str) -> None:
    """Fingerprints every text that licences.yaml names."""
    table = yaml.safe_load((_ROOT / "scanner/data/licences.yaml").read_text())
    names = sorted(name for row in table["licences"] for name in row.get("fingerprints", ()))
    document = {
        "source": f"scancode-toolkit {version}, licence data (CC-BY-4.0, nexB Inc. and others)",
        "retrieved": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "licence": "CC-BY-4.0",
        "shingle_words": SHINGLE_WORDS,
        "hash": f"blake2b-{HASH_BYTES * 8}, little endian, sorted, base64",
        "texts": {name: _row(folder / f"{name}.LICENSE") for name in names},
    }
    target = _ROOT / "scanner/data/licence_fingerprints.json"
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{target}: {len(names)} texts, {target.stat().st_size} bytes")


def _row(path: Path) -> dict[str, str]:
    _, _, text = path.read_text(encoding="utf-8").split("---\n", 2)
    made = fingerprint(text)
    packed = b"".join(value.to_bytes(HASH_BYTES, "little") for value in sorted(made.shingles))
    return {"sha256": made.sha256, "shingles": base64.b64encode(packed).decode()}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
