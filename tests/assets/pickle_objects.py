"""Pickles that do harm with the objects that they make, and honest ones that look alike; never loaded."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import pickle
import struct
from typing import Final

from tests.assets.pickle_cases import calling, short
from tests.assets.pickle_tricks import calls, name

_MAGIC: Final = 0x1950A86A20F9469CFC6C
# What torch writes before the pickle of the object itself.
_LEGACY_HEAD: Final = b"".join(
    pickle.dumps(value, 2) for value in (_MAGIC, 1001, {"protocol_version": 1001, "little_endian": True})
)
_LEGACY: Final = _LEGACY_HEAD + pickle.dumps({}, 2) + pickle.dumps([], 2)
_HOSTILE: Final = calling("os", "system", protocol=2) + pickle.dumps([], 2)


_PATH: Final = "pathlib", "PosixPath"


def _call(module: str, attribute: str, *args: bytes) -> bytes:
    """Only the instructions of the call."""
    return calls(module, attribute, *args)[2:-1]


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _dict(*items: bytes) -> bytes:
    return b"}(" + b"".join(items) + b"u"


def _raw(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def _byte_array(data: bytes) -> bytes:
    return b"\x96" + struct.pack("<Q", len(data)) + data


def _unpickling(*content: bytes) -> bytes:
    return b"\x80\x05" + name("torch.storage", "_load_from_bytes") + b"".join(content) + b"\x85R."


def changed_bytes() -> dict[str, bytes]:
    """Calls of torch's loader with a byte array that is filled after it was made."""
    items = b"".join(b"K" + bytes([byte]) for byte in _HOSTILE)
    pairs = b"".join(
        _number(len(_LEGACY_HEAD) + at) + b"K" + bytes([byte]) for at, byte in enumerate(_HOSTILE)
    )
    padded = _byte_array(_LEGACY_HEAD + bytes(len(_HOSTILE)))
    return {
        "appended": _unpickling(_byte_array(_LEGACY_HEAD), b"(", items, b"e"),
        "one_by_one": _unpickling(
            _byte_array(_LEGACY_HEAD), b"".join(b"K" + bytes([byte]) + b"a" for byte in _HOSTILE)
        ),
        "overwritten": _unpickling(padded, b"(", pairs, b"u"),
        "as_it_is": _unpickling(_byte_array(_LEGACY)),
        "zip": _unpickling(_raw(b"PK\x03\x04" + bytes(30))),
    }


def cut_off_torch_files() -> dict[str, bytes]:
    """Files of torch inside a pickle that end early."""
    return {
        "head": _unpickling(_raw(_LEGACY_HEAD)),
        "in_an_object": _unpickling(_raw(_LEGACY_HEAD + pickle.dumps({"a": 1}, 2)[:-1])),
        "not_handed_on": b"\x80\x04" + _raw(_LEGACY_HEAD) + b".",
    }


def _path() -> bytes:
    return _call(*_PATH, short("/nowhere"))


def _method(of: bytes, attribute: str) -> bytes:
    return _call("builtins", "getattr", of, short(attribute))


def _bag(attribute: str, value: bytes) -> bytes:
    """An object with one attribute."""
    return _call("types", "SimpleNamespace") + _dict(short(attribute), value) + b"b"


def _by_torch(function: bytes, *args: bytes) -> bytes:
    """What torch rebuilds a tensor of a class of its own with."""
    kept = name("torch", "Tensor")
    return _call("torch._tensor", "_rebuild_from_type_v2", function, kept, _tuple(*args), b"}")


def _whole(body: bytes) -> bytes:
    return b"\x80\x05" + body + b"."


def called_methods() -> dict[str, bytes]:
    """Methods of instances that loading calls, or that write and delete files."""
    array = _call("numpy", "ndarray", b"K\x04\x85")
    strip = _method(_call("builtins", "bytearray"), "strip")
    later = _call("functools", "partial", name("torch.nn.functional", "relu"))
    bodies = {
        "written_by_torch": _by_torch(_method(_path(), "write_text"), short("x")),
        "deleted_by_torch": _by_torch(_method(_path(), "unlink")),
        "array_written_by_torch": _by_torch(_method(array, "tofile"), short("/nowhere")),
        "prepared_call_by_torch": _by_torch(later),
        "bytes_by_torch": _by_torch(name("torch.storage", "_load_from_bytes"), _raw(_LEGACY)),
        "text_by_torch": _by_torch(name("_codecs", "encode"), short("x"), short("latin1")),
        "deleted_by_dill": _call("dill._dill", "_create_array", _method(_path(), "unlink"), b")", b")"),
        "called_until_it_ends": _call("builtins", "iter", strip, b"K\x00"),
        "only_picked": _method(_path(), "rename"),
        "picked_in_two_steps": _method(_method(_bag("x", _path()), "x"), "unlink"),
        "appended": _bag("append", strip) + b"Na",
        "extended": _bag("extend", strip) + b"(Ne",
        "added": _bag("add", strip) + b"(N\x90",
        "state_set_twice": _bag("x", strip) + b"}b",
    }  # fmt: skip
    return {case: _whole(body) for case, body in bodies.items()}


