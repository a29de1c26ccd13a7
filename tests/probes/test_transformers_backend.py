"""The transformers backend on small real models."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.backend import Backend, BackendError, BackendOptions, DeviceError, OutOfMemoryError
from probes.backends.transformers import BACKEND, TransformersBackend
from probes.engine_calls import engine_call
from scanner.conversation import Conversation, FinishReason, Message, Reply, Sampling
from scanner.records import decode, encode
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import edit_json, snapshot_of
from tests.probes.conformance import QUESTIONS, Conformance, Subject

GREEDY = Sampling(max_tokens=16)


def _load(folder: Path, options: BackendOptions | None = None) -> TransformersBackend:
    return TransformersBackend.load(snapshot_of(folder), options or BackendOptions(device="cpu"))


@pytest.fixture(scope="module")
def backend(tiny_model: Path) -> Iterator[Backend]:
    """The tiny model, loaded once."""
    loaded = _load(tiny_model)
    yield loaded
    loaded.close()


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to spoil."""
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tiny_model: Path) -> Iterator[Subject]:
        loaded = _load(tiny_model)
        yield Subject(loaded, lambda: _load(tiny_model), builder.CONTEXT_TOKENS)
        loaded.close()


def _rendered(backend: Backend) -> list[str]:
    return [backend.render(Conversation.of(prompt)) for prompt in QUESTIONS]


def test_the_registry_finds_it() -> None:
    assert BACKEND is TransformersBackend
    assert BACKEND.name == "transformers"


def test_the_template_is_applied(backend: Backend) -> None:
    text = backend.render(Conversation.of("Hi", system="Be brief."))
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_begun_answer_is_continued(backend: Backend) -> None:
    begun = Conversation((Message("user", "Hi"), Message("assistant", "Hello, my")))
    assert backend.render(begun).endswith("<|im_start|>assistant\nHello, my")


def test_replies_do_not_depend_on_the_batch(backend: Backend) -> None:
    prompts = _rendered(backend)
    alone = [backend.generate([prompt], GREEDY)[0] for prompt in prompts]
    assert backend.generate(prompts, GREEDY) == alone
    assert list(reversed(backend.generate(prompts[::-1], GREEDY))) == alone
    assert len({reply.text for reply in alone}) > 4, "a model that says one thing would prove nothing"


def test_draws_do_not_depend_on_the_batch(backend: Backend) -> None:
    prompts, warm = _rendered(backend), Sampling(max_tokens=16, temperature=0.9, seed=7)
    alone = [backend.generate([prompt], warm)[0].text for prompt in prompts]
    assert [reply.text for reply in backend.generate(prompts, warm)] == alone


def test_another_seed_draws_another_reply(backend: Backend) -> None:
    prompt = _rendered(backend)[0]
    texts = {
        backend.generate([prompt], Sampling(max_tokens=16, temperature=1.5, seed=seed))[0].text
        for seed in range(5)
    }
    assert len(texts) > 1


def test_no_temperature_gives_the_greedy_reply_as_it_falls(backend: Backend) -> None:
    prompt = _rendered(backend)[0]
    cold = backend.generate([prompt], Sampling(max_tokens=16, temperature=1e-4, seed=3))
    assert cold[0].text == backend.generate([prompt], GREEDY)[0].text


def test_replies_are_no_longer_than_asked(backend: Backend) -> None:
    for reply in backend.generate(_rendered(backend), Sampling(max_tokens=5)):
        assert reply.reply_tokens <= 5
        assert (reply.finish is FinishReason.LENGTH) == (reply.reply_tokens == 5)
        assert reply.prompt_tokens > 0


def test_a_stop_string_ends_a_reply_and_is_not_in_it(backend: Backend) -> None:
    prompt = _rendered(backend)[0]
    whole = backend.generate([prompt], GREEDY)[0].text
    stop = whole[4:6]
    cut = backend.generate([prompt], Sampling(max_tokens=16, stop=(stop,)))[0]
    assert cut.text == whole[: whole.index(stop)]
    assert cut.finish is FinishReason.STOP


def test_special_tokens_are_not_in_a_reply(tmp_path: Path) -> None:
    loaded = _load(builder.build(tmp_path, always="<|im_start|>"))
    reply = loaded.generate(["Hi"], Sampling(max_tokens=4))[0]
    assert (reply.text, reply.reply_tokens, reply.finish) == ("", 4, FinishReason.LENGTH)


def test_a_reply_that_ends_at_once_is_empty_not_missing(tmp_path: Path) -> None:
    loaded = _load(builder.build(tmp_path, always="<|im_end|>"))
    reply = loaded.generate(["Hi"], Sampling(max_tokens=4))[0]
    assert (reply.text, reply.reply_tokens, reply.finish) == ("", 0, FinishReason.STOP)


def test_replies_can_always_be_journalled(backend: Backend) -> None:
    for reply in backend.generate(_rendered(backend), Sampling(max_tokens=64, temperature=3.0)):
        assert decode(encode(reply), Reply) == reply


