"""Clinical tables: what is accepted, and what is said about the rest."""

import tracemalloc
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hanse.domains import VOCABULARY
from hanse.domains.clinical import records
from hanse.domains.clinical.ingest import Row, read
from hanse.domains.clinical.mapping import find_tables
from hanse.domains.clinical.problems import HINTS, BadTable, Reason, RowProblem
from hanse.synth.patients import draw
from hanse.synth.sites import sites
from hanse.synth.tables import write_tables

TODAY = date(2026, 11, 22)


def read_text(folder: Path, name: str, content: str | bytes) -> tuple[list[Row], list[RowProblem]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(read(path, None, VOCABULARY, TODAY))
    return [one for one in found if isinstance(one, Row)], [
        one for one in found if isinstance(one, RowProblem)
    ]


def only_problem(folder: Path, name: str, content: str | bytes) -> RowProblem:
    _, problems = read_text(folder, name, content)
    [problem] = problems
    return problem


def test_columns_named_as_in_the_vocabulary_need_no_mapping(tmp_path: Path) -> None:
    rows, problems = read_text(tmp_path, "person.csv", "patient_id,sex,age\nA1,female,63\n")

    assert rows == [Row("person", "A1", 2, {"sex": "female", "age": 63})]
    assert problems == []


def test_full_field_names_say_the_entity_in_a_file_of_any_name(tmp_path: Path) -> None:
    rows, _ = read_text(tmp_path, "export.csv", "patient_id;condition.cancer_type\nA1;breast\n")

    assert rows[0].entity == "condition"


@pytest.mark.parametrize("written", ["F", "woman", "Female", "248152002", "Féminin"])
def test_a_code_may_be_written_as_label_synonym_or_foreign_code(tmp_path: Path, written: str) -> None:
    rows, _ = read_text(tmp_path, "person.csv", f"patient_id,sex\nA1,{written}\n")

    assert rows[0].values == {"sex": "female"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_seen_in_the_header(tmp_path: Path, separator: str) -> None:
    text = "patient_id,sex,age\nA1,male,50\n".replace(",", separator)
    rows, _ = read_text(tmp_path, "person.csv", b"\xef\xbb\xbf" + text.encode())

    assert rows[0].values == {"sex": "male", "age": 50}


def test_quoted_cells_may_hold_separators_and_line_breaks(tmp_path: Path) -> None:
    rows, problems = read_text(tmp_path, "person.csv", 'patient_id,sex\n"A,1",F\n"B\n2",M\nC3,F\n')

    assert [(row.patient, row.line) for row in rows] == [("A,1", 2), ("B\n2", 3), ("C3", 5)]
    assert problems == []


def test_a_decimal_comma_is_a_number_where_the_comma_separates_nothing(tmp_path: Path) -> None:
    rows, _ = read_text(tmp_path, "condition.csv", "patient_id;psa\nA1;4,5\n")

    assert rows[0].values == {"psa": 4.5}


def test_dates_stay_dates_and_give_the_year_of_the_diagnosis(tmp_path: Path) -> None:
    rows, _ = read_text(tmp_path, "condition.csv", "patient_id,date,cancer_type\nA1,2019-03-28,breast\n")

    assert rows[0].dates == {"day": "2019-03-28"}
    assert rows[0].values == {"cancer_type": "breast", "year": 2019}


def test_relative_days_are_accepted_instead_of_dates(tmp_path: Path) -> None:
    rows, _ = read_text(
        tmp_path, "treatment.csv", "patient_id,code,start_offset_from_diagnosis\nA1,surgery,14\n"
    )

    assert rows[0].values == {"code": "surgery", "day": 14}


def test_a_unit_in_the_header_is_converted_to_the_fields_unit(tmp_path: Path) -> None:
    rows, _ = read_text(tmp_path, "condition.csv", "patient_id,psa [mg/L],ki67 (fraction)\nA1,0.004,0.2\n")

    assert rows[0].values == pytest.approx({"psa": 4.0, "ki67": 20.0})


@pytest.mark.parametrize("empty", ["", "NA", "n/a", "unknown", "?", "-"])
def test_what_means_unknown_is_empty_and_no_problem(tmp_path: Path, empty: str) -> None:
    rows, problems = read_text(tmp_path, "person.csv", f"patient_id,sex,age\nA1,{empty},40\n")

    assert rows[0].values == {"age": 40}
    assert problems == []


def test_not_assessed_is_empty(tmp_path: Path) -> None:
    rows, problems = read_text(tmp_path, "condition.csv", "patient_id,ct,cn,er\nA1,cTX,NX,\nA2,cT2,N0,pos\n")

    assert [row.values for row in rows] == [{}, {"ct": "cT2", "cn": "cN0", "er": "positive"}]
    assert problems == []


def test_a_row_without_a_patient_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    rows, problems = read_text(tmp_path, "person.csv", "patient_id,sex\n,female\nA2,male\n")

    assert [row.patient for row in rows] == ["A2"]
    assert str(problems[0]) == "person.csv, line 2, column patient_id: no patient id"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("2023-02-30", "there is no such day"),
        ("2203-01-01", "in the future"),
        ("0001-01-01", "before 1880"),
        ("30.02.23", "YYYY-MM-DD is expected"),
    ],
)
def test_an_impossible_date_is_left_out_and_its_row_goes_on(tmp_path: Path, written: str, why: str) -> None:
    rows, problems = read_text(tmp_path, "condition.csv", f"patient_id,date,cancer_type\nA1,{written},lung\n")

    assert rows[0].values == {"cancer_type": "lung"}
    assert (problems[0].reason, problems[0].detail) == (Reason.BAD_DATE, why)


