"""Every name of garak's insides that this adapter touches, in one place, with a test each.

garak has no supported Python interface, so the adapter is held to one minor version and says
clearly when another is installed. Nothing else in this project may import garak.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

from scanner.errors import NotAvailableError

SUPPORTED_VERSION: Final = "0.17."

# Module, name in it, and what breaks without it.
RELIED_ON: Final = (
    ("garak._config", "load_config", "reads garak's core settings"),
    ("garak._config", "run", "holds seed, generations and prompt cap"),
    ("garak._config", "system", "holds the parallelism settings"),
    ("garak._config", "transient", "holds the report handle that probes write to"),
    ("garak._plugins", "load_plugin", "makes probes and detectors"),
    ("garak._plugins", "PluginProvider._instance_cache", "keeps probes, with the seed of their first use"),
    ("garak.attempt", "Message", "is what a reply is wrapped in"),
    ("garak.probes.base", "Probe.probe", "mints the attempts"),
    ("garak.probes.base", "Probe._execute_all", "is the funnel through which a probe asks"),
    ("garak.probes.base", "Probe._generator_precall_hook", "asks for other sampling for one attempt"),
    ("garak.probes.base", "IterativeProbe", "marks probes that ask turn by turn"),
    ("garak.probes.base", "TreeSearchProbe", "marks probes that search turn by turn"),
    ("garak.probes.base", "IntentProbe", "marks probes whose detectors hang on intents"),
    ("garak.detectors.base", "Detector.detect", "scores a finished attempt"),
)
INVENTORY_FILE: Final = "garak/resources/plugin_cache.json"


class GarakMessage(Protocol):
    """What garak makes of a text."""

    text: str | None


class GarakTurn(Protocol):
    """One turn of a prompt."""

    role: str
    content: GarakMessage


class GarakPrompt(Protocol):
    """A conversation that ends with what the model is to answer."""

    turns: Sequence[GarakTurn]


class GarakAttempt(Protocol):
    """One prompt, and later its outputs."""

    prompt: GarakPrompt
    seq: int | None


class GarakDetector(Protocol):
    """Scores the outputs of an attempt in 0..1, None where it cannot tell."""

    def detect(self, attempt: GarakAttempt) -> Iterable[float | None]:
        """One score per output."""


class GarakProbe(Protocol):
    """A source of attempts."""

    goal: str
    primary_detector: str | None
    extended_detectors: Iterable[str]
    modality: MutableMapping[str, set[str]]
    _execute_all: Callable[[list[GarakAttempt]], list[GarakAttempt]]
    _generator_precall_hook: Callable[[object, GarakAttempt], None]

    def probe(self, generator: object) -> list[GarakAttempt]:
        """Mints attempts and hands them to `_execute_all`."""


class UnsupportedGarakError(NotAvailableError):
    """The installed garak is not one that this adapter was tested with."""


def installed_version() -> str:
    """The version of the installed garak, found without importing it.

    Raises:
        UnsupportedGarakError: when garak is absent, or not of the supported minor version.
    """
    try:
        version = importlib.metadata.version("garak")
    except importlib.metadata.PackageNotFoundError as error:
        raise UnsupportedGarakError(
            "garak is not installed", hint=f"install garak=={SUPPORTED_VERSION}*"
        ) from error
    if not version.startswith(SUPPORTED_VERSION):
        raise UnsupportedGarakError(
            f"garak {version} is installed, this adapter was tested with {SUPPORTED_VERSION}* only",
            hint=f"install garak=={SUPPORTED_VERSION}*",
        )
    return version


def inventory_path() -> Path:
    """Where the installed garak keeps its list of plug-ins, found without importing it.

    Raises:
        UnsupportedGarakError: when there is no such file.
    """
    spec = importlib.util.find_spec("garak")
    if spec is None or spec.origin is None:
        raise UnsupportedGarakError("garak is not installed", hint=f"install garak=={SUPPORTED_VERSION}*")
    path = Path(spec.origin).parent.parent / INVENTORY_FILE
    if not path.is_file():
        raise UnsupportedGarakError(f"garak has no {INVENTORY_FILE}", hint="install garak afresh")
    return path


def missing_names() -> list[str]:
    """What of RELIED_ON the installed garak lacks, one sentence each; imports garak."""
    missing = []
    for module, name, purpose in RELIED_ON:
        try:
            _resolve(module, name)
        except (ImportError, AttributeError):
            missing.append(f"garak has no {module}.{name}, which {purpose}")
    return missing


def _resolve(module: str, name: str) -> object:
    value: object = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value


def configure(*, seed: int, prompt_cap: int, report_path: Path) -> None:
    """Loads garak's core settings and ours over them; once per process, before anything else.

    Args:
        seed: For the probes that draw prompts themselves.
        prompt_cap: How many prompts those probes that listen may build.
        report_path: Where the lines go that garak writes on its own account.
    """
    config = cast(Any, importlib.import_module("garak._config"))
    config.load_config(site_config_filename="no-site-settings.yaml")
    config.run.seed = seed
    config.run.generations = 1
    config.run.soft_probe_prompt_cap = prompt_cap
    config.system.parallel_attempts = False
    config.system.verbose = 0
    config.transient.reportfile = report_path.open("a", encoding="utf-8")


def load_probe(name: str) -> GarakProbe:
    """A fresh instance of a probe ("dan.AutoDANCached"); whatever it raises escapes."""
    return cast(GarakProbe, _load(f"probes.{name}"))


def load_detector(name: str) -> GarakDetector:
    """A fresh instance of a detector ("dan.DAN"); whatever it raises escapes."""
    return cast(GarakDetector, _load(f"detectors.{name}"))


def _load(path: str) -> object:
    plugins = cast(Any, importlib.import_module("garak._plugins"))
    # NOTE: instances are kept by class; a second use would get the prompts of the first seed.
    plugins.PluginProvider._instance_cache.clear()
    return plugins.load_plugin(path)


def asks_turn_by_turn(probe: GarakProbe) -> bool:
    """Whether the probe's later prompts hang on earlier replies."""
    base = cast(Any, importlib.import_module("garak.probes.base"))
    return isinstance(probe, (base.IterativeProbe, base.TreeSearchProbe))


def detects_by_intent(probe: GarakProbe) -> bool:
    """Whether the probe's detectors hang on garak's intents rather than on the probe."""
    base = cast(Any, importlib.import_module("garak.probes.base"))
    return isinstance(probe, base.IntentProbe)


def message(text: str) -> GarakMessage:
    """A reply, as garak's detectors expect it."""
    attempts = cast(Any, importlib.import_module("garak.attempt"))
    return cast(GarakMessage, attempts.Message(text, lang="en"))
