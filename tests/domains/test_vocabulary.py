"""The vocabulary itself: complete, explained, in both languages, and with no code that is known to be wrong.

A new field or code fails here until it says what it means.
"""

import re
from collections.abc import Iterator

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import UID_dictionary
from tests import vocabulary_page

from hanse.core.fields import Code, CodeList, Field, Identifying, Type
from hanse.domains import VOCABULARY

LANGUAGES = {"en", "fr"}

# The search attributes of Cancer Image Europe's portal, and the fields that stand for them.
EUCAIM = {
    "Gender": "person.sex",
    "Age at Diagnosis": "condition.age_at_diagnosis",
    "Diagnosis": "condition.cancer_type",
    "Year of Diagnosis": "condition.year",
    "Modality": "image.modality",
    "Body Part": "image.body_part",
    "Manufacturer": "image.manufacturer",
    "Estrogen receptor": "condition.er",
    "Progesterone receptor": "condition.pr",
    "Prostate specific Ag": "condition.psa",
    "HER2": "condition.her2",
    "Ki-67": "condition.ki67",
    "Gleason": "condition.gleason",
    "ISUP": "condition.isup",
    "cT category": "condition.ct",
    "pT category": "condition.pt",
    "cN category": "condition.cn",
    "pN category": "condition.pn",
    "cM category": "condition.cm",
    "pM category": "condition.pm",
    "BI-RADS assessment": "condition.birads",
    "PI-RADS assessment": "condition.pirads",
}

ORDERED = {"her2", "birads", "pirads", "grade", "ct", "pt", "cn", "pn", "cm", "pm", "stage_group"}

LISTS = {field.codes.name: field.codes for field in VOCABULARY.fields.values() if field.codes}


def all_codes() -> Iterator[tuple[CodeList, Code]]:
    return ((codes, code) for codes in LISTS.values() for code in codes.codes.values())


def find(field: str, name: str) -> str | None:
    codes = VOCABULARY.fields[field].codes
    assert codes is not None
    return codes.find(name)


@pytest.mark.parametrize("field", VOCABULARY.fields.values(), ids=lambda field: field.name)
def test_every_field_is_explained_in_both_languages(field: Field) -> None:
    assert field.label.keys() >= LANGUAGES
    assert all(field.label.values())
    assert len(field.about.split()) >= 3
    assert field.about.endswith(".")
    assert field.unit or not field.band


@pytest.mark.parametrize("entity", VOCABULARY.entities.values(), ids=lambda entity: entity.name)
def test_every_entity_is_explained_in_both_languages(entity) -> None:
    assert entity.label.keys() >= LANGUAGES
    assert entity.about.endswith(".")
    assert entity.row


def test_every_entity_but_the_person_lies_in_time() -> None:
    assert {name for name in VOCABULARY.entities if VOCABULARY.day(name) is None} == {"person"}


def test_every_code_has_a_label_in_both_languages() -> None:
    assert [
        (codes.name, code.code) for codes, code in all_codes() if not code.label.keys() >= LANGUAGES
    ] == []


def test_no_tree_of_codes_has_a_cycle() -> None:
    def above(codes: CodeList, code: Code) -> Iterator[str]:
        while code.parent:
            code = codes.codes[code.parent]
            yield code.code

    for codes, code in all_codes():
        seen: set[str] = {code.code}
        for parent in above(codes, code):
            assert parent not in seen, (codes.name, code.code)
            seen.add(parent)


def test_the_lists_with_an_order_are_these() -> None:
    assert {name for name, codes in LISTS.items() if codes.ordered} == ORDERED


def test_no_code_of_an_ordered_list_shares_its_rank() -> None:
    for name in ORDERED:
        ranks = [code.rank for code in LISTS[name].codes.values()]
        assert ranks == sorted(set(ranks)), name


def test_no_name_means_two_codes_of_a_list() -> None:
    for codes, code in all_codes():
        for name in (code.code, *code.synonyms, *code.label.values(), *code.systems.values()):
            assert codes.find(name) == code.code, (codes.name, name)


