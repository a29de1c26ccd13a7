"""Every name of garak's insides that this adapter touches, in one place, with a test each.

garak has no supported Python interface, so the adapter is held to one minor version and says
clearly when another is installed. Nothing else in this project may import garak.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import importlib
import importlib.metadata
import importlib.util
import json
import random
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
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
    ("garak._config", "plugins", "holds the settings of single plug-ins"),
    ("garak._config", "reporting", "says where garak's own report goes"),
    ("garak.attempt", "Message", "is what a reply is wrapped in"),
    ("garak.attempt", "Attempt.as_dict", "is a line of garak's own report"),
    ("garak.attempt", "Attempt.outputs", "tells attempts that were answered"),
    ("garak.attempt", "ATTEMPT_COMPLETE", "marks attempts that were scored"),
    ("garak.command", "start_run", "opens garak's own report"),
    ("garak.command", "end_run", "closes garak's own report"),
    ("garak.evaluators.base", "ThresholdEvaluator.evaluate", "writes the counts of garak's own report"),
    ("garak.probes.base", "Probe.probe", "mints the attempts"),
    ("garak.probes.base", "Probe._execute_all", "is the funnel through which a probe asks"),
    ("garak.probes.base", "Probe._mint_attempt", "makes every attempt"),
    ("garak.probes.base", "Probe._generator_precall_hook", "asks for other sampling for one attempt"),
    ("garak.probes.base", "IterativeProbe", "marks probes that ask turn by turn"),
    ("garak.probes.base", "TreeSearchProbe", "marks probes that search turn by turn"),
    ("garak.probes.base", "IntentProbe", "marks probes whose detectors hang on intents"),
    ("garak.services.intentservice", "load", "chooses the intents of a run"),
    ("garak.services.intentservice", "get_detectors", "chooses the detectors of an intent"),
    ("garak.detectors.base", "Detector.detect", "scores a finished attempt"),
    ("garak.detectors.base", "HFDetector", "loads its model from where a setting says"),
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
    intent: str | None
    status: int
    outputs: Sequence[GarakMessage | None]
    detector_results: MutableMapping[str, Sequence[float | None]]

    def as_dict(self) -> Mapping[str, object]:
        """The attempt as a line of garak's own report."""


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
    _mint_attempt: Callable[..., GarakAttempt]
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


def configure(*, seed: int, prompt_cap: int, folder: Path, models: Mapping[str, str]) -> None:
    """Loads garak's core settings and ours over them, and opens its report; once per process.

    Args:
        seed: For the probes that draw prompts themselves.
        prompt_cap: How many prompts those probes that listen may build.
        folder: Where garak's own report goes.
        models: Values of garak's settings of single plug-ins, by "detectors.module.Class.key".
    """
    config = cast(Any, importlib.import_module("garak._config"))
    config.load_config(site_config_filename="no-site-settings.yaml")
    config.run.seed = seed
    config.run.generations = 1
    config.run.soft_probe_prompt_cap = prompt_cap
    config.system.parallel_attempts = False
    config.system.verbose = 0
    config.system.lite = False
    config.plugins.target_type, config.plugins.target_name = "weighbridge", "the model under test"
    for setting, value in models.items():
        kind, module, name, key = setting.split(".")
        getattr(config.plugins, kind)[module][name][key] = value
    config.reporting.report_dir = str(folder)
    config.reporting.report_prefix = f"garak-{len(report_paths(folder)) + 1}"
    config.transient.starttime = datetime.datetime.now()
    config.transient.starttime_iso = config.transient.starttime.isoformat()
    cast(Any, importlib.import_module("garak.command")).start_run()
    # Probes whose detectors hang on intents ask it while they load.
    cast(Any, importlib.import_module("garak.services.intentservice")).load()


def report_paths(folder: Path) -> list[Path]:
    """Every report that garak wrote itself in a folder, one per process, in the order of these processes."""
    return sorted(folder.glob("garak-*.report.jsonl"), key=lambda path: (len(path.name), path.name))


def report(attempts: Sequence[GarakAttempt]) -> None:
    """Puts scored attempts, and garak's own counts of them, into garak's own report."""
    config = cast(Any, importlib.import_module("garak._config"))
    complete = cast(Any, importlib.import_module("garak.attempt")).ATTEMPT_COMPLETE
    for attempt in attempts:
        attempt.status = complete
        config.transient.reportfile.write(json.dumps(attempt.as_dict(), ensure_ascii=False) + "\n")
    evaluators = cast(Any, importlib.import_module("garak.evaluators.base"))
    evaluators.ThresholdEvaluator(config.run.eval_threshold).evaluate(list(attempts))


def close_report() -> None:
    """Closes garak's own report, with its digest."""
    cast(Any, importlib.import_module("garak.command")).end_run()


# Modules of probes of which one was made in this process.
_WARM: Final[set[str]] = set()


def load_probe(name: str) -> GarakProbe:
    """A fresh instance of a probe ("dan.AutoDANCached"), of a fresh class; whatever it raises escapes.

    NOTE: some probes add to lists of their class whenever one is made (latentinjection's payload_triggers),
    and would make other prompts the second time, or after one of their kin.
    """
    sys.modules.pop(_module_of(name), None)
    return cast(GarakProbe, _load(f"probes.{name}"))


def warm_up(name: str) -> None:
    """Makes a probe once and throws it away, the first time that one of its module is asked for.

    Some libraries draw random numbers while they are imported, some of them only when a probe is made. That
    would move what the first probe draws, and a process that is started anew would make other prompts.
    """
    module = _module_of(name)
    if module not in _WARM:
        _WARM.add(module)
        with contextlib.suppress(Exception):  # making it in earnest raises the same
            load_probe(name)


def _module_of(name: str) -> str:
    return f"garak.probes.{name.partition('.')[0]}"


@functools.cache
def load_detector(name: str) -> GarakDetector:
    """A detector ("dan.DAN"), loaded once, since some hold a model; whatever it raises escapes."""
    return cast(GarakDetector, _load(f"detectors.{name}"))


def _load(path: str) -> object:
    plugins = cast(Any, importlib.import_module("garak._plugins"))
    # NOTE: instances are kept by class; a second use would get the prompts of the first seed.
    plugins.PluginProvider._instance_cache.clear()
    return plugins.load_plugin(path)


def seed(key: str) -> None:
    """Makes whatever is drawn from here on the same for the same key."""
    random.seed(key)
    torch = cast(Any, sys.modules.get("torch"))
    if torch is not None:
        torch.manual_seed(random.Random(key).getrandbits(32))


def asks_turn_by_turn(probe: GarakProbe) -> bool:
    """Whether the probe's later prompts hang on earlier replies."""
    base = cast(Any, importlib.import_module("garak.probes.base"))
    return isinstance(probe, (base.IterativeProbe, base.TreeSearchProbe))


def detects_by_intent(probe: GarakProbe) -> bool:
    """Whether the probe's detectors hang on garak's intents rather than on the probe."""
    base = cast(Any, importlib.import_module("garak.probes.base"))
    return isinstance(probe, base.IntentProbe)


def detectors_of(attempt: GarakAttempt) -> list[str]:
    """The detectors that garak chooses for the intent of an attempt, by name."""
    service = cast(Any, importlib.import_module("garak.services.intentservice"))
    return sorted(service.get_detectors(attempt.intent) or ())


def message(text: str) -> GarakMessage:
    """A reply, as garak's detectors expect it."""
    attempts = cast(Any, importlib.import_module("garak.attempt"))
    return cast(GarakMessage, attempts.Message(text, lang="en"))