def kept_methods() -> dict[str, bytes]:
    """Methods of instances that an honest object keeps."""
    generator = _call("numpy.random._pickle", "__randomstate_ctor", short("MT19937"))
    pattern = _call("re", "_compile", short("a+"), b"K\x20")
    model = name("acme.models", "Model") + b")\x81"
    bodies = {
        "of_a_generator": _dict(short("rate"), _method(generator, "uniform")),
        "of_a_pattern": _dict(short("tokenize"), _method(pattern, "findall")),
        "of_a_table": _dict(short("add"), _method(_call("collections", "OrderedDict"), "get")),
        "of_a_path": _dict(short("name"), _method(_path(), "joinpath")),
        "of_a_model": _call("acme.pipes", "Step", _method(model, "predict")),
        "prepared": _call("functools", "partial", _method(pattern, "sub"), short("b")),
        "factory": _call("collections", "defaultdict", _method(generator, "random")),
        "list_of_a_class": model + b"(NNe" + _dict(short("append"), b"N") + b"b",
    }  # fmt: skip
    return {case: _whole(body) for case, body in bodies.items()}


def _type(code: str, *, of: bytes = b"N", fields: bytes = b"N", size: int = -1, marks: int = 0) -> bytes:
    """An element type of numpy with its state."""
    names = b"N" if fields == b"N" else _tuple(short("a"))
    state = _tuple(b"K\x03", short("|"), of, names, fields, _number(size), b"K\x01", _number(marks))
    return _call("numpy", "dtype", short(code), b"\x89", b"\x88") + state + b"b"


_OBJECT: Final = _type("O8", marks=63)
_DOUBLE: Final = _type("f8")


def _field(of: bytes, at: int = 0) -> bytes:
    return _dict(short("a"), _tuple(of, _number(at)))


def _generator(position: bytes) -> bytes:
    inner = _dict(short("key"), b"N", short("pos"), position)
    state = _dict(short("bit_generator"), short("MT19937"), short("state"), inner)
    return _call("numpy.random._pickle", "__randomstate_ctor", short("MT19937")) + state + b"b"


def lying_states() -> dict[str, bytes]:
    """States that make numpy read what is not there, or take numbers for objects."""
    fields = _field(_OBJECT)
    made_new = _call("copyreg", "__newobj__", name("numpy", "dtype"), short("V8"))
    state = _tuple(b"K\x03", short("|"), b"N", _tuple(short("a")), fields, b"K\x08", b"K\x01", b"K\x00")
    legacy = _tuple(short("MT19937"), b"N", _number(9999), b"K\x00", b"K\x00")
    bodies = {
        "object_not_marked": _type("O8"),
        "object_in_a_field": _type("V8", fields=fields, size=8),
        "object_in_an_array": _type("V8", of=_tuple(_OBJECT, _tuple(b"K\x01")), size=8),
        "object_in_a_field_of_a_field": _type("V8", fields=_field(_type("V8", fields=fields, size=8, marks=27)), size=8),
        "object_by_its_class": _type("V8", fields=_field(_call("numpy", "dtype", name("builtins", "object"))), size=8),
        "made_by_copyreg": made_new + state + b"b",
        "state_out_of_the_memo": state + b"\x940" + _call("numpy", "dtype", short("V8")) + b"h\x00b",
        "fields_out_of_the_memo": fields + b"\x940" + _type("V8", fields=b"h\x00", size=8),
        "changed_when_used": b"}\x940h\x00(" + short("a") + _tuple(_DOUBLE, b"K\x00") + b"u0" + _type("V8", fields=b"h\x00", size=8) + b"0h\x00(" + short("a") + _tuple(_OBJECT, b"K\x00") + b"u",
        "hidden_beside_another": _type("V8", fields=b"}" + short("b") + b"Ns(" + short("a") + _tuple(_DOUBLE, b"K\x00") + b"u", size=8),
        "field_far_away": _type("V8", fields=_field(_DOUBLE, 99_999), size=8),
        "array_longer_than_its_element": _type("V8", of=_tuple(_DOUBLE, _tuple(_number(99_999))), size=8),
        "size_below_zero": _type("V8", size=-8),
        "position_of_a_generator": _generator(_number(1_000_000)),
        "position_below_zero": _generator(_number(-1)),
        "position_computed": _generator(_call("builtins", "int", short("9999"))),
        "position_as_of_old": _call("numpy.random._pickle", "__randomstate_ctor", short("MT19937")) + legacy + b"b",
    }  # fmt: skip
    return {case: _whole(body) for case, body in bodies.items()}


