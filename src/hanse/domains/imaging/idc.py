"""The NCI Imaging Data Commons as public datasets: one for each collection of its index.

The index is the Parquet file that the official client ships (package `idc-index-data`): one row per DICOM series. It
has no pixels and no identities; all of it is public. Values that the code lists do not know become NULL, and
`unresolved` says which and how often.

IDC's own description of a collection is all that is known of its subjects' diseases. So a person gets a condition only
when everything that the collection is said to hold is one cancer type, in humans, and not simulated.
"""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from hanse.core.errors import NotFound, NotSetUp
from hanse.core.fields import CodeList, Field
from hanse.core.record import Agent, Description, english
from hanse.domains import VOCABULARY
from hanse.domains.imaging.acquisition import contrast, sequence
from hanse.domains.imaging.idc_terms import diseases, only_disease, split

# Computed images, which IDC does not mark as such.
SIMULATED = frozenset({"dro_toolkit", "gbm_dsc_mri_dro", "victre"})

# As the package of the index names its pages.
PUBLISHER = Agent(
    "NCI Imaging Data Commons",
    page="https://discourse.canceridc.dev",
    homepage="https://imaging.datacommons.cancer.gov",
    country="US",
)

CODED = {  # field of the vocabulary: column of the index
    "person.sex": "PatientSex",
    "image.modality": "Modality",
    "image.body_part": "BodyPartExamined",
    "image.manufacturer": "Manufacturer",
    "image.license": "license_short_name",
    "image.sop_class": "SOPClassUID",
    "image.transfer_syntax": "TransferSyntaxUID",
    "image.photometric_interpretation": "PhotometricInterpretation",
    "image.pixel_representation": "PixelRepresentation",
}


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A value of the index that the code list of a field does not know, and the number of series that have it."""

    field: str
    value: str
    series: int


def installed() -> tuple[Path, Path]:
    """Where the index of series and the index of collections lie.

    Raises `NotSetUp` when the package that carries them is not installed.
    """
    try:
        import idc_index_data
    except ImportError:
        raise NotSetUp(
            "The index of the Imaging Data Commons is not installed.",
            hint="Install it with: pip install 'hanse[demo]'",
        ) from None
    index = Path(idc_index_data.IDC_INDEX_PARQUET_FILEPATH)
    return index, index.with_name("collections_index.parquet")


def load(connection: duckdb.DuckDBPyConnection, index: Path, collections: Path) -> None:
    """Read both indexes into temporary tables of `connection`, once; the other functions of this module use them.

    Ordinals start at 0 in every collection and follow PatientID, StudyInstanceUID and SeriesInstanceUID.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW idc_index AS SELECT *, file_row_number AS row, "
        f"try_cast(StudyDate AS DATE) AS study_date FROM {_parquet(index)}"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE idc_collection AS SELECT * FROM {_parquet(collections)}"
    )
    _load_codes(connection)
    _load_diseases(connection)
    _load_acquisitions(connection)
    connection.execute(_PLACES)
    connection.execute(_IMAGES)
    connection.execute(_PERSONS)
    connection.execute(_CONDITIONS)


def collections(connection: duckdb.DuckDBPyConnection) -> list[Description]:
    """One dataset for each collection, in the order of their names."""
    rows = connection.execute(
        """SELECT c.*, licenses FROM idc_collection c
           JOIN (SELECT collection, list(DISTINCT license ORDER BY license) AS licenses FROM idc_image GROUP BY ALL) i
             ON i.collection = c.collection_id
           ORDER BY c.collection_id"""
    )
    names = [column[0] for column in rows.description or ()]
    return [_description(dict(zip(names, row, strict=True))) for row in rows.fetchall()]


def tables(connection: duckdb.DuckDBPyConnection, name: str) -> Mapping[str, str]:
    """For each entity the SQL query that gives the rows of the dataset `name`, sorted by person.

    Raises `NotFound` when no collection has that name.
    """
    collection = name.removeprefix("idc-").replace("-", "_")
    where = f"WHERE collection = {_literal(collection)}"
    if name != _name(collection) or not connection.execute(f"SELECT 1 FROM idc_disease {where}").fetchone():
        raise NotFound(f"The Imaging Data Commons has no collection {name}.")
    orders = {"person": "person", "condition": "person", "image": "person, study, series"}
    return {
        entity: f"SELECT * EXCLUDE (collection) FROM idc_{entity} {where} ORDER BY {order}"
        for entity, order in orders.items()
    }


def unresolved(connection: duckdb.DuckDBPyConnection) -> list[Unresolved]:
    """What became NULL because no code list knows it, the most frequent first."""
    rows = connection.execute(
        "SELECT field, value, series FROM idc_code WHERE code IS NULL ORDER BY series DESC, field, value"
    )
    return [Unresolved(*row) for row in rows.fetchall()]


