"""`python -m cli`: the same as the command `weighbridge`, from a tree of its sources."""

import os
from pathlib import Path

from cli.main import main

if __name__ == "__main__":
    # Processes that it starts import from the same tree, even where another one is installed.
    tree = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [tree, os.environ.get("PYTHONPATH", "")]))
    main()
