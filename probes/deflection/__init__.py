"""Alignment deflection: the item bank, the reader of replies and the paired statistics behind the probe."""
