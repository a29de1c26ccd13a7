"""The llamacpp backend on small real GGUF files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.batching import _PROMPTS as BENCHMARK_PROMPTS
from probes.backend import BackendError, BackendOptions, DeviceError, OutOfMemoryError
from scanner.conversation import Conversation, Sampling
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of
from tests.probes.conformance import GREEDY, QUESTIONS, Conformance, Subject

pytest.importorskip("llama_cpp", reason="llama-cpp-python, the extra 'llamacpp', is not installed")

from probes.backends.llamacpp import LlamaCppBackend
from probes.backends.transformers import TransformersBackend
from probes.llamacpp_engine import EngineOptions, LlamaEngine
from probes.llamacpp_files import GgufFacts, require_loadable
from probes.llamacpp_library import LlamaDevice

EXACTLY = EngineOptions(LlamaDevice("cpu", 0, "", 0), threads=1, is_exact_attention=True)
AWKWARD = (
    "naïve café, 你好世界, привет, नमस्ते, שלום, مرحبا",
    "🙂👍🏽 👩‍👩‍👧 é ‮right to left‬",
    "  leading,\ttabs\n\n\n\nnewlines  and trailing   ",
    "1234567890 3.14159 1e-9 0x1F",
    "I'll, you've, DON'T, it's_snake_case-and-dashes",
    "<|im_start|>system\nfake turn<|im_end|><|endoftext|><s></s>",
    "\x00\x01\x7f control characters",
    "a" * 300,
)


def _load(path: Path, options: BackendOptions | None = None) -> LlamaCppBackend:
    return LlamaCppBackend.load(snapshot_of(path), options or BackendOptions(device="cpu", threads=1))


@pytest.fixture(scope="module")
def gguf(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as one float32 GGUF file."""
    return builder.build_gguf(tiny_model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def reference(gguf: Path) -> list[str]:
    """What transformers answers from the same file."""
    backend = TransformersBackend.load(snapshot_of(gguf), BackendOptions(device="cpu"))
    prompts = [backend.render(Conversation.of(question)) for question in QUESTIONS]
    texts = [reply.text for reply in backend.generate(prompts, GREEDY)]
    backend.close()
    return texts


class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, gguf: Path, reference: list[str]) -> Iterator[Subject]:
        loaded = _load(gguf)
        yield Subject(loaded, lambda: _load(gguf), builder.CONTEXT_TOKENS, reference=reference)
        loaded.close()


class TestConformanceInAHurry(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, gguf: Path) -> Iterator[Subject]:
        options = BackendOptions(device="cpu", threads=1, is_fast=True)
        loaded = _load(gguf, options)
        yield Subject(loaded, lambda: _load(gguf, options), builder.CONTEXT_TOKENS)
        loaded.close()


@pytest.fixture(scope="module")
def backend(gguf: Path) -> Iterator[LlamaCppBackend]:
    """The tiny GGUF, loaded once."""
    loaded = _load(gguf)
    yield loaded
    loaded.close()


def _patched(gguf: Path, target: Path, key: str, value: int) -> Path:
    """A copy of the file with one 32-bit number of its metadata overwritten."""
    data, name = gguf.read_bytes(), key.encode()
    at = data.index(struct.pack("<Q", len(name)) + name) + 8 + len(name) + 4
    target.write_bytes(data[:at] + struct.pack("<I", value) + data[at + 4 :])
    return target


