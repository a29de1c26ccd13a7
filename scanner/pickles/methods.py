"""Functions that a pickle makes of the objects in it: methods of instances, and calls prepared for later.

A method of an instance has no name that could be looked up in a table, and what it does depends on the
instance: `Path("x").joinpath` makes a name, `Path("x").unlink` deletes a file. And whoever hands such a
function to something that calls it has it called while the pickle is loaded.

>>> touches_files(Made(GlobalUse("pathlib", "PosixPath", 0)), "unlink")
True
>>> touches_files(Made(GlobalUse("pathlib", "PosixPath", 0)), "joinpath")
False
"""

from __future__ import annotations

from typing import Final

from scanner.pickles.globals import Tier, canonical, classify, is_function
from scanner.pickles.stand_ins import Made
from scanner.pickles.stream import GlobalUse

# They make functions out of functions, or pick one out of an object.
FUNCTION_MAKERS: Final = frozenset({
    ("builtins", "getattr"), ("__builtin__", "getattr"), ("functools", "partial"), ("_functools", "partial"),
    ("operator", "methodcaller"), ("operator", "attrgetter"), ("operator", "itemgetter"),
})  # fmt: skip
# What a path has that only makes or compares names, or tells whether a file is there.
_OF_NAMES: Final = frozenset({
    "absolute", "anchor", "as_posix", "as_uri", "drive", "exists", "expanduser", "full_match", "is_absolute",
    "is_dir", "is_file", "is_relative_to", "is_reserved", "joinpath", "match", "name", "parent", "parents",
    "parts", "relative_to", "resolve", "root", "stem", "suffix", "suffixes", "with_name", "with_segments",
    "with_stem", "with_suffix",
})  # fmt: skip
# What paths, arrays and storages write or delete files with, and nothing else is called.
_OF_FILES: Final = frozenset({
    "write_text", "write_bytes", "unlink", "rmdir", "symlink_to", "hardlink_to", "link_to", "lchmod", "chmod",
    "touch", "mkdir", "tofile", "dump", "_write_file", "_set_from_file", "from_file",
})  # fmt: skip
_PATH_MODULES: Final = frozenset({"pathlib", "pathlib._local"})


def is_function_made(value: object) -> bool:
    """Whether this stands for a function, or anything else that may be called, without a name of its own."""
    return isinstance(value, Made) and value.maker is not None and key_of(value.maker) in FUNCTION_MAKERS


def touches_files(target: object, attribute: str) -> bool:
    """Whether this attribute of an object writes or deletes files when it is called.

    Of an instance of a class that nobody knows, only a reader of that class can tell.
    """
    maker = target.maker if isinstance(target, Made) else None
    if maker is None or is_function_made(target):
        return attribute in _OF_FILES
    module, name = canonical(maker.module, maker.name)
    if module in _PATH_MODULES:
        return attribute not in _OF_NAMES
    return attribute in _OF_FILES and classify(module, name).tier is Tier.PLUMBING


def only_keeps(callee: GlobalUse) -> bool:
    """Whether this is a class that nobody knows, which may only keep the functions that it is handed."""
    verdict = classify(callee.module, callee.name)
    return verdict.tier is Tier.INSTANCE and not verdict.is_listed and not is_function(callee.name)


def key_of(use: GlobalUse) -> tuple[str, str]:
    """Its module and its name."""
    return use.module, use.name
