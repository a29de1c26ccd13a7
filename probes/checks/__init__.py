"""Probes: checks that question the model or read texts with heavy libraries. One file each."""
