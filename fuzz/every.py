"""`python -m fuzz.every [TARGET ...]`: each target for its time; says at the end which found a fault."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Final

from fuzz.targets import TARGETS
from scanner.registry import nearest

_LAST_LINES: Final = 12


def main() -> int:
    """0 when no target found a fault, 1 when one did, 2 for an unknown target."""
    parser = argparse.ArgumentParser(description="Fuzz every parser of files of models.")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    for name in options.targets:
        if name not in TARGETS:
            print(f"error: unknown target '{name}'{nearest(name, list(TARGETS))}", file=sys.stderr)
            return 2
    faulty = [name for name in options.targets or TARGETS if not _is_sound(name, options.seconds)]
    for name in faulty:
        print(f"{name}: a fault was found; the file that shows it is build/fuzz/{name}-*")
    return int(bool(faulty))


def _is_sound(name: str, seconds: int) -> bool:
    print(f"== {name}", flush=True)
    command = [sys.executable, "-m", "fuzz", name, "--seconds", str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("#", '"', "INFO"))]
    print("\n".join(lines[-_LAST_LINES if done.returncode == 0 else -60 :]), flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
