"""Rules from header parameters to the vocabulary's image fields."""

from typing import Any

import pytest

from hanse.domains import VOCABULARY
from hanse.domains.imaging import acquisition


def kind(**values: Any) -> str | None:
    found = acquisition.sequence({"Modality": "MR", **values})
    return found[0] if found else None


@pytest.mark.parametrize(
    ("description", "code"),
    [
        ("ax t1_se post GD", "T1"),
        ("t1_mprage_sag_p2", "T1"),
        ("T2 TSE TRA", "T2"),
        ("AX T2 FLAIR FS", "FLAIR"),
        ("t2_tirm_cor", "STIR"),
        ("ep2d_diff_b50_400_800", "DWI"),
        ("ep2d_diff_b50_400_800_ADC", "ADC"),
        ("DTI 32 directions", "DTI"),
        ("DCE dynamic VIBRANT", "DCE"),
        ("Ax DSC Perfusion", "PWI"),
        ("PD FSE SAG", "PD"),
        ("SWI_mIP", "SWI"),
        ("3D TOF head", "MRA"),
        ("3-plane Loc", "LOCALIZER"),
        ("DYN SUB 3", "SUBTRACTION"),
        ("knee", None),
    ],
)
def test_descriptions_name_the_sequence(description: str, code: str | None):
    assert kind(SeriesDescription=description) == code


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"ScanningSequence": "SE", "RepetitionTime": 550.0, "EchoTime": 14.0}, "T1"),
        ({"ScanningSequence": "SE", "RepetitionTime": 4200.0, "EchoTime": 98.0}, "T2"),
        ({"ScanningSequence": "SE", "RepetitionTime": 3000.0, "EchoTime": 20.0}, "PD"),
        (
            {
                "ScanningSequence": ("SE", "IR"),
                "RepetitionTime": 9000.0,
                "EchoTime": 120.0,
                "InversionTime": 2500.0,
            },
            "FLAIR",
        ),
        (
            {
                "ScanningSequence": ("SE", "IR"),
                "RepetitionTime": 4000.0,
                "EchoTime": 60.0,
                "InversionTime": 160.0,
            },
            "STIR",
        ),
        (
            {
                "ScanningSequence": ("GR", "IR"),
                "RepetitionTime": 2300.0,
                "EchoTime": 3.0,
                "InversionTime": 900.0,
            },
            "T1",
        ),
        ({"ScanningSequence": "EP", "DiffusionBValue": 800.0}, "DWI"),
        ({"ImageType": ("DERIVED", "PRIMARY", "DIFFUSION", "ADC")}, "ADC"),
        ({"ScanningSequence": "SE", "RepetitionTime": 1300.0, "EchoTime": 50.0}, None),
        ({}, None),
    ],
)
def test_parameters_tell_the_sequence_where_no_words_do(parameters: dict[str, Any], code: str | None):
    assert kind(**parameters) == code


def test_words_and_parameters_that_agree_are_surer_than_those_that_do_not():
    t2 = {"ScanningSequence": "SE", "RepetitionTime": 4200.0, "EchoTime": 98.0}
    agreed = acquisition.sequence({"Modality": "MR", "SeriesDescription": "T2 TSE", **t2})
    alone = acquisition.sequence({"Modality": "MR", "SeriesDescription": "T2 TSE"})
    contradicted = acquisition.sequence({"Modality": "MR", "SeriesDescription": "T1", **t2})
    assert (agreed, alone, contradicted) == (("T2", 0.95), ("T2", 0.75), ("T1", 0.5))


def test_only_mr_has_a_sequence():
    assert acquisition.sequence({"Modality": "CT", "SeriesDescription": "T1"}) is None


def test_every_code_of_the_rules_is_in_the_vocabulary():
    codes = VOCABULARY.fields["image.sequence"].codes
    assert codes
    named = {code for code, *_ in (*acquisition.IMAGE_TYPES, *acquisition.WORDS)}
    assert named | {rule.code for rule in acquisition.PHYSICS} <= set(codes.codes)


@pytest.mark.parametrize(
    ("values", "given"),
    [
        ({"Modality": "CT", "ContrastBolusAgent": "Iohexol"}, True),
        ({"Modality": "CT", "ContrastBolusAgent": "NONE"}, False),
        ({"Modality": "MR", "SeriesDescription": "T1 post contrast"}, True),
        ({"Modality": "MR", "SeriesDescription": "T1 +C"}, True),
        ({"Modality": "CT", "SeriesDescription": "Thorax w/o contrast"}, False),
        ({"Modality": "CT", "SeriesDescription": "C-SPINE"}, None),
        ({"Modality": "CT"}, None),
        ({"Modality": "PT", "ContrastBolusAgent": "Iohexol"}, None),
    ],
)
def test_contrast_is_said_by_the_agent_or_the_description(values: dict[str, Any], given: bool | None):
    assert acquisition.contrast(values) is given


@pytest.mark.parametrize(
    ("value", "tesla"),
    [
        (1.5, (1.5, True)),
        (3, (3.0, True)),
        (15000, (1.5, False)),
        (1500, (1.5, False)),
        (30000.0, (3.0, False)),
        (0, None),
        (9000, None),
    ],
)
def test_field_strength_in_other_units_becomes_tesla(value: float, tesla: tuple[float, bool] | None):
    assert acquisition.field_strength({"MagneticFieldStrength": value}) == tesla


@pytest.mark.parametrize(
    ("values", "years"),
    [
        ({"PatientAge": "061Y"}, 61),
        ({"PatientAge": "018M"}, 1),
        ({"PatientAge": "024M"}, 2),
        ({"PatientAge": "003D"}, 0),
        ({"PatientAge": "999Y"}, None),
        ({"PatientBirthDate": "19630412", "StudyDate": "20240411"}, 60),
        ({"PatientBirthDate": "19630412", "StudyDate": "20240412"}, 61),
        ({"PatientBirthDate": "19630412"}, None),
        ({"PatientBirthDate": "20250101", "StudyDate": "20240412"}, None),
    ],
)
def test_age_is_in_completed_years(values: dict[str, Any], years: int | None):
    assert acquisition.patient_age(values) == years


@pytest.mark.parametrize("text", ["20240230", "2024", "abcdefgh", "٢٠٢٤٠١٠١x", ""])
def test_what_is_no_day_of_the_calendar_is_no_date(text: str):
    assert acquisition.day({"StudyDate": text}, "StudyDate") is None
