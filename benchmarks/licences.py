"""Licence texts: how many are named right, how many tampered ones pass as permissive, beside other tools.

    make bench ONLY=licences

The corpus is made by scripts/make_licence_corpus.py. The other tools are installed into environments of
their own under build/licence-rivals (which may be thrown away); one that cannot be installed is left out,
and the reason is printed. weight-audit reads no texts: it is given the tag that such a repository declares.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.rival_environments import environment, last_line
from scanner.licensing.table import licence_table
from scripts.make_licence_corpus import CorpusText, make_corpus

_FOLDER: Final = Path("build/licence-rivals")
_JUDGE: Final = Path(__file__).parent / "licence_rivals" / "judge.py"
# pluggy 1.6 and later find no hooks of scancode-toolkit 32.5.0.
_REQUIRED: Final = {
    "pyaskalono": ("pyaskalono==0.2.0",),
    "weight-audit": ("weight-audit==0.1.3",),
    "scancode-toolkit": ("scancode-toolkit==32.5.0", "pluggy==1.5.0"),
    "spdx-matcher": ("spdx-matcher==0.1.4",),
}
# Processor seconds: what the machine does besides is not ours.
_IMPORT: Final = (
    "import time; began = time.process_time(); import scanner.licensing.table as table; "
    "imported = time.process_time(); table.licence_table(); "
    "print(imported - began, time.process_time() - imported)"
)


@dataclass(frozen=True)
class _Answer:
    """What a tool says of one text: licence ids, and whether it may be used freely."""

    ids: Sequence[str]
    is_permissive: bool


def measure() -> list[dict[str, object]]:
    """Our own figures, then a row for every tool."""
    rivals = {
        name: python
        for name, required in _REQUIRED.items()
        if (python := environment(_FOLDER / name, required)) is not None
    }
    corpus = make_corpus(_scancode_data(rivals.get("scancode-toolkit")))
    ours, seconds = _ours(corpus)
    figures: list[dict[str, object]] = [_own_figures(corpus, ours, seconds)]
    _print_groups(corpus, ours)
    # Some of the tools take seconds over a long text: they get every second text that is not a model licence.
    shared = [each for each in corpus if not each.group.startswith("model licence")][::2]
    print(f"\n{'tool':<18}{'unsafe':>8}{'of':>5}{'named right':>14}{'of':>5}{'permissive seen':>17}{'of':>5}")
    figures.append(_row("weighbridge", shared, ours))
    for name, python in rivals.items():
        answers = _tags(python, shared) if name == "weight-audit" else _theirs(name, python, shared)
        if answers is not None:
            figures.append(_row(name, shared, answers))
    return figures


def _ours(corpus: Sequence[CorpusText]) -> tuple[dict[str, _Answer], float]:
    table = licence_table()
    table.read(corpus[0].text)
    began = time.process_time()
    readings = {each.name: table.read(each.text) for each in corpus}
    seconds = time.process_time() - began
    answers = {
        name: _Answer(
            [row.base or row.id for row in reading.licences[:1]] + [row.id for row in reading.licences],
            reading.is_plainly_permissive,
        )
        for name, reading in readings.items()
    }
    return answers, seconds


def _own_figures(
    corpus: Sequence[CorpusText], answers: Mapping[str, _Answer], seconds: float
) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
    imported, loaded = map(float, done.stdout.split())
    named = [each for each in corpus if each.licence]
    right = sum(_is_named(each, answers[each.name].ids) for each in named)
    unsafe = sum(answers[each.name].is_permissive and not each.is_permissive for each in corpus)
    held_out = [each for each in corpus if each.part == "held out"]
    figures: dict[str, object] = {
        "licence_texts": len(corpus),
        "licence_top1_percent": round(100 * right / len(named), 2),
        "licence_unsafe_answers": unsafe,
        "licence_unsafe_answers_held_out": sum(answers[each.name].is_permissive for each in held_out),
        "licence_held_out_texts": len(held_out),
        "licence_needless_readings": sum(
            each.is_permissive and not answers[each.name].is_permissive for each in corpus
        ),
        "licence_files_per_second": round(len(corpus) / seconds, 1),
        "licence_import_seconds": round(imported, 3),
        "licence_table_load_seconds": round(loaded, 3),
    }
    for name, value in figures.items():
        print(f"{name}: {value}")
    return figures


def _print_groups(corpus: Sequence[CorpusText], answers: Mapping[str, _Answer]) -> None:
    texts, right, plain = Counter[str](), Counter[str](), Counter[str]()
    for each in corpus:
        texts[each.group] += 1
        right[each.group] += not each.licence or _is_named(each, answers[each.name].ids)
        plain[each.group] += answers[each.name].is_permissive
    print(f"\n{'group':<32}{'texts':>6}{'named right':>13}{'permissive':>12}")
    for group, count in texts.items():
        print(f"{group:<32}{count:>6}{right[group]:>13}{plain[group]:>12}")


def _row(tool: str, corpus: Sequence[CorpusText], answers: Mapping[str, _Answer]) -> dict[str, object]:
    altered = [each for each in corpus if not each.is_permissive]
    plain = [each for each in corpus if each.is_permissive]
    named = [each for each in corpus if each.licence]
    unsafe = sum(answers[each.name].is_permissive for each in altered)
    right = sum(_is_named(each, answers[each.name].ids) for each in named)
    seen = sum(answers[each.name].is_permissive for each in plain)
    print(
        f"{tool:<18}{unsafe:>8}{len(altered):>5}{right:>14}{len(named):>5}{seen:>17}{len(plain):>5}",
        flush=True,
    )
    return {
        "tool": tool,
        "unsafe_answers": unsafe,
        "altered_texts": len(altered),
        "named_right": right,
        "named_texts": len(named),
        "permissive_seen": seen,
        "permissive_texts": len(plain),
    }


def _is_named(each: CorpusText, ids: Sequence[str]) -> bool:
    """Whether the first licence named is the text's own (either of two), and the others are named too."""
    said = [name.casefold() for name in ids]
    wanted = each.licence.split()
    return bool(said) and said[0] in wanted and all(name in said for name in wanted)


