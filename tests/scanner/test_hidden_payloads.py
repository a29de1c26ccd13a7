"""Payloads in weights: what is put in as it is is recognised, mixtures are named, honest weights never."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from scanner.checks.weights_implausible import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome, Severity
from scanner.tensorfiles.extent import TensorExtent
from scanner.weights.hidden import Hidden, hidden_in
from scanner.weights.payload import recognised
from tests.assets.tensor_files import Weights, write_safetensors_file
from tests.scanner.check_runs import findings_of

Words = npt.NDArray[np.unsignedinteger]
SHAPE = (256, 512)
ELF = b"\x7fELF\x02\x01\x01\x00" + bytes(8) + b"\x03\x00\x3e\x00" + bytes(200)


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("payload.txt", "harmless")
    return made.getvalue()


TEXT = b"Nothing in this payload does any harm: it is a text and no more than that, of some length. " * 3


def host(seed: int = 0) -> Words:
    """Trained-like numbers in 32-bit floats."""
    rng = np.random.default_rng(seed)
    return (0.02 * rng.standard_t(6, size=SHAPE)).astype("<f4").ravel().view("<u4")


def shortened(words: Words) -> Words:
    """In bfloat16."""
    return (words >> np.uint32(16)).astype("<u2")


def embedded(words: Words, payload: bytes, count: int, *, at: int = 0, first_lowest: bool = False) -> Words:
    """The payload in the lowest bits of the numbers, as public tools put it there."""
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    bits = bits[: len(bits) // count * count].reshape(-1, count).astype(np.uint64)
    weights = np.arange(count) if first_lowest else np.arange(count)[::-1]
    values = (bits << weights.astype(np.uint64)).sum(axis=1).astype(words.dtype)
    made = words.copy()
    made[at : at + len(values)] &= ~words.dtype.type((1 << count) - 1)
    made[at : at + len(values)] |= values
    return made


def found_in(tmp_path: Path, layers: Sequence[Words], name: str = "layers.{}.up.weight") -> list[Hidden]:
    dtype = "F32" if layers[0].dtype.itemsize == 4 else "BF16"
    path, end, extents = tmp_path / "m.bin", 0, []
    for number, words in enumerate(layers):
        extents.append(TensorExtent(name.format(number), dtype, SHAPE, end, end + words.nbytes))
        end += words.nbytes
    path.write_bytes(b"".join(words.tobytes() for words in layers))
    return list(hidden_in(path, extents, 0, lambda: None))


@pytest.mark.parametrize("count", [1, 3, 4, 8])
@pytest.mark.parametrize("first_lowest", [False, True])
@pytest.mark.parametrize(("payload", "kind"), [(ELF, "ELF"), (zipped(), "zip"), (TEXT, "text")])
@pytest.mark.parametrize("form", [np.array, shortened])
def test_a_payload_in_the_lowest_bits_is_recognised(
    tmp_path: Path, count: int, first_lowest: bool, payload: bytes, kind: str, form: Callable[[Words], Words]
) -> None:
    (found,) = found_in(tmp_path, [embedded(form(host()), payload, count, first_lowest=first_lowest)])
    assert found.is_recognised
    assert kind in found.what


def test_whole_low_bytes_in_the_order_of_the_file_are_recognised(tmp_path: Path) -> None:
    # EvilModel: three bytes of each number are the program's, the first byte stays.
    padded = ELF + bytes(-len(ELF) % 3)
    for order in (slice(None), slice(None, None, -1)):
        words = host().copy()
        low = words.view(np.uint8).reshape(-1, 4)
        low[: len(padded) // 3, :3] = np.frombuffer(padded, np.uint8).reshape(-1, 3)[:, order]
        (found,) = found_in(tmp_path, [words])
        assert found.is_recognised


def test_a_length_before_the_payload_hides_nothing(tmp_path: Path) -> None:
    payload = len(ELF).to_bytes(8, "little") + ELF
    (found,) = found_in(tmp_path, [embedded(host(), payload, 4)])
    assert "ELF" in found.what


def untrained(seed: int) -> Words:
    """As torch begins a linear layer."""
    return np.random.default_rng(seed).uniform(-0.04, 0.04, SHAPE).ravel().astype("<f4").view("<u4")


def random_bytes(count: int) -> bytes:
    return np.random.default_rng(7).bytes(count)


def test_random_bits_in_numbers_that_were_short_are_unlike_the_rest(tmp_path: Path) -> None:
    bare = [host(seed) & np.uint32(0xFFFF0000) for seed in range(5)]
    changed = embedded(bare[2], random_bytes(20_000), 8, at=30_000)
    (found,) = found_in(tmp_path, [*bare[:2], changed, *bare[3:]])
    assert (found.name, found.is_recognised) == ("layers.2.up.weight", False)
    whole = bare[1] | np.frombuffer(random_bytes(bare[1].nbytes), "<u4") & np.uint32(0xFFFF)
    (found,) = found_in(tmp_path, [bare[0], whole, *bare[2:]])
    assert "those of the same tensor in other layers bare" in found.what


@pytest.mark.parametrize("form", [np.array, shortened])
def test_random_bits_up_to_the_exponent_are_unlike_training(
    tmp_path: Path, form: Callable[[Words], Words]
) -> None:
    layers = [form(host(seed)) for seed in range(5)]
    count = 24 if layers[0].dtype.itemsize == 4 else 8
    changed = embedded(layers[3], random_bytes(90_000), count, at=20_000)
    (found,) = found_in(tmp_path, [*layers[:3], changed, *layers[4:]])
    assert found.name == "layers.3.up.weight"
    assert "random up to the exponent" in found.what


@pytest.mark.parametrize(
    "make",
    [
        host,
        lambda seed: shortened(host(seed)),
        lambda seed: host(seed) & np.uint32(0xFFFF0000),
        lambda seed: host(seed).view("<f4").astype("<f2").astype("<f4").view("<u4"),
        # Dequantised: 15 steps times a scale of each row.
        lambda seed: (np.round(host(seed).view("<f4") * 300) * np.float32(0.0031)).view("<u4"),
        # Pruned: half the numbers are zero.
        lambda seed: host(seed) * np.random.default_rng(seed).integers(0, 2, SHAPE).ravel().astype("<u4"),
        untrained,
        lambda seed: np.zeros(SHAPE, "<u4").ravel(),
        lambda seed: np.ones(SHAPE, "<f4").ravel().view("<u4"),
    ],
)  # fmt: skip
def test_honest_weights_are_not_accused(tmp_path: Path, make: Callable[[int], Words]) -> None:
    assert found_in(tmp_path, [make(seed) for seed in range(6)]) == []


def test_rows_added_to_a_vocabulary_are_not_accused(tmp_path: Path) -> None:
    table = host() & np.uint32(0xFFFF0000)
    table[100_000:] = host(1)[100_000:]
    assert found_in(tmp_path, [table], name="model.embed_tokens.weight{}") == []


def write(folder: Path, tensors: dict[str, Weights]) -> None:
    write_safetensors_file(folder / "m.safetensors", tensors)


def test_a_program_in_weights_is_an_attack(tmp_path: Path) -> None:
    write(tmp_path, {"up.weight": Weights("F32", SHAPE, embedded(host(), ELF, 8).tobytes())})
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.outcome, finding.rule, finding.severity) == (Outcome.FAIL, "WT-PAYLOAD", Severity.HIGH)
    assert CHECK.verdict_of(finding) is FileVerdict.ATTACK
    assert "the lowest 8 bits of its numbers hold an ELF program" in finding.message


def test_a_program_as_a_tensor_of_bytes_is_an_attack(tmp_path: Path) -> None:
    write(tmp_path, {"extra": Weights("U8", (len(ELF),), ELF)})
    (finding,) = findings_of(CHECK, tmp_path)
    assert finding.rule == "WT-PAYLOAD"


def test_a_tokenizer_as_a_tensor_of_bytes_is_for_a_person(tmp_path: Path) -> None:
    write(tmp_path, {"spiece_model": Weights("U8", (len(TEXT),), TEXT)})
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.rule, CHECK.verdict_of(finding)) == ("WT-LOWBITS", FileVerdict.NEEDS_CLASS_INSTANCE)


def test_random_streams_are_never_recognised() -> None:
    rng = np.random.default_rng(0)
    assert not any(recognised(rng.bytes(4096)) for _ in range(500))
