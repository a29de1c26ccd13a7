"""What a file is, by its first and last bytes and by its name."""
