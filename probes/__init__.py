"""Finding things out by questioning a model: backends, the shared scheduler, probes."""