def test_codes_need_no_escaping() -> None:
    assert [code.code for _, code in all_codes() if "'" in code.code or code.code != code.code.strip()] == []


def test_what_may_name_somebody_is_marked() -> None:
    """A free text of a hospital is published only with data that are public already."""
    texts = [field for field in VOCABULARY.fields.values() if field.type is Type.TEXT]
    assert texts
    assert not [field.name for field in texts if field.identifying is Identifying.NO]
    assert not [name for name in VOCABULARY.fields if any(word in name for word in ("uid", "date", "birth"))]


def test_ages_are_answered_in_bands_of_five_years() -> None:
    bands = {field.name: field.band for field in VOCABULARY.fields.values() if field.band}
    assert bands == {"person.age": 5, "condition.age_at_diagnosis": 5, "image.patient_age": 5}


def test_breakdowns_are_offered_where_they_help() -> None:
    assert {field.name for field in VOCABULARY.fields.values() if field.breakdown} == {
        "person.sex",
        "person.age",
        "condition.cancer_type",
        "image.modality",
        "image.body_part",
        "image.manufacturer",
        "image.study_year",
        "image.license",
        "image.sequence",
        "image.annotated_structure",
    }


def test_the_22_search_attributes_of_eucaim_are_there() -> None:
    assert len(EUCAIM) == 22
    assert set(EUCAIM.values()) <= VOCABULARY.fields.keys()
    keys = [field.eucaim for field in VOCABULARY.fields.values() if field.eucaim]
    assert len(keys) == len(set(keys)) == 21  # PI-RADS has no key of its own


@pytest.mark.parametrize(
    ("field", "key", "code"),
    [
        ("person.sex", "SNOMEDCT248152002", "female"),
        ("condition.cancer_type", "SNOMEDCT254837009", "breast"),
        ("image.modality", "RID10312", "MR"),
        ("image.body_part", "SNOMEDCT12921003", "PELVIS"),
        ("image.body_part", "SNOMEDCT816092008", "PELVIS"),
        ("image.manufacturer", "birnlex_3067", "canon"),
        ("condition.er", "COM1001310", "positive"),
        ("condition.her2", "COM1001882", "3+"),
        ("condition.ct", "COM1000390", "cT2b"),
        ("condition.pm", "COM1000615", "pM1c"),
        ("condition.birads", "IMG1005465", "4"),
        ("condition.pirads", "IMG1005475", "5"),
    ],
)
def test_values_of_eucaim_are_found(field: str, key: str, code: str) -> None:
    assert find(field, key) == code or find(field, key.removeprefix("SNOMEDCT")) == code


def test_the_categories_that_eucaims_portal_lacks_are_there() -> None:
    assert find("condition.cm", "cM0") == "cM0"
    assert find("condition.pm", "pM0") == "pM0"


@pytest.mark.parametrize(
    ("cancer_type", "topography", "snomed"),
    [
        ("breast", "C50", "254837009"),
        ("colon", "C18", "363406005"),
        ("lung", "C34", "363358000"),
        ("prostate", "C61", "399068003"),
        ("rectum", "C20", "363351006"),
        ("liver", "C22", "93870000"),
        ("glioma", "C71", "393564001"),
        ("neuroblastoma", "C74", "432328008"),
        ("glioblastoma", "C71", "393563007"),
        ("dipg", "C71.7", "1156451005"),
    ],
)
def test_the_cancer_types_have_their_site_and_disorder(
    cancer_type: str, topography: str, snomed: str
) -> None:
    code = LISTS["cancer_type"].codes[cancer_type]
    assert code.systems["snomed"] == snomed
    above = code
    while "topography" not in above.systems:
        above = LISTS["cancer_type"].codes[above.parent]
    assert above.systems["topography"] == topography