def _scancode_data(python: Path | None) -> Path | None:
    found = list(python.parent.parent.glob("lib/python*/site-packages/licensedcode/data")) if python else []
    if not found:
        print("without scancode-toolkit's data: no texts of model licences in the corpus")
    return found[0] if found else None


def _theirs(tool: str, python: Path, corpus: Sequence[CorpusText]) -> dict[str, _Answer] | None:
    texts = json.dumps({each.name: each.text for each in corpus})
    began = time.monotonic()
    done = subprocess.run(
        [str(python), str(_JUDGE), tool], input=texts, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{tool}: left out, it failed: {last_line(done.stderr)}")
        return None
    print(f"  ({tool}: {time.monotonic() - began:.0f} s)")
    return {name: _Answer(ids, is_free) for name, (ids, is_free) in json.loads(done.stdout).items()}


def _tags(python: Path, corpus: Sequence[CorpusText]) -> dict[str, _Answer] | None:
    """weight-audit's answer to the declared tag of a repository with each of these texts."""
    program = (
        "import json, sys; from weight_audit.classify import classify; "
        "print(json.dumps({tag: classify('acme/model', tag).tier.value for tag in json.load(sys.stdin)}))"
    )
    tags = {each.name: (each.licence.split() or ["mit"])[0] for each in corpus}
    done = subprocess.run(
        [str(python), "-c", program], input=json.dumps(sorted(set(tags.values()))), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"weight-audit: left out, it failed: {last_line(done.stderr)}")
        return None
    tiers = json.loads(done.stdout)
    return {name: _Answer([tag], tiers[tag] == "permissive") for name, tag in tags.items()}
