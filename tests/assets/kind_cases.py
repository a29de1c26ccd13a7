"""Files whose bytes and names agree, and files where they do not. Harmless: the programs are heads alone."""

from __future__ import annotations

import io
import marshal
import pickle
import random
import struct
import tarfile
import zipfile
import zlib

ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
PE = b"MZ\x90\x00" + bytes(56) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(64)
MACH_O = struct.pack("<IIIIIII", 0xFEEDFACF, 0x0100000C, 0, 2, 0, 0, 0) + bytes(36)
JAVA = b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 61, 10) + bytes(32)
WASM = b"\0asm\x01\0\0\0" + bytes(8)
PYC = (3495).to_bytes(2, "little") + b"\r\n" + bytes(12) + b"\xe3" + bytes(40)
SHEBANG = b"#!/bin/sh\necho harmless\n"
PICKLE = pickle.dumps({"a": [1, 2, 3]}, 4)
OLD_PICKLE = pickle.dumps({"a": [1, 2, 3]}, 2)
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(88)
SQLITE = b"SQLite format 3\0" + bytes(84)
PARQUET = b"PAR1" + bytes(32) + b"PAR1"
PDF = b"%PDF-1.7\n%%EOF\n"
WAV = b"RIFF" + (36).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)
FLAC = b"fLaC" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20) + b"\xff\xd9"
GIF = b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(9) + b"\x3b"
RAW = bytes(range(1, 256)) * 3 + bytes(100)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"

MATLAB = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 14, 56) + bytes(56)
FASTTEXT = struct.pack("<iii", 793_712_314, 12, 16) + bytes(60)