def test_death_before_birth_leaves_out_both(tmp_path: Path) -> None:
    text = "patient_id,birth_date,death_date\nA1,1960-01-01,1959-12-31\nA2,1960-01-01,2001-01-01\n"
    rows, problems = read_text(tmp_path, "person.csv", text)

    assert [dict(row.dates) for row in rows] == [{}, {"birth_date": "1960-01-01", "death_date": "2001-01-01"}]
    assert problems[0].detail == "death before birth"


def test_an_unknown_code_is_named_by_place_with_the_nearest_known_one(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "condition.csv", "patient_id,cancer_type\nA1,brest\n")

    assert str(problem) == "condition.csv, line 2, column cancer_type: unknown code (did you mean breast?)"


def test_a_wrong_unit_of_a_measurement_is_a_problem_of_its_own(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "observation.csv", "patient_id,code,value,unit\nA1,psa,4,parsecs\n")

    assert problem.reason is Reason.WRONG_UNIT


def test_a_column_in_a_unit_that_is_no_such_quantity_is_left_out(tmp_path: Path) -> None:
    rows, problems = read_text(tmp_path, "condition.csv", "patient_id,psa [kg],cancer_type\nA1,4,prostate\n")

    assert (problems[0].line, problems[0].reason) == (1, Reason.WRONG_UNIT)
    assert rows[0].values == {"cancer_type": "prostate"}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("old", Reason.WRONG_TYPE),
        ("63.5", Reason.WRONG_TYPE),
        ("412", Reason.OUT_OF_RANGE),
        ("-1", Reason.OUT_OF_RANGE),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_left_out(tmp_path: Path, written: str, reason: Reason) -> None:
    rows, problems = read_text(tmp_path, "person.csv", f"patient_id,age,sex\nA1,{written},F\n")

    assert problems[0].reason is reason
    assert rows[0].values == {"sex": "female"}


def test_a_person_has_one_row_and_the_same_row_again_is_no_problem(tmp_path: Path) -> None:
    rows, problems = read_text(tmp_path, "person.csv", "patient_id,sex\nA1,F\nA1,F\nA1,M\n")

    assert len(rows) == 1
    assert [(one.line, one.reason) for one in problems] == [(4, Reason.REPEATED_PERSON)]


