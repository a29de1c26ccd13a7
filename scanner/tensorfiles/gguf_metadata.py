r"""Whether the metadata of a GGUF file hangs together: types, tokenizer, parts of a split file.

>>> from scanner.tensorfiles.gguf_header import GgufArray, GgufHeader
>>> tokens, scores = GgufArray("string", 9, ()), GgufArray("float32", 3, ())
>>> metadata = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": scores}
>>> header = GgufHeader(3, "little", 0, {"general.architecture": "llama", **metadata}, (), (), 99)
>>> [fault.message for fault in metadata_faults(header, "model.gguf")]
['the tokenizer has 9 tokens and 3 scores; loaders read beyond the shorter']

Source: docs/gguf.md of ggml, "Standardized key-value pairs"; llama.cpp, src/llama-vocab.cpp and
src/llama-model-loader.cpp: arrays of the tokenizer are read by the number of tokens, whatever their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from scanner.acting_text import acting
from scanner.tensorfiles.gguf_fault import GgufFault, shown
from scanner.tensorfiles.gguf_header import GgufArray, GgufHeader

_ARCHITECTURE: Final = "general.architecture"
_TOKENS: Final = "tokenizer.ggml.tokens"
# Keys that loaders read as an array of this type, whatever type it has.
_ARRAYS: Final = {
    _TOKENS: "string",
    "tokenizer.ggml.merges": "string",
    "tokenizer.ggml.scores": "float32",
    "tokenizer.ggml.token_type": "int32",
}
# Arrays with one element for each token.
_PER_TOKEN: Final = {"tokenizer.ggml.scores": "scores", "tokenizer.ggml.token_type": "token types"}
_TEXTS: Final = (_ARCHITECTURE, "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.chat_template")
_TEMPLATE: Final = "tokenizer.chat_template"
_PART: Final = re.compile(r".*-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
# A template outside the keys of templates; only one that reaches into Python is worth a word.
_JINJA: Final = re.compile(r"\{[{%]")
_REACHING: Final = re.compile(r"__\w{1,64}__|\battr\s*\(|popen|\bimport\b")
# A tokenizer that is kept as one text holds every word, "import" and brackets among them, behind its head.
_TOKENIZER_LOOKED_AT: Final = 64 * 1024


def metadata_faults(header: GgufHeader, name: str) -> Iterator[GgufFault]:
    """What contradicts itself in the metadata of the file of this name (without folders)."""
    yield from _type_faults(header)
    yield from _tokenizer_faults(header)
    yield from _split_faults(header, name)
    yield from _text_faults(header)


def _type_faults(header: GgufHeader) -> Iterator[GgufFault]:
    is_model = _TOKENS in header.metadata or any(key.endswith(".block_count") for key in header.metadata)
    if is_model and _ARCHITECTURE not in header.metadata:
        yield GgufFault("GGUF-KEY", "it has keys of a language model and no general.architecture", "metadata")
    for key in _TEXTS:
        if key in header.metadata and not isinstance(header.metadata[key], str):
            yield GgufFault("GGUF-VALUE", f"{key} is no text", f"key {key}")
    for key, expected in _ARRAYS.items():
        value = header.metadata.get(key)
        if value is not None and not (isinstance(value, GgufArray) and value.element_type == expected):
            yield GgufFault("GGUF-VALUE", f"{key} is no array of type {expected}", f"key {key}")


def _tokenizer_faults(header: GgufHeader) -> Iterator[GgufFault]:
    tokens = header.metadata.get(_TOKENS)
    if not isinstance(tokens, GgufArray):
        return
    for key, what in _PER_TOKEN.items():
        value = header.metadata.get(key)
        if isinstance(value, GgufArray) and value.length != tokens.length:
            counts = f"{tokens.length} tokens and {value.length} {what}"
            message = f"the tokenizer has {counts}; loaders read beyond the shorter"
            yield GgufFault("GGUF-VOCAB", message, f"key {key}")


def _split_faults(header: GgufHeader, name: str) -> Iterator[GgufFault]:
    number, count = header.metadata.get("split.no"), header.metadata.get("split.count")
    if number is None and count is None:
        return
    if type(number) is not int or type(count) is not int or not 0 <= number < max(count, 1):
        yield GgufFault("GGUF-SPLIT", "split.no and split.count do not say which part it is", "key split.no")
    elif (match := _PART.fullmatch(name)) and count > 0:
        named = (int(match[1]) - 1, int(match[2]))
        if named != (number, count):
            message = f"its name says part {named[0] + 1} of {named[1]}, its header {number + 1} of {count}"
            yield GgufFault("GGUF-SPLIT", message, "key split.no")


def _text_faults(header: GgufHeader) -> Iterator[GgufFault]:
    for key, value in header.metadata.items():
        if key == _TEMPLATE or key.startswith((f"{_TEMPLATE}.", "tokenizer.ggml.")):
            continue  # chat-template-unsafe reads templates; tokens may be any words
        limit = _TOKENIZER_LOOKED_AT if key.startswith("tokenizer.") else None
        texts = value.head if isinstance(value, GgufArray) else (value,)
        for text in texts:
            if isinstance(text, str) and (what := _acting(text[:limit])):
                yield GgufFault("GGUF-TEXT", f"{shown(key)} holds {what}", f"key {shown(key)}")
                break


def _acting(text: str) -> str:
    """What a text outside the templates is, when it is more than a description."""
    begin = _JINJA.search(text)
    if begin and _REACHING.search(text, begin.end()):
        return "a template that reaches into Python"
    return acting(text)