def _load_codes(connection: duckdb.DuckDBPyConnection) -> None:
    """The code that each value of a coded column means: a small table, so that the large one is only joined."""
    rows = []
    for name, column in CODED.items():
        codes = VOCABULARY.fields[name].codes
        values = connection.execute(
            f"SELECT {column}, count(*) FROM idc_index WHERE {column} <> '' GROUP BY ALL"
        )
        rows += [(name, value, _code(codes, value), series) for value, series in values.fetchall()]
    _fill(connection, "idc_code (field TEXT, value TEXT, code TEXT, series BIGINT)", rows)


def _code(codes: CodeList | None, value: str) -> str | None:
    """The code of a value; the index writes `A,B` for a series whose instances differ."""
    if codes is None:
        return None
    return codes.find(value) or ("mixed" if "," in value and "mixed" in codes.codes else None)


def _load_diseases(connection: duckdb.DuckDBPyConnection) -> None:
    """What is known of the subjects of each collection: their species, and their cancer if they have only one."""
    species = VOCABULARY.fields["person.species"].codes
    described = "SELECT collection_id, cancer_types, tumor_locations, species FROM idc_collection"
    rows = []
    for collection, terms, location, kind in connection.execute(described).fetchall():
        one = only_disease(terms, location) if kind == "Human" and collection not in SIMULATED else None
        disease = (one.cancer_type, one.code, one.morphology) if one else (None, None, None)
        rows.append((collection, species.find(kind or "") if species else None, *disease))
    _fill(
        connection,
        "idc_disease (collection TEXT, species TEXT, cancer_type TEXT, code TEXT, morphology TEXT)",
        rows,
    )


def _load_acquisitions(connection: duckdb.DuckDBPyConnection) -> None:
    """What the descriptions of CT and MR series say of sequence and contrast; the index has no other parameters."""
    described = connection.execute(
        """SELECT DISTINCT Modality, SeriesDescription FROM idc_index
           WHERE Modality IN ('CT', 'MR') AND SeriesDescription <> ''"""
    )
    rows = []
    for modality, description in described.fetchall():
        header = {"Modality": modality, "SeriesDescription": description}
        rows.append((modality, description, *(sequence(header) or (None, None)), contrast(header)))
    _fill(
        connection,
        "idc_acquisition (modality TEXT, description TEXT, sequence TEXT, confidence DOUBLE, contrast BOOLEAN)",
        [row for row in rows if any(value is not None for value in row[2:])],
    )


def _fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """A temporary table with these columns and rows, written as literals: parameters would make DuckDB load pandas."""
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table}")
    connection.execute(f"INSERT INTO {table.partition(' ')[0]} VALUES {values}")


def _name(collection: str) -> str:
    """`idc-tcga-gbm` of `tcga_gbm`: dataset names have dashes, IDC's have underscores and no dashes."""
    return "idc-" + collection.replace("_", "-")


def _description(row: Mapping[str, Any]) -> Description:
    sources = row["sources"] or []
    original = [one for one in sources if one["source_type"] == "original_data"] or sources
    found = diseases(row["cancer_types"], row["tumor_locations"])
    words = _distinct(word for key in ("species", "tumor_locations") for word in split(row[key]))
    cancers = _distinct(one.cancer_type for one in found if one)
    return Description(
        name=_name(row["collection_id"]),
        title=english(row["collection_name"] or row["collection_id"]),
        about=english(" ".join((row["description"] or "").split())),
        keywords={"en": words} if words else {},
        license=", ".join(one for one in row["licenses"] if one),
        link=original[0]["source_url"] if original else "",
        synthetic=row["collection_id"] in SIMULATED,
        cancer_types=cancers,
        holder=PUBLISHER,
        contact=PUBLISHER,
        categories=("EMRD",),
        themes=("CANCER_DISEASE",) if cancers else (),
        provenance=english(" ".join(_distinct(map(_provenance, original)))),
        conforms_to=("https://www.dicomstandard.org/",),
        identifiers=_distinct(one["source_doi"] for one in original if one["source_doi"]),
        citation=_plain(original[0]["citation"] or "") if original else "",
    )


def _provenance(source: Mapping[str, Any]) -> str:
    """Who gave the data, took the identities away and made DICOM of them, as far as IDC says."""
    said = source["provenance"] or {}
    known = {key: name for key, name in said.items() if name not in (None, "UNKNOWN", "NOT_APPLICABLE")}
    parts = [f"{words} {known[key]}" for key, words in _PROVENANCE.items() if key in known]
    return f"{source['source_title']}: {', '.join(parts)}." if parts else ""


