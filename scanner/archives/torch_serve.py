"""What a TorchServe archive (.mar) says is to be run when it is served.

Source: pytorch/serve, model-archiver/README.md and ts/model_loader.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from scanner.archives.faults import Fault, Rule, shown
from scanner.archives.names import text_faults
from scanner.code.requirements import judge_requirement

MANIFEST: Final = "MAR-INF/MANIFEST.json"
# Source: ts/torch_handler/ of TorchServe 0.12.
_BUILT_IN: Final = frozenset({
    "image_classifier", "image_segmenter", "object_detector", "text_classifier", "base_handler",
})  # fmt: skip
REQUIREMENTS: Final = "requirements.txt"
_FILES: Final = ("serializedFile", "modelFile", "requirementsFile", "configFile")


def manifest_faults(manifest: bytes, names: frozenset[str]) -> Iterator[Fault]:
    """What is wrong with a manifest, or has to be read; `names` are those of the archive's members."""
    try:
        model = _model(manifest)
    except ValueError as error:
        yield Fault(Rule.MANIFEST, MANIFEST, f"cannot be read ({shown(str(error))})")
        return
    for key in ("handler", *_FILES):
        value = model.get(key, "")
        if value:
            for fault in text_faults(str(value)):
                yield Fault(fault.rule, MANIFEST, f"'{key}' {shown(str(value))} {fault.text}")
    yield from _run_faults(model, names)
    if model.get("requirementsFile"):
        yield Fault(Rule.CODE, MANIFEST, "has packages installed when it is served")


def requirement_faults(name: str, data: bytes, size_bytes: int) -> Iterator[Fault]:
    """Packages that serving has installed from elsewhere than the package index; `data` is how it begins."""
    if size_bytes > len(data):
        yield Fault(Rule.NOT_OPENED, name, "is longer than any honest list, and was not read to its end")
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        judged = judge_requirement(line.strip())
        if judged is not None:
            rule = Rule.DANGEROUS_CODE if judged.is_attack else Rule.CODE
            yield Fault(rule, name, f"line {number} {judged.message}: {shown(judged.text)}")


def _run_faults(model: Mapping[str, object], names: frozenset[str]) -> Iterator[Fault]:
    handler = str(model.get("handler", ""))
    for file in (handler.partition(":")[0], str(model.get("modelFile", ""))):
        if not file or file in _BUILT_IN:
            continue
        name = file if file.endswith(".py") else f"{file}.py"
        text = f"has {shown(name)} run when it is served"
        if name in names:
            yield Fault(Rule.CODE, MANIFEST, text)
        else:
            # The archiver always packs a handler that is given as a file.
            rule = Rule.MANIFEST if name == handler else Rule.CODE
            yield Fault(rule, MANIFEST, f"{text}, which is not in it")


def _model(manifest: bytes) -> dict[str, object]:
    try:
        value = json.loads(manifest.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict):
        raise ValueError("it has no object 'model'")
    return model
