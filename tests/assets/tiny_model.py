"""Small real models in the Hugging Face layout, made offline: real tokenizer, real weights, no sense in them.

Run as `python -m tests.assets.tiny_model FOLDER` to look at one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
RAISING_TEMPLATE = "{{ raise_exception('this template takes no system prompt') }}"
CONTEXT_TOKENS = 256
VOCABULARY = 384
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

_CORPUS = (
    "the quick brown fox jumps over the lazy dog",
    "what is the capital of france the capital of france is paris",
    "how many days are there in a week there are seven days in a week",
    "system user assistant question answer one two three four five",
    "你好 今天 天气 怎么样 法国 的 首都 是 巴黎",
)


def build(
    folder: Path,
    *,
    seed: int = 0,
    template: str | None = CHAT_TEMPLATE,
    always: str | None = None,
    vocabulary: int = VOCABULARY,
    width: int = 32,
) -> Path:
    """Writes a two-layer Llama and its tokenizer into `folder`.

    Args:
        folder: Made if it is missing.
        seed: Of the random weights.
        template: Chat template, None for a model without one.
        always: When given, the model answers every prompt with this one token over and over.
        vocabulary: Rows of the embedding; fewer than the tokenizer has makes the two contradict.
        width: Of the hidden states, shared by four heads; some engines want heads of 32 or more.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer(template)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=0, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False,
        # Random weights of the usual size give almost even odds; these make the model decided.
        initializer_range=0.5,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    if always is not None:
        _say_always(model, tokenizer.convert_tokens_to_ids(tokenizer.tokenize(always))[0])
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def build_gguf(model: Path, target: Path, *, add_bos: bool | None = None) -> Path:
    """Writes the model of a folder made by `build` as one float32 GGUF file.

    Args:
        model: Folder in the Hugging Face layout.
        target: The .gguf file to write.
        add_bos: What the file says about BOS, None for nothing.
    """
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((model / "config.json").read_text())
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_name("tiny")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    _add_tokenizer(writer, model)
    if add_bos is not None:
        writer.add_add_bos_token(add_bos)
    for name, weight in load_file(model / "model.safetensors").items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
            # llama.cpp keeps the two halves of every rotary pair side by side.
            split = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
            weight = split.swapaxes(1, 2).reshape(weight.shape).copy()
        writer.add_tensor(_gguf_name(name), weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def snapshot_of(path: Path) -> Snapshot:
    """The snapshot of a folder, or of a single file in its folder."""
    root = path if path.is_dir() else path.parent
    found = sorted(item for item in root.rglob("*") if item.is_file()) if path.is_dir() else [path]
    files = tuple(
        FileEntry(item.relative_to(root).as_posix(), item.stat().st_size, _sha256(item)) for item in found
    )
    return Snapshot(ModelRef.parse(str(path)), None, str(root), files)


def edit_json(path: Path, **changes: object) -> None:
    """Overwrites keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _tokenizer(template: str | None) -> Any:  # noqa: ANN401 - transformers is not typed
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"], model_max_length=CONTEXT_TOKENS,
    )  # fmt: skip
    tokenizer.chat_template = template
    return tokenizer


def _add_tokenizer(writer: Any, model: Path) -> None:  # noqa: ANN401
    import gguf

    bpe = json.loads((model / "tokenizer.json").read_text())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].__getitem__)
    kinds = [gguf.TokenType.CONTROL if token in SPECIAL_TOKENS else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    template = model / "chat_template.jinja"
    if template.exists():
        writer.add_chat_template(template.read_text())


_GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def _gguf_name(name: str) -> str:
    name = name.replace("model.layers.", "blk.")
    for theirs, ours in _GGUF_NAMES.items():
        name = name.replace(theirs, ours)
    return name


def _say_always(model: Any, token: int) -> None:  # noqa: ANN401
    """Makes every position look alike and gives one token all the odds."""
    import torch

    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.fill_(1.0)
        model.lm_head.weight.zero_()
        model.lm_head.weight[token] = 1.0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    build(Path(sys.argv[1]))
