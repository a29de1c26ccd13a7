"""`python -m tests.assets.file_corpus FOLDER`: writes the whole corpus there."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from tests.assets.file_corpus.writing import made_corpus, write_corpus


def main() -> None:
    """Writes it and counts what was written."""
    parser = argparse.ArgumentParser(description="Write hostile and honest model files with their verdicts.")
    parser.add_argument("folder", type=Path, help="Where to write.")
    parser.add_argument("--seed", type=int, default=0, help="For everything random.")
    parser.add_argument("--quick", action="store_true", help="Without the models by Keras itself.")
    options = parser.parse_args()
    made, left_out = made_corpus(seed=options.seed, is_thorough=not options.quick)
    write_corpus(options.folder, made)
    for label, count in Counter(case.label for case in made).most_common():
        print(f"{count:5} {label}")  # noqa: T201 - a command of developers
    for reason in left_out:
        print(f"left out: {reason}")  # noqa: T201


if __name__ == "__main__":
    main()
