"""The files of the item bank: topics in English and Chinese, their translations, and the digest of them all.

>>> read_bank(data_folder()).frames[0].id
'short'
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.resources
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec
import yaml

from probes.deflection.items import (
    FORMS,
    Bank,
    Bilingual,
    DataRow,
    Frame,
    Item,
    ItemBankError,
    Question,
    Rules,
    Terms,
    Topic,
)

T = TypeVar("T")
# libyaml reads the bank in a tenth of the time, where the wheel has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _BankFile(DataRow, frozen=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    rules: Rules
    frames: tuple[Frame, ...]
    subjects: Mapping[str, Bilingual]


class _Translated(DataRow, frozen=True):
    """A question in one of the extra languages."""

    question: str
    answer: tuple[str, ...]


class _Translations(DataRow, frozen=True, rename={"zh_hant": "zh-Hant"}):
    zh_hant: _Translated
    ru: _Translated
    es: _Translated


class _TranslatedItem(DataRow, frozen=True):
    sensitive: _Translations
    control: _Translations
    neutral: _Translations
    harmless: _Translations


class _TranslationFile(DataRow, frozen=True):
    topic: str
    items: Mapping[str, _TranslatedItem]


def data_folder() -> Traversable:
    """The folder of the probe's data files inside the package."""
    return importlib.resources.files("probes") / "data" / "deflection"


def read_rows(file: Traversable, kind: type[T]) -> T:
    """The YAML file as a value of `kind`.

    Raises:
        ItemBankError: when it is no YAML or a key is missing, unknown or of the wrong type.
    """
    try:
        rows = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
        return msgspec.convert(rows, kind, str_keys=True)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError, OSError) as error:
        raise ItemBankError(
            f"deflection data, {file.name}: {error}", hint="see docs/deflection.md"
        ) from error


def read_bank(folder: Traversable) -> Bank:
    """The bank in `folder` (bank.yaml, topics/, translations/), as it is written, not yet linted.

    Raises:
        ItemBankError: when a file is broken.
    """
    head = read_rows(folder / "bank.yaml", _BankFile)
    topics, translations = _files_in(folder / "topics"), _files_in(folder / "translations")
    translated = {file.name: file for file in translations}
    found = [_read_topic(file, translated.pop(file.name, None)) for file in topics]
    if translated:
        raise ItemBankError(f"deflection data, translations/{min(translated)}: there is no such topic")
    place = {subject: number for number, subject in enumerate(head.subjects)}
    return Bank(
        version=head.version,
        digest=_digest((folder / "bank.yaml", *topics, *translations)),
        rules=head.rules,
        frames=head.frames,
        subjects=head.subjects,
        topics=tuple(sorted(found, key=lambda topic: (place.get(topic.subject, len(place)), topic.id))),
    )


def _files_in(folder: Traversable) -> tuple[Traversable, ...]:
    if not folder.is_dir():
        return ()
    found = (file for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(sorted(found, key=lambda file: file.name))


def _read_topic(file: Traversable, translation: Traversable | None) -> Topic:
    topic = read_rows(file, Topic)
    if f"{topic.id}.yaml" != file.name:
        raise ItemBankError(f"deflection data, {file.name}, id: got '{topic.id}', expected the file's name")
    if translation is None:
        return topic
    rows = read_rows(translation, _TranslationFile)
    where = f"deflection data, translations/{translation.name}"
    if rows.topic != topic.id:
        raise ItemBankError(f"{where}, topic: got '{rows.topic}', expected '{topic.id}'")
    unknown = set(rows.items) - {item.id for item in topic.items}
    if unknown:
        raise ItemBankError(f"{where}, items: '{min(unknown)}' is no item of the topic")
    items = tuple(
        _with_translations(item, rows.items[item.id]) if item.id in rows.items else item
        for item in topic.items
    )
    return msgspec.structs.replace(topic, items=items)


def _with_translations(item: Item, rows: _TranslatedItem) -> Item:
    return msgspec.structs.replace(
        item, **{form: _with_languages(item.form(form), getattr(rows, form)) for form in FORMS}
    )


def _with_languages(question: Question, rows: _Translations) -> Question:
    texts: dict[str, tuple[str, ...]] = {}
    words: dict[str, tuple[str, ...]] = {}
    for field in ("zh_hant", "ru", "es"):
        row: _Translated = getattr(rows, field)
        texts[field], words[field] = (row.question,), row.answer
    return msgspec.structs.replace(
        question,
        question=Terms(en=question.question.en, zh=question.question.zh, **texts),
        answer=Terms(en=question.answer.en, zh=question.answer.zh, **words),
    )


def _digest(files: tuple[Traversable, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
