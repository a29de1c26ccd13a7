"""Traces every figure of a PDF report back to report.json, and every control to bytes on disk.

Reads the printed numbers on its own, without the code that printed them; also for reports of real scans.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypdf import PdfReader

_NUMBER = r"[−+]?\d[\d,]*(?:\.\d+)?(?:\s×\s10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
_FIGURE = re.compile(rf"({_NUMBER})\s+\[({_NUMBER}),\s+({_NUMBER})\]\s+(?:n=)?(\d[\d,]*)")
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@dataclass(frozen=True)
class PrintedFigure:
    """A number with its interval and n, as read from a page."""

    value: float
    low: float
    high: float
    n: int


def pdf_text(pdf: bytes) -> str:
    """The text of all pages."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def figures_in(text: str) -> Iterator[PrintedFigure]:
    """Every number that is printed with an interval and n."""
    for value, low, high, n in _FIGURE.findall(text):
        yield PrintedFigure(_read(value), _read(low), _read(high), int(n.replace(",", "")))


def assert_figures_traced(pdf: bytes, document: Mapping[str, Any]) -> int:
    """Every printed figure is a measurement of `document`, and every measurement is printed; how many."""
    printed = set(figures_in(pdf_text(pdf)))
    measurements = document["measurements"]
    for figure in printed:
        assert any(_matches(figure, each) for each in measurements), f"{figure} is not in report.json"
    for each in measurements:
        assert any(_matches(figure, each) for figure in printed), (
            f"{each['name']} {each['dimensions']} is not printed"
        )
    return len(printed)


def assert_controls_traced(document: Mapping[str, Any], evidence_folder: Path) -> int:
    """Every digest of every control leads to a file of these bytes, by way of the index; how many."""
    index = {record["sha256"]: record["path"] for record in document["evidence"]}
    digests = {
        digest
        for pack in document["assessment"]["packs"]
        for control in pack["controls"]
        for digest in control["evidence"]
    }
    for digest in digests:
        data = (evidence_folder / index[digest]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest, f"{index[digest]} does not have its digest"
    return len(digests)


def _matches(figure: PrintedFigure, measurement: Mapping[str, Any]) -> bool:
    interval = measurement["interval"]
    return (
        figure.n == measurement["n"]
        and _close(figure.value, measurement["value"])
        and _close(figure.low, interval["low"])
        and _close(figure.high, interval["high"])
    )


def _close(printed: float, exact: float) -> bool:
    """Whether `printed` is `exact` to three decimals or three significant digits."""
    return abs(printed - exact) <= max(0.000501, abs(exact) * 0.00501 if abs(exact) >= 1e3 else 0)


def _read(text: str) -> float:
    mantissa, _, power = "".join(text.split()).replace(",", "").replace("−", "-").partition("×10")
    return float(mantissa) * 10 ** int(power.translate(_SUPERSCRIPTS) or 0)
