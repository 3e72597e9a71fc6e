"""The Imaging Data Commons as public datasets, on the real index: 1.04 million series of 179 collections.

Numbers are compared with plain SQL on the Parquet file as it is shipped.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from hanse.core import profile
from hanse.core.errors import NotFound, NotSetUp
from hanse.core.fields import Type
from hanse.core.profile import Facts
from hanse.core.record import Description, Rights
from hanse.domains import VOCABULARY
from hanse.domains.catalogue import WORDS
from hanse.domains.imaging import idc

pytest.importorskip("idc_index_data", reason="the package idc-index-data is missing (extra demo)")

DUCKDB_TYPES = {
    Type.CODE: "VARCHAR",
    Type.TEXT: "VARCHAR",
    Type.INTEGER: "INTEGER",
    Type.NUMBER: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN",
    Type.DAY: "INTEGER",
    Type.KEY: "INTEGER",
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    index, collections = idc.installed()
    with duckdb.connect() as connection:
        idc.load(connection, index, collections)
        connection.execute(f"CREATE VIEW shipped AS SELECT * FROM read_parquet('{index}')")
        yield connection


@pytest.fixture(scope="module")
def descriptions(connection: duckdb.DuckDBPyConnection) -> dict[str, Description]:
    return {description.name: description for description in idc.collections(connection)}


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def rows(connection: duckdb.DuckDBPyConnection, name: str, entity: str, what: str) -> list[tuple]:
    return connection.execute(f"SELECT {what} FROM ({idc.tables(connection, name)[entity]})").fetchall()


def test_every_series_and_every_person_is_in_one_dataset(connection, descriptions) -> None:
    """86 362 patient ids are 86 451 persons: some ids occur in two collections, and nothing says that they are one."""
    queries = [idc.tables(connection, name) for name in descriptions]
    images, persons = (
        sum(one(connection, f"SELECT count(*) FROM ({query[entity]})")[0] for query in queries)
        for entity in ("image", "person")
    )
    assert len(descriptions) == 179
    assert (images, persons) == (1_044_191, 86_451)
    assert one(connection, "SELECT count(DISTINCT PatientID) FROM shipped") == (86_362,)
    assert one(connection, "SELECT count(DISTINCT (collection_id, PatientID)) FROM shipped") == (86_451,)


@pytest.mark.parametrize("name", ["idc-nlst", "idc-tcga-gbm", "idc-htan-ohsu", "idc-prostatex"])
def test_columns_are_those_of_the_vocabulary_with_their_types(connection, name: str) -> None:
    for entity, sql in idc.tables(connection, name).items():
        for column, kind, *_ in connection.execute(f"DESCRIBE {sql}").fetchall():
            field = VOCABULARY.get(f"{entity}.{column}")
            expected = DUCKDB_TYPES[field.type] if field else {"person": "INTEGER", "key": "VARCHAR"}[column]
            assert kind == expected, f"{entity}.{column}"


@pytest.mark.parametrize("entity", ["person", "condition", "image"])
def test_every_value_of_a_coded_column_is_in_its_code_list(connection, entity: str) -> None:
    for column, *_ in connection.execute(f"DESCRIBE idc_{entity}").fetchall():
        field = VOCABULARY.get(f"{entity}.{column}")
        if field and field.codes:
            values = connection.execute(f"SELECT DISTINCT {column} FROM idc_{entity}").fetchall()
            assert {value for (value,) in values} - {None} <= field.codes.codes.keys(), field.name


def test_every_number_is_one_that_the_vocabulary_allows(connection) -> None:
    for entity in ("person", "image"):
        for field in VOCABULARY.of(entity):
            if field.least is not None and field.column in (
                row[0] for row in connection.execute(f"DESCRIBE idc_{entity}").fetchall()
            ):
                low, high = one(
                    connection, f"SELECT min({field.column}), max({field.column}) FROM idc_{entity}"
                )
                assert low >= field.least, field.name
                assert field.most is None or high <= field.most, field.name


@pytest.mark.parametrize("name", ["idc-tcga-gbm", "idc-lidc-idri", "idc-ispy2"])
def test_ordinals_start_at_zero_have_no_gaps_and_are_sorted(connection, name: str) -> None:
    images = rows(connection, name, "image", "person, study, series")
    assert images == sorted(images)
    for column in zip(*images, strict=True):
        assert set(column) == set(range(max(column) + 1))
    assert [person for (person,) in rows(connection, name, "person", "person")] == sorted(
        {one[0] for one in images}
    )


def test_ordinals_follow_patient_study_and_series(connection) -> None:
    """What the ordinals stand for can be found again by sorting the index as it is shipped."""
    shipped = connection.execute(
        """SELECT PatientID, StudyInstanceUID, instanceCount FROM shipped WHERE collection_id = 'upenn_gbm'
           ORDER BY PatientID, StudyInstanceUID, SeriesInstanceUID"""
    ).fetchall()
    images = rows(connection, "idc-upenn-gbm", "image", "person, study, instances")
    patients, studies = (sorted({row[:length] for row in shipped}) for length in (1, 2))
    assert [(patients[person][0], *studies[study][1:], count) for person, study, count in images] == shipped


def test_keys_are_unique_pseudonyms(connection) -> None:
    assert one(
        connection, "SELECT count(DISTINCT key), min(length(key)), max(length(key)) FROM idc_person"
    ) == (
        86_451,
        32,
        32,
    )
    leaked = "SELECT count(*) FROM idc_person JOIN shipped ON PatientID = key"
    assert one(connection, leaked) == (0,)


@pytest.mark.parametrize("modality", ["MR", "CT", "SEG", "SM", "RTSTRUCT"])
def test_series_of_a_modality_are_counted_as_in_plain_sql(connection, modality: str) -> None:
    ours = "SELECT collection, count(*), count(DISTINCT study), count(DISTINCT person), sum(instances) FROM idc_image"
    theirs = """SELECT collection_id, count(*), count(DISTINCT (PatientID, StudyInstanceUID)),
                count(DISTINCT PatientID), sum(instanceCount) FROM shipped"""
    where = f"WHERE modality = '{modality}' GROUP BY 1 ORDER BY 1"
    assert (
        connection.execute(f"{ours} {where}").fetchall() == connection.execute(f"{theirs} {where}").fetchall()
    )


def test_ages_days_and_years_come_from_the_header(connection) -> None:
    theirs = """SELECT try_cast(PatientAge[:3] AS INTEGER), year(StudyDate::DATE),
                  StudyDate::DATE - min(StudyDate::DATE) OVER (PARTITION BY PatientID)
                FROM shipped WHERE collection_id = 'tcga_brca' AND (PatientAge IS NULL OR PatientAge[4:] = 'Y')
                ORDER BY PatientID, StudyInstanceUID, SeriesInstanceUID"""
    assert rows(connection, "idc-tcga-brca", "image", "patient_age, study_year, day") == (
        connection.execute(theirs).fetchall()
    )


def test_ages_of_infants_are_whole_years_and_impossible_ages_are_empty(connection, tmp_path: Path) -> None:
    """Series with these spellings of an age, read as an index of its own."""
    small = tmp_path / "index.parquet"
    spellings = ("061Y", "018M", "998D", "042y", "000Y", "155Y", "N-A", "47")
    connection.execute(
        f"""COPY (SELECT * REPLACE (PatientAge AS PatientID, 'nlst' AS collection_id) FROM shipped
                  WHERE PatientAge IN {spellings}) TO '{small}'"""
    )
    with duckdb.connect() as other:
        idc.load(other, small, idc.installed()[1])
        ages = other.execute("SELECT age FROM idc_person ORDER BY person").fetchall()
    read = dict(zip(sorted(spellings), (age for (age,) in ages), strict=True))
    assert (read["061Y"], read["018M"], read["998D"], read["042y"]) == (61, 1, 2, 42)
    assert (read["000Y"], read["155Y"], read["N-A"], read["47"]) == (None, None, None, None)


def test_sequence_and_contrast_come_from_what_descriptions_say(connection) -> None:
    """Nothing but the description is in the index, so the confidence is that of words alone."""
    found = connection.execute(
        """SELECT series_description, any_value(sequence), any_value(sequence_confidence), any_value(contrast)
           FROM idc_image WHERE modality = 'MR' AND series_description IN
             ('Ax T2 FSE', 'ISPY2: LOCALIZER', 'AX Sen Vibrant+f +C', 'PJN') GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    assert found == [
        ("AX Sen Vibrant+f +C", "DCE", 0.75, True),
        ("Ax T2 FSE", "T2", 0.75, None),
        ("ISPY2: LOCALIZER", "LOCALIZER", 0.75, None),
        ("PJN", None, None, None),
    ]
    assert one(
        connection, "SELECT count(*) FROM idc_image WHERE sequence IS NOT NULL AND modality <> 'MR'"
    ) == (0,)


