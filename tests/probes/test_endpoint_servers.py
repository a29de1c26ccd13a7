"""The backend `endpoint` against real servers: `transformers serve`, and others where they are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.backend import BackendOptions, ServerOptions
from probes.backends.endpoint import EndpointBackend
from probes.backends.transformers import TransformersBackend
from scanner.conversation import Conversation, FinishReason, Message
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, Conformance, Subject, rendered
from tests.servers import serving

# Interpreters of environments with other servers; these need none of Weighbridge.
LLAMA_PYTHON = "WEIGHBRIDGE_LLAMA_PYTHON"
VLLM_PYTHON = "WEIGHBRIDGE_VLLM_PYTHON"


@pytest.fixture(scope="session")
def transformers_server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`transformers serve` over the tiny model; without a hub cache, so that its /v1/models fails."""
    folder = tmp_path_factory.mktemp("transformers-serve")
    command = [
        sys.executable, "-c", "from transformers.cli.transformers import main; main()",
        "serve", str(tiny_model), "--device", "cpu", "--dtype", "float32",
        "--host", "127.0.0.1", "--port", "{port}",
    ]  # fmt: skip
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "none")}
    with serving(command, health="/health", log=folder / "log", env=offline, seconds=90) as address:
        yield address


@pytest.fixture(scope="session")
def tiny_gguf(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as one GGUF file."""
    return builder.build_gguf(tiny_model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def llama_server(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python -m llama_cpp.server` over the tiny model."""
    python = _interpreter(LLAMA_PYTHON, "llama_cpp.server.app")
    command = [
        python, "-m", "llama_cpp.server", "--model", str(tiny_gguf),
        "--host", "127.0.0.1", "--port", "{port}",
        "--n_ctx", str(builder.CONTEXT_TOKENS), "--logits_all", "true",
    ]  # fmt: skip
    log = tmp_path_factory.mktemp("llama-server") / "log"
    with serving(command, health="/v1/models", log=log) as address:
        yield address


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with heads of 32: vLLM has no attention kernel for smaller ones on a CPU.

    With this seed its reply to the first question begins with whole characters, which score alike as text.
    """
    return builder.build(tmp_path_factory.mktemp("models") / "wide", width=128, seed=1)


@pytest.fixture(scope="session")
def vllm_server(wide_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """vLLM's server over it."""
    python = _interpreter(VLLM_PYTHON, "vllm.entrypoints.openai.api_server")
    command = [
        python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(wide_model), "--dtype", "float32",
        "--served-model-name", "tiny", "--host", "127.0.0.1", "--port", "{port}", "--enforce-eager",
        "--max-model-len", str(builder.CONTEXT_TOKENS),
    ]  # fmt: skip
    env = {
        "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    log = tmp_path_factory.mktemp("vllm-server") / "log"
    with serving(command, health="/health", log=log, env=env, seconds=280) as address:
        yield address


def _interpreter(variable: str, module: str) -> str:
    """An interpreter that can run `module`: named by an environment variable, else this one."""
    python = os.environ.get(variable, sys.executable)
    found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"{python} cannot import {module}; {variable} names an interpreter that can")
    return python


def _open(model: Path, address: str, name: str = "") -> EndpointBackend:
    options = BackendOptions(server=ServerOptions(url=address, model=name, patience_seconds=5))
    return EndpointBackend.load(snapshot_of(model), options)


def _reference(model: Path) -> list[str]:
    local = TransformersBackend.load(snapshot_of(model), BackendOptions(device="cpu"))
    texts = [reply.text for reply in local.generate(rendered(local), GREEDY)]
    local.close()
    return texts


class TestTransformersServe(Conformance):
    """No logprobs, no begun answers; its temperature means nothing unless the model's files say do_sample."""

    @pytest.fixture(scope="class")
    def subject(self, transformers_server: str, tiny_model: Path) -> Iterator[Subject]:
        backend = _open(tiny_model, transformers_server, str(tiny_model))
        yield Subject(
            backend, lambda: _open(tiny_model, transformers_server, str(tiny_model)), builder.CONTEXT_TOKENS,
            speaks_template=False, draws_by_seed=False, reference=_reference(tiny_model),
        )  # fmt: skip
        backend.close()

    def test_a_begun_answer_that_it_refuses_to_go_on_with_is_an_error(self, subject: Subject) -> None:
        begun = Conversation((Message("user", "Hi"), Message("assistant", "Hello, my")))
        (reply,) = subject.backend.generate([subject.backend.render(begun)], GREEDY)
        assert reply.finish is FinishReason.ERROR
        assert "cannot go on with a begun answer" in reply.error

    def test_a_broken_list_of_models_is_noted(self, subject: Subject) -> None:
        assert any("did not list its models" in note for note in subject.backend.describe().notes)


class TestLlamaServer(Conformance):
    """Answers one request at a time; passes over continue_final_message in silence."""

    @pytest.fixture(scope="class")
    def subject(self, llama_server: str, tiny_gguf: Path) -> Iterator[Subject]:
        backend = _open(tiny_gguf, llama_server)
        yield Subject(
            backend, lambda: _open(tiny_gguf, llama_server), builder.CONTEXT_TOKENS, speaks_template=False
        )
        backend.close()

    def test_a_begun_answer_that_it_begins_anew_is_an_error(self, subject: Subject) -> None:
        begun = Conversation((Message("user", "Hi"), Message("assistant", "Hello, my")))
        (reply,) = subject.backend.generate([subject.backend.render(begun)], GREEDY)
        assert reply.finish is FinishReason.ERROR
        assert "passes over 'continue_final_message'" in reply.error


class TestVllmServer(Conformance):
    """Takes everything."""

    @pytest.fixture(scope="class")
    def subject(self, vllm_server: str, wide_model: Path) -> Iterator[Subject]:
        backend = _open(wide_model, vllm_server)
        yield Subject(
            backend, lambda: _open(wide_model, vllm_server), builder.CONTEXT_TOKENS, speaks_template=False
        )
        backend.close()

    def test_it_answers_as_this_process_does(self, subject: Subject, wide_model: Path) -> None:
        replies = subject.backend.generate(rendered(subject.backend), GREEDY)
        # vLLM leaves out a character that the length limit cut in two.
        assert [reply.text.rstrip("\ufffd") for reply in replies] == [
            text.rstrip("\ufffd") for text in _reference(wide_model)
        ]

    def test_it_scores_as_this_process_does(self, subject: Subject, wide_model: Path) -> None:
        local = TransformersBackend.load(snapshot_of(wide_model), BackendOptions(device="cpu"))
        question = Conversation.of("Hi")
        (served,) = subject.backend.score([(subject.backend.render(question), "two three four")])
        (here,) = local.score([(local.render(question), "two three four")])
        assert served.logprobs == pytest.approx(here.logprobs, abs=1e-2)

    def test_a_begun_answer_is_gone_on_with_as_in_this_process(
        self, subject: Subject, wide_model: Path
    ) -> None:
        begun = Conversation((Message("user", "Hi"), Message("assistant", "Hello, my")))
        local = TransformersBackend.load(snapshot_of(wide_model), BackendOptions(device="cpu"))
        (expected,) = local.generate([local.render(begun)], GREEDY)
        (reply,) = subject.backend.generate([subject.backend.render(begun)], GREEDY)
        assert reply.finish is FinishReason.LENGTH
        assert reply.text.rstrip("\ufffd") == expected.text.rstrip("\ufffd")

    def test_it_says_what_it_serves(self, subject: Subject) -> None:
        described = subject.backend.describe()
        assert described.version.startswith("vLLM ")
        assert described.settings["context_tokens"] == str(builder.CONTEXT_TOKENS)
        assert described.settings["models listed"] == "tiny"
