"""Makes a corpus of labelled licence texts: copies as they circulate, and copies that were tampered with.

    PYTHONPATH=. python scripts/make_licence_corpus.py build/licence-corpus [scancode/licensedcode/data]

Permissive texts come from the licence files of installed distributions, clauses from
benchmarks/licence_corpus/clauses.yaml. With the data folder of an unpacked scancode-toolkit wheel, model
licences follow. Beside the texts lies labels.jsonl: group, expected licence, and whether the text may be
called permissive. Nothing is drawn at random: the same installation makes the same corpus.
"""

from __future__ import annotations

import html
import importlib.metadata
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from scanner.licensing.table import licence_table

_CLAUSES: Final = Path(__file__).parent.parent / "benchmarks/licence_corpus/clauses.yaml"


@dataclass(frozen=True)
class CorpusText:
    """A text with its label.

    Attributes:
        name: File name in the corpus.
        group: How it was made.
        part: "development" or "held out" for texts with a clause of clauses.yaml, else "".
        licence: Our id of the licence it is, or is made from; "" when too little of it is left.
        is_permissive: Whether calling it plainly permissive is right.
        text: The text.
    """

    name: str
    group: str
    part: str
    licence: str
    is_permissive: bool
    text: str


@dataclass(frozen=True)
class _Base:
    """A permissive licence and a distribution whose licence file is a clean copy of it."""

    licence: str
    spdx: str
    title: str
    short: str
    distribution: str
    file: str


_BASES: Final = (
    _Base("mit", "MIT", "MIT License", "MIT", "alembic", "LICENSE"),
    _Base("apache-2.0", "Apache-2.0", "Apache License 2.0", "Apache", "huggingface_hub", "LICENSE"),
    _Base("bsd-3-clause", "BSD-3-Clause", "BSD 3-Clause License", "BSD", "click", "LICENSE.txt"),
    _Base("bsd-2-clause", "BSD-2-Clause", "BSD 2-Clause License", "BSD", "pygments", "LICENSE"),
    _Base("isc", "ISC", "ISC License", "ISC", "shellingham", "LICENSE"),
)  # fmt: skip


def make_corpus(scancode: Path | None = None) -> list[CorpusText]:
    """Every text of the corpus, in a fixed order."""
    wording = yaml.safe_load(_CLAUSES.read_text(encoding="utf-8"))
    bases = {base: text for base in _BASES if (text := _installed(base)) is not None}
    made: list[CorpusText] = []
    for base, text in bases.items():
        made += _copies(base, text, wording)
        made += _alterations(base, text)
    made += _pairs(bases)
    made += _with_clauses(bases, wording)
    if scancode is not None:
        made += _model_licences(scancode)
    return made


def main(target: Path, scancode: Path | None) -> None:
    """Writes the corpus to a folder."""
    target.mkdir(parents=True, exist_ok=True)
    made = make_corpus(scancode)
    with (target / "labels.jsonl").open("w", encoding="utf-8") as labels:
        for each in made:
            (target / each.name).write_text(each.text, encoding="utf-8")
            row = {key: value for key, value in asdict(each).items() if key != "text"}
            labels.write(json.dumps(row) + "\n")
    print(f"{target}: {len(made)} texts")


def _installed(base: _Base) -> str | None:
    """The licence file of the base's distribution; None where that is not installed."""
    try:
        files = importlib.metadata.files(base.distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for path in files:
        if path.name == base.file and "dist-info" in str(path):
            return Path(str(path.locate())).read_text(encoding="utf-8")
    return None


def _copies(base: _Base, text: str, wording: dict[str, Any]) -> Iterator[CorpusText]:
    """Copies as they circulate: every one is still the licence."""
    for label, change in _CIRCULATING.items():
        yield CorpusText(
            f"{base.licence}-{label}.txt", f"copy, {label}", "", base.licence, True, change(text)
        )
    for index, line in enumerate(wording["innocent"]):
        said = line.format(spdx=base.spdx, name=base.title)
        changed = f"{said}\n\n{text}" if index % 2 else f"{text}\n\n{said}\n"
        yield CorpusText(
            f"{base.licence}-notice-{index}.txt", "harmless notice", "", base.licence, True, changed
        )
    for index, line in enumerate(wording["headings"]):
        said = line.format(name=base.title, short=base.short)
        yield CorpusText(
            f"{base.licence}-heading-{index}.txt",
            "translated heading",
            "",
            base.licence,
            True,
            f"{said}\n\n{text}",
        )


def _reflow(width: int) -> Callable[[str], str]:
    def reflow(text: str) -> str:
        return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in text.split("\n\n"))

    return reflow


