"""Prints scanner/data/skops_types.yaml anew from the skops, scikit-learn, scipy and numpy that are installed.

Run it as `python scripts/list_skops_types.py > scanner/data/skops_types.yaml`.
"""

from __future__ import annotations

import datetime
import importlib.metadata
from collections import defaultdict

import numpy as np
from skops.io import _trusted_types
from skops.io._sklearn import ALLOWED_LOSSES
from skops.io._utils import get_type_name

# What the nodes trust beside the lists of names. Source: skops 0.16.0, `_get_trusted` in skops/io/.
OF_NODES = (
    "builtins.dict", "collections.OrderedDict", "builtins.bytes", "builtins.bytearray", "builtins.slice",
    "numpy.ndarray", *map(get_type_name, (np.ma.MaskedArray, np.random.RandomState, np.random.Generator)),
    "numpy.ma.MaskedArray", "numpy.random.RandomState", "numpy.random.Generator",  # as older versions write
    *map(get_type_name, ALLOWED_LOSSES),
    *(f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
      for form in ("matrix", "array")),
)  # fmt: skip
HEAD = """\
# Types that skops builds without being told to trust them. Read by scanner/skops/trusted.py.
#
# Everything else has to be named by whoever loads the file. Written by scripts/list_skops_types.py.
title: Types that skops trusts by default
version: 1
retrieved: {day}
licence: Apache-2.0
source: >-
  skops {skops} (MIT), skops/io/_trusted_types.py and the defaults of its nodes, with scikit-learn {sklearn},
  scipy {scipy} and numpy {numpy} installed.

types:"""


def main() -> None:
    """Prints the list, by module."""
    names = {*OF_NODES, *(name for key in dir(_trusted_types) if key.endswith("_NAMES")
                          for name in getattr(_trusted_types, key))}  # fmt: skip
    by_module: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        module, _, kind = name.rpartition(".")
        by_module[module].append(kind)
    versions = {
        key: importlib.metadata.version(package)
        for key, package in
        (("skops", "skops"), ("sklearn", "scikit-learn"), ("scipy", "scipy"), ("numpy", "numpy"))
    }  # fmt: skip
    print(HEAD.format(day=datetime.date.today().isoformat(), **versions))
    for module, kinds in sorted(by_module.items()):
        print(f"  {module}: [{', '.join(kinds)}]")


if __name__ == "__main__":
    main()
