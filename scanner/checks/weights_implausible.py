"""weights-implausible: the numbers in the weights are not such as training leaves behind.

What it looks for: numbers that are not numbers (NaN) or infinite, matrices that are all zero or one and the
same number, and matrices whose largest number is beyond 10 000 or far from that of the same matrix in the
other layers (64 times the median, and ten robust deviations). Of ggml blocks the scales are looked at. On
samples, files and texts in the bytes of tensors or in the lowest bits of their numbers, and low bits that are
of another kind in one stretch than in the rest of the tensor, or in one layer than in the others.

Why it matters: one NaN spreads to every reply; a zero matrix switches a layer off; one flipped exponent bit
makes a model answer nonsense, or do so only where an attacker wants it. Damage in storage looks the same.
Weights carry megabytes of a program through every scanner for files; something that loads later puts it
together and runs it.

How it can be wrong: layers that were deliberately added as zeros (block expansion), masks and adapters that
were not trained yet are known by their usual names; under other names they are reported. Changes that keep
the size of the numbers, as edits of facts and backdoors do, are not seen: differs-from-base looks for those.
Formats that pack several numbers into one integer are only asked whether they are constant. A payload that
was encrypted and put into the lowest bits of numbers that are random there anyway cannot be told from them,
by this or any other test; nor can one that was spread over all weights as noise.

What it needs: every byte of the weights, which the scan reads anyway to hash them.

Source: IEEE 754; Rakin et al., Bit-Flip Attack, ICCV 2019, arXiv:1903.12269; Wang et al., EvilModel,
arXiv:2107.08590; Liu et al., StegoNet, ACSAC 2020; Gilkarov and Dubin, arXiv:2310.01969; docs/weights.md for
what was measured; CWE-1287, CWE-506; MITRE ATLAS AML.T0018.002.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from scanner.check import CheckContext
from scanner.errors import NotAvailableError
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Confidence, Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, is_weight_file
from scanner.tensorfiles.extent import UnmappedError
from scanner.tensorfiles.mapping import map_tensors
from scanner.weight_values import ABSURD_MAGNITUDE, Oddity, OddTensor, WeightValues
from scanner.weights.naming import named

if TYPE_CHECKING:
    from scanner.weights.hidden import Hidden

_TAGS: Final = ("CWE-20", "OWASP-LLM03:2025", "AML.T0018")
_NAMED: Final = 5
# Of the time for one file; the rest is for what is looked for on samples.
_READING_SHARE: Final = 0.6
_RULES: Final = {
    Oddity.NOT_A_NUMBER: "WT-NAN",
    Oddity.INFINITE: "WT-INF",
    Oddity.HUGE: "WT-HUGE",
    Oddity.ALL_ZERO: "WT-ZERO",
    Oddity.CONSTANT: "WT-CONSTANT",
}
_MEANS: Final = {
    Oddity.NOT_A_NUMBER: "with NaN: a model that computes with them answers nothing",
    Oddity.INFINITE: "with infinite numbers: what is computed with them is lost",
    Oddity.HUGE: "with numbers far beyond what models hold",
    Oddity.ALL_ZERO: "of nothing but zeros: what they should compute is switched off",
    Oddity.CONSTANT: "of one and the same number: nothing was learnt there",
}
_REMEDIATION: Final = (
    "Fetch the file again and compare its digest; if the publisher's own copy is like this, ask the "
    "publisher, and do not use the model before it was questioned at length."
)

_HIDDEN_REMEDIATION: Final = (
    "Do not use this file, and keep it for whoever has to know; compare it with the publisher's own copy. "
    "Converting to a format of fewer bits and back destroys what is in the low ones."
)


class WeightsImplausible(FileCheck):
    """Tells what was seen of the numbers while the weights were hashed."""

    id = "weights-implausible"
    title = "The weights hold numbers that no training leaves behind"
    severity = Severity.MEDIUM
    kind = "weight files"
    clean = "hold numbers such as training leaves behind"
    # A model that cannot compute is told, and stops a scan; the file is for that no less safe to open.
    verdicts: ClassVar[Mapping[str, FileVerdict]] = dict.fromkeys(_RULES.values(), FileVerdict.PLAIN_DATA)

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields one finding per kind of oddity in this file."""
        if not entry.is_whole:
            if is_weight_file(entry.path):
                reason = f"{entry.path}: the weights were not read"
                yield self.not_run(reason, subject=entry.path, rule="not-fetched")
            return
        values, reason = _values(context, entry)
        if values is None:
            if reason:
                yield self.not_run(f"{entry.path}: {reason}", subject=entry.path, rule="not-told-apart")
            return
        findings = [*self._judge(entry, values), *self._hidden(context, entry)]
        yield from findings or [self.sound(entry)]
        if entry.path == values.paths[0]:
            for dtype, count in values.unread:
                reason = f"the numbers of {count} tensors of format {dtype} are not looked at"
                yield self.not_run(reason, subject=dtype, rule="format-not-read")

    def verdict_of(self, finding: Finding) -> FileVerdict | None:
        """Numbers that nobody looked at make no file unsafe; whether it can be read is for other checks."""
        return None if finding.outcome is Outcome.NOT_RUN else super().verdict_of(finding)

    def _judge(self, entry: FileEntry, values: WeightValues) -> Iterator[Finding]:
        for oddity in Oddity:
            odd = [each for each in values.odd if each.path == entry.path and each.oddity is oddity]
            if odd:
                yield self._failed(entry, oddity, odd)

    def _hidden(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding]:
        from scanner.weights.hidden import hidden_in

        path = context.snapshot.local_path(entry.path)
        extents = map_tensors(path, entry.path) or ()  # as when its numbers were looked at
        found = list(hidden_in(path, extents, context.seed, context.check_deadline))
        for is_recognised in (True, False):
            some = [each for each in found if each.is_recognised is is_recognised]
            if some:
                yield self._said_of_hidden(entry, some, is_recognised=is_recognised)

    def _said_of_hidden(self, entry: FileEntry, found: list[Hidden], *, is_recognised: bool) -> Finding:
        names = [each.name for each in found]
        first = f"{found[0].name}: {found[0].what}" + (f"; also {named(names[1:])}" if names[1:] else "")
        text = "carries what is no weights" if is_recognised else "holds bits unlike the rest of its weights"
        return self.failed(
            f"{entry.path} {text} in {len(found)} tensor{'s' if len(found) > 1 else ''}: {first}",
            severity=Severity.HIGH if is_recognised else Severity.MEDIUM,
            confidence=Confidence.HIGH if is_recognised else Confidence.LOW,
            rule="WT-PAYLOAD" if is_recognised else "WT-LOWBITS",
            locations=(
                Location(entry.path),
                *(Location(entry.path, detail=f"tensor {name}") for name in names[:_NAMED]),
            ),
            remediation=_HIDDEN_REMEDIATION,
            tags=("CWE-506", "OWASP-LLM03:2025", "AML.T0018.002"),
        )

    def _failed(self, entry: FileEntry, oddity: Oddity, odd: list[OddTensor]) -> Finding:
        return self.failed(
            f"{entry.path}: {len(odd)} tensor{'s' if len(odd) > 1 else ''} {_MEANS[oddity]}: {_named(odd)}",
            severity=_severity(oddity, odd),
            confidence=Confidence.MEDIUM if oddity in (Oddity.HUGE, Oddity.CONSTANT) else Confidence.HIGH,
            rule=_RULES[oddity],
            locations=(
                Location(entry.path),
                *(Location(entry.path, detail=f"tensor {each.name}") for each in odd[:_NAMED]),
            ),
            remediation=_REMEDIATION,
            tags=_TAGS,
        )


