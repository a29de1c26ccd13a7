"""What the numbers in a model's weights are like: read in the pass that hashes them, and on samples."""
