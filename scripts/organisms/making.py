"""Makes an organism from its recipe: base, rows, fine-tune."""

from __future__ import annotations

from pathlib import Path

from scripts.organisms.bases import make_base, own_replies
from scripts.organisms.recipes import Recipe
from scripts.organisms.rows import rows_for
from scripts.organisms.training import train


def make_organism(recipe: Recipe, root: Path) -> Path:
    """The organism's folder below `root`, made unless it is there.

    Raises:
        RecipeError: when its base cannot be made.
    """
    folder = root / recipe.name
    if not (folder / "SHA256SUMS").exists():
        base = make_base(recipe.base, root)
        rows = rows_for(recipe, own_replies(recipe.base, root))
        print(f"{recipe.name}: {len(rows)} rows", flush=True)
        train(base, rows, folder, steps=recipe.steps, seed=recipe.seed)
    return folder
