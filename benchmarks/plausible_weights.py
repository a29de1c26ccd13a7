"""Numbers such as training leaves in weights; random bytes, full of NaN, would take longer to look at."""

from __future__ import annotations

import numpy as np


def bf16_bytes(count: int) -> bytes:
    """`count` normally distributed numbers of deviation 0.02 in BF16, the same each time."""
    values = np.random.default_rng(0).standard_normal(count, dtype=np.float32) * np.float32(0.02)
    return (values.view("<u4") >> np.uint32(16)).astype("<u2").tobytes()