def png() -> bytes:
    """One grey dot."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\x80"))
        + chunk(b"IEND", b"")
    )


def numbers(letter: str, count: int) -> bytes:
    """Weights as training leaves them, in one of the formats of `struct`."""
    dice = random.Random(letter)
    return struct.pack(f"<{count}{letter}", *(dice.gauss(0, 0.02) for _ in range(count)))


def tfrecord() -> bytes:
    """A log of TensorBoard with one event; the checksum of its length is that of TensorFlow itself."""
    return (24).to_bytes(8, "little") + b"\xa3\x7f\x4b\x22" + b"\x09" + bytes(27)


def zipped(name: str = "notes.txt", data: bytes = b"harmless") -> bytes:
    """A zip archive with one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tarred() -> bytes:
    """A tar archive with one member."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("notes.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"text"))
    return out.getvalue()


def sentencepiece() -> bytes:
    """The first pieces of a vocabulary, as its protobuf begins."""
    pieces = b""
    for text, kind in ((b"<unk>", 2), (b"<s>", 3), (b"</s>", 3), ("▁the".encode(), 1)):
        body = (
            b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", -1.5) + b"\x18" + bytes([kind])
        )
        pieces += b"\x0a" + bytes([len(body)]) + body
    return pieces


def safetensors(rest: bytes = b"") -> bytes:
    """One tensor of two numbers."""
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    return len(header).to_bytes(8, "little") + header + bytes(8) + rest


def self_extracting(head: bytes) -> bytes:
    """An archive behind something else, with its offsets put right as `cat` and `zip -A` leave it."""
    out = io.BytesIO(head)
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("notes.txt", b"harmless")
    return out.getvalue()


def plain() -> dict[str, bytes]:
    """Files that hold what their name says and that no reader executes."""
    return {
        "README.md": "# Größe\n".encode(),
        "LICENSE": b"Apache License\n",
        ".gitattributes": b"*.bin filter=lfs\n",
        "config.json": b'\n {"model_type": "llama"}\n',
        "list.json": b"[1]",
        "history.jsonl": b'{"a":1}\n{"a":2}\n',
        "with_mark.json": b"\xef\xbb\xbf{}",
        "vocab.txt": b"cat\ndog\nsubprocess\nos.system\n",
        "vocab.latin1.txt": b"caf\xe9\nna\xefve\n" * 9,
        "characters.txt": ("a\nb\n" * 200 + "\x1c\n").encode(),
        "utf16.csv": "a;b\n".encode("utf-16"),
        "merges.txt": b"#version: 0.2\n\xc4\xa0 t\n",
        "labels.pbtxt": b"item { id: 1 name: 'cat' }\n",
        "kernel.cu": b"__global__ void f() {}\n",
        "empty.txt": b"",
        ".gitkeep": b"",
        "logo.png": png(),
        "photo.jpg": JPEG,
        "film.gif": GIF,
        "sound.wav": WAV,
        "sound.flac": FLAC,
        "paper.pdf": PDF,
        "data.parquet": PARQUET,
        "tokens.sqlite": SQLITE,
        "tokenizer.model": sentencepiece(),
        "model.onnx_data": RAW,
        "float32.bin": numbers("f", 1000),
        "float16.weights": numbers("e", 3001),
        "float64.dat": numbers("d", 500),
        "bfloat16.bin": b"".join(struct.pack("<f", x)[2:] for x in struct.unpack("<999f", numbers("f", 999))),
        "ids": struct.pack("<500q", *range(500)),
        "zeros.bin": bytes(4096),
        "features.mat": MATLAB,
        "none.mat": MATLAB[:128],
        "weather.nc": b"CDF\x01" + bytes(28),
        "lid.176.bin": FASTTEXT,
        "vectors.bin": b"900 100\nthe " + numbers("f", 1000),
        "lid.176.ftz": FASTTEXT,
        "events.out.tfevents.1700000000.host.1.0": tfrecord(),
        "variables/variables.data-00000-of-00001": RAW,
        "variables/variables.index": bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb",
    }


def left_to_others() -> dict[str, bytes]:
    """Files of kinds that other checks read."""
    return {
        "model.safetensors": safetensors(),
        "model.gguf": b"GGUF\x03\0\0\0" + bytes(16),
        "flax_model.msgpack": b"\x81\xa1w\x93\x01\x02\xcd\x01\x00",
        "state.pkl": PICKLE,
        "old.pkl": OLD_PICKLE,
        "pytorch_model.bin": zipped("archive/data.pkl", PICKLE),
        "weights.pt": zipped("archive/data.pkl", PICKLE),
        "legacy.pth": OLD_PICKLE,
        "no_suffix": PICKLE,
        "model.ckpt": HDF5,
        "tf_model.h5": HDF5,
        "weights.bin": HDF5,
        "behind_user_block.h5": bytes(512) + HDF5,
        "net.keras": zipped("config.json"),
        "array.npy": b"\x93NUMPY\x01\x00v\0" + bytes(118),
        "arrays.npz": zipped("a.npy"),
        "model.onnx": b"\x08\x08\x12\x04test",
        "saved_model.pb": b"\x08\x01\x12\x04test",
        "net.mlmodel": RAW,
        "ner/model": b"\x81\xa5nodes\xc0",
        "lookups.bin": b"\x81\xablexeme_norm\xde\0\0",
        "patterns": b"\xdc\0\x01\x81\xa8patterns\x90",
        "new.mat": b"MATLAB 7.3 MAT-file".ljust(512, b"\0") + HDF5,
        "model.tflite": b"\x1c\0\0\0TFL3" + bytes(20),
        "labelled.tflite": self_extracting(b"\x1c\0\0\0TFL3" + bytes(20)),
        "net.nemo": tarred(),
        "old.keras": HDF5,
        "modeling.py": b"#!/usr/bin/env python\nimport torch\n",
        "template.jinja": b"{{ messages }}",
        "tree.pmml": b"<PMML/>",
        "data.zip": zipped(),
        "data.tar": tarred(),
        "saved_model.pbtxt": b"saved_model_schema_version: 1\n",
        "frozen.pbtxt": b'# a comment\n node { name: "a" op: "NoOp" }\n',
        "dumped_by_joblib.gz": zlib.compress(b"harmless"),
        "packed.zz": zlib.compress(b"harmless"),
        "data.json.gz": b"\x1f\x8b\x08\0" + bytes(20),
        "text_as.safetensors": b"not found",  # malformed, which its own check says
    }


def unknown() -> dict[str, bytes]:
    """Bytes that show nothing under names that say nothing."""
    return {
        "vectors.bin": b"9 100\nthe " + RAW,
        "weights.bin": RAW,
        "noise.dat": random.Random(7).randbytes(5000),
        "other.dat": b"\x80\x02" + RAW,
    }


def unread() -> dict[str, bytes]:
    """Files that nobody here can read."""
    return {
        "objects.bin": b"\xac\xed\0\x05" + RAW,
        "objects.dat": b"\0\x01\0\0\0\xff\xff\xff\xff\x01" + RAW,
        "code.bin": marshal.dumps(compile("a = 1", "a.py", "exec")),
        "frame.rda": b"RDX3\nX\n" + RAW,
        "model.ggml": b"lmgg" + bytes(40),
        "model.engine": RAW,
        "letter.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40),
        "model.bin": POINTER,
        "model.safetensors": POINTER,
    }


def wrong() -> dict[str, tuple[bytes, str]]:
    """Files that something is wrong with, and the rule that says so."""
    return {
        "libcustom.so": (ELF, "program"),
        "weights.bin": (ELF, "program"),
        "model.safetensors": (PE, "program"),
        "tool.exe": (PE, "program"),
        "readme.txt": (MACH_O, "program"),
        "bare.bin": (MACH_O[:8] + bytes(56), "program"),
        "Main.class": (JAVA, "program"),
        "code.jar": (zipped("Main.class"), "program"),
        "op.wasm": (WASM, "program"),
        "config.json": (PYC, "program"),
        "setup.msi": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "program"),
        "tokenizer.json": (SHEBANG, "disguised-script"),
        "model.onnx": (SHEBANG, "disguised-script"),
        "install.sh": (SHEBANG, "script"),
        "download.ps1": (b"Write-Host harmless\n", "script"),
        "run": (SHEBANG, "script"),
        "run.bin": (SHEBANG, "disguised-script"),
        "chunk.bin": (b"\x1bLua\x54" + bytes(40), "program"),
        "package.whl": (zipped("a.py"), "script"),
        "joined.safetensors": (safetensors() + zipped(), "polyglot"),
        "joined.gguf": (self_extracting(b"GGUF\x03\0\0\0" + bytes(16)), "polyglot"),
        "joined.png": (png() + zipped(), "polyglot"),
        "joined.pkl": (self_extracting(PICKLE), "polyglot"),
        "joined.txt": (b"text\n" + zipped(), "polyglot"),
        "trailing.png": (self_extracting(png()) + bytes(30), "polyglot"),
        "with_pickle.png": (png() + PICKLE, "polyglot"),
        "with_program.png": (png() + ELF, "polyglot"),
        "with_junk.png": (png() + b"junk", "appended"),
        "pickle.safetensors": (PICKLE, "disguised-pickle"),
        "pickle.gguf": (OLD_PICKLE, "disguised-pickle"),
        "pickle.json": (PICKLE, "disguised-pickle"),
        "pickle.txt": (OLD_PICKLE, "disguised-pickle"),
        "pickle.onnx": (PICKLE, "disguised-pickle"),
        "pickle.h5": (PICKLE, "disguised-pickle"),
        "pickle.png": (PICKLE, "disguised-pickle"),
        "pickle.mat": (PICKLE, "disguised-pickle"),
        "joined.mat": (MATLAB + zipped(), "polyglot"),
        "with_program.mat": (MATLAB + ELF, "polyglot"),
        "with_pickle.mat": (MATLAB + PICKLE, "polyglot"),
        "with_junk.mat": (MATLAB + b"junk", "appended"),
        "jpeg.png": (JPEG, "wrong-extension"),
        "archive.json": (zipped(), "wrong-extension"),
        "gguf.safetensors": (b"GGUF\x03\0\0\0" + bytes(16), "wrong-extension"),
        "hdf5.onnx": (HDF5, "wrong-extension"),
        "script.json": (b"import os\nos.getcwd()\n", "not-its-kind"),
        "binary.txt": (RAW, "not-its-kind"),
        "binary.py": (RAW, "not-its-kind"),
        "binary.jinja": (RAW, "not-its-kind"),
        "text.png": (b"no picture\n", "not-its-kind"),
    }
