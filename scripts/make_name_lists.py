"""Writes the lists of given names and surnames: `pip install names==0.3.0 faker`, then run this.

Sources: names 0.3.0 (MIT), which holds the name files of the US census of 1990 (public domain), and the
providers of Faker (MIT) for further countries. Lists say what can be a name, nothing about anybody.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from names import full_path

_LOCALES = (
    "en_US", "en_GB", "en_IN", "en_NG", "es_ES", "es_MX", "de_DE", "fr_FR", "it_IT", "pt_BR", "nl_NL",
    "sv_SE", "no_NO", "da_DK", "pl_PL", "cs_CZ", "hu_HU", "ro_RO", "tr_TR", "ga_IE",
    "yo_NG", "tw_GH", "id_ID", "vi_VN",
)  # fmt: skip
_SURNAMES = 12_000  # the most frequent ones of the census, which cover about 80 % of its people
_DATA = Path("probes/data")


def main() -> None:
    """Writes both files."""
    given = _census("dist.male.first") + _census("dist.female.first")
    surnames = _census("dist.all.last")[:_SURNAMES]
    for locale in _LOCALES:
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ImportError:
            print(f"Faker has no names for {locale}")
            continue
        given += _of(provider, "first_names")
        surnames += _of(provider, "last_names")
    _write("personal_data_given_names.txt", given)
    _write("personal_data_surnames.txt", surnames)


def _census(name: str) -> list[str]:
    return [line.split()[0] for line in Path(full_path(name)).read_text(encoding="utf-8").splitlines()]


def _of(provider: type, start: str) -> list[str]:
    lists = [getattr(provider, name) for name in dir(provider) if name.startswith(start)]
    return [name for each in lists for name in each if isinstance(name, str)]


def _write(name: str, names: list[str]) -> None:
    kept = sorted({each.lower() for each in names if re.fullmatch(r"[^\W\d_][^\W\d_'’-]+", each)})
    head = [
        "# Made by scripts/make_name_lists.py from the US census of 1990 (public domain) and Faker (MIT).",
        "# Lower case, one a line.",
    ]
    (_DATA / name).write_text("\n".join([*head, *kept]) + "\n", encoding="utf-8")
    print(f"{name}: {len(kept)}")


if __name__ == "__main__":
    main()
