"""Static checks: one file each, found by the registry."""