_PROVENANCE = {
    "data_contributor": "contributed by",
    "source_data_provider": "from",
    "deidentification_party": "de-identified by",
    "dicom_conversion_by": "converted to DICOM by",
}


def _plain(text: str) -> str:
    """A text of the index, which has HTML in it, on one line."""
    return " ".join(html.unescape(re.sub(r"</?[a-z]+>", "", text)).split())


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))


def _literal(value: str | float | None) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _parquet(path: Path) -> str:
    return f"read_parquet({_literal(str(path))}, file_row_number = true)"


def _joins(fields: Iterable[Field]) -> str:
    """The joins that turn columns of the index into codes; each is called as its field's column."""
    join = "LEFT JOIN idc_code {0} ON {0}.field = '{1}' AND {0}.value = s.{2}"
    return "\n".join(join.format(one.column, one.name, CODED[one.name]) for one in fields)


_SEX = [VOCABULARY.fields["person.sex"]]
_IMAGE = [VOCABULARY.fields[name] for name in CODED if name.startswith("image.")]

# The long UIDs are read once, for the ordinals, and kept nowhere.
_PLACES = """
CREATE OR REPLACE TEMP TABLE idc_place AS
SELECT row,
  (dense_rank() OVER (PARTITION BY collection_id ORDER BY PatientID) - 1)::INTEGER AS person,
  (dense_rank() OVER (PARTITION BY collection_id ORDER BY PatientID, StudyInstanceUID) - 1)::INTEGER AS study,
  (row_number() OVER (PARTITION BY collection_id ORDER BY PatientID, StudyInstanceUID, SeriesInstanceUID) - 1)::INTEGER
    AS series,
  (study_date - min(study_date) OVER (PARTITION BY collection_id, PatientID))::INTEGER AS day
FROM idc_index
"""

# DICOM states the ages of infants in days, weeks or months: 000Y is what de-identification left behind.
_IMAGES = f"""
CREATE OR REPLACE TEMP TABLE idc_image AS
WITH aged AS (
  SELECT *,
    floor(
      try_cast(regexp_extract(PatientAge, '^([0-9]{{3}})[YMWDymwd]$', 1) AS INTEGER)
      / CASE upper(right(PatientAge, 1)) WHEN 'Y' THEN 1 WHEN 'M' THEN 12 WHEN 'W' THEN 52.18 ELSE 365.25 END
    )::INTEGER AS age
  FROM idc_index
)
SELECT s.collection_id AS collection, p.person, p.study, p.series,
  {", ".join(f"{one.column}.code AS {one.column}" for one in _IMAGE)},
  a.sequence, a.confidence AS sequence_confidence, a.contrast,
  nullif(ManufacturerModelName, '') AS model,
  day,
  year(study_date)::INTEGER AS study_year,
  CASE WHEN age <= {VOCABULARY.fields["image.patient_age"].most} AND PatientAge NOT IN ('000Y', '000y') THEN age END
    AS patient_age,
  nullif(StudyDescription, '') AS study_description,
  nullif(SeriesDescription, '') AS series_description,
  try_cast(SeriesNumber AS INTEGER) AS series_number,
  instanceCount::INTEGER AS instances,
  series_size_MB::DOUBLE AS size_mb
FROM aged s
JOIN idc_place p ON p.row = s.row
LEFT JOIN idc_acquisition a ON a.modality = s.Modality AND a.description = s.SeriesDescription
{_joins(_IMAGE)}
"""

# A person has the sex on which all series agree, and is as old as the youngest age stated: that of the first images.
_PERSONS = f"""
CREATE OR REPLACE TEMP TABLE idc_person AS
WITH placed AS (
  SELECT collection_id AS collection, PatientID,
    CASE WHEN count(DISTINCT sex.code) = 1 THEN any_value(sex.code) END AS sex
  FROM idc_index s
  {_joins(_SEX)}
  GROUP BY ALL
), ordered AS (
  SELECT *, (row_number() OVER (PARTITION BY collection ORDER BY PatientID) - 1)::INTEGER AS person FROM placed
)
SELECT collection, person, substr(sha256(collection || '/' || PatientID), 1, 32) AS key, sex, age, species
FROM ordered
JOIN (SELECT collection, person, min(patient_age) AS age FROM idc_image GROUP BY ALL) USING (collection, person)
LEFT JOIN (SELECT collection, species FROM idc_disease) USING (collection)
ORDER BY collection, person
"""

_CONDITIONS = """
CREATE OR REPLACE TEMP TABLE idc_condition AS
SELECT collection, person, cancer_type, code, morphology
FROM idc_person JOIN idc_disease USING (collection)
WHERE cancer_type IS NOT NULL
ORDER BY collection, person
"""
