"""The item bank that ships with Weighbridge, loaded once and linted.

>>> len(load_bank().topics)
28
"""

from __future__ import annotations

import functools

from probes.deflection.bank_files import data_folder, read_bank
from probes.deflection.items import Bank, ItemBankError
from probes.deflection.lint import faults_of


@functools.cache
def load_bank() -> Bank:
    """The bank, read and held to its own rules.

    Raises:
        ItemBankError: when a file is broken or breaks a rule; names file, row and key.
    """
    bank = read_bank(data_folder())
    faults = faults_of(bank)
    if faults:
        raise ItemBankError(f"deflection bank: {len(faults)} fault(s): {'; '.join(faults[:3])}")
    return bank
