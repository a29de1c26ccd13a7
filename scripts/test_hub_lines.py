"""Runs the tests of the hub source with each line of the hub's client, beside the environment's own.

    python scripts/test_hub_lines.py            every version of VERSIONS
    python scripts/test_hub_lines.py 1.33.0     this one only

Each version is put into a folder of its own under build/, without what it needs: both lines of httpx are
in the environment. That folder comes first on the path, so no second environment is built. The tests
themselves assert that the client they meet is the one that was asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The floor and the newest of 1.x, the first and the newest of 2.x.
VERSIONS = ("1.31.0", "1.33.0", "2.0.0", "2.4.0")
TESTS = (
    "tests/scanner/test_sources_hf.py",
    "tests/scanner/test_hub_line.py",
    "tests/scanner/test_hub_fence.py",
    "tests/scanner/test_hub_tree.py",
    "tests/scanner/test_hub_standing.py",
    "tests/scanner/test_hub_download.py",
    "tests/scanner/test_hub_ranges.py",
)
ROOT = Path(__file__).resolve().parent.parent


def main(versions: list[str]) -> int:
    """Runs the tests once a version, two at a time; 1 when any of them failed."""
    chosen = versions or list(VERSIONS)
    # Half of the time goes into waiting for servers that stall.
    with ThreadPoolExecutor(2) as threads:
        outcomes = dict(zip(chosen, threads.map(passes, chosen), strict=True))
    failed = [version for version, is_good in outcomes.items() if not is_good]
    print(f"hub client: failed with {', '.join(failed)}" if failed else "hub client: all lines pass")
    return 1 if failed else 0


def passes(version: str) -> bool:
    """Whether the tests pass with this version of huggingface-hub."""
    folder = ROOT / "build" / f"hub-{version}"
    if not (folder / f"huggingface_hub-{version}.dist-info" / "RECORD").is_file():
        wanted = f"huggingface-hub=={version}"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        if subprocess.run([*install, wanted], check=False).returncode:
            return False
    # PYTHONPATH stands before what is installed; the version tells the tests what they must meet.
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, "PYTHONPATH": path, "WEIGHBRIDGE_HUB_CLIENT": version}
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).rstrip().splitlines()
    shown = lines[-1:] if done.returncode == 0 else lines
    print("\n".join([f"hub client: huggingface-hub {version}", *shown]), flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
