"""Models packed as OCI artefacts: manifests, layers, registries, layouts on disk."""
