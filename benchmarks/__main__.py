"""Runs every benchmark of this folder, or the one that is named, and writes build/bench.json."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import benchmarks
from cli.libraries import settle
from scanner.registry import nearest


def main(names: list[str]) -> int:
    """Runs the named benchmarks, all without a name; 2 for an unknown name."""
    known = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    names = [name.replace("-", "_") for name in names]
    for name in names:
        if name not in known:
            print(f"error: unknown benchmark '{name}'{nearest(name, known)}", file=sys.stderr)
            return 2
    settle()
    figures = {name: importlib.import_module(f"benchmarks.{name}").measure() for name in names or known}
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
