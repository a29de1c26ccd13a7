"""Loads numpy without the threads of its linear algebra, which nothing that is done in passing needs.

OpenBLAS starts a thread a core while it is loaded; they cost more processor time than all the rest of numpy's
loading. Programs that this process starts are to have theirs.

>>> import os, sys
>>> load_numpy()
>>> "numpy" in sys.modules, "OPENBLAS_NUM_THREADS" in os.environ
(True, False)
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

_VARIABLE: Final = "OPENBLAS_NUM_THREADS"
_loading = threading.Lock()


def load_numpy() -> None:
    """Imports numpy; a number of threads that the user has set is left as it is.

    Source: OpenBLAS, "Runtime variables": OPENBLAS_NUM_THREADS.
    """
    with _loading:
        if "numpy" in sys.modules or _VARIABLE in os.environ:
            return
        os.environ[_VARIABLE] = "1"
        try:
            import numpy  # noqa: F401
        finally:
            del os.environ[_VARIABLE]