def test_a_person_whose_series_disagree_has_no_sex(connection) -> None:
    disagree = """SELECT count(*) FROM (SELECT collection_id, PatientID FROM shipped WHERE PatientSex IN ('F', 'M', 'O')
                  GROUP BY ALL HAVING count(DISTINCT PatientSex) > 1)"""
    stated = (
        "SELECT count(DISTINCT (collection_id, PatientID)) FROM shipped WHERE PatientSex IN ('F', 'M', 'O')"
    )
    with_sex = one(connection, "SELECT count(*) FROM idc_person WHERE sex IS NOT NULL")[0]
    assert with_sex == one(connection, stated)[0] - one(connection, disagree)[0]
    assert one(connection, disagree)[0] > 0


@pytest.mark.parametrize(
    ("name", "disease"),
    [
        ("idc-tcga-gbm", ("glioblastoma", "C71", "9440/3")),
        ("idc-cptac-lscc", ("lung", "C34", "8070/3")),  # "Squamous Cell Carcinoma", in the lung
        ("idc-tcga-cesc", ("cervix", "C53", None)),  # two histologies of one type
        ("idc-duke-breast-cancer-mri", ("breast", "C50", None)),
        ("idc-cmb-crc", ("colorectal", None, None)),  # colon or rectum: no one site
    ],
)
def test_all_persons_of_a_collection_with_one_cancer_have_it(connection, name: str, disease: tuple) -> None:
    persons = [person for (person,) in rows(connection, name, "person", "person")]
    conditions = rows(connection, name, "condition", "person, cancer_type, code, morphology")
    assert conditions == [(person, *disease) for person in persons]


