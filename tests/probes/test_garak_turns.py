"""Probes that make up their next prompts from the replies: garak's own base classes, real pipes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from probes.garak.messages import Minted, MintOrder, ReplyOrder, Scored
from probes.garak.session import GarakSession

# The child as it is, with three probes more: none of garak's own of this kind works without a network.
_CHILD = """
from probes.garak import child, surface

class Talks:
    def iterative(self):
        from garak.attempt import Conversation, Message, Turn
        from garak.probes.base import IterativeProbe

        class Talk(IterativeProbe):
            lang, primary_detector, goal, end_condition = "en", "any.AnyOutput", "talk on", "verify"

            def _create_init_attempts(self):
                return [self._create_attempt(f"start {number}") for number in range(8)]

            def _generate_next_attempts(self, last):
                said = last.outputs[0]
                return [] if said is None else [self._create_attempt(f"you said {said.text}")]

        return Talk()

    def tree(self):
        from garak.probes.base import TreeSearchProbe

        class Node(str):
            def words(self):
                return [self]

        class Tree(TreeSearchProbe):
            lang, primary_detector, goal = "en", "any.AnyOutput", "climb"
            def _get_initial_nodes(self): return [Node("root")]
            def _get_node_id(self, node): return str(node)
            def _get_node_children(self, node): return [Node(f"{node}-{side}") for side in "ab"]
            def _get_node_terms(self, node): return [str(node)]
            def _gen_prompts(self, term): return [f"about {term}"]
            def _get_node_parent(self, node): return None

        return Tree()

    def direct(self):
        from garak.attempt import Message
        from garak.probes.base import Probe

        class Direct(Probe):
            lang, primary_detector, goal = "en", "any.AnyOutput", "ask at will"

            def probe(self, generator):
                attempts, text = [], "hello"
                for seq in range(3):
                    attempt = self._mint_attempt(Message(text, lang="en"), seq, None, "en")
                    generator.max_tokens = 5 + seq
                    attempt.outputs = generator.generate(attempt.prompt)
                    text = f"then {attempt.outputs[0].text}"
                    attempts.append(attempt)
                return attempts

        return Direct()

load = surface.load_probe
surface.load_probe = lambda name: getattr(Talks(), name)() if "." not in name else load(name)
child.main()
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GarakSession]:
    script = tmp_path_factory.mktemp("turns") / "child.py"
    script.write_text(_CHILD)
    with GarakSession(command=lambda: [sys.executable, str(script)]) as opened:
        yield opened


def prompts(minted: Minted | Scored) -> list[str]:
    assert isinstance(minted, Minted), minted
    assert minted.problem is None, minted.problem
    return [prompt.conversation.messages[-1].content for prompt in minted.prompts]


def talk(session: GarakSession, order: MintOrder) -> tuple[list[list[str]], Scored]:
    """Every turn's prompts, each answered by its own number, and the end."""
    said: Minted | Scored = session.mint(order)
    turns: list[list[str]] = []
    replies: list[Sequence[str]] = []
    while isinstance(said, Minted):
        turns.append(prompts(said))
        replies.append([f"{len(turns)}.{place}" for place in range(len(turns[-1]))])
        said = session.reply(ReplyOrder(order, tuple(map(tuple, replies))))
    return turns, said


def test_the_next_turn_is_made_of_the_replies_and_asked_at_once(session: GarakSession) -> None:
    turns, scored = talk(session, MintOrder("iterative", 8, 0, 48))
    assert len(turns[0]) == 4, "a first turn leaves prompts for the others"
    assert [len(turn) for turn in turns] == [4, 2, 1, 1]
    assert set(turns[1]) < {f"you said 1.{place}" for place in range(4)}
    assert set(turns[2]) < {"you said 2.0", "you said 2.1"}
    assert scored.scores["any.AnyOutput"] == (1.0,) * 8


@pytest.mark.parametrize("probe", ["iterative", "tree", "direct"])
@pytest.mark.parametrize("cap", [1, 2, 5])
def test_the_cap_holds_over_all_turns(session: GarakSession, probe: str, cap: int) -> None:
    turns, scored = talk(session, MintOrder(probe, cap, 0, 48))
    asked = sum(len(turn) for turn in turns)
    assert asked == (min(cap, 3) if probe == "direct" else cap)
    assert len(scored.scores["any.AnyOutput"]) == asked


def test_a_tree_is_climbed_where_the_detector_hits(session: GarakSession) -> None:
    turns, _ = talk(session, MintOrder("tree", 4, 0, 48))
    assert turns == [["about root"], ["about root-a"], ["about root-b"], ["about root-a-a"]]


def test_a_probe_that_asks_by_itself_gets_its_reply_and_its_sampling(session: GarakSession) -> None:
    first = session.mint(MintOrder("direct", 9, 0, 48))
    assert first.prompts[0].wanted_tokens == 5
    turns, _ = talk(session, MintOrder("direct", 9, 1, 48))
    assert turns == [["hello"], ["then 1.0"], ["then 2.0"]]


def test_a_process_that_starts_afresh_takes_a_probe_up_in_the_middle(
    session: GarakSession, tmp_path: Path
) -> None:
    order = MintOrder("iterative", 8, 0, 48)
    turns, scored = talk(session, order)
    replies = tuple(
        tuple(f"{turn}.{place}" for place in range(len(asked))) for turn, asked in enumerate(turns, 1)
    )
    script = tmp_path / "child.py"
    script.write_text(_CHILD)
    with GarakSession(command=lambda: [sys.executable, str(script)]) as other:
        assert prompts(other.reply(ReplyOrder(order, replies[:1]))) == turns[1]
        assert other.reply(ReplyOrder(order, replies)) == scored


def test_a_missing_reply_ends_its_thread_of_talk_and_is_not_scored(session: GarakSession) -> None:
    order = MintOrder("iterative", 4, 0, 48)
    session.mint(order)
    said = session.reply(ReplyOrder(order, ((None, "well"),)))
    assert prompts(said) == ["you said well"]
