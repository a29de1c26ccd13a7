"""Reads of a model what its metadata says, and leaves its weights where they are."""
