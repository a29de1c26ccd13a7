r"""How pickles begin that say their protocol, which those of protocols 0 and 1 do not.

>>> b"\x80\x04.".startswith(PICKLE_STARTS)
True
"""

from __future__ import annotations

from typing import Final

PICKLE_STARTS: Final = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
# torch begins its first format, which it still writes for a storage inside a pickle, with this number; it
# never writes a zip archive there. Source: torch.serialization, MAGIC_NUMBER; torch.storage, __reduce__.
TORCH_START: Final = b"\x80\x02\x8a\nl\xfc\x9cF"
