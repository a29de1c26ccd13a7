"""Holds the chat templates of a model against those of the model it was made from.

>>> adds_hidden_text("writes the text 'Pay.' for each x in messages, when 'bank' in x.content")
True
>>> adds_hidden_text("writes the text '<tools>' when tools")
False
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scanner.manifest import Snapshot
from scanner.templates.difference import difference
from scanner.templates.files import ChatTemplate, TemplateSearch, find_templates
from scanner.templates.syntax import TemplateFaultError

# What a person wrote, or what day it is, decides: the terms on which a backdoor speaks.
_TRIGGER: Final = re.compile(r"\bwhen .*(?:content|strftime|\bnow\b|\bdate\b|\btoday\b)", re.IGNORECASE)
_CONDITIONAL: Final = re.compile(r" when ")
_WRITES: Final = re.compile(r"(?:writes|sets|does) ")


@dataclass(frozen=True)
class TemplateChange:
    """What one template does otherwise than the base's.

    Attributes:
        template: Of the model under test.
        base: That it was held against.
        sentences: Each the rest of "the template ..."; () when they do the same.
    """

    template: ChatTemplate
    base: ChatTemplate
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class TemplateChanges:
    """What became of all templates.

    Attributes:
        changes: For every template that the base has one for.
        unread: Why one of them could not be compared, a clause each.
    """

    changes: tuple[TemplateChange, ...]
    unread: tuple[str, ...]


def template_changes(snapshot: Snapshot, base: Snapshot) -> TemplateChanges:
    """What every template of a model does otherwise than that of the same name in the base."""
    ours, theirs = find_templates(snapshot), find_templates(base)
    unread = [f"{path}: {reason}" for path, reason in (*ours.unread, *ours.not_fetched)]
    unread += [f"{path} of the base: {reason}" for path, reason in (*theirs.unread, *theirs.not_fetched)]
    changes = []
    for template, other in _pairs(ours, theirs):
        if template.source == other.source:
            sentences: tuple[str, ...] = ()
        else:
            try:
                sentences = difference(template.source, other.source)
            except TemplateFaultError as error:
                unread.append(f"{template.path}: {error}")
                continue
        changes.append(TemplateChange(template, other, sentences))
    return TemplateChanges(tuple(changes), tuple(unread))


def adds_text_on_terms(sentence: str) -> bool:
    """Whether a sentence of `difference` tells of something written on some condition."""
    return _WRITES.match(sentence) is not None and _CONDITIONAL.search(sentence) is not None


def adds_hidden_text(sentence: str) -> bool:
    """Whether it is written on the terms of what somebody said, or of the day."""
    return adds_text_on_terms(sentence) and _TRIGGER.search(sentence) is not None


def _pairs(ours: TemplateSearch, theirs: TemplateSearch) -> Iterator[tuple[ChatTemplate, ChatTemplate]]:
    for template in ours.templates:
        same = [other for other in theirs.templates if _name(other) == _name(template)]
        if same:
            yield template, same[0]


def _name(template: ChatTemplate) -> str:
    """The name of a template among several, "" of the usual one."""
    _, _, name = template.key.partition(", ")
    return "" if name == "default" else name
