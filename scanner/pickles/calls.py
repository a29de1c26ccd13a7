"""What the calls of a pickle do: whether with these arguments they can do harm, and what they hand on.

Some names are harmless or not by their arguments: `getattr(Colour, "RED")` picks a constant, and
`getattr(Colour, "__init__")` is the first step to anything. Here the calls are followed on stand-ins, so that
what `getattr` reaches is judged under its own name, and a function that is handed to something that may call
it counts as called.

>>> import io
>>> from scanner.pickles.stream import ByteStream
>>> machine = Machine(ByteStream(io.BytesIO()))
>>> colour = machine.name("shop.paint", "Colour")
>>> call(machine, machine.name("builtins", "getattr"), (colour, "RED")).path
'shop.paint.Colour.RED'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from scanner.pickles.costs import charge, made_by
from scanner.pickles.globals import Tier, classify, is_function
from scanner.pickles.hidden import from_latin
from scanner.pickles.machine import Conduct, Machine
from scanner.pickles.methods import FUNCTION_MAKERS, is_function_made, key_of, only_keeps, touches_files
from scanner.pickles.stand_ins import Constant, Made
from scanner.pickles.starts import TORCH_START
from scanner.pickles.stream import HIDDEN, GlobalUse

RETURNED: Final = "what another call returned"
_IDENTIFIER: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# A tuple: what a pickle made may have no hash.
_PLAIN_ENCODINGS: Final = ("latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii")
# Names grow with every attribute that is reached for.
_PATH_LIMIT: Final = 256
# Text that is Python or a line for a shell, and no name or setting of a model.
_PROGRAM: Final = re.compile(
    r"__import__\(|\b(os|subprocess|sys|socket|shutil)\.\w+\(|\b(exec|eval)\(|^\s*(import|from) \w+"
    r"|/bin/\w*sh\b|\b(curl|wget|powershell)\s|\brm -rf?\s|^(echo|touch|bash|sh|chmod|nc) \S|^whoami$"
)
# They keep a function for later; with all others a function among the arguments may be called at once.
_HOLDERS: Final = frozenset({
    ("collections", "defaultdict"), ("spacy.vocab", "unpickle_vocab"),
})  # fmt: skip
# They make a class, which may be called; nothing else that a call returns may.
_CLASS_MAKERS: Final = frozenset({
    ("dill._dill", "_load_type"), ("dill._dill", "_create_type"), ("dill._dill", "_create_namedtuple"),
    ("cloudpickle.cloudpickle", "_make_skeleton_class"), ("cloudpickle.cloudpickle", "_make_skeleton_enum"),
})  # fmt: skip
_CODE_TYPES: Final = frozenset({"CodeType", "FunctionType", "MethodType", "ModuleType", "BuiltinMethodType"})
_TYPE_MODULES: Final = frozenset({"typing", "collections.abc"})
# Attributes that Python itself calls; whoever stores a function under one has it called later.
_HOOKS: Final = frozenset({
    "__setstate__", "__getstate__", "__reduce__", "__reduce_ex__", "__getattr__", "__getattribute__",
    "__setattr__", "__call__", "__init__", "__new__", "__del__", "__code__", "__globals__", "__builtins__",
    "__import__", "__getnewargs__", "__getnewargs_ex__", "__bases__", "__defaults__", "__init_subclass__",
})  # fmt: skip
_REBUILDING: Final = re.compile(r"torch\._utils\._rebuild_\w+|numpy[\w.]*\._(ma)?reconstruct")
_Args = tuple[object, ...]
_Rule = Callable[[Machine, GlobalUse, Conduct, _Args], object]


def call(machine: Machine, callee: object, args: object, *, is_class: bool = False) -> object:
    """A stand-in for what this call returns; what it means for the names in it is noted down.

    Args:
        machine: What runs the pickle.
        callee: What is called.
        args: Its arguments, or a stand-in for too many of them.
        is_class: Whether only a class can be called by this instruction, and only to make an instance.
    """
    known = args if isinstance(args, tuple) else ()
    if isinstance(callee, GlobalUse):
        conduct = machine.conduct_of(callee)
        conduct.is_called = conduct.is_called or not is_class
        charge(machine, callee, known)
        rule = _RULES.get(key_of(callee))
        if rule is not None:
            return rule(machine, callee, conduct, known)
        if key_of(callee) not in _HOLDERS and not is_class:
            _hand_over(machine, callee, known)
            _hand_over_text(machine, callee, known)
        return made_by(callee, machine.kept_of(callee, known), known)
    if not is_class and not _is_class(callee):
        machine.blame(machine.name(HIDDEN, RETURNED), "it is called without having a name")
    return Made(None)


def store(machine: Machine, key: object, value: object) -> None:
    """Notes down what it means that `value` is stored under `key`."""
    if not isinstance(key, str) or key not in _HOOKS:
        return
    if isinstance(value, GlobalUse):
        machine.conduct_of(value).is_called = True
    elif isinstance(value, Made) and (value.maker is None or key_of(value.maker) in FUNCTION_MAKERS):
        machine.blame(machine.name(HIDDEN, RETURNED), f"Python calls it as {key}")


def _hand_over(machine: Machine, callee: GlobalUse, args: _Args) -> None:
    for item in args:
        if isinstance(item, GlobalUse):
            machine.conduct_of(item).is_called = True
        elif is_function_made(item) and not only_keeps(callee):
            machine.blame(machine.name(HIDDEN, RETURNED), f"it is handed to {callee.path}, which may call it")


def _hand_over_text(machine: Machine, callee: GlobalUse, args: _Args) -> None:
    """A function that nobody knows, called with the text of a program, is there to run it."""
    if not any(isinstance(item, str) and _PROGRAM.search(item) for item in args):
        return
    verdict = classify(callee.module, callee.name)
    if verdict.tier is Tier.INSTANCE and not verdict.is_listed and is_function(callee.name):
        machine.blame(callee, "it is handed the text of a program")


def _is_class(value: object) -> bool:
    return isinstance(value, Made) and value.maker is not None and (
        key_of(value.maker) in _CLASS_MAKERS
    )  # fmt: skip


def _reach(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    target, attribute = args[:2] if len(args) in (2, 3) else (None, None)
    is_plain = isinstance(attribute, str) and _IDENTIFIER.fullmatch(attribute) is not None
    if not is_plain or (isinstance(target, GlobalUse) and len(target.name) > _PATH_LIMIT):
        conduct.harmful = True
        return Made(use)
    conduct.idle_calls += 1
    if isinstance(target, GlobalUse):
        return machine.name(target.module, f"{target.name}.{attribute}")
    if touches_files(target, str(attribute)):
        owner = target.maker if isinstance(target, Made) and target.maker is not None else use
        machine.blame(owner, f"its '{attribute}' is picked, which reads, writes or deletes files when called")
    return Made(use)


def _call_through(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """It calls the function that it is handed: what Python writes names one that makes an empty array."""
    function = args[0] if args else None
    if not isinstance(function, GlobalUse):
        machine.blame(use, "it is handed something to call that has no name")
        return Made(use, is_built=True)
    is_unknown = classify(function.module, function.name).tier is Tier.INSTANCE
    if not is_unknown and _REBUILDING.fullmatch(function.path) is None:
        machine.blame(function, f"it is handed to {use.path}, which calls it, and makes no tensor or array")
    inner = args[1] if use.name == "_create_array" else args[2] if len(args) > 2 else ()
    call(machine, function, inner)
    return Made(use, is_built=True)


def _make_new(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """It makes an instance of a class without calling the class, as an instruction of its own does, too."""
    kind = args[0] if args else None
    if not isinstance(kind, GlobalUse):
        return Made(use)
    inner = {"__newobj__": args[1:], "__newobj_ex__": args[1] if len(args) > 1 else ()}.get(
        use.name, args[2:]
    )
    return call(machine, kind, inner, is_class=True)


def _look_up(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """It imports a module by its name and returns something of it."""
    module, name = args if len(args) == 2 else (None, None)
    if isinstance(module, str) and isinstance(name, str):
        conduct.idle_calls += 1
        return machine.name(module, name)
    conduct.harmful = True
    return Made(use)


def _encode(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    if len(args) in (1, 2) and (len(args) == 1 or args[1] in _PLAIN_ENCODINGS):
        conduct.idle_calls += 1
    else:
        machine.blame(use, "it turns text into other text, which hides what the file spells")
    return Constant(from_latin(args[0].head)) if args and isinstance(args[0], Constant) else Made(use)


def _type(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    if len(args) == 1:
        conduct.idle_calls += 1
    else:
        machine.blame(use, "it makes a class out of parts")
    return Made(use)


def _allocate(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """It makes bytes; how many is charged before."""
    conduct.idle_calls += 1
    return Made(use)


def _unpickle_tensor(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """Harmless with constant bytes, which are read here too; a byte array may be changed before the call."""
    if len(args) == 1 and isinstance(args[0], Constant) and args[0].head.startswith(TORCH_START):
        conduct.idle_calls += 1
    else:
        conduct.harmful = True
    return Made(use)


def _pick_item(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """How the type `Optional[int]` is pickled: an item of a type is a type; of anything else, anything."""
    target = args[0] if len(args) == 2 else None
    if isinstance(target, GlobalUse) and target.module in _TYPE_MODULES:
        conduct.idle_calls += 1
    else:
        conduct.harmful = True
        _hand_over(machine, use, args)
    return Made(use)


def _prepare(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """A call for later: what Python itself writes has the function first, which is kept and not called."""
    if args and isinstance(args[0], str | int | Constant):
        machine.blame(use, "it is handed a plain value where a function belongs, which Python never writes")
    return Made(use, machine.kept_of(use, args))


def _load_type(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    kind = args[0] if len(args) == 1 else None
    if isinstance(kind, str) and _IDENTIFIER.fullmatch(kind) and kind not in _CODE_TYPES:
        conduct.idle_calls += 1
    else:
        conduct.harmful = True
    return Made(use)


def _fold(machine: Machine, use: GlobalUse, conduct: Conduct, args: _Args) -> object:
    """How the type `int | None` is pickled."""
    function = args[0] if args else None
    if isinstance(function, GlobalUse) and function.path in ("operator.or_", "_operator.or_"):
        conduct.idle_calls += 1
    else:
        conduct.harmful = True
        _hand_over(machine, use, args)
    return Made(use)


_RULES: Final[dict[tuple[str, str], _Rule]] = {
    **dict.fromkeys([("builtins", "getattr"), ("__builtin__", "getattr")], _reach),
    **dict.fromkeys([("numpy.core", "_ufunc_reconstruct"), ("numpy._core", "_ufunc_reconstruct")], _look_up),
    **dict.fromkeys([("_codecs", "encode"), ("codecs", "encode")], _encode),
    **dict.fromkeys([("builtins", "type"), ("__builtin__", "type")], _type),
    **dict.fromkeys(
        [(module, name) for module in ("builtins", "__builtin__") for name in ("bytes", "bytearray")],
        _allocate,
    ),
    **dict.fromkeys([("torch.storage", "_load_from_bytes")], _unpickle_tensor),
    **dict.fromkeys(
        [("functools", "partial"), ("_functools", "partial"), ("functools", "partialmethod")], _prepare
    ),
    **dict.fromkeys(
        [("torch._tensor", "_rebuild_from_type_v2"), ("dill._dill", "_create_array")], _call_through
    ),
    **dict.fromkeys(
        [
            (module, name)
            for module in ("copyreg", "copy_reg")
            for name in ("_reconstructor", "__newobj__", "__newobj_ex__")
        ],
        _make_new,
    ),
    **dict.fromkeys([("operator", "getitem"), ("_operator", "getitem")], _pick_item),
    **dict.fromkeys([("dill._dill", "_load_type")], _load_type),
    **dict.fromkeys([("functools", "reduce"), ("_functools", "reduce")], _fold),
}
