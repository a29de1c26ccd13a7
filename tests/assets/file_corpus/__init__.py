"""Makes hundreds of hostile, malformed and honest model files with the verdict that each deserves.

    python -m tests.assets.file_corpus FOLDER

Payloads only say `echo`; nothing here is ever loaded, and nothing it makes is committed. The cases come from
formats' specifications and public advisories, not from our checks: the corpus is to measure them.
"""
