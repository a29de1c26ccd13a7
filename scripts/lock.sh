#!/bin/sh
# Resolves every dependency, the demo and development ones included, into constraints.txt.
# CUDA packages are left out: pip takes whatever the torch wheel at hand asks for.
set -eu
uv pip compile --quiet --no-annotate --no-header --python-version 3.11 --extra dev --extra postgresql \
  --constraint scripts/lock-torch.txt pyproject.toml -o build/lock.txt
{
  echo "# Exact versions that Weighbridge is tested with, on Python 3.11. Made by 'make lock'."
  grep -viE '^(nvidia|cuda|triton|setuptools|pip)[a-z0-9-]*==' build/lock.txt
} > constraints.txt
