"""Vocabulary, fetching, manifests, static checks and the runner: the lowest room of Weighbridge.

Everything above speaks in the values defined here; this package imports none of its siblings.

>>> from scanner.findings import Finding, Outcome, Severity
>>> Finding("demo-check", Outcome.PASS, Severity.LOW, "Nothing was wrong.").outcome.value
'pass'
"""

__version__ = "0.1.0"
