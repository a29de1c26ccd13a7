"""The Hugging Face Hub's client, used the safe way: by commit, listed once, checked by us."""