@pytest.mark.parametrize(
    "name",
    [
        "idc-nlst",  # lung cancer, and those without
        "idc-fdg-pet-ct-lesions",  # three cancers
        "idc-ccdi-mci",  # "Various"
        "idc-mouse-mammary",  # mice
        "idc-victre",  # simulated
        "idc-qiba-ct-1c",  # a phantom
    ],
)
def test_where_it_is_not_certain_who_has_what_nobody_has_a_condition(connection, name: str) -> None:
    assert rows(connection, name, "condition", "*") == []
    assert rows(connection, name, "person", "count(*)")[0][0] > 0


def test_mice_dogs_and_phantoms_are_told_from_people(connection) -> None:
    assert set(rows(connection, "idc-icdc-glioma", "person", "species")) == {("dog",)}
    assert set(rows(connection, "idc-mouse-mammary", "person", "species")) == {("mouse",)}
    assert set(rows(connection, "idc-pdxnet", "person", "species")) == {(None,)}  # "Human, Mouse"


def test_a_dataset_is_described_with_its_licences_and_link(descriptions) -> None:
    nlst = descriptions["idc-nlst"]
    assert nlst.title == {"en": "NLST"}
    assert nlst.license == "CC-BY-3.0, CC-BY-4.0"
    assert nlst.link == "https://doi.org/10.7937/tcia.hmq8-j677"
    assert nlst.cancer_types == ("lung",)
    assert "National Lung Screening Trial" in nlst.about["en"]
    assert not nlst.synthetic
    assert descriptions["idc-victre"].synthetic
    assert descriptions["idc-fdg-pet-ct-lesions"].cancer_types == ("lymphoma", "melanoma", "lung")


def test_a_dataset_is_cited_as_its_source_asks(descriptions) -> None:
    nlst = descriptions["idc-nlst"]
    assert nlst.identifiers == ("10.7937/tcia.hmq8-j677", "10.5281/zenodo.12689650")
    assert nlst.citation.startswith(
        "National Lung Screening Trial Research Team. (2013). Data from the National Lung"
    )
    assert "<i>" not in nlst.citation
    assert "contributed by TCIA, de-identified by TCIA." in nlst.provenance["en"]


def test_nothing_is_wrong_with_any_description(descriptions) -> None:
    for description in descriptions.values():
        findings = profile.check(description, Facts(Rights.PUBLIC), WORDS)
        assert {one.member for one in findings} <= {"access_body", "collection", "cancer_types", "about.en"}


def test_every_dataset_says_what_it_is_and_where_it_comes_from(descriptions) -> None:
    for description in descriptions.values():
        assert description.title
        assert description.about
        assert description.license
        assert description.link.startswith("https://")


def test_every_modality_resolves_and_what_does_not_is_reported(connection) -> None:
    unresolved = idc.unresolved(connection)
    assert one(connection, "SELECT count(*) FROM idc_image WHERE modality IS NULL") == (0,)
    assert {one.field for one in unresolved} == {"image.manufacturer", "image.body_part", "person.sex"}
    for name, column in (("image.body_part", "BodyPartExamined"), ("image.manufacturer", "Manufacturer")):
        lost = sum(one.series for one in unresolved if one.field == name)
        (stated,) = one(connection, f"SELECT count({column}) FROM shipped")
        (kept,) = one(connection, f"SELECT count({name.partition('.')[2]}) FROM idc_image")
        assert stated - kept == lost
        assert lost < 0.002 * stated


def test_no_frequent_body_part_is_lost(connection) -> None:
    assert max(one.series for one in idc.unresolved(connection) if one.field == "image.body_part") < 100


@pytest.mark.parametrize("name", ["idc-nothing", "nlst", "idc-tcga_gbm", "idc-' OR 1=1 --"])
def test_an_unknown_collection_is_not_found(connection, name: str) -> None:
    with pytest.raises(NotFound, match="no collection"):
        idc.tables(connection, name)


def test_names_are_unique_and_made_of_letters_digits_and_dashes(descriptions) -> None:
    assert len(descriptions) == 179
    assert all(re.fullmatch(r"idc(-[a-z0-9]+)+", name) for name in descriptions)


def test_without_the_package_the_hint_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "idc_index_data", None)
    with pytest.raises(NotSetUp) as refused:
        idc.installed()
    assert "hanse[demo]" in refused.value.hint


def test_the_index_lies_beside_the_collections() -> None:
    assert all(isinstance(path, Path) and path.is_file() for path in idc.installed())
