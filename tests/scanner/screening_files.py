"""The Consolidated Screening List in the shape in which it is published, with a few rows.

Huawei's and Sberbank's rows hold public facts in few words; the other parties are made up.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ENTITY_LIST: Final = "Entity List (EL) - Bureau of Industry and Security"
SDN: Final = "Specially Designated Nationals (SDN) - Treasury Department"

ROWS: Final[Sequence[Mapping[str, Any]]] = (
    {
        "id": "a1",
        "source": ENTITY_LIST,
        "entity_number": None,
        "type": None,
        "programs": None,
        "name": "Huawei Technologies Co., Ltd. (Huawei)",
        "title": None,
        "addresses": [{"address": "Bantian", "city": "Shenzhen", "country": "CN"}],
        "federal_register_notice": "84 FR 22961",
        "start_date": "2019-05-16",
        "end_date": None,
        "standard_order": None,
        "license_requirement": "For all items subject to the EAR",
        "license_policy": "Presumption of denial",
        "alt_names": ["Shenzhen Huawei Technologies; Huawei Technology"],
        "source_list_url": "https://www.bis.gov/entity-list",
        "source_information_url": "https://www.bis.gov/el",
    },
    {
        "id": "a2",
        "source": SDN,
        "entity_number": 18715,
        "type": "Entity",
        "programs": ["RUSSIA-EO14024"],
        "name": "PUBLIC JOINT STOCK COMPANY SBERBANK OF RUSSIA",
        "start_date": "2022-04-06",
        "alt_names": ["SBERBANK OF RUSSIA", "SBER"],
        "addresses": [],
        "source_list_url": "https://ofac.treasury.gov/",
    },
    {
        "id": "a3",
        "source": SDN,
        "entity_number": 9,
        "type": "Individual",
        "programs": ["X"],
        "name": "MISTRAL AI",
        "alt_names": [],
        "addresses": [],
        "source_list_url": "https://ofac.treasury.gov/",
    },
    {
        "id": "a4",
        "source": ENTITY_LIST,
        "name": "Made-Up Mountain Instruments Group Ltd., and any successor, sub-unit, or subsidiary thereof",
        "type": None,
        "start_date": "2020-01-01",
        "end_date": "2021-01-01",
        "alt_names": [],
    },
)


# One row per name or address, as the EU writes it; the parties are made up.
EU_TEXT: Final = """\
fileGenerationDate;Entity_LogicalId;Entity_DesignationDate;Entity_SubjectType_ClassificationCode;Entity_Regulation_Programme;NameAlias_WholeName;NameAlias_LastName;Address_City
20/11/2026;13;2022-07-21;enterprise;UKR;Aleph Alpha Limited;;
20/11/2026;13;2022-07-21;enterprise;UKR;"Alef Alfa; OOO";;
20/11/2026;13;2022-07-21;enterprise;UKR;;;Somewhere
20/11/2026;14;2022-07-21;person;UKR;Mistral AI;AI;
20/11/2026;15;2022-07-21;enterprise;IRN;;Made-up Plant;
"""  # noqa: E501 - a line of the file
UK_TEXT: Final = """\
Report Date: 18-Nov-2026
Last Updated,Unique ID,Name 6,Name 1,Name type,Designation Type,Regime Name,Date Designated
18/11/2026,RUS1,MADE-UP BANK,,Primary name,Entity,The Russia (Sanctions) (EU Exit) Regulations 2019,06/04/2022
18/11/2026,RUS1,MUB,,Alias,Entity,The Russia (Sanctions) (EU Exit) Regulations 2019,06/04/2022
18/11/2026,DPR0002,ALEPH ALPHA CO.,,Primary name,Entity,The Made-up (Sanctions) Regulations 2020,01/02/2023
18/11/2026,DPR0003,AI,Mistral,Primary name,Individual,The Made-up (Sanctions) Regulations 2020,01/02/2023
"""


def as_json(rows: Sequence[Any] = ROWS) -> str:
    """The JSON file."""
    return json.dumps({"results": list(rows)})


def as_csv(rows: Sequence[Mapping[str, Any]] = ROWS) -> str:
    """The CSV file: `_id` for `id`, lists joined by semicolons."""
    columns = ["_id", *(key for key in ROWS[0] if key != "id")]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in rows:
        cells = {("_id" if key == "id" else key): _cell(value) for key, value in row.items()}
        writer.writerow(cells)
    return text.getvalue()


def write(path: Path, text: str) -> Path:
    """The text as a file."""
    path.write_text(text, encoding="utf-8")
    return path


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(", ".join(map(str, one.values())) if isinstance(one, dict) else one for one in value)
    return "" if value is None else str(value)