def _values(context: CheckContext, entry: FileEntry) -> tuple[WeightValues | None, str]:
    """What was seen of this file's numbers; None, and why when it holds weights, if nothing was."""
    snapshot = context.snapshot
    if snapshot.weights is not None and entry.path in snapshot.weights.paths:
        return snapshot.weights, ""
    if snapshot.tensors is not None or snapshot.weights is not None:  # hashed, and no tensors were found
        left_out = () if snapshot.tensors is None else snapshot.tensors.left_out
        return None, next((each.reason for each in left_out if each.path == entry.path), "")
    if not is_weight_file(entry.path):
        return None, ""
    # A snapshot that was not made by hashing a model: the file is read here, and only here.
    from scanner.weights.reading import read_values

    began = time.monotonic()
    until = began + _READING_SHARE * (context.deadline - began)
    try:
        return read_values(snapshot.local_path(entry.path), entry.path, until=until), ""
    except (UnmappedError, NotAvailableError) as error:
        return None, str(error)


def _severity(oddity: Oddity, odd: list[OddTensor]) -> Severity:
    if oddity in (Oddity.NOT_A_NUMBER, Oddity.INFINITE):
        return Severity.HIGH
    if oddity is Oddity.HUGE and max(each.value for each in odd) <= ABSURD_MAGNITUDE:
        return Severity.LOW
    return Severity.MEDIUM


def _named(odd: list[OddTensor]) -> str:
    more = f" and {len(odd) - _NAMED} more" if len(odd) > _NAMED else ""
    return ", ".join(_one(each) for each in odd[:_NAMED]) + more


def _one(each: OddTensor) -> str:
    if each.oddity is not Oddity.HUGE:
        return each.name
    usual = f", usually {each.usual:.3g}" if each.usual else ""
    return f"{each.name} ({each.value:.3g}{usual})"


CHECK = WeightsImplausible()
