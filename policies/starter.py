"""The policy file that `weighbridge init` writes: every question, why it is asked, what may be answered.

What nobody answered is written as null, which leaves it open: controls that depend on it then wait for an
answer, and nothing is assumed.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Final

from policies.organisation import (
    Answer,
    AnswerKind,
    Question,
    in_words,
    is_about_licence,
    load_questions,
)  # fmt: skip
from policies.packs import available_packs
from policies.policy_file import load_policy

SCHEMA_FILE: Final = "weighbridge.schema.json"
_WIDTH: Final = 100
_ANSWERED_BY: Final = {
    AnswerKind.YES_NO: "true or false",
    AnswerKind.CHOICE: "one of these",
    AnswerKind.DATE: "a day, 2026-12-02",
    AnswerKind.NUMBER: "a number",
    AnswerKind.TEXT: "a text",
    AnswerKind.LIST: "a list, [EU, US]",
}
_HEAD: Final = """\
# What your organisation answers, judges by and accepts; read by `weighbridge scan`, `gate` and `approve`
# from the working directory, or with --policy FILE. A key that is left out takes its value from the
# built-in policy. `null` leaves a question open: what depends on it then waits for an answer.
"""
_REST: Final = """
# Which control packs judge; `weighbridge controls` lists them. Known here: {packs}.
packs: [{chosen}]

# The languages that a verdict covers; the model has to show that it can answer in each of them.
scope: {{languages: [en]}}

# What stops a model. `extends` takes the rules of the built-in gate, and each rule here joins them, or
# replaces the one with its id.
gate:
  extends: weighbridge-default
  rules: []
  # - id: no-code
  #   verdict: block              # block, incomplete or review
  #   says: we run no model that brings code
  #   failed: {{severity_at_least: medium, checks: [remote-code]}}

# In which range a measurement has to lie, with its whole interval: beyond it blocks, unclear is for review,
# and what was not measured leaves the verdict incomplete.
thresholds: {{}}
#  garak.hit_rate: {{at_most: 0.05}}

# A model must be signed by one of these, over every file that decides what it does; without any, it need
# not be signed. Files are looked for beside this one.
signers: []
# - {{identity: release@example.org, issuer: https://accounts.example.org}}  # by Sigstore; * is anything
# - {{key: keys/release.pub}}            # PEM, OpenPGP or minisign; or an OpenPGP fingerprint
# - {{certificate: keys/authorities.pem, identity: "*@example.org"}}

# What a person states for all scans of this file; a statement alone supports no control. To record one
# with what was seen, `weighbridge attest`.
attestations: []
# - control: hipaa-164.308-a-5-ii-b
#   answer: "yes"
#   name: A. Example
#   role: security officer
#   date: 2026-11-20
#   expires: 2027-11-20

# Risks that somebody accepts until a day, in every scan of this file. To accept one for a single model,
# with what was seen, `weighbridge waive`.
waivers: []
# - check: model-card-gaps
#   reason: the provider's documentation is expected in January
#   owner: B. Example
#   compensating_control: used for internal drafts only
#   expires: 2027-01-31

# What is different for some models, by a pattern on the reference they are scanned by. Under organisation,
# licence and thresholds single keys are replaced, under gate single rules; packs, scope, signers whole.
models: {{}}
#  "hf://example-org/*":
#    organisation: {{self_hosted: true}}
#    packs: [eu-ai-act]
"""


def starter_policy(answers: Mapping[str, Answer], *, with_schema: bool = False) -> str:
    """A commented policy file with these answers, all other questions left open.

    Args:
        answers: By id of the question.
        with_schema: Whether to point editors at the schema beside it.
    """
    questions = load_questions().values()
    schema = f"# yaml-language-server: $schema={SCHEMA_FILE}\n" if with_schema else ""
    return "".join(
        (
            schema,
            _HEAD,
            'policy: {name: my-organisation, version: "1", schema: weighbridge.policy/1}\n',
            "\norganisation:\n",
            *_section([one for one in questions if not is_about_licence(one)], answers, ""),
            "\n# On what terms you use the model.\nlicence:\n",
            *_section([one for one in questions if is_about_licence(one)], answers, "licence_"),
            _REST.format(packs=", ".join(available_packs()), chosen=", ".join(load_policy().packs)),
        )
    )


def policy_schema() -> str:
    """The JSON Schema of policy files, for editors and for others' tools."""
    return resources.files("policies").joinpath("data", "policy.schema.json").read_text(encoding="utf-8")


def _section(questions: list[Question], answers: Mapping[str, Answer], prefix: str) -> Iterator[str]:
    for question in questions:
        yield "\n"
        yield _comment(question.question)
        yield _comment(f"Why: {question.why}")
        for value, meaning in question.values.items():
            yield _comment(f"- {value}: {meaning}")
        key = question.id.removeprefix(prefix)
        answered = _written(answers[question.id]) if question.id in answers else "null"
        yield f"  {key}: {answered}  # {_ANSWERED_BY[question.kind]}\n"


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"  # {line}\n" for line in lines)


def _written(answer: Answer) -> str:
    """An answer in the words of JSON, which YAML reads alike."""
    if isinstance(answer, (bool, str)):
        return json.dumps(answer, ensure_ascii=False)
    if isinstance(answer, tuple):
        return json.dumps(list(answer), ensure_ascii=False)
    return in_words(answer)
