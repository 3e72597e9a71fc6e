"""What derived objects point to, and what they outline."""

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from tests.domains.imaging import dicom

from hanse.domains.imaging import references, walk
from hanse.domains.imaging.instances import Instance, read_batch
from hanse.domains.imaging.references import References, Structure
from hanse.domains.imaging.series import image_row
from hanse.domains.imaging.sources import Memory


def of(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, Sequence(value) if isinstance(value, list) else value)
    return made


def read(path: Path, dataset: Dataset) -> References:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3.9"
    dataset.save_as(path, enforce_file_format=True)
    return references.read(Memory(path.read_bytes()))


def test_a_structure_set_names_its_series_images_and_regions(tmp_path: Path):
    images = [of(ReferencedSOPClassUID="1.2.3", ReferencedSOPInstanceUID=uid) for uid in ("1.1.2", "1.1.1")]
    series = of(SeriesInstanceUID="1.1", ContourImageSequence=images)
    study = of(ReferencedSOPInstanceUID="1", RTReferencedSeriesSequence=[series])
    regions = [of(ROINumber=1, ROIName="GTV_1", ROIGenerationAlgorithm="MANUAL"), of(ROINumber=2)]
    structure_set = of(
        ReferencedFrameOfReferenceSequence=[of(RTReferencedStudySequence=[study])],
        StructureSetROISequence=regions,
        RTROIObservationsSequence=[of(ReferencedROINumber=1, RTROIInterpretedType="GTV")],
    )
    found = read(tmp_path / "rs.dcm", structure_set)
    assert (found.series, found.instances) == (("1.1",), ("1.1.1", "1.1.2"))
    assert found.structures == (Structure(("GTV_1", "GTV"), "MANUAL"), Structure(()))


def test_a_segmentation_of_pydicoms_wheel_is_read(tmp_path: Path):
    (tmp_path / "seg.dcm").write_bytes((dicom.WHEEL / "test_files" / "liver_1frame.dcm").read_bytes())
    (found,) = read_batch(tmp_path, list(walk.files(tmp_path)))
    assert isinstance(found, Instance)
    assert found.references
    assert found.references.structures[0].names[:2] == ("T-62000", "Liver")
    assert image_row([found]).columns["annotated_structure"] == "liver"


def test_references_beyond_all_bounds_leave_the_instance_and_are_said_to_be_unreadable(tmp_path: Path):
    changes = {(0x0008, 0x0060): ("CS", "SEG"), (0x0062, 0x0002): ("SQ", bytes(5_000_000))}
    (tmp_path / "seg.dcm").write_bytes(dicom.file(dicom.data_set(changes)))
    (found,) = read_batch(tmp_path, list(walk.files(tmp_path)))
    assert isinstance(found, Instance)
    assert (found.references, found.unreadable) == (None, ("ReferencedSeriesSequence",))
