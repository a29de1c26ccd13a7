"""Settings of libraries that read the environment when they are imported; `cli` alone may touch it."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Each with the reason; a value that the user has set stays.
_SETTINGS: Final = {
    # Waiting threads that spin make a shared machine several times slower (libgomp's default).
    "OMP_WAIT_POLICY": "PASSIVE",
    # The tokenizer's own threads would fork a process that already has torch's.
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}
_CHATTY: Final = ("huggingface_hub", "transformers", "presidio-analyzer", "fontTools", "weasyprint", "torch")


def settle() -> None:
    """Before a scan: quiet libraries, polite threads. Call it before torch is imported."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|transformers|spacy)\.")


def is_switched_on(name: str) -> bool:
    """Whether an environment variable says yes; Click and the hub's client read such words alike."""
    return os.environ.get(name, "").strip().lower() in ("1", "true", "t", "yes", "y", "on")


@contextmanager
def hub_forbidden() -> Iterator[None]:
    """After fetching: while it is open, whatever is imported finds the hub's client offline."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
