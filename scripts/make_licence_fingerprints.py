"""Makes scanner/data/licence_fingerprints.json from the licence data of scancode-toolkit.

The folder is `licensedcode/data` of an unpacked wheel:

    pip download --no-deps scancode-toolkit==32.5.0 && unzip scancode_toolkit-*.whl -d scancode
    PYTHONPATH=. python scripts/make_licence_fingerprints.py scancode/licensedcode/data 32.5.0

It takes every text that licences.yaml names, every text there that speaks of models, and of permissive
licences other wordings in circulation: those that the ones before do not explain, and that no trigger names.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from scanner.licensing.fingerprints import (
    HASH_BYTES,
    SHINGLE_WORDS,
    Fingerprint,
    fingerprint,
    pack,
    shingles_of,
)
from scanner.licensing.texts import MIN_CONTAINMENT, filled_slots, missing_words, recognise
from scanner.licensing.wording import parse_wording
from scanner.licensing.words import words_of

_ROOT: Final = Path(__file__).parent.parent
_OF_MODELS: Final = re.compile(
    r"\b(?:model weights|machine[- ]learning model|language model|model derivatives|ai models?|"
    r"open weights)\b",
    re.IGNORECASE,
)
_VARIED: Final = (
    "mit", "mit-0", "apache-2.0", "bsd-simplified", "bsd-new", "bsd-zero", "isc", "unlicense", "cc0-1.0",
    "cc-by-4.0",
)  # fmt: skip
_MOST_VARIANTS: Final = 40
# A wording that lacks more of the canonical text than a name or two was cut, not reworded.
_MOST_LACKING_WORDS: Final = 12
# Where the short permissive texts name their parties; in the others a party is a defined term.
_PARTY: Final = re.compile(
    (
        r"(?:(?:the |their |its |any )?(?:above )?(?:copyright (?:holders?|owners?)|authors?|contributors?|"
        r"regents|company|organi[sz]ation|university)(?: of the university of california)?"
        r"(?: (?:or|and) (?=the |any |its |their |copyright |authors?|contributors?))?)+"
        r"|<[^<>]{1,60}>|\[[^\[\]]{1,60}\]"
    ).replace(" ", r"\s+"),
    re.IGNORECASE,
)
_WITH_PARTIES: Final = frozenset({"mit", "mit-0", "bsd-simplified", "bsd-new", "bsd-zero", "isc"})
# What many copies leave out: from the first match to the second; None is the text's beginning or end.
_OPTIONAL: Final[dict[str, list[tuple[str | None, str | None]]]] = {
    "apache-2.0": [(None, r"TERMS AND CONDITIONS FOR USE"), (r"END OF TERMS AND CONDITIONS", None)],
    "gpl-2.0": [(r"END OF TERMS AND CONDITIONS", None)],
    "gpl-3.0": [(r"END OF TERMS AND CONDITIONS", None)],
    "agpl-3.0": [(r"END OF TERMS AND CONDITIONS", None)],
    "lgpl-2.1": [(r"END OF TERMS AND CONDITIONS", None)],
    "cc0-1.0": [(None, r"Statement of Purpose")],
    "unlicense": [(r"For more information", None)],
}


def main(folder: Path, version: str) -> None:
    """Fingerprints the texts and writes the data file."""
    table = yaml.safe_load((_ROOT / "scanner/data/licences.yaml").read_text())
    named = {name for row in table["licences"] for name in row.get("fingerprints", ())}
    bodies = {
        path.stem: body for path, _, body in _documents(sorted((folder / "licenses").glob("*.LICENSE")))
    }
    if lacking := named - set(bodies):
        raise SystemExit(f"error: no text for {', '.join(sorted(lacking))}")
    chosen = sorted(name for name, body in bodies.items() if name in named or _OF_MODELS.search(body))
    texts = {name: _made(name, bodies[name]) for name in chosen}
    variants = dict(_variants(folder, texts, [trigger["patterns"] for trigger in table["triggers"]]))
    document = {
        "source": f"scancode-toolkit {version}, licence data (CC-BY-4.0, nexB Inc. and others)",
        "retrieved": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "licence": "CC-BY-4.0",
        "shingle_words": SHINGLE_WORDS,
        "hash": f"blake2b-{HASH_BYTES * 8}, little endian, in the order of the text, base64",
        "texts": {name: pack(made) for name, made in texts.items()},
        "variants": {name: pack(made) for name, made in variants.items()},
    }
    target = _ROOT / "scanner/data/licence_fingerprints.json"
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{target}: {len(texts)} texts, {len(variants)} variants, {target.stat().st_size} bytes")


def _documents(paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any], str]]:
    for path in paths:
        parts = path.read_text(encoding="utf-8").split("---\n", 2)
        if len(parts) == 3 and parts[2].strip():
            yield path, yaml.safe_load(parts[1]), parts[2]


def _made(name: str, text: str, canonical: Fingerprint | None = None) -> Fingerprint:
    """The fingerprint of a text; of another wording, with the names in the canonical one's slots."""
    slots = []
    if name in _WITH_PARTIES:
        slots = _word_ranges(text, (match.span() for match in _PARTY.finditer(text)))
    if canonical is not None:
        words = [word for word, _, _ in words_of(text)]
        slots += filled_slots(words, shingles_of(words), canonical)
    return fingerprint(text, _merged(sorted(slots)), _word_ranges(text, _optional(name, text)))


def _optional(name: str, text: str) -> Iterator[tuple[int, int]]:
    for first, last in _OPTIONAL.get(name, ()):
        begin = re.search(first, text) if first else None
        end = re.search(last, text) if last else None
        if (begin or not first) and (end or not last):
            yield (begin.start() if begin else 0, end.start() if end else len(text))


def _word_ranges(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    words = words_of(text)
    ranges = []
    for begin, end in spans:
        inside = [index for index, (_, start, _) in enumerate(words) if begin <= start < end]
        if inside:
            ranges.append((inside[0], inside[-1] + 1))
    return ranges


def _merged(slots: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Slots with fewer words between them than a run has are one: those words are in no run of their own."""
    merged: list[tuple[int, int]] = []
    for start, end in slots:
        if merged and start - merged[-1][1] < SHINGLE_WORDS:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _variants(
    folder: Path, texts: dict[str, Fingerprint], patterns: list[list[str]]
) -> Iterator[tuple[str, Fingerprint]]:
    wording = parse_wording((_ROOT / "scanner/data/licence_wording.yaml").read_text())
    rules = [
        (row["license_expression"], body)
        for _, row, body in _documents(sorted((folder / "rules").glob("*.RULE")))
        if row.get("is_license_text") and row["license_expression"] in _VARIED
    ]
    for name in _VARIED:
        known = {name: texts[name]}
        for expression, body in rules:
            if expression != name or len(known) > _MOST_VARIANTS:
                continue
            seen = recognise(body, known)
            added = [
                words for sentence, words in seen.unexplained() if not wording.is_innocent(sentence.text)
            ]
            if not seen.names or not (added or seen.missing_words):
                continue
            is_clean = not any(seen.residue(each) for each in patterns)
            lacks = missing_words(texts[name], Counter(fingerprint(body).sequence))
            if is_clean and seen.containment >= MIN_CONTAINMENT and lacks <= _MOST_LACKING_WORDS:
                label = f"{name}#{len(known)}"
                known[label] = _made(name, body, texts[name])
                yield label, known[label]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
