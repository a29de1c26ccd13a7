"""Model sources: one file per scheme, found by the registry."""