def _as_html(text: str) -> str:
    return (
        "<html><body>"
        + "".join(f"<p>{html.escape(part)}</p>\n" for part in text.split("\n\n"))
        + "</body></html>"
    )


def _renamed(text: str) -> str:
    named = re.sub(r"(?im)^copyright\b.*\d{4}.*$", "Copyright (c) 2026 Nordlicht Weights AG", text, count=1)
    return re.sub(r"THE AUTHORS OR\s+COPYRIGHT HOLDERS", "NORDLICHT WEIGHTS AG", named)


_CIRCULATING: Final[dict[str, Callable[[str], str]]] = {
    "as it is": lambda text: text,
    "reflowed to 50": _reflow(50),
    "reflowed to 200": _reflow(200),
    "one line": lambda text: " ".join(text.split()),
    "upper case": str.upper,
    "typographic quotes": lambda text: re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text).replace("'", "\u2019"),
    "dashes": lambda text: text.replace("-", "\u2010"),
    "hash comments": lambda text: "".join(f"# {line}\n" for line in text.splitlines()),
    "slash comments": lambda text: "".join(f"// {line}\n" for line in text.splitlines()),
    "star comments": lambda text: "/*\n" + "".join(f" * {line}\n" for line in text.splitlines()) + " */\n",
    "quoted in markdown": lambda text: "# License\n\n" + "".join(f"> {line}\n" for line in text.splitlines()),
    "code block": lambda text: f"## License\n\n```\n{text}\n```\n",
    "html": _as_html,
    "windows lines": lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    "renamed parties": _renamed,
}  # fmt: skip


def _alterations(base: _Base, text: str) -> Iterator[CorpusText]:
    """Copies with words taken out, put in or swapped: none of them is the licence."""
    for share in (0.03, 0.08, 0.4):
        body = text.partition("APPENDIX: How to apply")[0]
        kept = body[: int(len(body) * (1 - share))]
        licence = base.licence if share < 0.1 else ""
        yield CorpusText(
            f"{base.licence}-cut-{int(share * 100)}.txt", f"cut tail, {share:.0%}", "", licence, False, kept
        )
    for label, old, new in _TAMPERED:
        changed, count = re.subn(old.replace(" ", r"\s+"), new, text, count=1)
        if count:
            yield CorpusText(
                f"{base.licence}-{label}.txt", "words tampered with", "", base.licence, False, changed
            )


# Label, expression, replacement; each fits one or more of the texts, and a blank fits any white space.
_TAMPERED: Final = (
    ("not-granted", r"(?i)is hereby granted", "is not hereby granted"),
    ("no-selling", r"(?i)sublicense, and/or sell", "and/or sublicense"),
    ("with-restriction", r"(?i)without restriction, including", "with restriction, including"),
    ("academics", r"(?i)to any person obtaining", "to any academic person obtaining"),
    ("members", r"(?i)to any person obtaining", "to any person, being a paying member, obtaining"),
    ("party-with-terms", r"THE AUTHORS OR COPYRIGHT HOLDERS", "THE AUTHORS, WHO FORBID RESALE,"),
    ("no-modification", r"(?i)with or without modification", "without modification"),
    ("not-permitted", r"(?i)are permitted provided", "are not permitted even provided"),
    ("source-only", r"(?i)in source and binary forms", "in source form"),
    ("no-fee", r"(?i)with or without fee", "without fee"),
    ("revocable", r"(?i)irrevocable copyright license", "revocable copyright license"),
    ("royalty", r"(?i)no-charge, royalty-free, irrevocable", "royalty-bearing, irrevocable"),
    ("no-sublicense", r"(?i)sublicense, and distribute the", "and distribute the"),
    ("copyright-line", r"(?m)^(Copyright .*)$", r"\1, for evaluation only"),
    ("copyright-lines", r"(?m)^(Copyright .*)$", r"\1\nCopyright (c) 2026 applies, no use by companies"),
    ("in-a-comment", r"\A", "<!-- Sale of the weights is reserved to Acme. -->\n"),
    ("in-an-entity", r"\Z", "\n&#78;on&#45;commercial use only\n"),
    ("homoglyphs", r"\Z", "\nNon-c\u043emmercial use only\n"),
    ("contact-line", r"\Z", "\nFor questions, contact sales@example.org about commercial licences.\n"),
    ("see-terms", r"\Z", "\nSee TERMS.md for the limits of this grant.\n"),
    ("title", r"\A", "Academic Edition, members only\n\n"),
    ("korean", r"\Z", "\n\uc0c1\uc5c5\uc801 \uc774\uc6a9\uc740 \uae08\uc9c0\ub429\ub2c8\ub2e4.\n"),
    ("japanese", r"\Z",
     "\n\u5546\u7528\u5229\u7528\u306b\u306f\u5225\u9014\u5951\u7d04\u304c\u5fc5\u8981\u3067\u3059\u3002\n"),
    ("full-width", r"\Z", "\n\uff2e\uff4f\uff54 for sale\n"),
    ("zero-width", r"\Z", "\nN\u200bo s\u200bale\n"),
    ("tag", r"\Z", "\n<i hospitals pay>\n"),
    ("attribute", r"\Z", "\n<i title=no-resale>\n"),
    ("version-line", r"\Z", "\nVersion: trial edition\n"),
    ("address", r"\Z", "\nhttps://example.org/acceptable-use-policy\n"),
    ("spdx-line", r"\A", "SPDX-License-Identifier: CC-BY-NC-4.0\n\n"),
)  # fmt: skip


