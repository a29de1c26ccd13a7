"""What reading a Keras model yields.

>>> KerasFault("custom-class", "my_package>MyLayer", "config.layers[3]").rule
'custom-class'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_OF_EACH_RULE: Final = 100


@dataclass(frozen=True)
class KerasFault:
    """Something in a file that is more than numbers and known layers.

    Attributes:
        rule: Which rule of `keras-runs-code` it breaks.
        message: What is wrong, a clause; for "custom-class" only the name of the class.
        place: Where in the file: "config.layers[3]", "group /model_weights".
        subject: The name that is looked up, or "".
    """

    rule: str
    message: str
    place: str = ""
    subject: str = ""


def first_line(error: Exception) -> str:
    """What an error says, without what follows on further lines; its type where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class FaultList(list[KerasFault]):
    """Faults, of each rule the first hundred: so many harmless ones hide no other."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()

    def append(self, fault: KerasFault) -> None:
        """Adds a fault where there are not enough of its rule."""
        self._counts[fault.rule] += 1
        if self._counts[fault.rule] <= _OF_EACH_RULE:
            super().append(fault)

    def extend(self, faults: Iterable[KerasFault]) -> None:
        """Adds several."""
        for fault in faults:
            self.append(fault)


@dataclass
class KerasReading:
    """Everything found in one file.

    Attributes:
        is_keras: Whether the file is of a kind that is read here at all.
        faults: What was found, in the order of reading.
        unreadable: (place, reason) for each part that could not be read, a clause each.
        not_fetched: Why a part of a file that was read in part could not be judged, or "".
    """

    is_keras: bool = False
    faults: list[KerasFault] = field(default_factory=FaultList)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    not_fetched: str = ""

    def give_up(self, place: str, reason: str) -> None:
        """Notes that a part could not be read."""
        self.is_keras = True
        self.unreadable.append((place, reason))
