"""What a collection's own words say of its subjects' disease, and when they say too little."""

import csv
from pathlib import Path

import pytest

from hanse.domains import VOCABULARY
from hanse.domains.imaging import idc_terms
from hanse.domains.imaging.idc_terms import Disease, diseases, only_disease, split


@pytest.mark.parametrize(
    ("terms", "location", "disease"),
    [
        ("Breast Cancer", "Breast", Disease("breast", "C50", None)),
        ("Glioblastoma Multiforme", "Brain", Disease("glioblastoma", "C71", "9440/3")),
        ("Squamous Cell Carcinoma", "Lung", Disease("lung", "C34", "8070/3")),
        ("Lung Adenocarcinoma, Lung Squamous Cell Carcinoma", "Lung", Disease("lung", "C34", None)),
        ("Renal Cell Carcinoma, Not Otherwise Specified", "Kidney", Disease("kidney", "C64", "8312/3")),
        ("Sarcomas", "Leg", Disease("sarcoma", None, None)),
    ],
)
def test_terms_of_one_cancer_type_are_one_disease(terms: str, location: str, disease: Disease) -> None:
    assert only_disease(terms, location) == disease


@pytest.mark.parametrize(
    ("terms", "location"),
    [
        ("Squamous Cell Carcinoma", "skin of body"),  # of which organ, the table does not say
        ("Lung Cancer, Non-Cancer", "Lung"),
        ("Non-Cancer, Lung Cancer", "Lung"),
        ("Lung Cancer, Melanoma", "Lung"),
        ("Various", "Various"),
        ("", None),
        (None, None),
    ],
)
def test_other_terms_are_no_one_disease(terms: str | None, location: str | None) -> None:
    assert only_disease(terms, location) is None


def test_each_term_of_several_is_still_known() -> None:
    found = diseases("Lymphoma, Melanoma, Something Else", "Chest")
    assert [one and one.cancer_type for one in found] == ["lymphoma", "melanoma", None]


def test_the_tail_of_a_term_is_not_a_term() -> None:
    assert split("Diffuse Large B-Cell Lymphoma, Not Otherwise Specified") == [
        "Diffuse Large B-Cell Lymphoma"
    ]


def test_every_line_of_the_table_names_codes_of_the_vocabulary() -> None:
    with Path(idc_terms.__file__).with_suffix(".tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t"))
    for name, column in (("condition.cancer_type", "cancer_type"), ("condition.morphology", "morphology")):
        codes = VOCABULARY.fields[name].codes
        assert codes is not None
        assert {row[column] for row in rows} - {""} <= codes.codes.keys()
    keys = [(row["term"].casefold(), row["location"].casefold()) for row in rows]
    assert len(keys) == len(set(keys)) > 90
