"""What a policy answers of the use of a model reaches the check, and what --set says comes first."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cli.check_options import require_known
from cli.checks import known_checks
from cli.licence_situation import require_situation, situation_settings
from cli.main import run
from policies.policy_file import load_policy
from scanner.licensing.situation import Situation
from tests.scanner.model_folders import write_card

DUTIES = [known_checks()["licence-duties"]]
POLICY = """\
policy: {name: p, version: "1", schema: weighbridge.policy/1}
licence: {commercial: true, mau: 1234567, territory: [EU, US], distributes: false, seat: null}
"""


def policy_of(folder: Path, text: str = POLICY) -> Path:
    """A policy file with this text."""
    path = folder / "weighbridge.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_section_licence_becomes_the_situation_of_the_check(tmp_path: Path) -> None:
    settings = situation_settings(load_policy(policy_of(tmp_path)).answers, DUTIES)
    assert Situation.of(settings) == Situation(
        commercial=True, mau=1_234_567, territory=("EU", "US"), distributes=False
    )
    assert situation_settings(load_policy(policy_of(tmp_path)).answers, []) == {}


@pytest.mark.parametrize(("key", "value"), [("licence.mau", "many"), ("licence.territory", "Europe")])
def test_answer_of_the_wrong_kind_is_refused_before_the_scan(key: str, value: str) -> None:
    with pytest.raises(click.BadParameter, match=key.replace(".", r"\.")):
        require_situation({key: value})


def test_misspelt_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(click.BadParameter, match=r"licence\.maw.*licence\.mau"):
        require_known({"licence.maw": "5"}, DUTIES)


def test_european_of_a_policy_file_is_barred_until_an_argument_says_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    write_card(model, license="other", license_name="tencent-hunyuan-3d-2.0-community")
    (model / "config.json").write_text("{}")
    policy = policy_of(tmp_path)
    words = ["scan", str(model), "--static-only", "--policy", str(policy), "--check", "licence-duties"]
    words += ["--report", "none", "--data-dir", str(tmp_path / "data"), "--format", "json", "-q"]
    run(words)
    barred = capsys.readouterr().out
    run([*words, "--set", "licence.territory=US"])
    free = capsys.readouterr().out
    assert "gives no right to what you do" in barred
    assert "gives no right to what you do" not in free
