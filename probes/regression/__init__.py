"""Two scans of models on the same questions: which figures moved, how surely, and which questions flipped."""
