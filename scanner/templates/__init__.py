"""Chat templates as Jinja syntax trees: where they lie and what they could do. Never rendered here."""
