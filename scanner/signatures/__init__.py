"""Signatures that come with a model: which files are some, who made them, and whether they hold."""
