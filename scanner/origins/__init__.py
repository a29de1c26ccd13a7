"""Where a model comes from, as far as its files tell: names, publishers, lineage, size, training."""
