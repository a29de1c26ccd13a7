"""The command line: the only room that prints, exits, reads the environment or knows all others."""