def test_an_unknown_column_is_named_with_the_field_that_was_meant(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "condition.csv", "patient_id,cancertyp\nA1,breast\n")

    assert (
        str(problem) == "condition.csv, line 1, column cancertyp: unknown column (did you mean cancer_type?)"
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"A1,\0F", Reason.NUL_BYTE),
        (b"A1,\xff\xfe", Reason.NOT_UTF8),
        (b"A1,F,F", Reason.WRONG_CELLS),
        (b'"A1,F', Reason.OPEN_QUOTE),
        (b"A1," + b"F" * (records.MAX_LINE + 1), Reason.TOO_LONG),
    ],
)
def test_a_broken_line_spoils_only_itself(tmp_path: Path, line: bytes, reason: Reason) -> None:
    rows, problems = read_text(tmp_path, "person.csv", b"patient_id,sex\nA0,F\n" + line + b"\nA2,M\n")

    assert [row.patient for row in rows] == ["A0", "A2"]
    assert [(one.line, one.reason) for one in problems] == [(3, reason)]


def test_a_quotation_mark_without_its_pair_does_not_swallow_the_file(tmp_path: Path) -> None:
    many = "".join(f"A{number},F\n" for number in range(1000))
    rows, problems = read_text(tmp_path, "person.csv", f'patient_id,sex\n"B,F\n{many}')

    assert len(rows) == 1000
    assert [one.reason for one in problems] == [Reason.OPEN_QUOTE]


def test_an_endless_line_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "person.csv"
    with path.open("wb") as file:
        file.write(b"patient_id,sex\n")
        file.truncate(1 << 28)  # a hole of 256 MB without a line break
        file.seek(0, 2)
        file.write(b"\nA2,M\n")

    tracemalloc.start()
    found = list(read(path, None, VOCABULARY, TODAY))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [type(one) for one in found] == [RowProblem, Row]
    assert peak < 8 * records.MAX_LINE


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfea\0b\0", b"PK\x03\x04rest", b"\0\0\0"])
def test_what_is_no_table_is_one_clear_message(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadTable, match=r"person\.csv"):
        read_text(tmp_path, "person.csv", content)


def test_a_file_without_a_header_does_not_repeat_its_first_row(tmp_path: Path) -> None:
    with pytest.raises(BadTable) as problem:
        read_text(tmp_path, "person.csv", "Maria Silva,female\n")

    assert "Maria" not in problem.value.detail + problem.value.hint


def test_every_reason_says_what_to_do() -> None:
    assert set(HINTS) == set(Reason)


@given(
    st.binary(max_size=200), st.lists(st.binary(max_size=20) | st.sampled_from([b'"', b",", b"\n", b"\0"]))
)
@example(b"\x01\r\x01", [])
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_rows_problems_or_one_clear_refusal(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, rest: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    refusals, rows = [], []
    for first in (header, b"patient_id,sex,age,birth_date"):
        try:
            rows += read_text(folder, "person.csv", first + b"\n" + b"".join(rest))[0]
        except BadTable as refusal:
            refusals.append(refusal)

    assert all(refusal.hint for refusal in refusals)
    assert all(row.patient for row in rows)


SECRET = "Zyxwvutsr-3141592653"


@given(
    st.lists(
        st.sampled_from([SECRET, f'"{SECRET}', "F", "", "63", f"{SECRET},{SECRET}"]), min_size=3, max_size=3
    )
)
@settings(max_examples=60, deadline=None)
def test_no_problem_holds_a_value_or_a_patient(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("secret")
    text = "patient_id,sex,age,birth_date,vital_status\n" + ",".join([*cells, SECRET, SECRET]) + "\n"
    _, problems = read_text(folder, "person.csv", text)

    assert problems
    assert all(SECRET not in str(one) + one.hint for one in problems)


@pytest.mark.parametrize("site", sites(), ids=lambda site: site.name)
def test_the_tables_of_every_synthetic_hospital_are_read_without_a_problem(
    tmp_path: Path, site: object
) -> None:
    write_tables(tmp_path / "clinical", site, [draw(site, number, 1) for number in range(1, 60)])

    sources = find_tables(tmp_path, VOCABULARY)
    found = [one for source in sources for one in read(source.path, source.table, VOCABULARY, TODAY)]

    assert [one for one in found if isinstance(one, RowProblem)] == []
    assert [row.entity for row in found][:59] == ["person"] * 59
    assert {row.entity for row in found} == {"person", "condition", "treatment", "observation"}
