"""What segmentations, structure sets, reports and other derived objects point to, and which structures they outline."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hanse.domains.imaging.sources import ByteSource

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Modalities whose objects are made from other series (PS3.3 C.7.3.1.1.1).
REFERRING = frozenset({"SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "KO", "PR", "REG", "RWV", "FID"})

_SERIES_SEQUENCES = (
    0x00081115,  # Referenced Series Sequence: SEG, PR, REG
    0x0040A375,  # Current Requested Procedure Evidence Sequence: SR, KO
    0x0040A385,  # Pertinent Other Evidence Sequence: SR
    0x30060010,  # Referenced Frame of Reference Sequence: RTSTRUCT
    0x300C0002,  # Referenced RT Plan Sequence: RTDOSE
    0x300C0060,  # Referenced Structure Set Sequence: RTPLAN, RTDOSE
)
_SEGMENTS, _ROIS, _ROI_OBSERVATIONS = 0x00620002, 0x30060020, 0x30060080

# Sequences whose items name instances; elsewhere (0008,1155) may name a study.
_INSTANCE_SEQUENCES = frozenset(
    {
        "ReferencedInstanceSequence",
        "ReferencedSOPSequence",
        "ReferencedImageSequence",
        "ContourImageSequence",
        "ReferencedRTPlanSequence",
        "ReferencedStructureSetSequence",
    }
)


@dataclass(frozen=True, slots=True)
class Structure:
    """One outlined structure: its names as written, the most trustworthy first, and how it was made."""

    names: tuple[str, ...]
    method: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """UIDs of the series and instances that an object was made from, each once and sorted."""

    series: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    structures: tuple[Structure, ...] = ()


def read(source: ByteSource) -> References:
    """The references of one DICOM object; raises `Unusable` when they cannot be read within bounds."""
    from hanse.domains.imaging.bounded import data_set

    tags = (*_SERIES_SEQUENCES, _SEGMENTS, _ROIS, _ROI_OBSERVATIONS)
    references, _, _ = data_set(source, tags, _references)
    return references


def _references(dataset: "Dataset") -> References:
    series: set[str] = set()
    instances: set[str] = set()
    _collect(dataset, series, instances)
    structures = (*_segments(dataset), *_regions(dataset))
    return References(tuple(sorted(series)), tuple(sorted(instances)), structures)


def _collect(dataset: "Dataset", series: set[str], instances: set[str]) -> None:
    if uid := dataset.get("SeriesInstanceUID"):
        series.add(str(uid))
    for element in dataset:
        if element.VR != "SQ":
            continue
        for item in element.value:
            if element.keyword in _INSTANCE_SEQUENCES and (uid := item.get("ReferencedSOPInstanceUID")):
                instances.add(str(uid))
            _collect(item, series, instances)


def _segments(dataset: "Dataset") -> Iterator[Structure]:
    for segment in dataset.get("SegmentSequence") or ():
        codes = segment.get("SegmentedPropertyTypeCodeSequence") or ()
        names = [name for code in codes[:1] for name in (code.get("CodeValue"), code.get("CodeMeaning"))]
        yield _structure([*names, segment.get("SegmentLabel")], segment.get("SegmentAlgorithmType"))


def _regions(dataset: "Dataset") -> Iterator[Structure]:
    observations = {
        observation.get("ReferencedROINumber"): observation
        for observation in dataset.get("RTROIObservationsSequence") or ()
    }
    for region in dataset.get("StructureSetROISequence") or ():
        observation = observations.get(region.get("ROINumber"), {})
        codes = observation.get("RTROIIdentificationCodeSequence") or ()
        names = [name for code in codes[:1] for name in (code.get("CodeValue"), code.get("CodeMeaning"))]
        names += [region.get("ROIName"), observation.get("ROIObservationLabel")]
        yield _structure(
            [*names, observation.get("RTROIInterpretedType")], region.get("ROIGenerationAlgorithm")
        )


def _structure(names: list[object], method: object) -> Structure:
    return Structure(tuple(str(name).strip() for name in names if name), str(method or "").strip())
