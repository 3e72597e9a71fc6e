"""One node, one question: the whole index of the Imaging Data Commons, counted per dataset.

Ours is the way of a question through the gate: reading, deciding for 179 datasets, the audit entry on disk, the engine,
the answer. Peers get the same question as SQL for all collections at once: through the official client, whose tables
are in memory, and written by hand for DuckDB over the Parquet file that the client ships. All three must find the same
numbers. (One StudyInstanceUID of the collection NLST stands under two patients. A study has one patient, so we count
two; the numbers are compared with SQL that counts so too, while the peers are timed with the simpler SQL.)
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from hanse.domains import VOCABULARY
from hanse.domains.imaging import idc
from hanse.node.gate import Gate, Visit
from hanse.node.idc import publish_idc
from hanse.node.store import Store

TIMES_CLIENT = 1 / 3
TIMES_SQL = 1 / 2
ROUNDS = 5

Numbers = dict[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in both languages. `where` may speak of {spelt:FIELD:CODE}: all spellings in the index that mean
    the code; {table} is the peer's name of the index."""

    name: str
    question: str
    where: str


PATIENT = "(collection_id, PatientID)"
STUDY = "StudyInstanceUID"
HAVING = (
    f"(SELECT {PATIENT} FROM {{table}} WHERE {{where}} GROUP BY collection_id, PatientID HAVING {{having}})"
)

QUESTIONS = (
    Asked("everyone", "", "TRUE"),
    Asked("one criterion", "image.modality = 'MR'", "Modality = 'MR'"),
    Asked(
        "two criteria",
        "image.modality = 'MR' AND image.body_part = 'BREAST'",
        "Modality = 'MR' AND BodyPartExamined IN ({spelt:image.body_part:BREAST})",
    ),
    Asked(
        "four criteria",
        "image.modality = 'CT' AND image.body_part = 'CHEST' AND image.manufacturer = 'siemens'"
        " AND image.study_year >= 2000",
        "Modality = 'CT' AND BodyPartExamined IN ({spelt:image.body_part:CHEST})"
        " AND Manufacturer IN ({spelt:image.manufacturer:siemens}) AND StudyDate >= '2000-01-01'",
    ),
    Asked("a list", "image.modality IN ('CT', 'PT', 'MR')", "Modality IN ('CT', 'PT', 'MR')"),
    Asked(
        "or",
        "image.modality = 'PT' OR image.manufacturer = 'siemens'",
        "Modality = 'PT' OR Manufacturer IN ({spelt:image.manufacturer:siemens})",
    ),
    Asked(
        "a range",
        "image.study_year BETWEEN 1995 AND 2005",
        "StudyDate >= '1995-01-01' AND StudyDate < '2006-01-01'",
    ),
    Asked("not", "NOT image.modality = 'CT'", "NOT Modality = 'CT'"),
    Asked(
        "text",
        "CASEI(image.series_description) LIKE CASEI('%chest%')",
        "SeriesDescription ILIKE '%chest%'",
    ),
    Asked(
        "exists",
        "image.modality = 'MR' AND exists(image.modality = 'CT')",
        f"Modality = 'MR' AND {PATIENT} IN (SELECT {PATIENT} FROM {{table}} WHERE Modality = 'CT')",
    ),
    Asked(
        "not exists",
        "image.modality = 'MR' AND NOT exists(image.modality = 'SEG')",
        f"Modality = 'MR' AND {PATIENT} NOT IN (SELECT {PATIENT} FROM {{table}} WHERE Modality = 'SEG')",
    ),
    Asked(
        "count of studies",
        "image.modality = 'MR' AND count(image.study) >= 3",
        f"Modality = 'MR' AND {PATIENT} IN "
        + HAVING.format(table="{table}", where="TRUE", having="count(DISTINCT StudyInstanceUID) >= 3"),
    ),
    Asked(
        "count of series",
        "image.modality = 'CT' AND count(image.modality = 'SEG') >= 3",
        f"Modality = 'CT' AND {PATIENT} IN "
        + HAVING.format(table="{table}", where="Modality = 'SEG'", having="count(*) >= 3"),
    ),
    Asked(
        "text and number",
        "CASEI(image.series_description) LIKE CASEI('%t2%') AND image.instances > 100",
        "SeriesDescription ILIKE '%t2%' AND instanceCount > 100",
    ),
)


