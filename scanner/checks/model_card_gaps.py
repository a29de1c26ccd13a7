"""model-card-gaps: holds a model's public documentation against the item lists of the AI Act's annexes.

What it looks for: for each item of Annex XI section 1 and Annex XII, a section, sentence, front-matter key,
config.json key or GGUF header key that shows it; unfilled template sections do not count. Architecture,
number of parameters, context length, software version, chat format and licence may be shown by config.json,
the GGUF header or the files, beside a card; without a card nothing counts as documented.

Why it matters: Art. 53(1)(b) AI Act obliges providers of general-purpose models to give integrators the
Annex XII information. What is not in the public card must be requested from the provider.

How it can be wrong: it finds words, not meaning. A card that mentions "bias" in passing counts (false
negative); one that describes its data in unusual words, in another language than English, or behind a
link does not (false positive). It says nothing about truth, adequacy, or the provider's internal file,
and free and open-source models may be exempt (Art. 53(2)).

What it needs: README.md, config.json, GGUF headers; no network. Items: scanner/data/card_items.yaml.

Source: Regulation (EU) 2024/1689, Art. 53(1)(a), (b), Annex XI section 1, Annex XII.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.manifest import Snapshot
from scanner.model_files import (
    GgufArray,
    GgufError,
    GgufHeader,
    ModelCard,
    ModelFileError,
    gguf_header_of,
    licence_files,
    model_card,
    read_config,
)
from scanner.origins.card_items import Annex, Documentation, ItemResult, card_items, examine
from scanner.records import encode_pretty

_METHOD: Final = (
    "items whose parts were all found by words, headings, keys or files; "
    "presence of public text only, not its truth or adequacy; file metadata counts only beside a card"
)
_ASK: Final = "Ask the provider for the missing items (Art. 53(1)(b)), and keep the request and the answer."


class ModelCardGaps(Check):
    """Counts which items of Annex XI section 1 and Annex XII the public files show."""

    id = "model-card-gaps"
    title = "The public documentation lacks items that the AI Act lists"
    severity = Severity.MEDIUM
    measures = (
        MeasureSpec("card.annex_xi_items", "items", "Items of Annex XI section 1 that the public files show"),
        MeasureSpec("card.annex_xii_items", "items", "Items of Annex XII that the public files show"),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields one measurement and one finding per annex."""
        snapshot = context.snapshot
        try:
            card = model_card(snapshot)
        except ModelFileError as error:
            yield self.errored(str(error), subject="model card")
            return
        if card is None:
            for annex in card_items():
                yield from self._without_card(annex)
            return
        config: dict[str, object] = {}
        header: GgufHeader | None = None
        try:
            config = read_config(snapshot) or {}
            header = _first_header(snapshot)
        except (ModelFileError, GgufError, OSError) as error:
            yield self.errored(f"file metadata was not counted: {error}", subject="file metadata")
        shown = Documentation(card, config, _scalars(header), _files(snapshot))
        for annex in card_items():
            yield from self._judge(context, card, annex, examine(annex, shown))

    def _without_card(self, annex: Annex) -> Iterator[Finding | Measurement]:
        total = len(annex.items)
        yield self.measured(annex.measure, 0, n=total, interval=Interval(0, 0), method=_METHOD)
        yield self.failed(
            f"there is no model card: 0 of {total} items of {annex.label} are documented",
            rule=annex.id,
            remediation=_ASK,
        )

    def _judge(
        self, context: CheckContext, card: ModelCard, annex: Annex, results: tuple[ItemResult, ...]
    ) -> Iterator[Finding | Measurement]:
        present = [result for result in results if result.is_present]
        listing = [
            {
                "item": result.item.id,
                "article": result.item.article,
                "title": result.item.title,
                "present": result.is_present,
                "parts": {part.name: part.place for part in result.parts},
            }
            for result in results
        ]
        kept = (context.evidence.put(encode_pretty(listing), "application/json", f"items of {annex.label}"),)
        count, total = len(present), len(results)
        yield self.measured(
            annex.measure, count, n=total, interval=Interval(count, count), method=_METHOD, evidence=kept
        )
        if count == total:
            yield self.passed(
                f"all {total} items of {annex.label} are mentioned in public: presence only",
                rule=annex.id,
                locations=(Location(card.path),),
                evidence=kept,
            )
            return
        gaps = "; ".join(_gap(result) for result in results if not result.is_present)
        yield self.failed(
            f"{count} of {total} items of {annex.label} were found in public; not found: {gaps}",
            confidence=Confidence.MEDIUM,
            rule=annex.id,
            locations=(Location(card.path),),
            evidence=kept,
            remediation=_ASK,
        )


def _gap(result: ItemResult) -> str:
    number = result.item.article.rpartition("point ")[2]
    lacking = "" if len(result.missing) == len(result.parts) else f" (lacks {', '.join(result.missing)})"
    return f"{number} {result.item.title}{lacking}"


def _first_header(snapshot: Snapshot) -> GgufHeader | None:
    entry = next(snapshot.with_suffix(".gguf"), None)
    return None if entry is None else gguf_header_of(snapshot, entry)


def _scalars(header: GgufHeader | None) -> dict[str, object]:
    pairs = header.metadata.items() if header else ()
    return {key: value for key, value in pairs if not isinstance(value, GgufArray)}


def _files(snapshot: Snapshot) -> dict[str, str]:
    """A path per kind of file that can show an item."""
    found: dict[str, str] = {}
    for entry in licence_files(snapshot):
        stem = PurePosixPath(entry.path).stem.lower().replace("-", "_")
        kind = "use_policy" if stem.startswith("use_policy") else "notice" if "notice" in stem else "licence"
        found.setdefault(kind, entry.path)
    for entry in snapshot.with_suffix(".gguf"):
        found.setdefault("gguf", entry.path)
    for entry in snapshot.with_suffix(".safetensors", ".gguf"):
        found.setdefault("tensors", entry.path)
    return found


CHECK = ModelCardGaps()
