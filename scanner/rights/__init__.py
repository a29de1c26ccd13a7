"""What a user may do with a model: its licences along the chain of what it was made from."""
