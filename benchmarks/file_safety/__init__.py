"""Whether every file is safe to open: found, blocked and passed files of the corpus, beside other scanners.

    make bench ONLY=file-safety
    python -m benchmarks.file_safety --write     also writes the tables of docs/file-safety.md

The corpus is made by tests/assets/file_corpus. The other scanners are installed into environments of their
own under build/file-safety-rivals (which may be thrown away); one that cannot be installed is left out, and
the reason is printed.
"""

from __future__ import annotations


def measure() -> list[dict[str, object]]:
    """Our figures over the corpus, and what checking costs beside hashing alone."""
    # Not above: the process whose time is measured comes through here, and has no use for a corpus.
    from benchmarks.file_safety.comparison import measure_corpus
    from benchmarks.file_safety.speed import measure_speed

    figures = {**measure_corpus(), **measure_speed()}
    for name, value in figures.items():
        print(f"{name}: {value}")
    return [figures]
