"""Code that comes with a model: what asks for it, what it reaches, what it calls. Read, never run."""
