"""Names of members: which lead out, which two members share, which are not what they look like.

>>> [fault.rule.code for fault in name_faults([b"weights/../../.bashrc"])]
['name-leads-out']
>>> list(name_faults([b"archive/data.pkl", b"archive/data/0"]))
[]
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from scanner.archives.faults import Fault, Rule, shown
from scanner.file_names import colliding, too_long, unportable

_DRIVE: Final = re.compile(r"(^|[/\\])[A-Za-z]:")
# Folders, and parts that neither begin nor end with a dot or a space.
_ORDINARY: Final = re.compile(
    r"(?:\w|\w[\w.+=@ -]{0,100}\w)(?:/(?:\w|\w[\w.+=@ -]{0,100}\w)){0,8}/?", re.ASCII
)
_UTF8: Final = 0x0800
_GZIP_NAME: Final = 0x08
_GZIP_EXTRA: Final = 0x04
# Scripts with letters that look like Latin ones. Source: Unicode Technical Standard 39, confusables.txt.
_ALIKE: Final = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH", "MATHEMATICAL", "LISU", "COPTIC")
_OBFUSCATED: Final = ".class"  # a.class beside A.class is how Java programs are made small


def decoded(name: bytes, flags: int = _UTF8) -> str:
    """A raw name of a zip archive as Python reads it; what is not UTF-8 is escaped."""
    if flags & _UTF8 or name.isascii():
        return name.decode("utf-8", "surrogateescape")
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")


def name_faults(names: Sequence[bytes], flags: Sequence[int] = ()) -> Iterator[Fault]:
    """What is wrong with the names of the members of one zip archive; `flags` as the directory has them."""
    pairs = list(zip(names, flags or [_UTF8] * len(names), strict=True))
    for name, flag in pairs:
        yield from _encoding_faults(name, flag)
    texts = [decoded(name, flag) for name, flag in pairs]
    for text in texts:
        yield from text_faults(text)
    yield from shared_names(texts)


def shared_names(texts: Sequence[str]) -> Iterator[Fault]:
    """Members that have one name, or names that are one to some systems or to the eye."""
    plain = [_plain(text) for text in texts if not text.endswith("/")]
    twice = [name for name, count in Counter(plain).items() if count > 1]
    for name in twice:
        yield Fault(Rule.DUPLICATE, name, "is there twice, and readers take the first or the last")
    files = {name for name in plain if not name.endswith(_OBFUSCATED)}
    for group in colliding(sorted(files)):
        if len(group) > 1:
            names = " and ".join(shown(name) for name in group[:4])
            yield Fault(Rule.UNPORTABLE_NAME, group[0], f"and others are one name to some systems: {names}")
    seen: dict[str, str] = {}
    for name in sorted(files):
        other = seen.setdefault(_skeleton(name), name)
        if other != name:
            yield Fault(Rule.HIDDEN_NAME, name, f"looks the same as {shown(other)}")


def _encoding_faults(name: bytes, flags: int) -> Iterator[Fault]:
    if name.isascii():
        return
    text = name.decode("utf-8", "backslashreplace")
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        yield Fault(
            Rule.UNPORTABLE_NAME, text, "has a name that is not UTF-8, which readers take differently"
        )
        return
    if not flags & _UTF8:
        yield Fault(Rule.OLD_NAME, text, "has a name whose encoding is not declared")


def text_faults(name: str) -> Iterator[Fault]:
    """What is wrong with one name."""
    if _ORDINARY.fullmatch(name) and ".." not in name:  # nearly all are, and there may be 100 000 of them
        return
    rule, text = _leading_fault(name) or _hiding_fault(name) or _unportable_fault(name) or (None, "")
    if rule is not None:
        yield Fault(rule, name, text)


def _leading_fault(name: str) -> tuple[Rule, str] | None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts:
        return Rule.LEADS_OUT, "has a name that leads out of the folder it is unpacked into"
    if name.startswith(("/", "\\")):
        return Rule.LEADS_OUT, "has an absolute name"
    if _DRIVE.search(name):
        return Rule.LEADS_OUT, "has a name with a drive letter, which is absolute on Windows"
    return None


def _hiding_fault(name: str) -> tuple[Rule, str] | None:
    if "\0" in name:
        return Rule.HIDDEN_NAME, "has a name with a zero byte, at which some readers end it"
    for letter in name:
        if unicodedata.category(letter) in ("Cf", "Cc"):
            return Rule.HIDDEN_NAME, f"has a name with the hidden character U+{ord(letter):04X}"
    if any(_is_mixed(part) for part in re.split(r"[/._\- ]", name)):
        return Rule.HIDDEN_NAME, "has a name with letters of another script that look like Latin ones"
    return None


def _unportable_fault(name: str) -> tuple[Rule, str] | None:
    if name in (".", "./"):
        return None
    if not name or name.strip("/") == "":
        return Rule.UNPORTABLE_NAME, "has no name"
    if "\\" in name:
        return Rule.UNPORTABLE_NAME, "has a name with a backslash, which is a folder to some readers"
    plain = _plain(name)
    if "" in plain.split("/") or "." in plain.split("/"):
        return Rule.UNPORTABLE_NAME, "has a name with an empty part, which readers take differently"
    if too_long(plain):
        return Rule.UNPORTABLE_NAME, "has a name that no file system holds"
    why = unportable(plain)
    return (Rule.UNPORTABLE_NAME, shown(why, 160)) if why and "Windows drops" in why else None


def _plain(name: str) -> str:
    """A name without the "./" that tar puts before it and the "/" that marks folders."""
    while name.startswith("./"):
        name = name[2:]
    return name.rstrip("/")


@functools.lru_cache(maxsize=4096)
def _is_mixed(part: str) -> bool:
    if part.isascii():
        return False
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in part if letter.isalpha()}
    return "LATIN" in scripts and not scripts.isdisjoint(_ALIKE)


def _skeleton(name: str) -> str:
    """The name as the eye takes it."""
    if name.isascii():
        return name
    from confusable_homoglyphs import confusables

    letters: list[str] = []
    for letter in unicodedata.normalize("NFKC", name):
        alike: Any = letter > "\x7f" and confusables.is_confusable(letter, preferred_aliases=["latin"])
        letters.append(str(alike[0]["homoglyphs"][0]["c"]) if alike else letter)
    return "".join(letters)


def gzip_name_faults(head: bytes) -> Iterator[Fault]:
    """What is wrong with the name that a gzip file says its content had, which `gunzip -N` gives it again."""
    if len(head) < 10 or not head[3] & _GZIP_NAME:
        return
    extra = 2 + int.from_bytes(head[10:12], "little") if head[3] & _GZIP_EXTRA else 0
    name = head[10 + extra :].partition(b"\0")[0].decode("latin-1")
    for fault in text_faults(name) if name else ():
        if fault.rule is Rule.LEADS_OUT:
            yield Fault(fault.rule, "", f"says that its content {fault.text}: {shown(name)}")


def leads_out_of(name: str, target: str) -> bool:
    """Whether a link of this name to this target leaves the folder of the archive."""
    if not target or target.startswith(("/", "\\")) or _DRIVE.search(target):
        return True
    depth = len(PurePosixPath(_plain(name)).parent.parts)
    for part in target.replace("\\", "/").split("/"):
        if part == "..":
            depth -= 1
        elif part not in ("", "."):
            depth += 1
        if depth < 0:
            return True
    return False
