"""What another tool says of licence texts; runs in that tool's own environment, knows nothing of Weighbridge.

Reads {"name": text} as JSON from standard input, writes {"name": [[SPDX or own ids], is_permissive]} to
standard output. Called as `python judge.py TOOL`.
"""

import json
import sys

# What a reader of the tool's answer takes for free use.
PERMISSIVE = {
    "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "CC0-1.0", "Unlicense",
    "CC-BY-4.0", "Zlib", "BSL-1.0", "X11", "BSD-2-Clause-Views", "BSD-Source-Code", "ECL-2.0", "PSF-2.0",
    "Python-2.0",
}  # fmt: skip
# askalono's own threshold below which its command line reports nothing.
SURE = 0.8


def spdx_matcher_says(text):
    """The licences that spdx-matcher names with some certainty."""
    import spdx_matcher

    found, certainty = spdx_matcher.analyse_license_text(text)
    ids = list(found.get("licenses", {})) if certainty >= SURE else []
    return ids, bool(ids) and all(each in PERMISSIVE for each in ids)


def askalono_says(text):
    """The licence that askalono finds nearest, when it is near enough."""
    import askalono

    found = askalono.identify(text)
    ids = [found.name] if found is not None and found.score >= SURE else []
    return ids, bool(ids) and all(each in PERMISSIVE for each in ids)


def scancode_says(text):
    """Every licence that scancode-toolkit matches, and its own category of each."""
    from licensedcode.cache import get_index, get_licenses_db

    licences = get_licenses_db()
    keys = []
    for match in get_index().match(query_string=text):
        keys += [key for key in match.rule.license_keys() if key not in keys]
    categories = {licences[key].category for key in keys}
    ids = [licences[key].spdx_license_key or key for key in keys]
    return ids, bool(keys) and categories <= {"Permissive", "Public Domain"}


TOOLS = {"spdx-matcher": spdx_matcher_says, "pyaskalono": askalono_says, "scancode-toolkit": scancode_says}


def main(tool):
    """Judges every text; one that the tool fails on counts as no answer."""
    answers = {}
    for name, text in json.load(sys.stdin).items():
        try:
            answers[name] = TOOLS[tool](text)
        except Exception as error:  # noqa: BLE001 - another tool's faults are its answer
            print(f"{tool}, {name}: {error}", file=sys.stderr)
            answers[name] = ([], False)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
