"""Compares the README's help texts with what the commands print; `--write` puts the real ones in.

A block that follows a line `<!-- help: scan -->` holds the output of `weighbridge scan --help`.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path

README = Path("README.md")
_BLOCK = re.compile(r"(<!-- help: ?(?P<words>[a-z ]*) -->\n```text\n)(?P<help>.*?)(```)", re.DOTALL)


def main(arguments: list[str]) -> int:
    """Prints the differences; 1 when there are any."""
    text = README.read_text(encoding="utf-8")
    if not _BLOCK.search(text):
        print("check-readme: README.md holds no help block")
        return 1
    fresh = _BLOCK.sub(lambda block: block[1] + _help(block["words"].split()) + block[4], text)
    if "--write" in arguments:
        README.write_text(fresh, encoding="utf-8")
        return 0
    differences = list(
        difflib.unified_diff(text.splitlines(), fresh.splitlines(), "README.md", "--help", lineterm="")
    )
    print("\n".join(differences) or "check-readme: the README says what the commands say")
    missing = _missing_targets(text)
    for target in missing:
        print(f"check-readme: the README names `make {target}`, which the Makefile does not have")
    return 1 if differences or missing else 0


def _help(words: list[str]) -> str:
    command = Path(sys.executable).with_name("weighbridge")
    environment = {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        [command, *words, "--help"], check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout


def _missing_targets(text: str) -> list[str]:
    makefile = Path("Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    return sorted(set(re.findall(r"`make ([a-z-]+)", text)) - known)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
