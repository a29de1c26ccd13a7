"""Pickle opcodes used in ways no pickler does, so that a scanner reads another global than the reader."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.pickling import call, glob, hello, raw, reduce, stack_glob, text

_TRICKS = Technique("opcode tricks (memo, EXT, INST/OBJ, dotted names, BUILD)", "pickle-opcodes")
_FRAMES = Technique("frame straddling and protocol confusion", "pickle-frames")

_P = b"\x80\x04"
_COMMAND = text(ECHO)


def _long_text(value: str) -> bytes:
    return b"\x8d" + struct.pack("<Q", len(value)) + value.encode()


def _named(module: bytes, name: bytes) -> bytes:
    """STACK_GLOBAL of strings that come by these opcodes, then the call."""
    return _P + reduce(module + name + b"\x93", _COMMAND) + b"."


def tricks(dice: Dice) -> Iterator[Case]:
    """Other ways to name and to call the same function."""
    put, get = b"\x94", b"h\x00"
    yield _TRICKS.attack("inst.pkl", f"(S'{ECHO}'\nios\nsystem\n.".encode(), "INST")
    yield _TRICKS.attack("obj.pkl", b"(" + glob("os", "system") + _COMMAND + b"o.", "OBJ")
    yield _TRICKS.attack(
        "newobj.pkl", _P + stack_glob("subprocess", "Popen") + _COMMAND + b"\x85\x81.", "NEWOBJ"
    )
    named = stack_glob("subprocess", "Popen") + _COMMAND + b"\x85}\x92."
    yield _TRICKS.attack("newobj_ex.pkl", _P + named, "NEWOBJ_EX")
    yield _TRICKS.attack(
        "memo_module.pkl", _named(text("os") + put + b"0" + get, text("system")), "memoised module"
    )
    yield _TRICKS.attack(
        "memo_name.pkl", _named(text("os"), text("system") + put + b"0" + get), "memoised name"
    )
    both = text("system") + put + b"0" + text("os") + put + b"0"
    yield _TRICKS.attack(
        "memo_both.pkl", _P + both + reduce(b"h\x01h\x00\x93", _COMMAND) + b".", "both memoised"
    )
    binput = _P + text("os") + b"q\x050" + reduce(b"h\x05" + text("system") + b"\x93", _COMMAND) + b"."
    yield _TRICKS.attack("memo_binput.pkl", binput, "BINPUT and BINGET")
    long = (
        _P
        + text("os")
        + b"r\x00\x01\x00\x000"
        + reduce(b"j\x00\x01\x00\x00" + text("system") + b"\x93", _COMMAND)
    )
    yield _TRICKS.attack("memo_long_binput.pkl", long + b".", "LONG_BINPUT and LONG_BINGET")
    old = _P + text("os") + b"p700\n0" + reduce(b"g700\n" + text("system") + b"\x93", _COMMAND) + b"."
    yield _TRICKS.attack("memo_put_text.pkl", old, "PUT and GET by decimal number")
    twice = (
        _P
        + text("json")
        + b"q\x000"
        + text("os")
        + b"q\x000"
        + reduce(get + text("system") + b"\x93", _COMMAND)
    )
    yield _TRICKS.attack("memo_overwritten.pkl", twice + b".", "the memo is overwritten before it is read")
    kept = _P + stack_glob("os", "system") + b"\x940" + reduce(get, _COMMAND) + b"."
    yield _TRICKS.attack("memo_function.pkl", kept, "the function itself is kept in the memo")
    yield _TRICKS.attack(
        "dup_function.pkl", _P + stack_glob("os", "system") + b"2" + b"(" + _COMMAND + b"tR.", "DUP"
    )
    dotted = _P + reduce(text("collections") + text("_sys.modules.__class__") + b"\x93", _COMMAND) + b"."
    yield _TRICKS.attack("dotted_name.pkl", dotted, "a dotted name walks attributes from a harmless module")
    for module, name in (("json", "codecs.builtins.exec"), ("logging", "os.system"), ("torch", "os.system"),
                         ("numpy", "f2py.os.system"), ("collections", "abc.sys.modules")):  # fmt: skip
        data = _P + reduce(stack_glob(module, name), _COMMAND) + b"."
        yield _TRICKS.attack(f"dotted_{module}.pkl", data, f"{module} + {name}")
    wide = _named(_long_text("os"), _long_text("system"))
    yield _TRICKS.attack("binunicode8.pkl", wide, "names by BINUNICODE8")
    yield _TRICKS.attack("unicode_lines.pkl", _named(b"Vos\n", b"Vsystem\n"), "names by UNICODE lines")
    yield _TRICKS.attack("unicode_escape.pkl", _named(b"V\\u006fs\n", b"V\\u0073ystem\n"), "names by escapes")
    binstring = _named(b"U\x02os", b"U\x06system")
    yield _TRICKS.attack("short_binstring.pkl", binstring, "names by SHORT_BINSTRING")
    yield _TRICKS.attack("string_lines.pkl", _named(b"S'os'\n", b'S"sys\\x74em"\n'), "names by quoted lines")
    yield _TRICKS.attack(
        "names_after_pop.pkl", _named(text("os") + text("x") + b"0", text("system")), "POP between"
    )
    mark = _named(text("os"), b"(NN1" + text("system"))
    yield _TRICKS.attack("names_after_pop_mark.pkl", mark, "POP_MARK between")
    for opcode, width in ((b"\x82", "<B"), (b"\x83", "<H"), (b"\x84", "<I")):
        data = _P + opcode + struct.pack(width, 7) + _COMMAND + b"\x85R."
        yield _TRICKS.hidden(f"ext_{width[1:]}.pkl", data, "EXT: a callable of the extension registry")
    registered = _P + reduce(stack_glob("copyreg", "add_extension"), text("os"), text("system"), b"K\x07")
    yield _TRICKS.attack(
        "ext_registered.pkl", registered + b"0\x82\x07" + _COMMAND + b"\x85R.", "registers, then EXT"
    )
    state = _P + stack_glob("os", "system") + b"(Kd\x85" + _COMMAND + b"d" + b"b."
    yield _TRICKS.attack("build_on_function.pkl", state, "BUILD on a function")
    setter = (
        reduce(stack_glob("builtins", "object")) + b"}" + text("__setstate__") + stack_glob("os", "system")
    )
    yield _TRICKS.attack(
        "build_setstate.pkl", _P + setter + b"sb" + _COMMAND + b"b.", "BUILD that sets __setstate__"
    )
    slots = (
        stack_glob("collections", "OrderedDict")
        + b")R(N}"
        + text("__class__")
        + stack_glob("os", "_wrap_close")
    )
    yield _TRICKS.attack("build_class.pkl", _P + slots + b"stb.", "BUILD that swaps the class")
    types = reduce(stack_glob("types", "CodeType"), *[b"K\x00"] * 6, raw(b"d\x00S\x00"))
    yield _TRICKS.attack("code_object.pkl", _P + types + b".", "makes a code object")
    func = reduce(stack_glob("types", "FunctionType"), types, b"}")
    yield _TRICKS.attack("function_object.pkl", _P + func + b".", "makes a function of a code object")
    mapped = reduce(stack_glob("builtins", "map"), stack_glob("os", "system"), b"](" + _COMMAND + b"e")
    yield _TRICKS.attack(
        "map_list.pkl", _P + reduce(stack_glob("builtins", "list"), mapped) + b".", "list(map(...))"
    )
    folded = reduce(stack_glob("functools", "reduce"), stack_glob("os", "system"), b"](" + _COMMAND + b"Ne")
    yield _TRICKS.attack("functools_reduce.pkl", _P + folded + b".", "functools.reduce")
    partial = reduce(stack_glob("functools", "partial"), stack_glob("os", "system"), _COMMAND)
    yield _TRICKS.attack("partial_call.pkl", _P + reduce(partial) + b".", "calls a functools.partial")
    caller = reduce(
        reduce(stack_glob("operator", "methodcaller"), text("system"), _COMMAND), glob("os", "__dict__")
    )
    yield _TRICKS.attack("methodcaller.pkl", _P + caller + b".", "operator.methodcaller")
    getter = reduce(reduce(stack_glob("operator", "attrgetter"), text("system")), reduce(
        stack_glob("importlib", "import_module"), text("os")))  # fmt: skip
    yield _TRICKS.attack(
        "attrgetter.pkl", _P + reduce(getter, _COMMAND) + b".", "operator.attrgetter of a module"
    )
    yield _TRICKS.attack(
        "module_spaces.pkl", _named(text("os"), text("system")) + b" " * 40, "blanks at the end"
    )
    for name, module in (("upper", "OS"), ("trailing_dot", "os."), ("path", "os/../os")):
        yield _TRICKS.hidden(f"odd_module_{name}.pkl", call(module, "system"), f"module '{module}'")
    tail = (
        b"\x80\x04"
        + text("os")
        + b"\x94"
        + text("system")
        + b"\x94\x93\x94"
        + _COMMAND
        + b"\x94\x85\x94R\x94."
    )
    yield _TRICKS.attack("all_memoised.pkl", tail, "as the C pickler writes it")


def frames(dice: Dice) -> Iterator[Case]:
    """FRAME says where a frame ends; readers differ in whether they mind."""
    body = reduce(stack_glob("os", "system"), _COMMAND) + b"."

    def frame(size: int) -> bytes:
        return b"\x95" + struct.pack("<Q", size)

    yield _FRAMES.attack("frame_short.pkl", _P + frame(5) + body, "an opcode straddles the end of its frame")
    yield _FRAMES.attack("frame_zero.pkl", _P + frame(0) + body, "a frame of 0 bytes")
    yield _FRAMES.attack("frame_long.pkl", _P + frame(1 << 20) + body, "a frame beyond the end")
    yield _FRAMES.attack(
        "frame_in_frame.pkl", _P + frame(len(body) + 9) + frame(len(body)) + body, "nested frames"
    )
    yield _FRAMES.attack(
        "frame_in_text.pkl", _P + frame(4) + b"\x8c\x02os" + frame(len(body)) + body, "two frames"
    )
    for cut in (1, 3, 6, 10):
        split = _P + frame(cut) + body[:cut] + frame(len(body) - cut) + body[cut:]
        yield _FRAMES.hidden(f"frame_cut_{cut}.pkl", split, f"a new frame begins within an opcode, at {cut}")
    yield _FRAMES.attack(
        "frame_old_protocol.pkl", b"\x80\x02" + frame(len(body)) + body, "FRAME in protocol 2"
    )
    yield _FRAMES.attack("frame_unneeded.pkl", _P + body, "no frame although protocol 4")
    old = b"\x80\x00" + glob("os", "system") + b"(" + _COMMAND + b"tR."
    yield _FRAMES.attack("protocol_0_binary.pkl", old, "binary opcodes under protocol 0")
    yield _FRAMES.attack("protocol_twice.pkl", b"\x80\x04\x80\x02" + body, "PROTO twice")
    yield _FRAMES.attack("stop_inside.pkl", hello()[:-1] + b"0" + body, "drops a dict, then calls")
