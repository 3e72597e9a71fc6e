"""The mapping file: a hospital's own columns, words, units and dates; and one clear message for a typo."""

import os
from datetime import date
from pathlib import Path

import pytest

from hanse.core.errors import BadInput
from hanse.domains import VOCABULARY
from hanse.domains.clinical import mapping
from hanse.domains.clinical.ingest import Row, read
from hanse.domains.clinical.mapping import find_tables, read_mapping
from hanse.domains.clinical.units import convertible, factor

MAPPING = """
[[table]]
file = "befunde.csv"
entity = "condition"
patient = "Fall"
date_format = "DD.MM.YYYY"
columns = { Tumor = "cancer_type", Datum = "day", PSA = "psa", Alter = "age_at_diagnosis" }
values.Tumor = { Brustkrebs = "breast" }
units = { PSA = "mg/L", Alter = "months" }
fixed = { laterality = "left" }
"""
TABLE = "Fall;Tumor;Datum;PSA;Alter;Notiz\n7;Brustkrebs;1.2.2019;0,004;30;x\n"


def folder_with(tmp_path: Path, mapping: str, table: str = TABLE) -> Path:
    (tmp_path / "befunde.csv").write_text(table)
    (tmp_path / "mapping.toml").write_text(mapping)
    return tmp_path


def read_all(folder: Path) -> list[object]:
    sources = find_tables(folder, VOCABULARY)
    return [one for source in sources for one in read(source.path, source.table, VOCABULARY)]


def problem_of(tmp_path: Path, mapping: str) -> str:
    with pytest.raises(BadInput) as problem:
        read_all(folder_with(tmp_path, mapping))
    return f"{problem.value.detail} | {problem.value.hint}"


def test_columns_words_units_and_dates_of_a_hospital_are_mapped(tmp_path: Path) -> None:
    [source] = find_tables(folder_with(tmp_path, MAPPING), VOCABULARY)
    [row] = read(source.path, source.table, VOCABULARY, date(2026, 1, 1))

    assert isinstance(row, Row)
    assert row.values == pytest.approx(
        {"laterality": "left", "cancer_type": "breast", "psa": 4.0, "age_at_diagnosis": 2, "year": 2019}
    )
    assert row.dates == {"day": "2019-02-01"}


@pytest.mark.parametrize(
    ("right", "typo", "said"),
    [
        ("[[table]]", "[[tabel]]", "'tabel' is not a known key | did you mean 'table'?"),
        ("patient =", "pateint =", "'pateint' of table 1 is not a known key | did you mean 'patient'?"),
        ('"condition"', '"conditions"', "is not a known entity | did you mean 'condition'?"),
        ('"befunde.csv"', '"befund.csv"', "is not a known file | did you mean 'befunde.csv'?"),
        ('"befunde.csv"', '"../befunde.csv"', "is not a known file"),
        ('"cancer_type"', '"cancertype"', "is not a known field of condition | did you mean 'cancer_type'?"),
        ("Datum =", "Datun =", "is not a known column of that file | did you mean 'Datum'?"),
        ('"Fall"', '"Fal"', "is not a known column of that file | did you mean 'Fall'?"),
        ('"breast" }', '"brest" }', "which condition.cancer_type does not know | did you mean 'breast'?"),
        ('"mg/L"', '"mg/km"', "names the unit 'mg/km', which cannot be used here | units: ng/ml"),
        ("values.Tumor", "values.Tumour", "is not a known column under columns | did you mean 'Tumor'?"),
        ('"left"', '"lefft"', "the fixed value of condition.laterality cannot be used"),
        ('"DD.MM.YYYY"', '"DD.MM.JJJJ"', "date_format that cannot be read"),
        ("[[table]]", "[[table", "is not TOML"),
        ('"cancer_type"', "7", "has a value that is no text"),
        ("values.Tumor", "values", "is not a known column under columns"),
        ('units = { PSA = "mg/L", Alter = "months" }', "units = 3", "units of table 1 is not a table"),
        ('fixed = { laterality = "left" }', 'fixed = { day = "2019-01-01" }', "is not a known field of condition"),
        ("[[table]]", "[table]", "describes no table"),
    ],
)  # fmt: skip
def test_a_typo_is_one_message_with_the_word_that_was_meant(
    tmp_path: Path, right: str, typo: str, said: str
) -> None:
    assert right in MAPPING
    assert said in problem_of(tmp_path, MAPPING.replace(right, typo, 1))


def test_a_mapping_without_a_patient_column_says_what_to_add(tmp_path: Path) -> None:
    assert 'add patient = "…"' in problem_of(tmp_path, MAPPING.replace('patient = "Fall"\n', ""))


def test_person_comes_first_and_only_mapped_files_are_read_beside_a_mapping(tmp_path: Path) -> None:
    folder_with(tmp_path, MAPPING)
    (tmp_path / "person.csv").write_text("patient_id,sex\n7,F\n")
    other = tmp_path / "other"
    other.mkdir()
    for name in ("treatment.csv", "person.tsv", "notes.csv"):
        (other / name).write_text("patient_id\n7\n")

    assert [source.path.name for source in find_tables(tmp_path, VOCABULARY)] == [
        "person.tsv",
        "befunde.csv",
        "treatment.csv",
    ]


def test_a_mapping_file_describes_its_tables_in_their_order(tmp_path: Path) -> None:
    tables = read_mapping(folder_with(tmp_path, MAPPING + MAPPING) / "mapping.toml", VOCABULARY)

    assert [table.entity for table in tables] == ["condition", "condition"]


def test_units_of_one_quantity_convert_and_others_do_not() -> None:
    assert factor("months", "years") == pytest.approx(1 / 12)
    assert factor("ug/L", "ng/mL") == 1.0
    assert factor("kg", "years") is None
    assert "weeks" in convertible("days")


def test_a_mapping_that_is_no_plain_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    for name in ("pipe", "link", "large"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / mapping.MAPPING_FILE)
    (tmp_path / "link" / mapping.MAPPING_FILE).symlink_to(__file__)
    (tmp_path / "large" / mapping.MAPPING_FILE).write_bytes(b"#" * (mapping.MAX_MAPPING + 1))
    for name in ("pipe", "link", "large"):
        with pytest.raises(BadInput, match="not a plain file"):
            mapping.find_tables(tmp_path / name, VOCABULARY)