def test_sites_and_histologies_of_cancer_types_are_in_their_lists() -> None:
    for code in LISTS["cancer_type"].codes.values():
        assert code.systems.get("topography", "C50") in LISTS["condition"].codes, code.code
        assert code.systems.get("morphology", "8500/3") in LISTS["morphology"].codes, code.code


def test_within_reaches_subsites_and_subtypes() -> None:
    assert {"C50", "C50.4"} <= LISTS["condition"].within("C50")
    assert "C50" in LISTS["condition"].within("C50")
    assert LISTS["cancer_type"].within("glioma") >= {"glioma", "glioblastoma", "dipg"}
    assert "BREAST" in LISTS["body_part"].within("CHEST")


def verhoeff(number: str) -> bool:
    """The check digit of SNOMED CT identifiers (Verhoeff's dihedral scheme)."""
    turn = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

    def add(one: int, other: int) -> int:
        if one < 5:
            return (one + other) % 5 if other < 5 else (one + other) % 5 + 5
        return (one - other) % 5 + 5 if other < 5 else (one - other) % 5

    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = turn[value]
        check = add(check, value)
    return check == 0


def test_every_snomed_code_has_a_valid_check_digit() -> None:
    codes = [code.systems.get(key, "") for _, code in all_codes() for key in ("snomed", "disorder")]
    assert [code for code in codes if code and not verhoeff(code)] == []


def test_every_loinc_code_has_a_valid_check_digit() -> None:
    """LOINC ends in the check digit of Luhn's mod 10."""

    def valid(code: str) -> bool:
        number, _, check = code.partition("-")
        odd = str(2 * int(number[::-2][::-1]))
        total = sum(map(int, odd)) + sum(map(int, number[-2::-2]))
        return (total + int(check)) % 10 == 0

    named = " ".join(field.standard for field in VOCABULARY.fields.values())
    codes = {code.systems.get("loinc", "") for _, code in all_codes()} - {""}
    codes |= set(re.findall(r"LOINC (\d+-\d)", named))
    assert len(codes) > 20
    assert {code for code in codes if not valid(code)} == set()


@pytest.mark.parametrize("name", ["body_part", "structure"])
def test_anatomy_is_coded_as_in_dicom(name: str) -> None:
    """Every SNOMED code of a body part or structure is one that DICOM's own context groups use."""
    known = {code for meanings in concepts["SCT"].values() for code in meanings}
    unknown = {
        code.code for code in LISTS[name].codes.values() if code.systems.get("snomed", "") not in known | {""}
    }
    assert unknown <= {"lymphocyte"}


def test_modalities_are_those_of_dicom() -> None:
    """CID 33 of PS3.16, and terms that came later, were retired or are none of DICOM's but occur in archives."""
    dicom = {
        code
        for meanings in concepts["DCM"].values()
        for code, (_, groups) in meanings.items()
        if 33 in groups
    }
    modalities = LISTS["modality"].codes.keys()
    assert dicom <= modalities
    assert modalities - dicom == {"ANN", "FUSION", "RTINTENT", "RTRAD", "RTSEGANN", "XAPROTOCOL"}


def test_uids_are_those_of_dicom() -> None:
    """The dictionary of pydicom, and what is newer: JPEG XL and label maps."""
    codes = (LISTS["sop_class"].codes.keys() | LISTS["transfer_syntax"].codes.keys()) - {"mixed"}
    assert codes - UID_dictionary.keys() == {
        "1.2.840.10008.1.2.4.110",
        "1.2.840.10008.1.2.4.111",
        "1.2.840.10008.1.2.4.112",
        "1.2.840.10008.5.1.4.1.1.66.7",
    }
    assert find("image.sop_class", "CT Image Storage") == "1.2.840.10008.5.1.4.1.1.2"


def test_the_page_of_the_vocabulary_is_made_from_it() -> None:
    page = vocabulary_page.PAGE.read_text(encoding="utf-8")
    assert page == vocabulary_page.page(), "run: python -m tests.vocabulary_page"
