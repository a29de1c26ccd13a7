"""Pickle streams wherever they hide: found, read as opcodes, their globals graded. Nothing is loaded."""
