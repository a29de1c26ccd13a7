"""Which payloads in weights are found, by the way they are hidden, and how many honest tensors are accused.

Every payload goes into one matrix of a layer, at its start or somewhere in it, and counts as found when
weights-implausible names that matrix. The host is made here (heavy-tailed weights, rows of other sizes), or a
safetensors file that is named:
`python -m benchmarks.hidden_payloads model.safetensors`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.tensorfiles.extent import TensorExtent
from scanner.tensorfiles.mapping import map_tensors
from scanner.weights.hidden import hidden_in

Words = npt.NDArray[np.unsignedinteger]
_LAYERS: Final = 8
_ROWS, _COLUMNS = 1024, 512
_TRIES: Final = 8
_PAYLOAD_BYTES: Final = 48 * 1024
_BITS: Final = (1, 2, 4, 8, 16, 24)
_FORMATS: Final = ("F32", "F32 from BF16", "BF16")


def measure() -> dict[str, float]:
    """Shares in percent, by format, payload and bits a weight."""
    figures: dict[str, float] = {}
    for form in _FORMATS:
        figures.update(_rates(form, _host(form)))
    return figures


def _host(form: str) -> list[Words]:
    rng = np.random.default_rng(0)
    layers = []
    for _ in range(_LAYERS):
        scales = np.exp(0.4 * rng.normal(size=(_ROWS, 1)))
        weights = (0.02 * scales * rng.standard_t(6, size=(_ROWS, _COLUMNS))).astype("<f4")
        layers.append(_stored(weights.ravel().view("<u4"), form))
    return layers


def _stored(bits: Words, form: str) -> Words:
    if form == "F32":
        return bits
    short = (bits.astype(np.uint64) + 0x8000 >> np.uint64(16)).astype("<u2")
    return short if form == "BF16" else short.astype("<u4") << np.uint32(16)


def _payloads(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    program = Path(sys.executable).resolve().read_bytes()[:_PAYLOAD_BYTES]
    yield "program", program
    yield "text", (b"All that is hidden here was written for a benchmark. 7\n" * 2000)[:_PAYLOAD_BYTES]
    yield "encrypted", rng.bytes(_PAYLOAD_BYTES)


def _rates(form: str, layers: list[Words]) -> dict[str, float]:
    width = 8 * layers[0].dtype.itemsize
    found: Counter[str] = Counter()
    accused = 0
    rng = np.random.default_rng(1)
    for number in range(_TRIES):
        for what, payload in _payloads(rng):
            for count in (bits for bits in _BITS if bits < width):
                place = 0 if number % 2 == 0 else int(rng.integers(1, len(layers[0]) // 4))
                where = "start" if number % 2 == 0 else "middle"
                changed = number % len(layers)
                host = [
                    *layers[:changed],
                    _embedded(layers[changed], payload, count, place),
                    *layers[changed + 1 :],
                ]
                named = _named(host, form, number)
                found[f"{form}, {what}, {count} bits, {where}"] += changed in named
                accused += len(named - {changed})
    half = _TRIES / 2
    rates = {key: round(100 * count / half, 1) for key, count in found.items()}
    # Whoever was not changed and is named was accused falsely.
    return {**rates, f"{form}, honest matrices named in all runs": float(accused)}


def _embedded(words: Words, payload: bytes, count: int, place: int) -> Words:
    """The payload in the lowest `count` bits of the numbers from `place` on, first bit highest."""
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    room = (len(words) - place) * count
    bits = bits[: min(len(bits), room) // count * count].reshape(-1, count).astype(np.uint64)
    value = (bits << np.arange(count - 1, -1, -1, dtype=np.uint64)).sum(axis=1).astype(words.dtype)
    made = words.copy()
    stretch = made[place : place + len(value)]
    stretch &= ~words.dtype.type((1 << count) - 1)
    stretch |= value
    return made


def _named(layers: list[Words], form: str, seed: int) -> set[int]:
    """The layers that the check names."""
    dtype = form.split()[0]
    with tempfile.NamedTemporaryFile() as stream:
        extents, end = [], 0
        for number, words in enumerate(layers):
            begin, end = end, end + words.nbytes
            stream.write(words.tobytes())
            extents.append(TensorExtent(f"layers.{number}.up.weight", dtype, (_ROWS, _COLUMNS), begin, end))
        stream.flush()
        hidden = hidden_in(Path(stream.name), extents, seed, lambda: None)
        return {int(each.name.split(".")[1]) for each in hidden}


def _of_file(path: Path) -> dict[str, float]:
    """The same in eight matrices of one kind of a model that is at hand."""
    by_shape: dict[tuple[int, ...], list[Words]] = {}
    data = np.memmap(path, np.uint8, "r")
    for extent in map_tensors(path, path.name) or ():
        if extent.dtype == "F32" and len(extent.shape) == 2 and extent.shape[0] * extent.shape[1] >= 2**18:
            words = np.frombuffer(data[extent.begin : extent.end].tobytes(), "<u4")
            by_shape.setdefault(extent.shape, []).append(words[: _ROWS * _COLUMNS])
    layers = max(by_shape.values(), key=len)[:_LAYERS]
    figures: dict[str, float] = {}
    for form in _FORMATS:
        figures.update(_rates(form, [_stored(words, form) for words in layers]))
    return figures


if __name__ == "__main__":
    print(json.dumps(_of_file(Path(sys.argv[1])) if len(sys.argv) > 1 else measure(), indent=2))
