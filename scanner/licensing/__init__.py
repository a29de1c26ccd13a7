"""Licences: what is declared, what the texts say, and where the two part."""
