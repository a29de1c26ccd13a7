"""tensors-contradict-config: the tensors are not those that the model's configuration calls for.

What it looks for: layers whose numbers are left out, one layer in the middle that lacks a tensor which all
others have, or has one which no other has; another number of layers than config.json or the GGUF header
says; a table of tokens with fewer rows than the vocabulary; and large tensors of bytes outside of all layers.

Why it matters: what is missing a loader fills with random numbers, or leaves out, with a line in a log; what
is added can carry anything, or waits for code that reads it. Either way the model is not the one that was
described and evaluated.

How it can be wrong: designs are many. Mixtures with dense first layers, layers that alternate, layers that
predict further tokens and searched architectures are known and pass; a new design may be taken for a fault,
which is why this is medium at most. Only the sorts of tensors are looked at, not whether values make sense.

What it needs: the headers of the weight files, and config.json; of a torch checkpoint nothing is listed.

Source: transformers 5.14, modeling_utils.py (missing and unexpected keys); MITRE ATLAS AML.T0018.001;
CWE-1104.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Location, Measurement, Severity
from scanner.model_files import ModelFileError, read_config
from scanner.parts import PartlyReadError
from scanner.tensorfiles.safetensors_layout import shown
from scanner.weights.listing import Listed, Listing, listed_tensors
from scanner.weights.naming import named
from scanner.weights.structure import Stack, claimed_layers, odd_layers, stack_of, stacks_of

_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0018.001")
_TOKENS: Final = re.compile(
    r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|embed_in|token_embd|shared)\.weight$"
)
_BYTES: Final = frozenset({"U8", "I8", "BOOL", "U16", "U32", "U64"})
_STRAY_BYTES: Final = 64 * 1024
_FOUND_MOST: Final = 20
_REMEDIATION: Final = "Ask the publisher; compare with the model it was made from (--base)."


class TensorsContradictConfig(Check):
    """Holds the list of tensors against itself and against the configuration."""

    id = "tensors-contradict-config"
    title = "The tensors are not those that the configuration calls for"
    severity = Severity.MEDIUM

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields one finding per contradiction, or one PASS."""
        try:
            listing = listed_tensors(context.snapshot, context.check_deadline)
        except PartlyReadError as error:
            yield self.not_run(f"a header was not read: {error}", rule="not-fetched")
            return
        except OSError as error:
            yield self.errored(f"a weight file cannot be read: {error}", rule="unreadable")
            return
        for path, reason in listing.unread:
            yield self.not_run(f"{path}: {reason}", subject=path, rule="not-listed")
        if not listing.tensors:
            if not listing.unread:
                yield self.not_run(
                    "the model has no weight files that list tensors", rule="nothing-to-examine"
                )
            return
        try:
            config = dict(read_config(context.snapshot) or {})
        except ModelFileError as error:
            yield self.not_run(str(error), subject="config.json", rule="config-unread")
            config = {}
        if listing.header is not None:
            architecture = listing.header.text("general.architecture")
            config["num_hidden_layers"] = listing.header.number(f"{architecture}.block_count")
        stacks = stacks_of(each.name for each in listing.tensors)
        findings = list(self._judge(listing, stacks, config))
        yield from findings[:_FOUND_MOST]
        if not findings and not listing.unread:
            yield self._agreed(listing, stacks, config)

    def _agreed(self, listing: Listing, stacks: Sequence[Stack], config: Mapping[str, object]) -> Finding:
        layers = ", ".join(f"{stack.count} {shown(stack.name)}" for stack in stacks[:3]) or "no layers"
        against = (
            "and those of its configuration" if claimed_layers(config) else "; no configuration says how many"
        )
        return self.passed(
            f"{len(listing.tensors)} tensors agree with one another ({layers}) {against}",
            locations=(Location(listing.tensors[0].path),),
        )

    def _judge(
        self, listing: Listing, stacks: Sequence[Stack], config: Mapping[str, object]
    ) -> Iterator[Finding]:
        path = listing.tensors[0].path
        for stack in stacks:
            yield from self._gaps(stack, path)
        claimed = claimed_layers(config)
        if stacks and claimed and not {stack.count for stack in stacks} & claimed:
            counts = ", ".join(f"{stack.count} {shown(stack.name)}" for stack in stacks[:3])
            said = " or ".join(map(str, sorted(claimed)[:4]))
            text = f"the configuration says {said} layers, and there are {counts}"
            yield self._said("TC-LAYERS", text, path)
        yield from self._vocabulary(listing, config)
        yield from self._strays(listing, config)

    def _gaps(self, stack: Stack, path: str) -> Iterator[Finding]:
        if missing := stack.missing:
            numbers = named([str(number) for number in missing])
            verb = "is" if len(missing) == 1 else "are"
            text = f"of {stack.count} {shown(stack.name)} number {numbers} {verb} missing"
            yield self._said("TC-GAP", text, path)
        for odd in odd_layers(stack):
            layer = f"{shown(stack.name)}.{odd.number}"
            if odd.lacks:
                text = f"{layer} lacks {named(odd.lacks)}, which {odd.others} other layers have"
                yield self._said("TC-LACKS", text, path)
            if odd.adds:
                text = f"{layer} has {named(odd.adds)}, which no other layer has"
                yield self._said("TC-ADDS", text, path)

    def _vocabulary(self, listing: Listing, config: Mapping[str, object]) -> Iterator[Finding]:
        claimed = config.get("vocab_size")
        tables = [each for each in listing.tensors if _TOKENS.search(each.name) and len(each.shape) == 2]
        if type(claimed) is not int or len(tables) != 1 or tables[0].dtype in _BYTES:
            return
        rows = tables[0].shape[0]
        if rows < claimed:
            text = f"{shown(tables[0].name)} has {rows} rows, and config.json a vocabulary of {claimed}"
            yield self._said("TC-VOCABULARY", text, tables[0].path)

    def _strays(self, listing: Listing, config: Mapping[str, object]) -> Iterator[Finding]:
        if "quantization_config" in config:  # whose tables are bytes
            return
        for each in listing.tensors:
            if _is_stray(each):
                text = (
                    f"{shown(each.name)} holds {each.size_bytes} bytes as {each.dtype}, outside of all layers"
                )
                yield self._said("TC-STRAY", text, each.path, Severity.LOW)

    def _said(self, rule: str, text: str, path: str, severity: Severity | None = None) -> Finding:
        return self.failed(
            text,
            severity=severity,
            confidence=Confidence.MEDIUM,
            rule=rule,
            subject=text.split(",")[0][:80],
            locations=(Location(path),),
            remediation=_REMEDIATION,
            tags=_TAGS,
        )


def _is_stray(each: Listed) -> bool:
    return each.dtype in _BYTES and each.size_bytes >= _STRAY_BYTES and stack_of(each.name) is None


CHECK = TensorsContradictConfig()
