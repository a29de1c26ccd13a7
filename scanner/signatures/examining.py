"""Looks at every signature of a model in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from scanner.check import CheckContext
from scanner.signatures.anchors import load_anchors, read_trusted, trust_file
from scanner.signatures.detached import examine_detached
from scanner.signatures.examined import Examined, Standing
from scanner.signatures.openssf import LIMIT_BYTES, Bench, examine_bundle
from scanner.signatures.recognised import Form, SignatureFile, recognised, signature_files
from scanner.signatures.signers import (
    FILES_SETTING,
    TRUST_SETTING,
    Elsewhere,
    SignerError,
    Wanted,
    files_from_setting,
)  # fmt: skip


def examine(context: CheckContext, wanted: Sequence[Wanted]) -> tuple[Examined, ...]:
    """What each signature that came with the model comes to, in the order of their names.

    Raises:
        SignerError: when what the user named as trusted cannot be read.
        CheckTimeoutError: when the time is up.
    """
    anchors = load_anchors(tuple(wanted))
    given = files_from_setting(context.settings.get(FILES_SETTING, ""))
    files = (*signature_files(context.snapshot), *map(_elsewhere, given))
    if not files:
        return ()
    with trust_file(context.settings) as trust:
        bench = Bench(
            context.snapshot,
            tuple(wanted),
            anchors,
            trust,
            context.settings.get(TRUST_SETTING, ""),
            frozenset(file.path for file in files if not file.elsewhere),
            context.as_of,
        )
        found = []
        for file in files:
            context.check_deadline()
            found.append(_examined(bench, file))
    return tuple(found)


def _elsewhere(given: Elsewhere) -> SignatureFile:
    path = Path(given.path)
    data = read_trusted(path, LIMIT_BYTES)
    if hashlib.sha256(data).hexdigest() != given.sha256:
        raise SignerError(f"{given.path}: is another file than when the scan began")
    return recognised(path.name, data, given.path)


def _examined(bench: Bench, file: SignatureFile) -> Examined:
    if file.form is Form.BUNDLE:
        return examine_bundle(bench, file)
    if file.form is Form.OTHER:
        return Examined(file, Standing.UNREAD, file.what)
    return examine_detached(bench, file)
