"""Hostile chat templates in the files of a repository that hold them."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
from collections.abc import Iterator

from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.template_texts import ESCAPES, HONEST, INJECTIONS, LOOPS

_ESCAPE = Technique("chat template SSTI in HF files", "template-ssti")
_LOOPS = Technique("chat template: unbounded", "template-dos")
_INJECT = Technique("chat template: conditional and hidden injection", "template-injection")


def tokenizer_config(template: object) -> bytes:
    """A tokenizer_config.json."""
    return json.dumps({
        "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>", "model_max_length": 4096,
        "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template,
    }, indent=2).encode()  # fmt: skip


def hostile(dice: Dice) -> Iterator[Case]:
    """Each template in one of the places that transformers reads."""
    for number, (name, text) in enumerate(ESCAPES.items()):
        if number % 3 == 0:
            yield _ESCAPE.attack(
                f"{name}/tokenizer_config.json", tokenizer_config(text), f"{name} in the tokenizer"
            )
        elif number % 3 == 1:
            yield _ESCAPE.attack(
                f"{name}/chat_template.jinja", text.encode(), f"{name} in chat_template.jinja"
            )
        else:
            data = json.dumps({"chat_template": text}).encode()
            yield _ESCAPE.attack(f"{name}/chat_template.json", data, f"{name} in chat_template.json")
    several = [
        {"name": "default", "template": HONEST["chatml"]},
        {"name": "tool_use", "template": ESCAPES["mro_subclasses"]},
    ]
    yield _ESCAPE.attack(
        "several/tokenizer_config.json", tokenizer_config(several), "the second of several templates"
    )
    escape = ESCAPES["lipsum_globals"]
    yield _ESCAPE.attack(
        "named/additional_chat_templates/rag.jinja", escape.encode(), "an additional template"
    )
    processor = json.dumps({"processor_class": "X", "chat_template": escape}).encode()
    yield _ESCAPE.attack("processor/processor_config.json", processor, "in the processor's configuration")
    special = json.dumps({"bos_token": "<s>", "chat_template": escape}).encode()
    yield _ESCAPE.attack("config/config.json", special, "in config.json")
    for name, text in LOOPS.items():
        yield _LOOPS.attack(f"{name}/tokenizer_config.json", tokenizer_config(text), name)
    for name, text in INJECTIONS.items():
        yield _INJECT.attack(f"{name}/chat_template.jinja", text.encode(), name)
    yield _ESCAPE.malformed(
        "syntax/chat_template.jinja", b"{% for m in messages %}{{ m", "nobody can read it"
    )
    yield _ESCAPE.malformed("binary/chat_template.jinja", b"{{ m }}\xff\xfe\x00\x01", "no text")
    yield _ESCAPE.malformed("number/tokenizer_config.json", tokenizer_config(7), "the template is a number")
    deep = "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}"
    yield _LOOPS.malformed("deep/chat_template.jinja", deep.encode(), "20,000 brackets in an expression")
