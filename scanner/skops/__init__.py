"""Reads what a skops file has built, without building it."""
