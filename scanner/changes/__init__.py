"""What changed between two scans of models, apart from how the models answer."""