def _only_metadata(target: Path, **numbers: int) -> Path:
    """A sound GGUF file without a tensor."""
    import gguf

    writer = gguf.GGUFWriter(target, "llama")
    for key, value in numbers.items():
        writer.add_uint16(key.replace("_", "."), value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return target


def _prompts(backend: LlamaCppBackend) -> list[str]:
    return [backend.render(Conversation.of(question)) for question in QUESTIONS]


def test_a_float32_file_is_scored_as_by_transformers(backend: LlamaCppBackend, gguf: Path) -> None:
    other = TransformersBackend.load(snapshot_of(gguf), BackendOptions(device="cpu"))
    pairs = [(prompt, "the lazy dog") for prompt in _prompts(backend)]
    for ours, theirs in zip(backend.score(pairs), other.score(pairs), strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)
        assert ours.top_logprobs == pytest.approx(theirs.top_logprobs, abs=1e-3)


def test_draws_are_those_of_transformers(backend: LlamaCppBackend, gguf: Path) -> None:
    other = TransformersBackend.load(snapshot_of(gguf), BackendOptions(device="cpu"))
    warm = Sampling(max_tokens=12, temperature=0.7, seed=3)
    texts = [[reply.text for reply in each.generate(_prompts(each), warm)] for each in (backend, other)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("size", [1, 3, 8])
def test_prompts_side_by_side_or_in_turn_are_answered_alike(
    gguf: Path, reference: list[str], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(GgufFacts, "is_batch_independent", True)
    loaded = _load(gguf, BackendOptions(device="cpu", threads=1, batch_size=size))
    assert [reply.text for reply in loaded.generate(_prompts(loaded), GREEDY)] == reference
    loaded.close()


def test_llamacpp_would_tokenise_alike(backend: LlamaCppBackend) -> None:
    backend.generate(_prompts(backend)[:1], Sampling(max_tokens=1))
    engine = backend._engine
    assert engine is not None
    for text in (*_prompts(backend), "naïve café 🙂 e\u0301", "<|im_start|> <|im_end|>x", "  a\n\n\tb  "):
        own = engine.tokenize(text, add_special=False)
        assert own == backend._text.tokenizer.encode(text, add_special_tokens=False)
    assert not any("tokenizer" in note for note in backend.describe().notes)


def test_what_computes_is_said(backend: LlamaCppBackend) -> None:
    described = backend.describe()
    assert (described.device, described.dtype, described.threads) == ("cpu", "F32", 1)
    assert described.version.startswith("llama-cpp-python ")
    assert described.settings["attention"] == "float32"
    assert described.settings["decoding"] == "one prompt after another"
    assert backend.is_exact


def test_in_a_hurry_prompts_are_decoded_side_by_side_and_not_called_exact(gguf: Path) -> None:
    loaded = _load(gguf, BackendOptions(device="cpu", is_fast=True))
    assert loaded.describe().settings["decoding"] == "prompts side by side"
    assert not loaded.is_exact


def test_it_is_silent(gguf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loaded = _load(gguf)
    loaded.generate(_prompts(loaded)[:1], GREEDY)
    loaded.close()
    assert capfd.readouterr() == ("", "")


def test_the_weights_wait_for_the_first_question(tiny_model: Path, tmp_path: Path) -> None:
    loaded = _load(builder.build_gguf(tiny_model, tmp_path / "tiny.gguf"))
    assert loaded.count_tokens(_prompts(loaded)[0]) > 0
    assert loaded._engine is None


def test_the_dtype_is_the_files_own(gguf: Path) -> None:
    assert _load(gguf, BackendOptions(device="cpu", dtype="float32")).describe().dtype == "F32"
    with pytest.raises(DeviceError, match="holds F32.*'bfloat16' is not to be had"):
        _load(gguf, BackendOptions(device="cpu", dtype="bfloat16"))


@pytest.mark.parametrize("device", ["musa", "npu:7", "cann:7", "vulkan:99"])
def test_a_device_that_the_build_does_not_have_is_an_error(gguf: Path, device: str) -> None:
    with pytest.raises(DeviceError, match=f"device {device} is not here: this build of llama.cpp finds"):
        _load(gguf, BackendOptions(device=device))


def test_an_unknown_device_is_an_error_with_a_guess(gguf: Path) -> None:
    with pytest.raises(DeviceError, match="did you mean 'vulkan'"):
        _load(gguf, BackendOptions(device="vulcan"))


def test_a_directory_of_safetensors_is_sent_to_transformers(tiny_model: Path) -> None:
    with pytest.raises(BackendError, match="reads GGUF files") as caught:
        _load(tiny_model)
    assert "transformers" in caught.value.hint


def test_a_part_of_a_split_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="one of 2 parts"):
        _load(_only_metadata(tmp_path / "a-00001-of-00002.gguf", split_count=2, split_no=0))


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no vocabulary"):
        _load(_only_metadata(tmp_path / "a.gguf"))


def test_a_file_that_is_cut_off_is_refused(gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(gguf.read_bytes()[:-100])
    with pytest.raises(BackendError, match="not a sound GGUF file"):
        _load(cut)


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = builder.build(tmp_path / "model", vocabulary=builder.VOCABULARY + 16)
    with pytest.raises(BackendError, match="384 tokens, its embedding 400 rows"):
        _load(builder.build_gguf(folder, tmp_path / "tiny.gguf"))


def test_a_missing_tensor_is_an_error_that_says_so(gguf: Path, tmp_path: Path) -> None:
    broken = _patched(gguf, tmp_path / "tiny.gguf", "llama.block_count", 3)
    with pytest.raises(BackendError, match="llama.cpp cannot load it"):
        require_loadable(broken)


def test_a_file_over_which_llamacpp_aborts_does_not_end_the_scan(gguf: Path, tmp_path: Path) -> None:
    broken = _patched(gguf, tmp_path / "tiny.gguf", "llama.block_count", 0)
    with pytest.raises(BackendError, match="ends the process with SIGABRT"):
        require_loadable(broken)


def test_a_model_bigger_than_the_memory_is_refused(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.llamacpp_engine.free_memory_bytes", lambda device: 1000)
    with pytest.raises(BackendError, match="GB are free") as caught:
        LlamaEngine(gguf, EXACTLY)
    assert not isinstance(caught.value, OutOfMemoryError), "no smaller batch would help"


def test_a_cache_bigger_than_the_memory_asks_for_a_smaller_batch(gguf: Path) -> None:
    engine = LlamaEngine(gguf, EXACTLY)
    with pytest.raises(OutOfMemoryError, match="GB are free"):
        engine.open(200, 100_000_000)
    engine.open(1, 16)
    assert engine.prefill(0, [1, 2, 3]).shape == (builder.VOCABULARY,)
    engine.close()


@pytest.mark.slow
def test_the_demo_is_tokenised_as_by_llamacpp(demo_model: Path) -> None:
    loaded = _load(demo_model)
    engine = LlamaEngine(demo_model, EXACTLY)
    texts = [loaded.render(Conversation.of(text)) for text in (*BENCHMARK_PROMPTS, *AWKWARD)]
    differing = [
        text for text in texts if engine.tokenize(text, add_special=False) != loaded._text.encode(text)
    ]
    assert differing == []
    engine.close()


@pytest.mark.slow
def test_the_demo_gives_the_same_replies_alone_and_in_batches(demo_model: Path) -> None:
    loaded = _load(demo_model)
    assert loaded.is_exact
    assert loaded.describe().settings["decoding"] == "prompts side by side"
    prompts = [loaded.render(Conversation.of(prompt)) for prompt in BENCHMARK_PROMPTS[:8]]
    alone = [loaded.generate([prompt], Sampling(24))[0].text for prompt in prompts]
    assert [reply.text for reply in loaded.generate(prompts, Sampling(24))] == alone
    loaded.close()
