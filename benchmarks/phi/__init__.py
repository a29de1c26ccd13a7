"""How much personal data the recognisers find, by Safe Harbor letter, beside what presidio finds alone.

`make bench ONLY=phi` reads every sentence of the made set with both, and prints a line per letter and half.
The half "held out" was not looked at while the rules were written.
"""

from __future__ import annotations

from benchmarks.phi.comparison import measure

__all__ = ["measure"]
