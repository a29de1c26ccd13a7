"""`python -m benchmarks.garak`: the comparison with choices of its own."""

from __future__ import annotations

import sys

from benchmarks.garak.comparison import compare, parser

if __name__ == "__main__":
    compare(parser().parse_args())
    sys.exit(0)