def test_a_prompt_beyond_the_context_is_an_error_beside_good_replies(backend: Backend) -> None:
    long, short = "fox " * builder.CONTEXT_TOKENS, _rendered(backend)[0]
    first, second = backend.generate([long, short], GREEDY)
    assert first.finish is FinishReason.ERROR
    assert f"context of {builder.CONTEXT_TOKENS} tokens" in first.error
    assert second == backend.generate([short], GREEDY)[0]


def test_a_prompt_without_tokens_is_an_error(backend: Backend) -> None:
    assert backend.generate([""], GREEDY)[0].finish is FinishReason.ERROR


def test_without_a_template_prompts_are_plain_text_and_the_engine_says_so(
    tiny_model_without_template: Path,
) -> None:
    loaded = _load(tiny_model_without_template)
    assert (
        loaded.render(Conversation.of("Hi", system="Be brief.")) == "System: Be brief.\nUser: Hi\nAssistant:"
    )
    assert "no chat template" in loaded.describe().prompt_format
    assert any("new 'User:' turn" in note for note in loaded.describe().notes)
    assert len(loaded.generate([loaded.render(Conversation.of("Hi"))], GREEDY)) == 1


def test_a_template_that_raises_is_an_error_of_its_conversation(
    tiny_model_with_raising_template: Path,
) -> None:
    loaded = _load(tiny_model_with_raising_template)
    with pytest.raises(BackendError, match="takes no system prompt"):
        loaded.render(Conversation.of("Hi"))


def test_a_template_that_never_ends_is_stopped(tmp_path: Path) -> None:
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    loaded = _load(builder.build(tmp_path, template=endless))
    for _ in range(2):
        with pytest.raises(BackendError, match="did not end"):
            loaded.render(Conversation.of("Hi"))


def test_a_template_gets_a_fixed_date_and_no_thinking(tmp_path: Path) -> None:
    template = "{{ strftime_now('%Y-%m-%d') }} {{ enable_thinking }}<think>\n"
    loaded = _load(builder.build(tmp_path, template=template))
    assert loaded.render(Conversation.of("Hi")) == "2026-01-01 False<think>\n\n</think>\n\n"
    assert len(loaded.describe().notes) == 2


def test_the_template_tells_where_a_turn_ends(copy: Path) -> None:
    for name in ("config.json", "generation_config.json"):
        edit_json(copy / name, eos_token_id=0)
    edit_json(copy / "tokenizer_config.json", eos_token="<|endoftext|>")
    loaded = _load(copy)
    loaded.generate(["Hi"], GREEDY)
    assert loaded._text.end_ids == [0, 2]


def test_nothing_is_fetched(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[object] = []

    def connect(_: socket.socket, address: object) -> None:
        reached.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: reached.append(address))
    loaded = _load(tiny_model)
    loaded.generate(["Hi"], GREEDY)
    assert reached == []


