"""Judging findings by control packs and a gate policy. Knows nothing of how findings were made."""
