"""The shapes of the vocabulary: how files become entities, fields and code lists, and how names find codes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.core.fields import Code, CodeList, Type, fold, read_codes, read_vocabulary

FIELDS = """
[entity.image]
label = { en = "Image" }
about = "A series."
row = "one series"
day = "day"

[field."image.modality"]
type = "code"
codes = "modality"
label = { en = "Modality" }
about = "Kind of equipment."

[field."image.day"]
type = "day"
label = { en = "Day" }
about = "Day of the study."
"""


def codes(*rows: Code) -> CodeList:
    return CodeList("test", {row.code: row for row in rows})


def write(folder: Path, fields: str = FIELDS, modality: str = "code\ten\nMR\tMagnetic resonance\n") -> Path:
    (folder / "codes").mkdir(parents=True)
    (folder / "fields.toml").write_text(fields, encoding="utf-8")
    (folder / "codes" / "modality.tsv").write_text(modality, encoding="utf-8")
    return folder


BRAIN = codes(
    Code("brain", {"en": "Brain tumour", "fr": "Tumeur cérébrale"}),
    Code("glioma", {"en": "Glioma"}, parent="brain", systems={"snomed": "393564001"}),
    Code(
        "glioblastoma", {"en": "Glioblastoma"}, parent="glioma", synonyms=("GBM", "glioblastoma multiforme")
    ),
)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("glioma", "glioma"),
        ("GLIOMA", "glioma"),
        ("gbm", "glioblastoma"),
        ("Glioblastoma-Multiforme", "glioblastoma"),
        ("tumeur cerebrale", "brain"),
        ("393564001", "glioma"),
        ("sarcoma", None),
        ("", None),
        ("--", None),
    ],
)
def test_a_name_finds_its_code(name: str, code: str | None) -> None:
    assert BRAIN.find(name) == code


def test_a_code_means_itself_even_when_another_is_called_like_it() -> None:
    lists = codes(Code("other", {"en": "Other"}, synonyms=("CT",)), Code("CT", {"en": "Computed tomography"}))
    assert lists.find("CT") == "CT"


def test_within_gives_a_code_and_all_below_it() -> None:
    assert BRAIN.within("brain") == {"brain", "glioma", "glioblastoma"}
    assert BRAIN.within("glioblastoma") == {"glioblastoma"}
    assert BRAIN.within("nowhere") == frozenset()


def test_near_names_the_code_that_was_probably_meant() -> None:
    assert BRAIN.near("gliobastoma") == "glioblastoma"
    assert BRAIN.near("xyz") is None


def test_a_list_is_ordered_when_every_code_has_a_rank() -> None:
    assert codes(Code("G1", {"en": "G1"}, rank=1), Code("G2", {"en": "G2"}, rank=2)).ordered
    assert not codes(Code("G1", {"en": "G1"}, rank=1), Code("GX", {"en": "GX"})).ordered
    assert not codes().ordered


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siemens Healthineers", "SIEMENS_HEALTHINEERS"),
        ("Œsophage", "œsophage"),
        ("kg/m²", "kg/m2"),
        ("é", "E"),
    ],
)
def test_names_are_compared_without_case_accents_and_separators(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("1+", "1"), ("T2*", "T2"), ("%", ""), ("<5", "5")])
def test_signs_that_carry_meaning_stay(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_a_code_list_is_read_with_synonyms_labels_ranks_and_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "grade.tsv"
    path.write_text(
        "# why\ncode\tparent\trank\tsynonyms\ten\tfr\tsnomed\nG1\t\t1\tlow| well \tLow\tBas\t123\n"
    )
    code = read_codes(path).codes["G1"]
    assert code == Code("G1", {"en": "Low", "fr": "Bas"}, "", ("low", "well"), 1, {"snomed": "123"})


@pytest.mark.parametrize("rows", ["MR\tMagnetic\nMR\tAgain\n", "MR\t\n"])
def test_a_code_twice_or_without_english_label_is_refused(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "modality.tsv"
    path.write_text("code\ten\n" + rows)
    with pytest.raises(ValueError, match=r"modality\.tsv: the code 'MR'"):
        read_codes(path)


def test_a_vocabulary_is_read_from_the_folders_of_its_domains(tmp_path: Path) -> None:
    vocabulary = read_vocabulary("1", [write(tmp_path / "imaging")])
    modality = vocabulary.fields["image.modality"]
    assert (modality.entity, modality.column, modality.type) == ("image", "modality", Type.CODE)
    assert modality.codes is not None
    assert modality.codes.find("mr") == "MR"
    assert vocabulary.day("image") == "image.day"
    assert vocabulary.of("image") == tuple(vocabulary.fields.values())
    assert vocabulary.near("modality") == "image.modality"
    assert vocabulary.near("image.modallity") == "image.modality"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (FIELDS.replace('codes = "modality"', 'codes = "nothing"'), "needs a code list"),
        (FIELDS.replace('codes = "modality"\n', ""), "needs a code list"),
        (FIELDS.replace('type = "day"', 'type = "day"\ncodes = "modality"'), "only a code field"),
        (FIELDS.replace('day = "day"', 'day = "when"'), "image.when"),
        (FIELDS.replace("entity.image", "entity.picture"), "without an entity: image.modality"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(tmp_path: Path, fields: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_vocabulary("1", [write(tmp_path / "imaging", fields)])


def test_a_field_of_two_domains_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image\.modality is declared twice"):
        read_vocabulary("1", [write(tmp_path / "one"), write(tmp_path / "two")])


def test_a_parent_that_is_not_in_the_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lies below 'CX'"):
        read_vocabulary("1", [write(tmp_path / "imaging", modality="code\tparent\ten\nMR\tCX\tMagnetic\n")])