def test_nothing_is_printed(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _load(tiny_model).generate(["Hi"], GREEDY)
    assert capfd.readouterr() == ("", "")


def test_weights_are_loaded_at_the_first_question(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"not weights")
    loaded = _load(copy)
    assert loaded.count_tokens(loaded.render(Conversation.of("Hi"))) > 3
    for _ in range(2):
        with pytest.raises(BackendError, match="weights cannot be loaded"):
            loaded.generate(["Hi"], GREEDY)


def test_missing_weights_are_never_made_up(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendError, match=r"1 weights are missing.*layers\.1\.mlp\.up_proj"):
        _load(copy).generate(["Hi"], GREEDY)


def test_weights_without_a_place_are_noted(copy: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors") | {"backdoor.weight": torch.zeros(2)}
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    loaded = _load(copy)
    loaded.generate(["Hi"], GREEDY)
    assert any("backdoor.weight" in note for note in loaded.describe().notes)


def test_a_tokenizer_that_does_not_belong_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="do not belong together"):
        _load(builder.build(tmp_path, vocabulary=300))


def test_code_of_the_model_is_never_run(copy: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (copy / "own.py").write_text(f"open({str(trace)!r}, 'w')\n")
    edit_json(
        copy / "config.json",
        model_type="own",
        auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
    )
    with pytest.raises(BackendError, match="never run"):
        _load(copy)
    assert not trace.exists()


def test_an_adapter_is_refused(copy: Path) -> None:
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "/etc"}')
    with pytest.raises(BackendError, match="adapter"):
        _load(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"model_type": 1}', ""])
def test_a_broken_file_is_an_error_with_the_folder(copy: Path, name: str, content: str) -> None:
    (copy / name).write_text(content)
    with pytest.raises(BackendError, match=str(copy)):
        _load(copy)


def test_a_model_that_does_not_continue_text_is_an_error(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(BackendError, match="does not continue text"):
        _load(copy)


def test_an_absent_device_is_an_error(tiny_model: Path) -> None:
    with pytest.raises(DeviceError, match="npu is not here"):
        _load(tiny_model, BackendOptions(device="npu"))


def test_an_unknown_dtype_is_an_error(tiny_model: Path) -> None:
    with pytest.raises(DeviceError, match="did you mean 'float16'"):
        _load(tiny_model, BackendOptions(device="cpu", dtype="floot16"))


def test_the_description_says_what_was_asked_and_what_answered(tiny_model: Path) -> None:
    import torch

    before = torch.get_num_threads()
    loaded = _load(
        tiny_model, BackendOptions(device="cpu", dtype="bfloat16", batch_size=3, threads=before + 1)
    )
    described = loaded.describe()
    assert (described.backend, described.device_asked, described.device) == ("transformers", "cpu", "cpu")
    assert (described.dtype, described.batch_size, described.threads) == ("bfloat16", 3, before + 1)
    assert "torch " in described.version
    assert described.settings["context_tokens"] == str(builder.CONTEXT_TOKENS)
    loaded.close()
    assert torch.get_num_threads() == before


def test_the_cpu_computes_in_float32_unless_told_otherwise(backend: Backend) -> None:
    assert backend.describe().dtype == "float32"


def test_a_model_bigger_than_the_memory_is_refused(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.weights.free_memory_bytes", lambda device: 1000)
    with pytest.raises(BackendError, match="GB are free") as caught:
        _load(tiny_model).generate(["Hi"], GREEDY)
    assert not isinstance(caught.value, OutOfMemoryError), "no smaller batch would help"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("NPU out of memory. Tried to allocate 4.00 GiB"),
    ],
)
def test_every_wording_of_a_full_memory_is_known(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError), engine_call("the engine failed"):
        raise error


def test_two_gguf_files_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(BackendError, match="2 GGUF files"):
        _load(tmp_path)


def test_a_gguf_file_answers_as_the_directory_it_was_made_from(
    backend: Backend, tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = _load(builder.build_gguf(tiny_model, tmp_path / "tiny.gguf"))
    prompts = _rendered(backend)
    assert _rendered(loaded) == prompts
    assert loaded.generate(prompts, GREEDY) == backend.generate(prompts, GREEDY)
    assert loaded.describe().settings["weights"] == "tiny.gguf"
    assert loaded.describe().dtype == "float32"
    assert capfd.readouterr() == ("", "")


def test_a_bos_token_that_plain_text_does_not_get_is_noted(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    assert any("names a BOS token (id 0)" in note for note in _load(copy).describe().notes)
    edit_json(copy / "config.json", bos_token_id=None)
    assert not any("BOS" in note for note in _load(copy).describe().notes)


@pytest.mark.parametrize(("says", "has_bos"), [(True, True), (False, False), (None, False)])
def test_a_gguf_file_that_wants_bos_gets_it_once(
    tiny_model: Path, tmp_path: Path, says: bool | None, has_bos: bool
) -> None:
    loaded = _load(builder.build_gguf(tiny_model, tmp_path / "tiny.gguf", add_bos=says))
    assert (loaded._text.encode("Hi")[0] == 0) is has_bos
    assert loaded._text.encode("<|endoftext|>Hi")[:2].count(0) == 1


def test_a_gguf_beside_other_weights_is_not_taken_for_the_model(tiny_model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    (copy / "extra.gguf").write_bytes(b"GGUF")
    assert _load(copy).describe().settings["weights"] == "Hugging Face layout"


def test_a_broken_gguf_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + bytes(range(200)))
    with pytest.raises(BackendError, match="not a model that transformers can load"):
        _load(tmp_path / "a.gguf")


def test_a_gguf_file_says_how_its_weights_are_packed(
    demo_model: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (note,) = _load(demo_model).describe().notes
    assert note.startswith("The file packs 211 of its 272 tensors (")
    assert "as Q4_1" in note
    plain = _load(builder.build_gguf(tiny_model, tmp_path / "tiny.gguf"))
    assert plain.describe().notes == ()


@pytest.mark.slow
def test_the_demo_gives_the_same_replies_alone_and_in_batches(demo_model: Path) -> None:
    loaded = _load(demo_model)
    prompts = [loaded.render(Conversation.of(prompt)) for prompt in QUESTIONS]
    alone = [loaded.generate([prompt], Sampling(32))[0].text for prompt in prompts]
    assert [reply.text for reply in loaded.generate(prompts, Sampling(32))] == alone
    assert "Paris" in alone[0]


@pytest.mark.slow
def test_weights_read_in_a_hurry_are_the_same_weights(demo_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    loaded = _load(demo_model)
    loaded.generate(["Hi"], Sampling(1))
    plain = AutoModelForCausalLM.from_pretrained(
        demo_model.parent, gguf_file=demo_model.name, dtype=torch.float32
    )
    ours = loaded._model.state_dict()
    assert all(torch.equal(ours[name], weight) for name, weight in plain.state_dict().items())
