"""Work that waits for answers in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probes.garak.handover import Asked, Done, Handover


def test_work_goes_on_where_it_asked_and_ends_with_its_result() -> None:
    def work(ask: Callable[[str], int]) -> list[int]:
        return [ask("first"), ask("second")]

    talk: Handover[str, int, list[int]] = Handover(work)
    assert talk.go_on() == Asked("first")
    assert talk.go_on(7) == Asked("second")
    assert talk.go_on(8) == Done([7, 8])


def test_what_the_work_raises_comes_out_where_it_was_let_run() -> None:
    def work(ask: Callable[[str], int]) -> None:
        ask("first")
        raise KeyError("gone")

    talk: Handover[str, int, None] = Handover(work)
    talk.go_on()
    with pytest.raises(KeyError, match="gone"):
        talk.go_on(1)


def test_several_works_keep_their_places() -> None:
    def work(ask: Callable[[str], int]) -> int:
        return ask("a") + ask("b")

    talks: list[Handover[str, int, int]] = [Handover(work) for _ in range(3)]
    for talk in talks:
        talk.go_on()
    for number, talk in enumerate(talks):
        talk.go_on(number)
    assert [talk.go_on(10) for talk in talks] == [Done(10), Done(11), Done(12)]