def _pairs(bases: dict[_Base, str]) -> Iterator[CorpusText]:
    """Two licences in one file: the longer is named first, both hold."""
    listed = list(bases.items())
    for index, (one, text) in enumerate(listed):
        for other, second in listed[index + 1 :]:
            if {one.licence, other.licence} == {"bsd-2-clause", "bsd-3-clause"}:
                continue  # the two share most of their words: one text in the other is no second licence
            yield CorpusText(
                f"{one.licence}+{other.licence}.txt", "two licences", "",
                f"{one.licence} {other.licence}", True, f"{text}\n\n{'-' * 60}\n\n{second}",
            )  # fmt: skip


def _with_clauses(bases: dict[_Base, str], wording: dict[str, Any]) -> Iterator[CorpusText]:
    """Permissive texts with a clause added, each clause to three of them, at changing places."""
    listed = list(bases.items())
    for part in ("development", "held_out"):
        for index, clause in enumerate(wording[part]):
            for turn in range(3):
                base, text = listed[(index + turn) % len(listed)]
                place, put = _PLACES[(index + 2 * turn) % len(_PLACES)]
                yield CorpusText(
                    f"{base.licence}-{part}-{index:02}-{place}.txt", f"clause, {clause['kind']}",
                    part.replace("_", " "), base.licence, False, put(text, clause["text"]),
                )  # fmt: skip


def _in_the_middle(text: str, clause: str) -> str:
    parts = text.split("\n\n")
    return "\n\n".join([*parts[:-1], clause, parts[-1]])


_PLACES: Final[tuple[tuple[str, Callable[[str, str], str]], ...]] = (
    ("end", lambda text, clause: f"{text}\n\n{clause}\n"),
    ("start", lambda text, clause: f"{clause}\n\n{text}"),
    ("middle", _in_the_middle),
    ("no-break", lambda text, clause: f"{text.rstrip()} {clause}"),
    ("comments", lambda text, clause: "".join(f"# {line}\n" for line in f"{text}\n\n{clause}".splitlines())),
    ("one-line", lambda text, clause: " ".join(f"{clause} {text}".split())),
)


def _model_licences(scancode: Path) -> Iterator[CorpusText]:
    """Every licence of the table that is not permissive and whose text scancode's data holds."""
    for row in licence_table().licences:
        for name in () if row.is_permissive else row.fingerprints:
            text = (
                (scancode / "licenses" / f"{name}.LICENSE").read_text(encoding="utf-8").split("---\n", 2)[2]
            )
            for label in (
                "as it is",
                "reflowed to 50",
                "upper case",
                "hash comments",
                "html",
                "windows lines",
            ):
                changed = _CIRCULATING[label](text)
                yield CorpusText(f"{name}-{label}.txt", "model licence", "", row.id, False, changed)
            renamed = re.sub(
                r"\b(?:Meta|Google|NVIDIA|Alibaba Cloud|DeepSeek|Tencent|Stability AI)\b", "Acme", text
            )
            yield CorpusText(f"{name}-renamed.txt", "model licence, renamed", "", row.id, False, renamed)
            yield CorpusText(
                f"{name}-in-mit.txt", "model licence", "", row.id, False, f"MIT License\n\n{text}"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
