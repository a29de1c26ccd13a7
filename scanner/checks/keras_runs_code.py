"""keras-runs-code: a Keras model carries code, or reaches for code and files that are not in it.

What it looks for: Keras archives (.keras), HDF5 files (.h5), models as JSON (also for TensorFlow.js) or YAML,
and the Keras metadata of SavedModels, by content as well as by name. In their configuration: functions as
marshalled code (Lambda layers), modules and names that no layer needs (`os.system`, `keras.utils.get_file`,
functions of other packages), PyTorch modules that are unpickled, TensorFlow programs, vocabularies and
weights that are read from a path, keys written twice. In HDF5: links and arrays that lie in other files,
filters that a library would have to bring, arrays that claim far more than is stored, pickles in attributes,
bytes before and behind. Classes that Keras does not bring are named for review.

Why it matters: `load_model` looks up what the configuration names and calls it. Its safe mode covers lambdas,
not the legacy HDF5 format, and was circumvented again and again; external storage reads any file of the
machine into the weights.

How it can be wrong: a Lambda layer may be as harmless as x / 255, but its marshalled code can be read by
nobody before it runs, so it counts as an attack; names of registered functions are only for review. A
vocabulary given as a path is reported, as Keras itself refuses it since 3.12. Filters of the public register
are for review.

What it needs: the files alone, and the HDF5 library to walk through HDF5; nothing is built, unpickled or
imported, no link is followed and no filter loaded.

Source: keras 3.15.1, "saving_lib.py", "serialization_lib.py", "legacy_h5_format.py"; HDF5 File Format
Specification 3.0; CVE-2021-37678, CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-9906,
CVE-2025-12058, CVE-2025-49655, CVE-2026-0897, CVE-2026-1462, CVE-2026-1669; CWE-502, CWE-73, CWE-409; MITRE
ATLAS AML.T0011.000.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict, listed
from scanner.findings import Confidence, Finding, Location, Measurement, Severity
from scanner.keras.faults import KerasFault
from scanner.keras.files import look_into_keras
from scanner.manifest import FileEntry

_LLM: Final = "OWASP-LLM03:2025"
_TAGS: Final = {
    "marshalled-code": ("CWE-502", "CWE-94", _LLM, "AML.T0011.000"),
    "known-attack": ("CWE-502", _LLM, "AML.T0011.000"),
    "hidden-pickle": ("CWE-502", _LLM, "AML.T0011.000"),
    "loads-a-file": ("CWE-73", _LLM, "AML.T0010.003"),
    "reads-other-file": ("CWE-73", "CWE-59", _LLM, "AML.T0010.003"),
    "unknown-filter": ("CWE-829", _LLM, "AML.T0011"),
    "shape-bomb": ("CWE-409", "CWE-789", _LLM, "AML.T0029"),
}
_OTHER_TAGS: Final = ("CWE-20", "CWE-436", _LLM, "AML.T0010.003")
_CRITICAL: Final = frozenset({"marshalled-code", "known-attack", "hidden-pickle"})
_NEEDS: Final = {
    "custom-class": "needs classes or functions that Keras does not bring",
    "needs-a-filter": "needs libraries to unpack it",
    "carries-program": "carries programs along",
}
_MEDIUM: Final = frozenset(_NEEDS)
_SUFFIXES: Final = (".keras", ".h5", ".hdf5")
_MALFORMED: Final = ("duplicate-key", "broken-config", "link-cycle", "dangling-link", "bytes-around")
_ATTACK_REMEDIATION: Final = (
    "Do not load this file, with safe mode or without. Ask the publisher for weights alone (.weights.h5 or "
    "safetensors) and build the model from code that you have read."
)
_REVIEW_REMEDIATION: Final = (
    "Read the code of the named classes and functions, and load with exactly these as `custom_objects`."
)
_LIBRARY_REMEDIATION: Final = "Ask for the file without it, or take the library from a source that you trust."
_MALFORMED_REMEDIATION: Final = (
    "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is malformed, "
    "save the model anew from a source you trust."
)
_FAULTS_PER_FILE: Final = 20
_PLACES: Final = 6


class KerasRunsCode(FileCheck):
    """Reads every Keras model and HDF5 file, and judges what loading it would do."""

    id = "keras-runs-code"
    title = "Loading a Keras model runs code or reads other files"
    severity = Severity.CRITICAL
    kind = "Keras and HDF5 files"
    clean = "hold nothing but known layers, numbers and plain values"
    verdicts = {
        **dict.fromkeys(_MALFORMED, FileVerdict.NOT_READABLE),
        **dict.fromkeys(_MEDIUM, FileVerdict.NEEDS_CLASS_INSTANCE),
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields attacks and faults, one finding for all classes to be read, and what could not be read."""
        reading = look_into_keras(lambda: context.snapshot.open(entry.path), entry.path, entry.size_bytes)
        is_ours = reading.is_keras or entry.path.lower().endswith(_SUFFIXES)
        if reading.not_fetched and is_ours:
            yield self.not_run(reading.not_fetched, subject=entry.path, rule="not-fetched")
        if not reading.is_keras:
            return
        custom = [fault for fault in reading.faults if fault.rule in _MEDIUM]
        others = sorted(
            (fault for fault in reading.faults if fault.rule not in _MEDIUM),
            key=lambda fault: fault.rule in _MALFORMED,  # attacks first
        )
        for fault in others[:_FAULTS_PER_FILE]:
            yield self._fault(entry, fault)
        if len(others) > _FAULTS_PER_FILE:
            more = f"{len(others) - _FAULTS_PER_FILE} more faults of these and other kinds"
            yield self._fault(entry, KerasFault(others[0].rule, more, "further faults"))
        for rule in sorted({fault.rule for fault in custom}):
            yield self._review(entry, rule, [fault for fault in custom if fault.rule == rule])
        for place, reason in reading.unreadable[:_FAULTS_PER_FILE]:
            yield self.unreadable(
                entry, f"{entry.path}{f', {place},' if place else ''} {reason}", detail=place
            )
        if not reading.faults and not reading.unreadable and not reading.not_fetched:
            yield self.sound(entry)

    def _fault(self, entry: FileEntry, fault: KerasFault) -> Finding:
        is_attack = fault.rule not in _MALFORMED
        return self.failed(
            f"{entry.path}: {fault.message}",
            severity=Severity.CRITICAL if fault.rule in _CRITICAL else Severity.HIGH,
            rule=fault.rule,
            subject=fault.subject,
            locations=(Location(entry.path, detail=fault.place),),
            remediation=_ATTACK_REMEDIATION if is_attack else _MALFORMED_REMEDIATION,
            tags=_TAGS.get(fault.rule, _OTHER_TAGS),
        )

    def _review(self, entry: FileEntry, rule: str, faults: list[KerasFault]) -> Finding:
        names = list(dict.fromkeys(fault.message for fault in faults))
        is_class = rule == "custom-class"
        return self.failed(
            f"{entry.path} {_NEEDS[rule]}: {listed(names)}",
            severity=Severity.MEDIUM,
            confidence=Confidence.HIGH,
            rule=rule,
            locations=tuple(Location(entry.path, detail=fault.place) for fault in faults[:_PLACES]),
            remediation=_REVIEW_REMEDIATION if is_class else _LIBRARY_REMEDIATION,
            tags=_TAGS["known-attack"] if is_class else _TAGS["unknown-filter"],
        )


CHECK = KerasRunsCode()
