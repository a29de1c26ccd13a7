"""`python -m benchmarks.file_safety [--write]`: the comparison alone, and its tables for the docs."""

from __future__ import annotations

import argparse

from benchmarks.file_safety.comparison import measure_corpus
from cli.libraries import settle


def main() -> None:
    """Measures, prints, and writes the tables when asked to."""
    parser = argparse.ArgumentParser(description="Hold our scan of the corpus beside other scanners'.")
    parser.add_argument("--write", action="store_true", help="Write the tables of docs/file-safety.md.")
    parser.add_argument("--without-rivals", action="store_true", help="Measure ours alone.")
    options = parser.parse_args()
    settle()
    figures = measure_corpus(with_rivals=not options.without_rivals, writes=options.write)
    for name, value in figures.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
