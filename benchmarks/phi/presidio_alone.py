"""What presidio finds by itself: its default recognisers and the same language model, mapped to letters."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.phi.scoring import Found
from probes.personal_data import SPACY_MODEL

# Every entity that presidio's default registry can return for English; those of no letter are left out.
LETTERS: Final[Mapping[str, str]] = {
    "PERSON": "A",
    "LOCATION": "B",
    "DATE_TIME": "C",
    "PHONE_NUMBER": "DE",  # presidio does not tell a fax number from a telephone number
    "EMAIL_ADDRESS": "F",
    "US_SSN": "G",
    "UK_NHS": "H",
    "US_MBI": "I",
    "US_BANK_NUMBER": "J",
    "CREDIT_CARD": "J",
    "IBAN_CODE": "J",
    "CRYPTO": "J",
    "US_DRIVER_LICENSE": "K",
    "MEDICAL_LICENSE": "K",
    "MAC_ADDRESS": "M",
    "URL": "N",
    "IP_ADDRESS": "O",
    "US_PASSPORT": "R",
    "US_ITIN": "R",
}


def find(texts: Sequence[str]) -> list[list[Found]]:
    """The hits of each text, as presidio hands them over at its default threshold."""
    presidio = importlib.import_module("presidio_analyzer")
    engines = importlib.import_module("presidio_analyzer.nlp_engine")
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": SPACY_MODEL}]}
    nlp = engines.NlpEngineProvider(nlp_configuration=configuration).create_engine()
    engine = presidio.AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
    artifacts = [artifact for _, artifact in nlp.process_batch(list(texts), "en")]
    return [
        [
            Found(hit.start, hit.end, frozenset(LETTERS[hit.entity_type]))
            for hit in engine.analyze(text, "en", nlp_artifacts=artifact)
            if hit.entity_type in LETTERS
        ]
        for text, artifact in zip(texts, artifacts, strict=True)
    ]
