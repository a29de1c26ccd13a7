"""garak's prompts through garak's own generator and through ours: replies per CPU second, and same texts.

`python -m benchmarks garak` measures every engine that is installed; `python -m benchmarks.garak --help`
says how to choose. Each engine runs in a process of its own, on the same prompts and greedily.
CPU time counts every thread and every child of that process, so that the ratio holds on a machine that others
use too, as long as waiting threads sleep (OMP_WAIT_POLICY=PASSIVE).
"""

from __future__ import annotations

from benchmarks.garak.comparison import measure

__all__ = ["measure"]
