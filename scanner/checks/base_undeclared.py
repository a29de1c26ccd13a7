"""base-undeclared: asks whether a model names the family that its config looks like it was made from.

What it looks for: architecture, vocabulary size and rotary base of config.json or the GGUF header against a
table of families; then whether anything that people read (declared bases, the repository's name, the card's
text, the publisher itself) names that family. A declared base of another family alone is told as well.

Why it matters: licence terms, use restrictions and listed suppliers travel along the weights. Who does not
know the base cannot know the terms; an unsaid base has cost adopters a licence before.

How it can be wrong: a config is text, and an architecture may be taken over without any weights: others may
have trained their own under the same values (false positive), which is why this is LOW with low confidence
and says "consistent with". A changed config or another tokenizer hides a base, and distillation leaves no
trace (false negative). Where several families share the values nothing is said: NOT_RUN, with the values.
Weights are not compared here.

What it needs: the model's files and its reference; no network. Facts: scanner/data/model_families.csv.

Source: Regulation (EU) 2024/1689, Art. 53(1)(b) and Annex XII; OWASP LLM03:2025; MITRE ATLAS AML.T0074;
values of families after Cisco's Model Provenance Kit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Severity
from scanner.origins.chain import Link, OriginChain
from scanner.origins.reading import read_origins

_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0074")


class BaseUndeclared(Check):
    """Holds what a model says of its origin against what its architecture is consistent with."""

    id = "base-undeclared"
    title = "The model does not say what it was made from"
    severity = Severity.LOW

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yields one finding, after what could not be read."""
        reading = read_origins(context.snapshot, context.check_deadline)
        for subject, problem in reading.problems:
            yield self.errored(problem, subject=subject)
        chain = reading.chain()
        if chain.family is None:
            yield self._without_family(chain)
        elif chain.is_disclosed:
            yield self.passed(
                f"config and vocabulary are consistent with {chain.family.name} ({chain.family.detail}), "
                f"which the model names. {chain.shown_bases}"
            )
        elif chain.publisher is None and reading.card is None and not chain.bases:
            yield self.not_run("no publisher is named and there is no card: nothing could declare a base")
        else:
            yield self._undeclared(chain, chain.family)

    def _without_family(self, chain: OriginChain) -> Finding:
        if chain.bases:
            return self.passed(f"{chain.shown_bases} No family to hold that against: {chain.family_reason}.")
        return self.not_run(f"no base is declared, and no family can be named: {chain.family_reason}")

    def _undeclared(self, chain: OriginChain, family: Link) -> Finding:
        maker = family.developer.entity if family.developer else "a maker not in the table"
        declared = "no base is declared"
        if chain.contradicted:
            declared = f"the declared base is {', '.join(link.name for link in chain.contradicted)}"
        elif chain.bases:
            declared = f"the declared base {chain.bases[0].name} does not name it"
        return self.failed(
            f"config and vocabulary are consistent with {family.name} by {maker} ({family.detail}), and "
            f"{declared}: a hypothesis about the family, which says nothing about weights",
            confidence=Confidence.LOW,
            rule="other-family" if chain.contradicted else "unsaid",
            subject=family.name,
            locations=(family.place,) if family.place else (),
            tags=_TAGS,
            remediation="Ask the publisher what the model was made from; compare weights with that family's.",
        )


CHECK = BaseUndeclared()