def rows(small: bool = False) -> list[dict[str, Any]]:
    """A row a question and peer: milliseconds, medians of interleaved runs."""
    index, _ = idc.installed()
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home))
        publish_idc(store)
        gate = Gate(store, VOCABULARY, Path(home) / "cache")
        spelt = spellings(index)
        client = None if small else official_client()
        return [
            row
            for asked in (QUESTIONS[:3] if small else QUESTIONS)
            for row in measured(asked, gate, index, spelt, client)
        ]


def official_client() -> Any:
    from idc_index import IDCClient

    return IDCClient()


def measured(
    asked: Asked, gate: Gate, index: Path, spelt: Callable[[str], str], client: Any
) -> list[dict[str, Any]]:
    """The same question to all, in turn; refuses to compare when they do not find the same."""
    connection = duckdb.connect()
    where = spelt(asked.where)

    def parquet(study: str = STUDY) -> Numbers:
        return by_sql(lambda sql: connection.execute(sql).fetchall(), where, f"'{index}'", study)

    def official(study: str = STUDY) -> Numbers:
        return by_sql(lambda sql: client.sql_query(sql).itertuples(index=False), where, "index", study)

    sides = {"ours": lambda: ours(gate, asked.question), "DuckDB SQL on the Parquet file": parquet}
    sides |= {"idc-index client": official} if client is not None else {}
    for find in (parquet, official) if client is not None else (parquet,):
        theirs, mine = find(f"(PatientID, {STUDY})"), ours(gate, asked.question)
        if different := {name for name in theirs | mine if theirs.get(name) != mine.get(name)}:
            raise AssertionError(f"{asked.name}: {find.__name__} finds other numbers in {sorted(different)}")
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, ask in sides.items():
            began = time.perf_counter()
            ask()
            times[name].append((time.perf_counter() - began) * 1000)
    mine = median(times.pop("ours"))
    bars = {"idc-index client": (TIMES_CLIENT, version("idc-index") if client else "")}
    return [
        {
            "name": f"search, {asked.name}",
            "ours": mine,
            "peer": median(peer),
            "unit": "ms",
            "ratio": mine / median(peer),
            "peer_name": name,
            "peer_version": bars.get(name, (TIMES_SQL, duckdb.__version__))[1],
            "bar": (bar := bars.get(name, (TIMES_SQL, ""))[0]),
            "holds": mine / median(peer) <= bar,
        }
        for name, peer in times.items()
    ]


def ours(gate: Gate, question: str) -> Numbers:
    answers = gate.count(Visit("benchmark", "count", "benchmark"), question)
    return {
        one.name.removeprefix("idc-"): (one.counts.persons, one.counts.studies or 0, one.counts.series or 0)
        for one in answers
        if one.counts.persons
    }


def by_sql(run: Callable[[str], Any], where: str, table: str, study: str) -> Numbers:
    sql = (
        f"SELECT collection_id, count(DISTINCT PatientID), count(DISTINCT {study}), count(DISTINCT SeriesInstanceUID)"
        f" FROM {table} WHERE {where.replace('{table}', table)} GROUP BY collection_id"
    )
    return {name.replace("_", "-"): (persons, studies, series) for name, persons, studies, series in run(sql)}


def spellings(index: Path) -> Callable[[str], str]:
    """Replaces {spelt:FIELD:CODE} by the list of the index's own spellings that mean the code."""
    lists = {}
    for field in ("image.body_part", "image.manufacturer"):
        codes = VOCABULARY.fields[field].codes
        assert codes is not None
        for (raw,) in duckdb.sql(
            f"SELECT DISTINCT {idc.CODED[field]} FROM '{index}' WHERE 1 IS NOT NULL"
        ).fetchall():
            if raw and (code := codes.find(raw)):
                lists.setdefault(f"{{spelt:{field}:{code}}}", []).append("'" + raw.replace("'", "''") + "'")

    def spelt(where: str) -> str:
        for name, values in lists.items():
            where = where.replace(name, ", ".join(values))
        return where

    return spelt
