"""Canaries: unique strings planted in fine-tuning data, to see whether they come back."""
