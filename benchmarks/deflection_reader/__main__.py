"""`python -m benchmarks.deflection_reader --write` measures the reader and publishes the figures."""

from __future__ import annotations

import argparse

from benchmarks.deflection_reader.measuring import measured

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How right the reader of alignment-deflection is.")
    parser.add_argument(
        "--write", action="store_true", help="Write docs/deflection-reader.md and reader_error.yaml."
    )
    measured(write=parser.parse_args().write)
