"""The fork server imports this after all else: what is there by then is garbage for nobody.

Collections in the processes that it forks pass over it, and so leave its memory shared.
"""

from __future__ import annotations

import gc

gc.freeze()
