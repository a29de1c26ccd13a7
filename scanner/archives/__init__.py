"""Reads archives and compressed files as hostile input: what they hold, and what is wrong with them."""
