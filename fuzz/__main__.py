"""`python -m fuzz TARGET [--seconds N]`: one target; `--keep` adds to fuzz/corpus what reached new code."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from fuzz import CORPUS

_FOUND: Final = Path("build/fuzz")
_LARGEST_BYTES: Final = 1 << 16


def main() -> None:
    """Fuzzes one target until its time is up or a fault is found."""
    parser = argparse.ArgumentParser(description="Fuzz one parser.")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--keep", action="store_true", help="Put what found new coverage into fuzz/corpus.")
    options = parser.parse_args()
    found = (_FOUND / options.target).absolute()
    found.mkdir(parents=True, exist_ok=True)
    kept = (CORPUS / options.target).absolute()
    limits = ["-rss_limit_mb=400", "-timeout=10", f"-max_len={_LARGEST_BYTES}"]
    if options.keep:
        arguments = ["-merge=1", *limits, str(kept), str(found)]
    else:
        prefix = f"-artifact_prefix={found.parent}/{options.target}-"
        arguments = [f"-max_total_time={options.seconds}", "-print_final_stats=1", prefix, *limits]
        arguments += [str(found), str(kept)]
    _fuzz(options.target, arguments)


def _fuzz(name: str, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["scanner"]):
        from fuzz.targets import TARGETS, Subject

        folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
        subject = Subject(TARGETS[name], folder)
    atheris.Setup([sys.argv[0], *arguments], lambda data: subject.judge(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
