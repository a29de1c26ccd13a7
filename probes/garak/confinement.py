"""Where the garak process lives: private folders, no network, no trace in the user's home.

`HF_HUB_OFFLINE` alone does not do it: garak's probes also reach for nltk, tiktoken and wordnet files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Raised by CPython before the system call; see "Audit events table" of the Python documentation.
_NETWORK_EVENTS: Final = frozenset(
    {
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.getnameinfo",
        "socket.sendmsg",
        "socket.sendto",
    }
)
_PROCESS_EVENTS: Final = frozenset(
    {"os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "subprocess.Popen"}
)


class BlockedError(OSError):
    """Something in the garak process reached for the network or for another program."""


def private_environment(folder: Path) -> dict[str, str]:
    """All that the garak process gets to see of the environment; every path is inside `folder`.

    Nothing is inherited, so that no token, proxy or setting of the user reaches third-party code.
    """
    places = {
        "HOME": "home",
        "USERPROFILE": "home",
        "XDG_DATA_HOME": "data",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "HF_HOME": "hub",
        "NLTK_DATA": "nltk",
        "TIKTOKEN_CACHE_DIR": "tiktoken",
        "TMPDIR": "tmp",
        "TEMP": "tmp",
        "TMP": "tmp",
    }
    for place in set(places.values()):
        (folder / place).mkdir(parents=True, exist_ok=True)
    return {
        **{name: str(folder / place) for name, place in places.items()},
        **_windows_essentials(),
        "GARAK_LOG_FILE": str(folder / "garak.log"),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TQDM_DISABLE": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        # Some probes draw prompts from sets; without this the same seed gives other prompts.
        "PYTHONHASHSEED": "0",
        # The process sees the very packages that its parent runs with.
        "PYTHONPATH": os.pathsep.join(_import_places()),
    }


def _import_places() -> list[str]:
    """Every folder that this process imports from, ours first, as absolute paths."""
    places = [Path(__file__).parents[2], *(Path(place) for place in sys.path if place)]
    return [str(place.absolute()) for place in places]


def _windows_essentials() -> Mapping[str, str]:
    """What no process can start without on Windows; the one look at the environment here."""
    return {"SYSTEMROOT": os.environ["SYSTEMROOT"]} if sys.platform == "win32" else {}


class Doorkeeper:
    """Turns down what reaches out of this process for the rest of its life, and remembers who asked.

    It guards against libraries that fetch and start things, not against hostile code in the process:
    CPython announces neither what ctypes calls nor the processes that multiprocessing spawns.
    """

    def __init__(self) -> None:
        self._turned_down: list[str] = []

    def stand(self) -> None:
        """Takes up its place; it cannot be removed from it."""
        sys.addaudithook(self._look)

    def report(self) -> tuple[str, ...]:
        """What was turned down since the last report, in order, each once."""
        seen = tuple(dict.fromkeys(self._turned_down))
        self._turned_down.clear()
        return seen

    def has_turned_down(self) -> bool:
        """Whether the next report has anything in it."""
        return bool(self._turned_down)

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _NETWORK_EVENTS:
            address = _address(event, arguments)
            if address is not None:
                self._turned_down.append(address)
                raise BlockedError(f"the network is off here ({address})")
        elif event in _PROCESS_EVENTS:
            program = f"program {arguments[0]!r}"
            self._turned_down.append(program)
            raise BlockedError(f"no other program is started here ({program})")


def _address(event: str, arguments: tuple[object, ...]) -> str | None:
    """The host, with its port where known; None for sockets that stay on this machine by nature."""
    target = arguments[0] if event.startswith("socket.get") else arguments[-1]
    if event.startswith("socket.getaddrinfo"):
        return f"{arguments[0]}:{arguments[1]}"
    if isinstance(target, tuple) and len(target) >= 2:
        return f"{target[0]}:{target[1]}"
    if event.startswith("socket.get"):
        return str(target)
    return None  # a Unix socket's address is a path, and a connected socket's is None
