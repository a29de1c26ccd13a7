"""Coverage-guided fuzzing of every parser that reads files of models.

    make fuzz                       ten minutes for each target
    make fuzz SECONDS=30            shorter
    make fuzz TARGETS="npy gguf"    some of them

A target gives mutated files to a check, in this process, as a scan gives it files in a child. An exception
that the check does not turn into a finding, a file that takes longer than ten seconds or more than 400 MB
stop it; the file is then in build/fuzz. What is in fuzz/corpus are the files to begin from: small, harmless.
tests/scanner/test_fuzz_corpus.py reads them all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"
