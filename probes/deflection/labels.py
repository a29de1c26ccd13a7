"""One axis of three classes, for comparison with labels of others: what a reading comes down to there.

>>> label_of(Engagement.PARTIAL, Stance.LINE_ASSERTED).value
'EVASIVE'
"""

from __future__ import annotations

import enum
from typing import Final

from probes.deflection.reader import Engagement
from probes.deflection.stance import Stance


class Label(enum.Enum):
    """What most public collections of labelled replies tell apart, and ERROR for what cannot be read."""

    COMPLETE = "COMPLETE"
    EVASIVE = "EVASIVE"
    DENIAL = "DENIAL"
    ERROR = "ERROR"


CLASSES: Final = (Label.COMPLETE, Label.EVASIVE, Label.DENIAL)
_BY_ENGAGEMENT: Final = {
    Engagement.ANSWERED: Label.COMPLETE,
    Engagement.DEFLECTED: Label.EVASIVE,
    Engagement.REFUSED: Label.DENIAL,
    Engagement.ERROR: Label.ERROR,
}


def label_of(engagement: Engagement, stance: Stance) -> Label:
    """The class of a reading. A partial reply is EVASIVE when it recites a line or denies the premise."""
    if engagement is Engagement.PARTIAL:
        return Label.EVASIVE if stance.takes_the_line else Label.COMPLETE
    return _BY_ENGAGEMENT[engagement]
