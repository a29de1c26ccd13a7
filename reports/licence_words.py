"""The words for licences: states of duties, conditions, thresholds; "not known" is never "none".

>>> condition_words(Condition(commercial=True, mau_above=1e8))
'you use it commercially and you have more than 100,000,000 monthly active users'
>>> condition_words(Condition())
'always'
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policies.organisation import Question, load_questions
from reports.wording import Tag
from scanner.findings import Location
from scanner.licensing.duties import DutyState
from scanner.licensing.record import AppliedLicence, Quote
from scanner.licensing.situation import PREFIX, Condition
from scanner.licensing.terms import Distillation, Duty, Inheritance, Terms

CUT: Final = " [cut]"
# A clause of a licence rarely runs longer; what does is read in the file.
LONGEST_QUOTE: Final = 600
LONGEST_NAME: Final = 200
NOT_KNOWN: Final = "not known"

_STATES: Final = {
    DutyState.NOT_MET: ("Not met", "bad", "■"),
    DutyState.TO_DO: ("For you to do", "warn", "□"),
    DutyState.UNKNOWN: ("Unknown", "open", "○"),
    DutyState.MET: ("Met", "good", "●"),
    DutyState.NOT_APPLICABLE: ("Not applicable", "quiet", "–"),
}
STATE_MEANINGS: Final = {
    DutyState.NOT_MET: "By your answers it gives no right to this use, or something it asks for is missing.",
    DutyState.TO_DO: "It binds you by your answers. No scan can see whether you do it.",
    DutyState.UNKNOWN: "Whether it binds you is open, for the reason given. Not a “no”.",
    DutyState.MET: "It is kept, for the reason given. It may not be once your answers change.",
    DutyState.NOT_APPLICABLE: "It does not bind you, by your answers. It may once they change.",
}
_INHERITANCE: Final = {
    Inheritance.NOTICES: "its notices go with every model made from it",
    Inheritance.USE_RESTRICTIONS: "its use restrictions bind users of every model made from it",
    Inheritance.ALL: "all of its terms bind users of every model made from it",
    Inheritance.NONE: "nothing of it binds users of models made from it",
    Inheritance.UNCLEAR: "not clear, or not read",
}
_DISTILLATION: Final = {
    Distillation.FREE: "models may be trained on them freely",
    Distillation.NAMING: "models trained on them carry a naming or display duty",
    Distillation.DERIVATIVE: "a model trained on them counts as made from this one",
    Distillation.FORBIDDEN: "other models may not be trained on them",
    Distillation.UNCLEAR: "not clear, or not read",
}
_ACTS: Final[Mapping[str, tuple[str, str]]] = {
    "commercial": ("you use it commercially", "you do not use it commercially"),
    "distributes": ("you pass it (or a model made from it) on", "you pass nothing of it on"),
    "trains_on_outputs": ("you train other models on its outputs", "you train no other model on its outputs"),
    "fine_tunes": ("you fine-tune it", "you do not fine-tune it"),
    "serves_others": (
        "others use your service or product with it",
        "no others use a service with it",
    ),
}


def state_tag(state: DutyState) -> Tag:
    """What readers see of the state of a duty."""
    return Tag(*_STATES[state], key=state.value)


def condition_words(condition: Condition) -> str:
    """When a duty applies, in words."""
    return " and ".join(_parts(condition)) or "always"


def question_words(key: str) -> str:
    """The question behind an answer of the situation, with where to answer it."""
    question = _questions().get(PREFIX.replace(".", "_") + key)
    asked = question.question if question else key
    return f"{asked} (policy file, {PREFIX}{key})"


def inheritance_words(inheritance: Inheritance) -> str:
    """What binds whoever uses a model made from the licensed one."""
    return _INHERITANCE[inheritance]


def distillation_words(distillation: Distillation) -> str:
    """What a licence says of models trained on outputs."""
    return _DISTILLATION[distillation]


def counting_words(terms: Terms) -> str:
    """Where users and revenue are counted, and when: as the duties say; "" without such a duty."""
    counted_as = dict.fromkeys(duty.counted for duty in terms.duties if duty.counted)
    return f"counted: {'; '.join(counted_as)}" if counted_as else ""


def place_words(place: Location | None) -> str:
    """A place in the model's files: "LICENSE, line 12", "" for none."""
    if place is None:
        return ""
    line = f"line {place.line}" if place.line is not None else ""
    return ", ".join(filter(None, [place.path, line, place.detail]))


def quote_place(quote: Quote) -> str:
    """Where a quote stands: "LICENSE, line 12"."""
    return f"{quote.path}, line {quote.line}"


def name_of(applied: AppliedLicence) -> str:
    """A licence that counts, with the base that it comes from."""
    via = f", of the base {cut(applied.via, LONGEST_NAME)}" if applied.via else ""
    return applied.licence.title + via


def sentence(text: str) -> str:
    """A phrase as a sentence."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".") if text else ""


def duty_sentence(duty: Duty) -> str:
    """What a duty asks for, as a sentence."""
    return sentence(duty.what)


def cut(text: str, limit: int = LONGEST_QUOTE) -> str:
    """`text`, or its beginning with a mark that it was cut."""
    return text if len(text) <= limit else text[: limit - len(CUT)].rstrip() + CUT


@functools.cache
def _questions() -> Mapping[str, Question]:
    return load_questions()


def _parts(condition: Condition) -> Iterator[str]:
    for key, (yes, no) in _ACTS.items():
        wanted = getattr(condition, key)
        if wanted is not None:
            yield yes if wanted else no
    for amount, what in (
        (condition.mau_above, "monthly active users"),
        (condition.annual_revenue_usd_above, "US dollars of annual revenue"),
        (condition.monthly_revenue_usd_above, "US dollars of monthly revenue"),
    ):
        if amount is not None:
            yield f"you have more than {amount:,.0f} {what}"
    if condition.territory:
        yield f"you use it or pass it on in {', '.join(condition.territory)}"
    if condition.seat:
        yield f"your main place of business is in {', '.join(condition.seat)}"
    if condition.any_of:
        yield _either([condition_words(each) for each in condition.any_of])


def _either(options: Sequence[str]) -> str:
    bracketed = (f"({each})" if " and " in each or " or " in each else each for each in options)
    return options[0] if len(options) == 1 else "either " + " or ".join(bracketed)
