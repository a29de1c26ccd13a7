"""The labelled replies that the reader is trained and measured on: rows, their weights, and folds of them."""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from probes.deflection.features import features_of
from probes.deflection.ngrams import buckets_of
from probes.deflection.readability import without_thinking
from probes.deflection.stance import sentences_of
from probes.deflection.wording import fold

DATA = Path("probes/data/deflection")
LABELS = {"COMPLETE": "engaged", "EVASIVE": "deflected", "DENIAL": "refused"}
# Makers whose models descend from one another answer alike, so they are held out together.
FAMILIES = {
    "anthropic": "anthropic, x-ai", "x-ai": "anthropic, x-ai",
    "deepseek": "deepseek", "microsoft": "deepseek", "perplexity": "deepseek",
    "qwen": "qwen",
    "meta-llama": "meta, thudm, google", "thudm": "meta, thudm, google", "google": "meta, thudm, google",
    "openai": "openai, openrouter", "openrouter": "openai, openrouter",
}  # fmt: skip
# Characters of about 64 tokens, the length limit of the quick profile.
CUT = {"zh": 100, "zh-Hant": 100}
CUT_OTHERS = 280
# A reply's first sentences do what the reply does; they teach that length is no sign of engagement.
MOST_SENTENCES = 4
WEIGHT_OF_CUT = 0.35
WEIGHT_OF_DISPUTED = 0.5
# Replies broken on purpose, against all of a source: a hint, and no class of their own.
BROKEN = "broken"
WEIGHT_OF_BROKEN = 0.09
# Classes and languages count by their rows to the power of one minus this: between as found and all alike.
BALANCE = 0.6


@dataclass(frozen=True)
class Labelled:
    """A labelled reply; a fold holds out `family` and `question`, which is the topic of a made row."""

    id: str
    source: str
    family: str
    question: str
    language: str
    prompt: str
    reply: str
    label: str
    is_disputed: bool = False
    is_cut: bool = False
    model: str = ""


@dataclass(frozen=True)
class Counted:
    """Labelled replies with their features, counted once for every fold."""

    rows: Sequence[Labelled]
    features: np.ndarray
    buckets: Sequence[Mapping[int, float]]

    def at(self, places: np.ndarray) -> Counted:
        """The rows at these places."""
        return Counted(
            [self.rows[p] for p in places], self.features[places], [self.buckets[p] for p in places]
        )


def development_rows(path: Path) -> Iterator[Labelled]:
    """The labelled rows of the development file, without the host's own messages."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            if row["label"] in LABELS:
                reply, _ = without_thinking(row["response"])
                family = FAMILIES[row["model"].split("/")[0]]
                yield Labelled(
                    row["id"], "development", family, str(row["question_index"]), row["language"],
                    row["prompt"], reply, LABELS[row["label"]],
                    is_disputed=not row["judges_agree"], model=row["model"],
                )  # fmt: skip


def made_rows(folder: Path = DATA / "made") -> Iterator[Labelled]:
    """The rows written for this project."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            source = "made essays" if path.name.startswith("essay") else "made short replies"
            yield Labelled(
                row["id"], source, "made", row["topic"], row["language"], row["prompt"], row["response"],
                LABELS[row["label"]], model=row["kind"],
            )  # fmt: skip


def cut_at_limit(row: Labelled) -> Labelled:
    """The row as it stands after 64 tokens; the row itself when it is no longer."""
    limit = CUT.get(row.language, CUT_OTHERS)
    return row if len(row.reply) <= limit else replace(row, reply=row.reply[:limit], is_cut=True)


def beginnings_of(row: Labelled) -> Iterator[Labelled]:
    """The row cut at the limit and after its first sentences; fewer of the many that engage."""
    draw = hashlib.sha256(row.id.encode()).digest()
    is_engaged = row.label == "engaged"
    short = cut_at_limit(row)
    if short.is_cut and (not is_engaged or draw[0] % 3 == 0):
        yield short
    ends = [end for _, end in sentences_of(fold(row.reply))]
    keep = 1 + draw[1] % MOST_SENTENCES
    if len(ends) > keep + 1 and (not is_engaged or draw[2] % 4 == 0):
        yield replace(row, reply=row.reply[: ends[keep - 1]], is_cut=True)


def counted(rows: Sequence[Labelled]) -> Counted:
    """The rows with their features."""
    with concurrent.futures.ProcessPoolExecutor(8) as pool:
        found = list(pool.map(_counted, rows, chunksize=64))
    return Counted(
        rows,
        np.array([features for features, _ in found], dtype=np.float32),
        [buckets for _, buckets in found],
    )


def _counted(row: Labelled) -> tuple[list[float], dict[int, float]]:
    return features_of(row.prompt, row.reply, row.language), buckets_of(row.prompt, row.reply)


def weights_of(rows: Sequence[Labelled]) -> np.ndarray:
    """How much each row counts; sources alike, and within one language no class as rare as it is found.

    Otherwise a language would itself be a sign: three of ten Chinese development replies evade, against one
    of sixteen English ones.
    """
    keys = [
        (row.source, row.language if row.source == "development" else "", row.label, row.is_cut)
        for row in rows
    ]
    counts = Counter(keys)
    found = np.array([counts[key] ** -BALANCE for key in keys])
    for source in {row.source for row in rows}:
        of_source = np.array([row.source == source for row in rows])
        found[of_source] *= (WEIGHT_OF_BROKEN if source == BROKEN else 1.0) / found[of_source].sum()
    found *= [WEIGHT_OF_CUT if row.is_cut else 1.0 for row in rows]
    found *= [WEIGHT_OF_DISPUTED if row.is_disputed else 1.0 for row in rows]
    return found / found.mean()


def folds_of(rows: Sequence[Labelled], questions: int = 5) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test places with no family and no question in both: a fold for each pair of groups.

    A made row has no family; it is tested once, in the fold of its topic's group, unseen topic and all.
    """
    group = np.array([_group_of(row.question, questions) for row in rows])
    family = np.array([row.family for row in rows])
    is_made = family == "made"
    families = sorted(set(family[~is_made]))
    for number, held_out in enumerate(families):
        for question in range(questions):
            is_test = (family == held_out) & (group == question)
            is_train = (family != held_out) & (group != question)
            if question == number % questions:
                is_test |= is_made & (group == question)
            yield np.flatnonzero(is_train), np.flatnonzero(is_test)


def _group_of(question: str, groups: int) -> int:
    """Development questions in turn; topics by a digest of their name, which no new topic moves."""
    if question.isdigit():
        return int(question) % groups
    return hashlib.sha256(question.encode()).digest()[0] % groups


def expanded(rows: Sequence[Labelled]) -> list[Labelled]:
    """The rows with their beginnings."""
    return [part for row in rows for part in (row, *beginnings_of(row))]
