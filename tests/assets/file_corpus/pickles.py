"""Pickles that call at once, that go on after harmless content, that break, and that hide another."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import binascii
import pickle
import struct
import zlib
from collections.abc import Iterator

from tests.assets.file_corpus.files import ECHO, MARKER, Case, Dice, Technique
from tests.assets.file_corpus.pickling import (
    call,
    framed,
    glob,
    hello,
    in_dict,
    old_call,
    raw,
    reduce,
    stack_glob,
    text,
)

_BASIC = Technique("pickle basic, incl. mixed into benign content", "pickle-basic")
_STREAMS = Technique("multi-stream / payload late in the file", "pickle-streams")
_BROKEN = Technique("broken stream after payload", "pickle-broken")
_NESTED = Technique("nested (base64/hex/raw pickle in pickle)", "pickle-nested")

_PYTHON = f"import os; os.system('{ECHO}')"


def basic(dice: Dice) -> Iterator[Case]:
    """The plain `__reduce__` attack in each protocol, by each well-known callable."""
    for protocol in range(6):
        data = old_call("posix", "system") if protocol == 0 else call("posix", "system", protocol=protocol)
        yield _BASIC.attack(f"posix_system_{protocol}.pkl", data, f"posix.system, protocol {protocol}")
    for module, name in (
        ("os", "system"), ("nt", "system"), ("os", "popen"), ("subprocess", "getoutput"),
        ("subprocess", "call"), ("subprocess", "Popen"), ("subprocess", "check_output"), ("subprocess", "run"),
    ):  # fmt: skip
        yield _BASIC.attack(f"{module}_{name}.pkl", call(module, name), f"{module}.{name}(echo)")
    for builtins in ("builtins", "__builtin__"):
        for name in ("eval", "exec", "compile"):
            data = call(builtins, name, text(_PYTHON), protocol=2)
            yield _BASIC.attack(f"{builtins}_{name}.pkl", data, f"{builtins}.{name} of source code")
    opened = call("builtins", "open", text(MARKER), text("w"))
    yield _BASIC.attack("open_for_writing.pkl", opened, "empties a file")
    read = call("builtins", "open", text("/etc/passwd"))
    yield _BASIC.attack("open_passwd.pkl", read, "opens a file of the host")
    imported = call("builtins", "__import__", text("this"))
    yield _BASIC.attack("import_module.pkl", imported, "imports a module by name")
    looked_up = call("builtins", "getattr", glob("builtins", "str"), text("__class__"))
    yield _BASIC.attack("getattr.pkl", looked_up, "walks attributes by getattr")
    payload = reduce(stack_glob("os", "system"), text(ECHO))
    yield _BASIC.attack("in_dict.pkl", in_dict(payload), "a call as one value of a dict")
    yield _BASIC.attack("in_list.pkl", b"\x80\x04](K\x01" + payload + b"e.", "a call among list items")
    yield _BASIC.attack("framed.pkl", framed(payload + b"."), "a call in a frame")
    weights = dice.values(4000)
    yield _BASIC.attack(
        "after_weights.pkl", b"\x80\x04" + raw(weights) + b"0" + payload + b".", "bytes first"
    )
    many = pickle.dumps({f"layer.{i}": list(range(50)) for i in range(200)}, 4)
    yield _BASIC.attack("after_many_values.pkl", many[:-1] + payload + b"0.", "4 kB of values, then a call")
    yield _BASIC.attack(
        "result_dropped.pkl", b"\x80\x04" + payload + b"0}.", "a call, its result dropped: {}"
    )
    yield _BASIC.attack("as_dict_key.pkl", b"\x80\x04}" + payload + b"K\x01s.", "a call as the key of a dict")
    yield _BASIC.attack("in_set.pkl", b"\x80\x04\x8f(" + payload + b"\x90.", "a call in a set")


def streams(dice: Dice) -> Iterator[Case]:
    """The payload is not in the first stream, or far from the beginning."""
    bad = call("os", "system")
    yield _STREAMS.attack("second_stream.pkl", hello() + bad, "a second pickle after the first")
    yield _STREAMS.attack("third_stream.pkl", hello() * 2 + bad, "a third pickle")
    yield _STREAMS.attack("hundredth_stream.pkl", hello() * 99 + bad, "the hundredth pickle")
    yield _STREAMS.attack("after_newlines.pkl", hello() + b"\n" * 4 + bad, "a second pickle after newlines")
    yield _STREAMS.attack("after_zeros.pkl", hello() + bytes(64) + bad, "a second pickle after zeros")
    yield _STREAMS.attack("after_noise.pkl", hello() + dice.random.randbytes(57) + bad, "after random bytes")
    yield _STREAMS.attack("old_in_second.pkl", hello() + old_call("os", "system"), "protocol 0 as the second")
    block = dice.random.randbytes(1 << 20)
    yield _STREAMS.attack(
        "after_1_mib.pkl", b"\x80\x04" + raw(block) + b"0" + bad[2:], "after 1 MiB of bytes"
    )
    opcodes = b"\x80\x04" + b"N0" * 400_000 + bad[2:]
    yield _STREAMS.attack("after_800_000_opcodes.pkl", opcodes, "after 800,000 opcodes that do nothing")
    memoised = b"\x80\x04" + b"".join(b"K\x01q" + bytes([i % 256]) + b"0" for i in range(50_000)) + bad[2:]
    yield _STREAMS.attack("after_memo_opcodes.pkl", memoised, "after 150,000 memo opcodes")


def broken(dice: Dice) -> Iterator[Case]:
    """The payload runs before the fault is met, so the fault excuses nothing."""
    done = call("os", "system")[:-1]
    old = old_call("os", "system")[:-1]
    endings = {
        "no_stop": b"", "bad_opcode": b"\xff", "underflow": b"000000", "short_string": b"X\xff\xff\xff\x7fab",
        "text_bad_utf8": b"\x8c\x02\xff\xfe0.", "missing_memo": b"h\x7f.", "extension": b"\x82\x99.",
        "negative_long": b"\x8b\xff\xff\xff\xff.", "persistent": b"Q.", "frame_beyond": b"\x95" + b"\xff" * 8 + b".",
        "noise": dice.random.randbytes(40), "protocol_9": b"\x80\x09.", "buffer": b"\x97.", "readonly": b"\x98.",
        "append_to_int": b"K\x01K\x02a.", "mark_missing": b"t.",
    }  # fmt: skip
    for name, ending in endings.items():
        yield _BROKEN.attack(f"{name}.pkl", done + ending, f"calls, then breaks: {name}")
    for name in ("bad_opcode", "short_string"):
        yield _BROKEN.attack(f"old_{name}.pkl", old + endings[name], f"protocol 0 calls, then breaks: {name}")
    yield _BROKEN.attack("protocol_not_first.pkl", b"N0" + done + b".", "PROTO is not the first opcode")
    yield _BROKEN.attack("protocol_7.pkl", b"\x80\x07" + done[2:] + b".", "a protocol that does not exist")
    yield _BROKEN.malformed("truncated.pkl", pickle.dumps(list(range(1000)))[:700], "ends in the middle")
    yield _BROKEN.malformed("empty.pkl", b"", "no bytes")
    yield _BROKEN.malformed(
        "noise_only.pkl", b"\x80\x04" + dice.random.randbytes(200), "random after the protocol"
    )
    yield _BROKEN.malformed(
        "huge_claim.pkl", b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"ab", "1 EiB said"
    )


def nested(dice: Dice) -> Iterator[Case]:
    """A pickle in a pickle, and the call that would load it (or none: the reader would)."""
    inner = call("os", "system")
    loads = stack_glob("pickle", "loads")

    def decoded(module: str, name: str, packed: bytes) -> bytes:
        return b"\x80\x04" + reduce(loads, reduce(stack_glob(module, name), packed)) + b"."

    yield _NESTED.attack("loads_of_bytes.pkl", call("pickle", "loads", raw(inner)), "pickle.loads of bytes")
    yield _NESTED.attack(
        "c_loads_of_bytes.pkl", call("_pickle", "loads", raw(inner)), "_pickle.loads of bytes"
    )
    yield _NESTED.attack("dill_loads.pkl", call("dill", "loads", raw(inner)), "dill.loads of bytes")
    yield _NESTED.attack(
        "cloudpickle_loads.pkl", call("cloudpickle", "loads", raw(inner)), "cloudpickle.loads"
    )
    coded = base64.b64encode(inner)
    yield _NESTED.attack(
        "loads_base64.pkl", decoded("base64", "b64decode", text(coded.decode())), "of base64"
    )
    yield _NESTED.attack(
        "loads_hex.pkl", decoded("binascii", "unhexlify", text(inner.hex())), "of hex digits"
    )
    yield _NESTED.attack(
        "loads_zlib.pkl", decoded("zlib", "decompress", raw(zlib.compress(inner))), "of zlib"
    )
    yield _NESTED.attack(
        "loads_a85.pkl", decoded("base64", "a85decode", raw(base64.a85encode(inner))), "of base85"
    )
    yield _NESTED.attack(
        "loads_uu.pkl", decoded("binascii", "a2b_uu", raw(binascii.b2a_uu(inner[:40]))), "of uu"
    )
    yield _NESTED.attack(
        "loads_codecs.pkl", decoded("codecs", "decode", text(inner.hex()) + text("hex")), "codecs"
    )
    twice = call("pickle", "loads", raw(call("pickle", "loads", raw(inner))))
    yield _NESTED.attack("loads_of_loads.pkl", twice, "pickle.loads of pickle.loads")
    source = f"import pickle; pickle.loads(bytes.fromhex('{inner.hex()}'))"
    yield _NESTED.attack("exec_of_loads.pkl", call("builtins", "exec", text(source)), "exec of pickle.loads")
    torch = call("torch.storage", "_load_from_bytes", raw(inner))
    yield _NESTED.attack("load_from_bytes.pkl", torch, "torch.storage._load_from_bytes of a hostile pickle")
    yield _NESTED.attack(
        "torch_load.pkl", call("torch", "load", text("other.pt")), "torch.load of another file"
    )
    joblib = call("joblib", "load", text("other.joblib"))
    yield _NESTED.attack("joblib_load.pkl", joblib, "joblib.load of another file")
    yield _NESTED.attack(
        "pandas_read.pkl", call("pandas", "read_pickle", text("http://127.0.0.1/x")), "fetches one"
    )
    yield _NESTED.attack("unpickler_class.pkl", call("pickle", "Unpickler", raw(inner)), "makes an Unpickler")
