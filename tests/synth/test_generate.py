"""Synthetic patients: the same everywhere, labelled, readable by others, and such that a search finds something."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner

from hanse.cli.synth import synth
from hanse.core.errors import BadInput
from hanse.synth.generate import Summary, generate
from hanse.synth.patients import draw
from hanse.synth.sites import site, sites

PATIENTS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "lisbon"
    generate(folder, site("lisbon"), PATIENTS, seed=1, workers=1)
    return folder


@pytest.fixture(scope="module")
def headers(folder: Path) -> list[pydicom.Dataset]:
    """One header of every series."""
    return [pydicom.dcmread(path) for path in sorted(folder.glob("images/**/0001.dcm"))]


def _digest(folder: Path) -> str:
    """Of names and contents of all files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes_on_any_machine(tmp_path: Path) -> None:
    generate(tmp_path / "one", site("turku"), 6, seed=7, workers=1)

    assert _digest(tmp_path / "one") == "9aa9bd0671fb5b23a2beace7a08f49398ffd73fb915d8e7a10f1aa73f8b9e0b5"


def test_more_processes_give_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", site("ghent"), 11, seed=3, workers=1)
    generate(tmp_path / "two", site("ghent"), 11, seed=3, workers=2)

    assert _digest(tmp_path / "one") == _digest(tmp_path / "two")


def test_a_patient_does_not_depend_on_how_many_others_there_are() -> None:
    assert draw(site("lisbon"), 5, seed=1) == draw(site("lisbon"), 5, seed=1)
    assert draw(site("lisbon"), 5, seed=1) != draw(site("lisbon"), 5, seed=2)


def test_every_file_says_that_it_is_synthetic(headers: list[pydicom.Dataset], folder: Path) -> None:
    for header in headers:
        assert str(header.PatientName).startswith("SYNTHETIC^")
        assert header.PatientIdentityRemoved == "YES"
        assert "ynthetic" in header.DeidentificationMethod
    assert "SYNTHETIC" in (folder / "README.txt").read_text()


def test_every_value_and_every_pixel_can_be_read_by_pydicom(headers: list[pydicom.Dataset]) -> None:
    for header in headers:
        assert [element.value for element in header.iterall()]
        if header.Modality != "RTSTRUCT":
            assert header.pixel_array.any()


def test_slices_of_a_series_differ_in_place_number_and_identity(folder: Path) -> None:
    series = next(iter(sorted(folder.glob("images/*/*/*-mr-*"))))
    slices = [pydicom.dcmread(path) for path in sorted(series.iterdir())]

    assert [one.InstanceNumber for one in slices] == list(range(1, len(slices) + 1))
    assert len({one.SOPInstanceUID for one in slices}) == len(slices)
    assert all(one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID for one in slices)
    steps = np.diff([one.ImagePositionPatient[2] for one in slices])
    assert np.allclose(steps, slices[0].SpacingBetweenSlices, atol=0.002)


def test_a_segmentation_marks_the_lesion_of_the_series_that_it_refers_to(folder: Path) -> None:
    path = sorted(folder.glob("images/*/*/seg/0001.dcm"))[0]
    marked = pydicom.dcmread(path)
    [series] = marked.ReferencedSeriesSequence
    images = {
        image.SOPInstanceUID: image
        for image in map(pydicom.dcmread, path.parent.parent.glob("*/*.dcm"))
        if image.SeriesInstanceUID == series.SeriesInstanceUID
    }
    assert {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence} == set(images)

    frames = marked.pixel_array.astype(bool).reshape(marked.NumberOfFrames, marked.Rows, marked.Columns)
    for frame, groups in zip(frames, marked.PerFrameFunctionalGroupsSequence, strict=True):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert frame.any()
        assert groups.PlanePositionSequence[0].ImagePositionPatient == images[source].ImagePositionPatient


def test_a_structure_set_refers_to_images_that_are_there(folder: Path) -> None:
    path = sorted(folder.glob("images/*/*/rtstruct/0001.dcm"))[0]
    known = {pydicom.dcmread(one).SOPInstanceUID for one in path.parent.parent.glob("*/*.dcm")}

    contours = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence

    assert contours
    assert {item.ReferencedSOPInstanceUID for one in contours for item in one.ContourImageSequence} <= known


def test_the_three_sites_have_600_patients_of_all_ten_cancers_in_three_countries() -> None:
    patients = [draw(one, number, 1) for one in sites() for number in range(1, one.patients + 1)]
    cancers = Counter(patient.cancer_type for patient in patients)

    assert len(patients) == 600
    assert {one.country for one in sites()} == {"PT", "BE", "FI"}
    assert len(cancers) == 10
    assert min(cancers.values()) >= 15


def test_most_who_have_an_mr_have_one_within_90_days_after_the_diagnosis() -> None:
    patients = [draw(one, number, 1) for one in sites() for number in range(1, one.patients + 1)]
    days = [
        [(study.day - patient.diagnosed).days for study in patient.studies if study.plan.modality == "MR"]
        for patient in patients
    ]
    with_mr = [one for one in days if one]

    assert sum(any(0 <= day <= 90 for day in one) for one in with_mr) > 0.6 * len(with_mr)


def test_a_folder_that_holds_something_is_left_alone(folder: Path) -> None:
    with pytest.raises(BadInput, match="not empty"):
        generate(folder, site("lisbon"), 1)


def test_an_unknown_site_is_answered_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(BadInput) as problem:
        site("atlantis")
    assert "synthetic-hospital-turku" in problem.value.hint


def test_the_command_says_what_it_made_and_what_comes_next(tmp_path: Path) -> None:
    done = CliRunner().invoke(synth, [str(tmp_path / "new"), "--site", "turku", "--patients", "2"])

    assert done.exit_code == 0, done.output
    assert "2 patients" in done.output
    assert "hanse node prepare" in done.output


def test_summaries_add_up() -> None:
    assert Summary(1, 2, 3, 4, 5) + Summary(1, 1, 1, 1, 1) == Summary(2, 3, 4, 5, 6)
