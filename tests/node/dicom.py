"""Small DICOM files and folders of them."""

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.1561"


def write_instance(path: Path, patient: str, study: int, series: int, number: int, **attributes: Any) -> Path:
    """A CT slice without pixels; the UIDs follow from the numbers, further attributes are given by keyword."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.{study}.{series}.{number}"
    image = Dataset()
    image.file_meta = meta
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}"
    image.PatientID, image.PatientName, image.PatientSex = patient, "Doe^Jane", "F"
    image.Modality, image.BodyPartExamined, image.StudyDate = "CT", "CHEST", "20240310"
    image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 2.5 * number], [1, 0, 0, 0, 1, 0]
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path


def write_patients(folder: Path, patients: range, slices: int = 3) -> None:
    """Two series a patient, in one study, in a folder of the patient's own."""
    for patient in patients:
        for series in (1, 2):
            for number in range(slices):
                path = folder / f"p{patient:03d}" / f"s{series}-{number}.dcm"
                write_instance(path, f"MRN-{patient}", 1000 + patient, series, number)
