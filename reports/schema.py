"""The JSON Schema of the JSON report, made from the types it is encoded from.

`reports/data/report.schema.json` is this schema as a file; a test holds the two together.

>>> report_schema()["$schema"]
'https://json-schema.org/draft/2020-12/schema'
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import msgspec

from reports.contents import SCHEMA_ID, Contents

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def report_schema() -> dict[str, Any]:
    """The schema of `weighbridge.report/1`, draft 2020-12."""
    (schema,), components = msgspec.json.schema_components([Contents], ref_template="#/$defs/{name}")
    for component in components.values():
        # Of a docstring the first paragraph; the rest is for readers of the code.
        component["description"] = " ".join(component["description"].split("\n\n")[0].split())
    return {
        "$schema": _DIALECT,
        "title": f"Weighbridge report ({SCHEMA_ID})",
        **schema,
        "$defs": components,
    }


def encoded_schema() -> bytes:
    """The schema as the bytes of its file."""
    return json.dumps(report_schema(), indent=2, sort_keys=True).encode() + b"\n"


def shipped_schema() -> bytes:
    """The schema file that comes with the package."""
    return (resources.files("reports") / "data" / "report.schema.json").read_bytes()
