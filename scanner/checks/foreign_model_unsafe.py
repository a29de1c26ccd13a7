"""foreign-model-unsafe: a model file of another language runs code when it is read, or cannot be read here.

What it looks for: PMML and other XML models (OpenVINO): document types and entities, by which a reader opens
local files, asks servers or fills its memory; scripts, inclusions and style sheets; code in extensions;
functions that are classes of the reader's machine. Files that R (.rds, .RData), Julia (.jls) and Java (.ser)
write by serialising whatever they hold are named as what nobody here can read: loading them can run code.

Why it matters: XML readers of data-science tools expand entities unless told not to (CWE-611), PMML engines
call what an Apply element names, and readRDS ran code from a file (CVE-2024-27322).

How it can be wrong: a document type without entities is honest in old files, and fails all the same. A
mention of code in a description counts as code.

What it needs: the files alone; expat behind defusedxml, nothing is fetched or expanded.

Source: CWE-611, CWE-776, CWE-502; PMML 4.4.1 (dmg.org), elements Extension and Apply; CVE-2024-27322;
Java Object Serialization Specification, section 6.4.2 (magic AC ED 00 05).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from scanner.check import CheckContext
from scanner.code.xml_models import faults_in
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry

_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0010.003", "AML.T0011")
_RULE_TAGS: Final = {"entities": ("CWE-611", "CWE-776"), "malformed": ("CWE-20",), "not-pmml": ("CWE-20",)}
_SERIALISED: Final = {
    ".rds": "R", ".rdata": "R", ".rda": "R", ".jls": "Julia", ".ser": "Java",
}  # fmt: skip
_JAVA_MAGIC: Final = b"\xac\xed\x00\x05"
_XML: Final = {".pmml": "PMML", ".xml": ""}
_REMEDIATION: Final = (
    "Do not read this file with a tool that expands entities or calls functions; ask the publisher for the "
    "model in a format that holds numbers only."
)


class ForeignModelUnsafe(FileCheck):
    """Reads models in XML, and names what other languages serialise."""

    id = "foreign-model-unsafe"
    title = "A model file of another language runs code or cannot be read"
    severity = Severity.HIGH
    kind = "models in XML or serialised by other languages"
    clean = "hold data only"
    verdicts = {  # noqa: RUF012 - a ClassVar of the base class
        "malformed": FileVerdict.NOT_READABLE,
        "not-pmml": FileVerdict.NOT_READABLE,
        "serialised": FileVerdict.NOT_READABLE,
        "function": FileVerdict.NEEDS_CLASS_INSTANCE,
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what is wrong with an XML model, or that a file is serialised by another language."""
        suffix = PurePosixPath(entry.path.lower()).suffix
        language = _SERIALISED.get(suffix)
        if language is not None:
            with context.snapshot.open(entry.path) as stream:
                is_java = stream.read(len(_JAVA_MAGIC)) == _JAVA_MAGIC
            yield self._serialised(entry, "Java" if is_java else language)
        elif suffix in _XML:
            with context.snapshot.open(entry.path) as stream:
                faults = faults_in(stream, root=_XML[suffix])
            for fault in faults:
                yield self.failed(
                    f"{entry.path} {fault.message}",
                    severity=Severity.MEDIUM if fault.rule == "function" else Severity.HIGH,
                    rule=fault.rule,
                    locations=(Location(entry.path, fault.line, fault.message[:80]),),
                    remediation=_REMEDIATION,
                    tags=(*_RULE_TAGS.get(fault.rule, ("CWE-94",)), *_TAGS),
                )
            if not faults:
                yield self.sound(entry)

    def _serialised(self, entry: FileEntry, language: str) -> Finding:
        return self.failed(
            f"{entry.path} holds what {language} serialised, which may be code, and cannot be read here",
            rule="serialised",
            locations=(Location(entry.path),),
            remediation=_REMEDIATION,
            tags=("CWE-502", *_TAGS),
        )


CHECK = ForeignModelUnsafe()
