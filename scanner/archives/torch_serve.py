"""What a TorchServe archive (.mar) says is to be run when it is served.

Source: pytorch/serve, model-archiver/README.md and ts/model_loader.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from scanner.archives.faults import Fault, Rule, shown
from scanner.archives.names import text_faults
from scanner.code.requirements import judge_requirement

MANIFEST: Final = "MAR-INF/MANIFEST.json"
MANIFEST_BYTES: Final = 1024**2
# Source: ts/torch_handler/ of TorchServe 0.12.
_BUILT_IN: Final = frozenset({
    "image_classifier", "image_segmenter", "object_detector", "text_classifier", "base_handler",
})  # fmt: skip
REQUIREMENTS: Final = "requirements.txt"
_FILES: Final = ("serializedFile", "modelFile", "requirementsFile", "configFile")


def handler_of(manifest: bytes) -> tuple[str, ...]:
    """The Python files that serving runs, by their names in the archive.

    Raises:
        ValueError: when the manifest cannot be read.
    """
    model = _model(manifest)
    handler = str(model.get("handler", "")).partition(":")[0]
    files = [handler, str(model.get("modelFile", ""))]
    return tuple(
        name if name.endswith(".py") else f"{name}.py" for name in files if name and name not in _BUILT_IN
    )


def manifest_faults(manifest: bytes, names: frozenset[str]) -> Iterator[Fault]:
    """What is wrong with a manifest, or has to be read; `names` are those of the archive's members."""
    try:
        model = _model(manifest)
        run = handler_of(manifest)
    except ValueError as error:
        yield Fault(Rule.MANIFEST, MANIFEST, f"cannot be read ({shown(str(error))})")
        return
    for key in ("handler", *_FILES):
        value = model.get(key, "")
        if value:
            for fault in text_faults(str(value)):
                yield Fault(fault.rule, MANIFEST, f"'{key}' {shown(str(value))} {fault.text}")
    yield from _run_faults(run, names, str(model.get("handler", "")))
    if model.get("requirementsFile"):
        yield Fault(Rule.CODE, MANIFEST, "has packages installed when it is served")


def requirement_faults(name: str, data: bytes) -> Iterator[Fault]:
    """Packages that serving has installed from somewhere other than the package index."""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        judged = judge_requirement(line.strip())
        if judged is not None:
            rule = Rule.DANGEROUS_CODE if judged.is_attack else Rule.CODE
            yield Fault(rule, name, f"line {number} {judged.message}: {shown(judged.text)}")


def _run_faults(run: tuple[str, ...], names: frozenset[str], handler: str) -> Iterator[Fault]:
    for name in run:
        if name in names:
            yield Fault(Rule.CODE, MANIFEST, f"has {shown(name)} run when it is served")
        elif name == handler:  # a file by its name, which the archiver always packs
            yield Fault(
                Rule.MANIFEST, MANIFEST, f"has {shown(name)} run when it is served, which is not in it"
            )
        else:
            yield Fault(Rule.CODE, MANIFEST, f"has {shown(name)} run when it is served, which is not in it")


def _model(manifest: bytes) -> dict[str, object]:
    try:
        value = json.loads(manifest.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict):
        raise ValueError("it has no object 'model'")
    return model
