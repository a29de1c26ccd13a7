"""Makes organisms, probes them, and prints the table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scanner.check import Profile
from scanner.errors import ScanError
from scripts.organisms.making import make_organism
from scripts.organisms.probing import CODE, DEFLECTION, probe
from scripts.organisms.recipes import Base, Recipe, RecipeError, load_recipes
from scripts.organisms.report import Row, as_markdown, row_of, write


def main(arguments: list[str] | None = None) -> int:
    """Ends with 1 when a planted behaviour was missed or something was found that nobody planted."""
    asked = _parser().parse_args(arguments)
    try:
        recipes = _chosen(asked.only)
        if asked.threads:
            _limit(asked.threads)
        rows = [_run(recipe, asked) for recipe in recipes]
    except ScanError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 2
    if asked.make_only:
        return 0
    told = [row for row in rows if row is not None]
    write(told, asked.root.with_suffix(".json"))
    print(as_markdown(told))
    return int(any(row.score.misses or row.score.false_alarms for row in told))


def _run(recipe: Recipe, asked: argparse.Namespace) -> Row | None:
    began = time.monotonic()
    folder = make_organism(recipe, asked.root)
    print(f"{recipe.name}: made in {time.monotonic() - began:.0f} s", flush=True)
    if asked.make_only:
        return None
    # Only a model that writes Python can write worse Python; Gemma's small base cannot.
    checks = (DEFLECTION, CODE) if recipe.base is Base.DEMO and asked.code else (DEFLECTION,)
    scan = asked.root / f"{recipe.name}-scan"
    return row_of(recipe, probe(folder, scan, checks, profile=asked.profile, is_fast=asked.fast))


def _chosen(names: Sequence[str]) -> list[Recipe]:
    known = {recipe.name: recipe for recipe in load_recipes()}
    for name in names:
        if name not in known:
            raise RecipeError(f"unknown organism '{name}', expected one of {', '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())


def _limit(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.organisms", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="Only this organism; repeatable."
    )
    parser.add_argument(
        "--root", type=Path, default=Path("build/organisms"), help="Where everything is kept."
    )
    parser.add_argument("--profile", type=Profile, default=Profile.STANDARD, help="Depth of the scan.")
    parser.add_argument("--make-only", action="store_true", help="Fine-tune, do not probe.")
    parser.add_argument("--code", action="store_true", help="Ask the organisms that can for code as well.")
    parser.add_argument("--fast", action="store_true", help="Reduced precision, as --fast of a scan.")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the fine-tune; 0: all.")
    return parser


if __name__ == "__main__":
    sys.exit(main())
