"""skops-runs-code: a skops file has functions called or types built that no scikit-learn model needs.

What it looks for: in every zip archive with a skops `schema.json`: each module and class that its tree names,
judged by the table that pickles are judged by, and by the list of what skops trusts without being told to;
methods taken of another object than the one that is checked, functions in the guise of operators, random
generators that are none, attributes with two underscores; nodes that skops does not have; and `.skops` files
that are something else, which `Card.get_model` hands to joblib.

Why it matters: skops asks its user to trust the types it does not know, and most pass on whatever
`get_untrusted_types` returns. Four advisories show that what it checked was not what it then called.

How it can be wrong: a class of another library than scikit-learn may be harmless; the file cannot tell. The
list of trusted types is that of one version. What a trusted estimator does with crafted numbers (a tree whose
nodes point outside of its arrays) is not looked at, and the type is reported to be read.

What it needs: schema.json alone, up to 16 MiB; nothing is built or imported.

Source: skops 0.16.0, skops/io; CVE-2024-37065, CVE-2025-54412, CVE-2025-54413, CVE-2025-54886; CWE-502.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.archives.faults import UnpackingError, shown
from scanner.archives.kinds import Kind, kind_of, read_head
from scanner.archives.zip_archive import read_member
from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict, listed
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry
from scanner.pickles.globals import Tier, classify
from scanner.skops.schema import Schema, SchemaError, Use, read_schema
from scanner.skops.trusted import is_trusted

_SCHEMA: Final = "schema.json"
_SCHEMA_BYTES: Final = 16 * 1024**2
_MARK: Final = b'"__loader__"'
_TAGS: Final = ("CWE-502", "OWASP-LLM03:2025", "AML.T0011.000")
_REMEDIATION: Final = (
    "Do not load this file, and do not pass on what `get_untrusted_types` returns. Ask the publisher for the "
    "parameters, or train the model anew."
)
_REVIEW: Final = "Read these classes before you name them as trusted when you load the file."
_FINDINGS: Final = 20
# Judged by what they take, and what protocol 0 gives as the class of every function.
_NOT_BY_NAME: Final = frozenset({
    "operator.itemgetter", "operator.attrgetter", "builtins.function",
    "builtins.builtin_function_or_method",
})  # fmt: skip


class SkopsRunsCode(FileCheck):
    """Reads the schema of every skops file."""

    id = "skops-runs-code"
    title = "Loading a skops file runs code"
    severity = Severity.CRITICAL
    kind = "skops files"
    clean = "name nothing but what skops itself trusts"
    verdicts = {
        "broken-schema": FileVerdict.NOT_READABLE,
        "unknown-node": FileVerdict.NOT_READABLE,
        "no-skops-file": FileVerdict.NOT_READABLE,
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what the schema asks for beyond what skops trusts."""
        is_named = entry.path.lower().endswith(".skops")
        with context.snapshot.open(entry.path) as stream:
            head = read_head(stream)
            if kind_of(head) is not Kind.ZIP:
                if is_named:
                    yield self._no_skops(entry, head)
                return
            try:
                data = read_member(stream, entry.size_bytes, _SCHEMA, _SCHEMA_BYTES)
            except UnpackingError as error:
                if is_named:
                    yield self.unreadable(entry, f"{entry.path}, {_SCHEMA}: {error}", detail=_SCHEMA)
                return
        if data is None or (not is_named and _MARK not in data):
            if is_named:
                yield self._malformed(entry, "broken-schema", f"{entry.path}: has no {_SCHEMA}")
            return
        try:
            schema = read_schema(data)
        except SchemaError as error:
            yield self._malformed(entry, "broken-schema", f"{entry.path}: {_SCHEMA} {shown(str(error), 200)}")
            return
        findings = list(self._judge(entry, schema))
        yield from findings or [self.sound(entry)]

    def _no_skops(self, entry: FileEntry, head: bytes) -> Finding:
        text = (
            f"{entry.path}: is no zip archive, which a skops file is; skops.card takes such files for "
            "pickles and has joblib load them"
        )
        return self._malformed(entry, "no-skops-file", text if head else f"{entry.path}: is empty")

    def _malformed(self, entry: FileEntry, rule: str, message: str) -> Finding:
        return self.failed(
            message,
            severity=Severity.HIGH,
            rule=rule,
            locations=(Location(entry.path),),
            remediation="Do not load this file; fetch it again and compare its digest.",
            tags=_TAGS,
        )

    def _judge(self, entry: FileEntry, schema: Schema) -> Iterator[Finding]:
        attacks = [use for use in schema.uses if _is_attack(use)]
        for use in attacks[:_FINDINGS]:
            why = classify(use.module, use.name).why
            yield self._attack(entry, "known-attack", f"has {shown(use.path)} looked up ({why})", use.path)
        for trick in schema.tricks[:_FINDINGS]:
            yield self._attack(entry, "hidden-name", shown(trick, 200).strip("'\""), "")
        for loader in list(schema.unknown_loaders)[:_FINDINGS]:
            text = f"{entry.path}: {_SCHEMA} has a node {shown(loader)}, which skops does not have"
            yield self._malformed(entry, "unknown-node", text)
        judged = set(attacks)
        named = {use.path for use in schema.uses if use not in judged and not _is_plain(use)}
        instances = sorted(named | set(schema.methods))
        if instances:
            yield self._instances(entry, instances)

    def _attack(self, entry: FileEntry, rule: str, text: str, subject: str) -> Finding:
        return self.failed(
            f"{entry.path}: {_SCHEMA} {text}",
            severity=Severity.CRITICAL,
            rule=rule,
            subject=shown(subject, 120) if subject else "",
            locations=(Location(entry.path, detail=_SCHEMA),),
            remediation=_REMEDIATION,
            tags=_TAGS,
        )

    def _instances(self, entry: FileEntry, names: list[str]) -> Finding:
        return self.failed(
            f"{entry.path}: has to be told to trust {listed([shown(name) for name in names])}",
            severity=Severity.MEDIUM,
            rule="class-instance",
            locations=(Location(entry.path, detail=_SCHEMA),),
            remediation=_REVIEW,
            tags=_TAGS,
        )


def _is_plain(use: Use) -> bool:
    """Whether skops or whoever reads a pickle would build it without a second look."""
    return is_trusted(use.path) or classify(use.module, use.name).tier is Tier.PLUMBING


def _is_attack(use: Use) -> bool:
    """Whether no model needs this name; getters are judged by what they take."""
    if is_trusted(use.path) or use.path in _NOT_BY_NAME:
        return False
    return classify(use.module, use.name).tier is Tier.ATTACK


CHECK = SkopsRunsCode()