def _great(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def _doubled(times: int) -> bytes:
    """A tuple of a tuple of ... twice over, each of which lies in the memo."""
    steps = (b"0h" + bytes([at]) + b"h" + bytes([at]) + b"\x86q" + bytes([at + 1]) for at in range(times))
    return b"K\x01q\x00" + b"".join(steps)


def endless_calls() -> dict[str, bytes]:
    """Pickles of some bytes that take memory or time without end."""
    series = _call("builtins", "range", _great(1 << 40))
    tower = _doubled(40)
    objects = _tuple(b"K\x01", _tuple(_great(1 << 36)), _OBJECT, b"\x89", b"]")
    array = _call("numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray"), b"K\x00\x85", _raw(b"b"))
    bodies = {
        "key": tower + b"0}h\x28Ns",
        "key_among_others": tower + b"0}(K\x01Nh\x28Nu",
        "key_of_a_table_in_one": b"(" + tower + b"Nd",
        "member_of_a_set": tower + b"0\x8f(h\x28\x90",
        "member_of_a_frozen_set": b"(" + tower + b"\x91",
        "member_of_a_list": tower + b"0]h\x28a",
        "doubled_on_the_stack": b"}K\x01\x85" + b"2\x86" * 1200 + b"Ns",
        "in_a_tuple_by_a_call": tower + b"0}" + _call("builtins", "tuple", b"h\x28\x85") + b"Ns",
        "hashed_by_a_call": tower + b"0" + _call("builtins", "set", b"h\x28"),
        "list_of_a_range": _call("builtins", "list", series),
        "bytes_of_a_range": _call("builtins", "bytes", series),
        "set_of_a_range_in_another": _call("builtins", "set", _call("builtins", "iter", series)),
        "list_of_a_network": _call("builtins", "list", _call("ipaddress", "IPv6Network", short("::/0"))),
        "queue_without_end": _call("collections", "deque", _call("itertools", "count")),
        "counter": _call("collections", "Counter", _call("builtins", "range", b"K\x00", _great(-(1 << 40)), _number(-1))),
        "fraction": _call("fractions", "Fraction", short("1e3000000000")),
        "fraction_of_a_decimal": _call("fractions", "Fraction", _call("decimal", "Decimal", short("1E-9999999"))),
        "number": _call("builtins", "int", _call("decimal", "Decimal", short("1E+999999999999"))),
        "storage": _call("torch", "FloatStorage", _great(1 << 40)),
        "tensor": _call("torch", "Tensor", _number(10**6), _number(10**5)),
        "array": _call("numpy", "ndarray", _tuple(_number(10**6), _number(10**5)), short("O")),
        "wide_array": _call("numpy", "ndarray", _tuple(_number(10**6)), short("V1000000")),
        "array_to_be_filled": _call("numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray"), _tuple(_great(1 << 40)), _raw(b"b")),
        "new_array": name("numpy", "ndarray") + _tuple(_tuple(_great(1 << 40))) + b"\x81",
        "array_of_more_objects_than_the_file_has": array + objects + b"b",
    }  # fmt: skip
    return {case: _whole(body) for case, body in bodies.items()}


def costly_but_honest() -> dict[str, bytes]:
    """What resembles them and takes no longer than it is long."""
    bodies = {
        "tower_that_is_kept": _doubled(40),
        "small_tower": _doubled(9) + b"0}h\x09Ns",
        "nested_often": b"}K\x01\x85" + b"K\x01\x86" * 500 + b"Ns",
        "range": _call("builtins", "range", _great(1 << 40)),
        "list_of_a_range": _call("builtins", "list", _call("builtins", "range", b"K\x09")),
        "network": _call("ipaddress", "IPv4Network", short("10.0.0.0/8")),
        "decimal": _call("decimal", "Decimal", short("1E+999999999999")),
        "fraction": _call("fractions", "Fraction", short("1/3")),
        "number": _call("builtins", "int", _call("decimal", "Decimal", short("12.5E2"))),
        "storage": _call("torch", "FloatStorage", _number(4)),
        "array": _call("numpy", "ndarray", _tuple(_number(1000), _number(1000)), short("f8")),
    }  # fmt: skip
    return {case: _whole(body) for case, body in bodies.items()}
