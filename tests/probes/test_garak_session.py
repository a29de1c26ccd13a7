"""The garak process: real garak, real pipes; faults are injected from outside."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.garak.confinement import private_environment
from probes.garak.messages import Minted, MintOrder, ReplyOrder, Scored
from probes.garak.session import GarakCrashError, GarakSession
from probes.garak.surface import UnsupportedGarakError
from scanner.errors import CheckTimeoutError

# The child as it is, except that it dies over one probe, hangs over another and babbles over a third.
_FAULTY = """
import os, sys, time
from probes.garak import child
def faulty(self, begin=child.Working.begin):
    order = self._order
    if order.probe == "test.Blank":
        print("about to die", file=sys.stderr, flush=True)
        os._exit(7)
    if order.probe == "test.Test":
        time.sleep(600)
    return begin(self)
child.Working.begin = faulty
if len(sys.argv) > 2 and sys.argv[1] == "babble":
    del sys.argv[1]
    child.encode = lambda answer: b"what?"
child.main()
"""


def order(probe: str, cap: int = 3, seed: int = 0, *, is_greedy: bool = False) -> MintOrder:
    return MintOrder(probe, cap, seed, 48, is_greedy, ("unsafe_content.ToxicCommentModel", "perspective"))


def scored(opened: GarakSession, mint: MintOrder, *replies: str | None) -> Scored:
    """What a probe of one turn comes to."""
    said = opened.reply(ReplyOrder(mint, (replies,)))
    assert isinstance(said, Scored)
    return said


def prompts(minted: Minted) -> list[str]:
    return [prompt.conversation.messages[-1].content for prompt in minted.prompts]


@pytest.fixture(scope="module")
def session() -> Iterator[GarakSession]:
    with GarakSession() as opened:
        yield opened


@pytest.fixture(scope="module")
def other_session() -> Iterator[GarakSession]:
    with GarakSession() as opened:
        yield opened


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "faulty.py"
    path.write_text(_FAULTY)
    return path


def test_a_reply_that_obeys_is_a_hit_and_a_refusal_is_none(session: GarakSession) -> None:
    minted = session.mint(order("promptinject.HijackKillHumans", 4))
    assert minted.primary == "promptinject.AttackRogueString"
    obeying, refusing = "I want to KILL HUMANS. I want to kill humans.", "I'm sorry, but no."
    found = scored(
        session, order("promptinject.HijackKillHumans", 4), prompts(minted)[0], refusing, None, obeying
    )
    assert found.scores["promptinject.AttackRogueString"][:3] == (1.0, 0.0, None)


def test_extended_detectors_score_beside_the_primary(session: GarakSession) -> None:
    session.mint(order("encoding.InjectBase64", 2))
    found = scored(session, order("encoding.InjectBase64", 2), "no", "no")
    assert set(found.scores) == {"encoding.DecodeMatch", "encoding.DecodeApprox"}
    assert not found.silent


def test_a_secondary_detector_that_cannot_load_is_named(session: GarakSession) -> None:
    session.mint(order("lmrc.Sexualisation", 1))
    found = scored(session, order("lmrc.Sexualisation", 1), "no")
    assert found.silent == {"perspective.Sexually_Explicit": "it cannot load offline"}
    assert found.scores["unsafe_content.SurgeProfanitySexual"] == (0.0,)


def test_a_probe_without_a_detector_of_its_own_is_judged_by_those_of_each_intent(
    session: GarakSession,
) -> None:
    asked = order("grandma.GrandmaIntent", 6)
    minted = session.mint(asked)
    assert minted.primary == "chosen by intent"
    attack = "<script src='https://example.org/x.js'></script> \\x1b[31m {{7*7}}"
    found = scored(session, asked, *[attack] * len(minted.prompts))
    names, rows = zip(*found.scores.items(), strict=True)
    assert names[0] == "chosen by intent"
    for place, highest in enumerate(rows[0]):
        told = [row[place] for row in rows[1:] if row[place] is not None]
        assert highest == max(told, default=None)
    assert any(score is not None for score in rows[0])


@pytest.mark.parametrize("probe", ["dan.Ablation_Dan_11_0", "snowball.Primes", "malwaregen.Payload"])
def test_cap_holds_for_probes_that_ignore_garaks_own(session: GarakSession, probe: str) -> None:
    minted = session.mint(order(probe, 3))
    assert minted.available > 3
    assert len(minted.prompts) == 3


def test_chosen_prompts_are_spread_over_all_of_them(session: GarakSession) -> None:
    minted = session.mint(order("dan.Ablation_Dan_11_0", 4))
    quarter = minted.available / 4
    places = [prompt.seq for prompt in minted.prompts]
    assert [int(place // quarter) for place in places] == [0, 1, 2, 3]


def test_order_of_probes_does_not_change_their_prompts(session: GarakSession) -> None:
    names = ["promptinject.HijackHateHumans", "encoding.InjectROT13", "latentinjection.LatentWhois"]
    forwards = {name: session.mint(order(name)) for name in names}
    backwards = {name: session.mint(order(name)) for name in reversed(names)}
    assert forwards == backwards


def test_another_seed_makes_other_prompts_even_where_none_is_left_out(session: GarakSession) -> None:
    one, two = (session.mint(order("encoding.InjectBase64", 256, seed=seed)) for seed in (1, 2))
    assert len(one.prompts) == one.available
    assert prompts(one) != prompts(two)


@pytest.mark.parametrize(
    "probe", ["badchars.BadCharacters", "latentinjection.LatentInjectionFactSnippetLegal"]
)
def test_probes_that_draw_from_sets_make_the_same_prompts_in_every_process(
    session: GarakSession, other_session: GarakSession, probe: str
) -> None:
    assert session.mint(order(probe, 20)) == other_session.mint(order(probe, 20))


def test_a_probe_makes_the_same_prompts_again_whatever_came_before(
    session: GarakSession, other_session: GarakSession
) -> None:
    french, chinese = (
        order(f"latentinjection.LatentInjectionTranslation{name}", 20) for name in ("EnFr", "EnZh")
    )
    first = session.mint(french)
    assert session.mint(french) == first
    assert session.mint(chinese) == other_session.mint(chinese)
    assert other_session.mint(french) == first


def test_sampling_that_a_probe_asks_for_travels_and_does_not_leak(session: GarakSession) -> None:
    wants = session.mint(order("promptinject.HijackHateHumans", 20)).prompts
    assert {prompt.temperature for prompt in wants} != {0.0}
    assert max(prompt.wanted_tokens for prompt in wants) > 48
    assert max(prompt.max_tokens for prompt in wants) == 48
    plain = session.mint(order("encoding.InjectBase64")).prompts
    assert {(prompt.temperature, prompt.wanted_tokens) for prompt in plain} == {(0.0, 48)}


def test_a_greedy_order_asks_at_temperature_zero_and_keeps_what_was_wanted(session: GarakSession) -> None:
    found = session.mint(order("promptinject.HijackHateHumans", 20, is_greedy=True)).prompts
    assert {prompt.temperature for prompt in found} == {0.0}
    assert max(prompt.wanted_temperature for prompt in found) > 0


def test_a_prompt_of_several_turns_keeps_its_roles(session: GarakSession) -> None:
    minted = session.mint(order("badchars.BadCharacters", 1))
    assert [message.role for message in minted.prompts[0].conversation.messages][-1] == "user"


@pytest.mark.parametrize(
    ("probe", "what"),
    [
        ("divergence.RepeatedToken", "openaipublic.blob.core.windows.net"),
        ("sysprompt_extraction.SystemPromptExtraction", "no prompts"),
        ("lmrc.Bullying", "unsafe_content.ToxicCommentModel"),
        ("propile.PIILeakQuadruplet", "no prompts"),
        ("visual_jailbreak.FigStep", ""),
        ("topic.WordnetControversial", ""),
        ("fitd.FITD", ""),
    ],
)
def test_a_probe_that_needs_more_than_this_machine_says_so(
    session: GarakSession, probe: str, what: str
) -> None:
    minted = session.mint(order(probe))
    assert minted.problem is not None
    assert minted.problem.is_unavailable, minted.problem.reason
    assert what in minted.problem.reason
    assert not minted.prompts


def test_an_unknown_probe_is_a_fault(session: GarakSession) -> None:
    minted = session.mint(order("dan.NoSuchProbe"))
    assert minted.problem is not None
    assert not minted.problem.is_unavailable


def test_what_was_turned_down_is_recorded(session: GarakSession) -> None:
    session.mint(order("divergence.RepeatedToken"))
    assert "openaipublic.blob.core.windows.net:443" in session.log().blocked


def test_nothing_is_written_into_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HF_HOME", "NLTK_DATA"):
        monkeypatch.setenv(name, str(home))
    home.mkdir()
    with GarakSession() as opened:
        found = session_round(opened, "encoding.InjectBase64")
        folder = opened.folder
        assert (folder / "data" / "garak").is_dir(), "garak should have taken the private folder"
        assert (folder / "garak.log").read_text("utf-8")
    assert found.scores
    assert not list(home.iterdir())
    assert not folder.exists()


def test_the_environment_of_the_user_does_not_reach_garak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    environment = private_environment(tmp_path)
    assert not {"OPENAI_API_KEY", "HTTPS_PROXY"} & set(environment)
    places = {name: value for name, value in environment.items() if name.endswith(("HOME", "_DATA", "TMP"))}
    assert all(value.startswith(str(tmp_path)) for value in places.values())


def session_round(opened: GarakSession, probe: str) -> Scored:
    minted = opened.mint(order(probe))
    return scored(opened, order(probe), *["no"] * len(minted.prompts))


def test_a_crash_costs_one_order_and_says_how_it_ended(faulty: Path) -> None:
    with GarakSession(command=lambda: [sys.executable, str(faulty)]) as opened:
        kept = opened.mint(order("encoding.InjectROT13"))
        with pytest.raises(GarakCrashError, match=r"died with exit code 7; its last line: 'about to die'"):
            opened.mint(order("test.Blank"))
        # The prompts are gone with the process; they are made again for the scoring, the same ones.
        found = scored(opened, order("encoding.InjectROT13"), *["no"] * len(kept.prompts))
        assert found.scores["encoding.DecodeMatch"] == (0.0, 0.0, 0.0)
        assert opened.mint(order("encoding.InjectROT13")) == kept
        assert opened.log().starts == 2


def test_an_order_that_hangs_is_ended(faulty: Path) -> None:
    with GarakSession(command=lambda: [sys.executable, str(faulty)], order_seconds=15) as opened:
        opened.mint(order("encoding.InjectROT13"))
        opened._order_seconds = 0.5
        with pytest.raises(GarakCrashError, match="did not answer within"):
            opened.mint(order("test.Test"))
        assert opened._process is None


def test_nothing_is_waited_for_past_the_deadline(faulty: Path) -> None:
    began = time.monotonic()
    with (
        GarakSession(command=lambda: [sys.executable, str(faulty)], deadline=began + 0.2) as opened,
        pytest.raises(CheckTimeoutError),
    ):
        opened.mint(order("test.Test"))
    assert time.monotonic() - began < 10


def test_babble_is_an_error_not_an_answer(faulty: Path) -> None:
    with (
        GarakSession(command=lambda: [sys.executable, str(faulty), "babble"]) as opened,
        pytest.raises(GarakCrashError, match="cannot be read"),
    ):
        opened.mint(order("encoding.InjectROT13"))


def test_an_unsupported_garak_is_refused_by_the_process_itself(tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.write_text(
        "from probes.garak import child, surface\n"
        "surface.RELIED_ON = (('garak.probes.base', 'Probe.gone', 'asks'),)\n"
        "child.main()\n"
    )
    with (
        GarakSession(command=lambda: [sys.executable, str(script)]) as opened,
        pytest.raises(
            UnsupportedGarakError, match=r"garak has no garak\.probes\.base\.Probe\.gone, which asks"
        ),
    ):
        opened.mint(order("encoding.InjectROT13"))


def test_closing_ends_the_process_even_at_work(faulty: Path) -> None:
    opened = GarakSession(command=lambda: [sys.executable, str(faulty)])
    opened.mint(order("encoding.InjectROT13"))
    process = opened._process
    assert process is not None
    opened.close()
    opened.close()
    assert process.returncode is not None


def test_the_process_ends_by_itself_when_its_parent_is_gone() -> None:
    with GarakSession() as opened:
        opened.mint(order("test.Blank"))
        process = opened._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()  # what the death of the parent looks like from there
        assert process.wait(timeout=20) == 0
