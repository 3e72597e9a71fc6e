"""The row of a series: columns of the vocabulary, identifying keys apart, and findings."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domains.imaging import dicom

from hanse.core.fields import Type
from hanse.domains import VOCABULARY
from hanse.domains.imaging import walk
from hanse.domains.imaging.attributes import ATTRIBUTES
from hanse.domains.imaging.instances import Instance, contradictions, read_batch
from hanse.domains.imaging.references import References, Structure
from hanse.domains.imaging.series import Finding, ImageRow, image_row, study_findings
from hanse.domains.imaging.sources import Rejected, SourceFile

UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1", "SOPInstanceUID": "1.2.3.4"}
COMPLETE = {
    **UIDS,
    "PatientID": "P-1",
    "StudyDate": "20240301",
    "Modality": "CT",
    "BodyPartExamined": "CHEST",
    "Manufacturer": "SIEMENS",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
}


def instance(number: int = 1, **values: Any) -> Instance:
    known = COMPLETE | {"SOPInstanceUID": f"1.2.3.4.{number}"} | values
    return Instance(
        f"{number}.dcm", 1000, {name: value for name, value in known.items() if value is not None}
    )


def codes(row: ImageRow) -> set[str]:
    return {finding.code for finding in row.findings}


def series_of(folder: Path) -> dict[str, list[Instance]]:
    files = [file for file in walk.files(folder) if isinstance(file, SourceFile)]
    series = defaultdict(list)
    for one in read_batch(folder, files):
        if isinstance(one, Instance):
            series[one.values["SeriesInstanceUID"]].append(one)
    return series


def test_a_complete_series_has_a_row_and_no_findings():
    row = image_row([instance(1), instance(2)])
    assert row.columns == {
        "instances": 2,
        "size_mb": 0.002,
        "modality": "CT",
        "body_part": "CHEST",
        "manufacturer": "siemens",
        "sop_class": "1.2.840.10008.5.1.4.1.1.2",
        "study_year": 2024,
    }
    assert (row.patient_id, row.study_uid, row.series_uid) == ("P-1", "1.2.3", "1.2.3.1")
    assert (row.study_date, row.series_date, row.findings) == ("2024-03-01", "", ())


@pytest.mark.shared
def test_real_series_have_true_rows(shared: Path):
    series = series_of(shared / "imaging" / "sts" / "STS_001")
    present = set(series) | {one.values["SOPInstanceUID"] for members in series.values() for one in members}
    made = [image_row(members, present) for members in series.values()]
    rows = {(row.columns["modality"], row.columns["series_description"]): row for row in made}
    ct = rows["CT", "IBSI_1_STS_001_CT_image"].columns
    assert (ct["slices"], ct["slice_spacing"], ct["orientation"], ct["regular_geometry"]) == (
        59,
        3.27,
        "axial",
        True,
    )
    assert rows["MR", "IBSI_1_STS_001_MR_T1_image"].columns["sequence"] == "T1"
    tumour = rows["RTSTRUCT", "IBSI_1_STS_001_CT_mask"]
    assert (tumour.columns["annotated_structure"], tumour.columns["annotation_method"]) == (
        "neoplasm",
        "manual",
    )
    assert not any(row.findings for row in rows.values())
    assert codes(image_row(series[tumour.series_uid], set())) == {"unresolved-reference"}


@pytest.mark.shared
def test_segmentations_name_their_structure_and_reports_their_evidence(shared: Path):
    read = {
        one.path: one for members in series_of(shared / "imaging" / "highdicom").values() for one in members
    }
    segmentation = read["seg_image_ct_binary.dcm"].references
    assert segmentation
    assert segmentation.structures == (Structure(("272673000", "Bone", "first segment"), "AUTOMATIC"),)
    assert (len(segmentation.series), len(segmentation.instances)) == (1, 4)
    report = read["sr_document.dcm"].references
    assert report
    assert (len(report.series), len(report.instances)) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PatientID": None}, "no-PatientID"),
        ({"BodyPartExamined": None}, "no-BodyPartExamined"),
        ({"BodyPartExamined": "THE MIDDLE"}, "unknown-body_part"),
        ({"Manufacturer": "Nobody"}, "unknown-manufacturer"),
        ({"StudyDate": "20240230"}, "impossible-date"),
        ({"MagneticFieldStrength": 15000.0}, "field-strength-unit"),
    ],
)
def test_what_is_wrong_is_found(changes: dict[str, Any], code: str):
    assert codes(image_row([instance(**changes)])) == {code}


def test_what_a_kind_of_object_cannot_have_is_not_missed():
    outlines = image_row([instance(1, Modality="RTSTRUCT", BodyPartExamined=None)])
    unpaired = image_row([instance(1, ImageLaterality="U")])
    assert codes(outlines) == codes(unpaired) == set()
    assert "laterality" not in unpaired.columns or unpaired.columns["laterality"] is None


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("PatientID", "several-patients"),
        ("StudyInstanceUID", "several-studies"),
        ("Modality", "mixed-modality"),
        ("FrameOfReferenceUID", "mixed-frame-of-reference"),
    ],
)
def test_what_contradicts_itself_within_a_series_is_found(keyword: str, code: str):
    assert code in codes(image_row([instance(1), instance(2), instance(3, **{keyword: "MR"})]))


def test_two_patients_in_one_study_are_found():
    rows = [image_row([instance(1)]), image_row([instance(2, PatientID="P-2", SeriesInstanceUID="1.2.3.2")])]
    assert [finding.code for finding in study_findings(rows)] == ["several-patients"]


def test_a_repeated_instance_is_found():
    assert codes(image_row([instance(1), instance(1)])) == {"copies"}


def test_files_that_contradict_each_other_are_all_refused_and_equal_copies_are_not():
    copies = [
        ("1.1", "aa", "a"),
        ("1.1", "bb", "b"),
        ("1.2", "cc", "c"),
        ("1.2", "cc", "d"),
        ("1.3", "dd", "e"),
    ]
    assert [refused.path for refused in contradictions(copies)] == ["a", "b"]


def test_a_diffusion_series_may_begin_without_weighting():
    series = [
        instance(number, Modality="MR", DiffusionBValue=b) for number, b in enumerate((0.0, 50.0, 800.0))
    ]
    assert image_row(series).columns["sequence"] == "DWI"


def test_encodings_that_differ_are_mixed():
    row = image_row(
        [instance(1, TransferSyntaxUID="1.2.840.10008.1.2"), instance(2, TransferSyntaxUID=dicom.EXPLICIT)]
    )
    assert row.columns["transfer_syntax"] == "mixed"


def test_the_most_specific_lesion_stands_for_several_structures():
    structures = tuple(
        Structure((name,), "MANUAL") for name in ("Liver", "Lesion", "Neoplasm, Primary", "body")
    )
    outlined = Instance("s", 1, COMPLETE | {"Modality": "SEG"}, (), References((), (), structures))
    assert image_row([outlined]).columns["annotated_structure"] == "primary-neoplasm"


def test_an_instance_survives_json(tmp_path: Path):
    (tmp_path / "a").write_bytes((dicom.WHEEL / "test_files" / "rtplan.dcm").read_bytes())
    (tmp_path / "b").write_bytes((dicom.WHEEL / "test_files" / "CT_small.dcm").read_bytes())
    for one in read_batch(tmp_path, list(walk.files(tmp_path))):
        assert isinstance(one, Instance)
        assert Instance.of(orjson.loads(orjson.dumps(one.as_dict()))) == one


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({(0x0020, 0x000E): ("UI", "")}, "has no SeriesInstanceUID"),
        ({(0x0020, 0x000E): ("UI", "one.two")}, "its SeriesInstanceUID is no UID"),
        ({(0x0020, 0x000E): ("UI", "1" * 66)}, "its SeriesInstanceUID is no UID"),
    ],
)
def test_a_file_that_belongs_to_no_series_is_refused(tmp_path: Path, changes: dict, reason: str):
    (tmp_path / "a.dcm").write_bytes(dicom.file(dicom.data_set(changes)))
    (refused,) = read_batch(tmp_path, list(walk.files(tmp_path)))
    assert isinstance(refused, Rejected)
    assert refused.reason == reason


def test_a_truncated_file_is_refused_with_the_element(tmp_path: Path):
    (tmp_path / "a.dcm").write_bytes(dicom.file(pixels=bytes(5000))[:-100])
    (refused,) = read_batch(tmp_path, list(walk.files(tmp_path)))
    assert refused == Rejected("a.dcm", "ends in the middle of element (7FE0,0010)", "fetch the file again")


INTEGERS, FLOATS = st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False, allow_infinity=False)
KINDS = {b"IS": INTEGERS, b"US": st.integers(0, 65535), b"DS": FLOATS, b"FD": FLOATS}


def values_of(vr: bytes) -> st.SearchStrategy[Any]:
    one = KINDS.get(
        vr,
        st.sampled_from(["1", "MR", "20240301", "061Y", "T1", "LOCALIZER", "é"]) | st.text("A1.", min_size=1),
    )
    return one | st.lists(one, min_size=2, max_size=7).map(tuple)


HEADERS = st.fixed_dictionaries(
    {}, optional={keyword: values_of(vr) for keyword, vr in ATTRIBUTES.values() if vr != b"SQ"}
)
COLUMN_TYPES: dict[Type, type | tuple[type, ...]] = {
    Type.CODE: str,
    Type.TEXT: str,
    Type.INTEGER: int,
    Type.NUMBER: (int, float),
    Type.BOOLEAN: bool,
}


@settings(max_examples=50, deadline=None)
@given(st.lists(HEADERS, min_size=1, max_size=2))
def test_whatever_headers_say_the_row_has_only_declared_columns_of_their_type(headers: list[dict[str, Any]]):
    row = image_row([Instance("a", 10, header | UIDS) for header in headers], ())
    for column, value in row.columns.items():
        field = VOCABULARY.fields[f"image.{column}"]
        assert isinstance(value, COLUMN_TYPES[field.type]), column
        assert field.codes is None or value in field.codes.codes
    assert all(isinstance(finding, Finding) and finding.count > 0 for finding in row.findings)
    orjson.dumps(row.columns)
