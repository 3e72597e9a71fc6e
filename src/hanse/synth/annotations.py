"""The lesion marked by an object: DICOM segmentation (PS3.3 A.51) and RT structure set (PS3.3 A.19)."""

from typing import Any

import numpy as np

from hanse.synth.chance import uid
from hanse.synth.explicit import encode, preamble
from hanse.synth.images import SOP_CLASSES, SYNTHETIC, Scene, coded, general
from hanse.synth.volumes import TISSUES, tissues

_ORGANS = frozenset({"prostate", "liver"})  # cancers of which the organ is segmented too
_LESION = coded("108369006", "SCT", "Neoplasm")
_ABNORMAL = coded("49755003", "SCT", "Morphologically Abnormal Structure")
_ANATOMY = coded("123037004", "SCT", "Anatomical Structure")
_SOURCE = coded("121322", "DCM", "Source image for image processing operation")
_SEGMENTATION = coded("113076", "DCM", "Segmentation")

Item = dict[str, Any]


def segmentation(scene: Scene) -> bytes:
    """A binary SEG: a frame for every segment and slice of an axial series in which something is marked."""
    marked = _segments(scene)
    frames = [(number, place) for number, (_, mask) in enumerate(marked, start=1) for place in _slices(mask)]
    bits = np.concatenate([marked[number - 1][1][place].ravel() for number, place in frames])
    _, rows, columns = scene.shape
    header = _object(scene, "SEG", "Segmentation of the lesion") | {
        "BodyPartExamined": scene.body_part,
        "ImageType": ["DERIVED", "PRIMARY"],
        "ContentDate": scene.study.day.strftime("%Y%m%d"),
        "ContentTime": "235900",
        "ContentLabel": "LESION",
        "ContentDescription": SYNTHETIC,
        "ContentCreatorName": "SYNTHETIC^",
        "SegmentationType": "BINARY",
        "LossyImageCompression": "00",
        "SegmentSequence": [_segment(number, item) for number, (item, _) in enumerate(marked, start=1)],
        "ReferencedSeriesSequence": [
            {"SeriesInstanceUID": scene.series.uid, "ReferencedInstanceSequence": _all_slices(scene)}
        ],
        "SharedFunctionalGroupsSequence": [_shared(scene)],
        "PerFrameFunctionalGroupsSequence": [_frame(scene, number, place) for number, place in frames],
        "NumberOfFrames": len(frames),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 1,
        "BitsStored": 1,
        "HighBit": 0,
        "PixelRepresentation": 0,
        "PixelData": np.packbits(bits, bitorder="little").tobytes(),
    }
    return _file(header | _dimensions(uid(header["SOPInstanceUID"], "dimensions")))


def structure_set(scene: Scene) -> bytes:
    """An RTSTRUCT with the contour of the lesion on every slice, as 16 points in mm."""
    header = _object(scene, "RTSTRUCT", "Gross tumour volume")
    roi = {
        "ROINumber": 1,
        "ROIName": "GTV",
        "ROIGenerationAlgorithm": "MANUAL",
        "ReferencedFrameOfReferenceUID": scene.study.frame,
    }
    contours = {
        "ReferencedROINumber": 1,
        "ROIDisplayColor": [214, 69, 65],
        "ContourSequence": [_contour(scene, place) for place in _slices(scene.lesion)],
    }
    observation = {
        "ObservationNumber": 1,
        "ReferencedROINumber": 1,
        "RTROIInterpretedType": "GTV",
        "ROIInterpreter": "",
    }
    header |= {
        "OperatorsName": "",
        "StructureSetLabel": "SYNTHETIC",
        "StructureSetDescription": SYNTHETIC,
        "StructureSetDate": header["StudyDate"],
        "StructureSetTime": header["StudyTime"],
        "ReferencedFrameOfReferenceSequence": [_referenced_frame(scene)],
        "StructureSetROISequence": [roi],
        "ROIContourSequence": [contours],
        "RTROIObservationsSequence": [observation],
        "ApprovalStatus": "UNAPPROVED",
    }
    return _file(header)


def _file(header: Item) -> bytes:
    return preamble(header["SOPClassUID"], header["SOPInstanceUID"]) + encode(header)


def _object(scene: Scene, modality: str, description: str) -> Item:
    """The modules that both objects have; their series follow those of the study's images."""
    return general(scene.patient, scene.study) | {
        "SOPClassUID": SOP_CLASSES[modality],
        "SOPInstanceUID": uid(scene.series.uid, modality),
        "Modality": modality,
        "SeriesInstanceUID": uid(scene.series.uid, modality, "series"),
        "SeriesNumber": {"SEG": 100, "RTSTRUCT": 200}[modality] + scene.series.number,
        "SeriesDescription": description,
        "InstanceNumber": 1,
        "FrameOfReferenceUID": scene.study.frame,
        "PositionReferenceIndicator": "",
    }


def _slices(mask: np.ndarray) -> list[int]:
    """The slices (from 0) in which something is marked."""
    return [int(place) for place in np.flatnonzero(mask.any(axis=(1, 2)))]


def _segments(scene: Scene) -> list[tuple[tuple[Item, Item, str], np.ndarray]]:
    """What is marked: (category, type, label) and mask, slice x row x column."""
    marked = [((_ABNORMAL, _LESION, "Lesion"), scene.lesion)]
    if scene.patient.cancer_type in _ORGANS and scene.body in ("abdomen", "pelvis"):
        code, meaning = scene.patient.cancer.anatomy
        organ = tissues(scene.body, scene.shape) == TISSUES.index("organ")
        marked.append(((_ANATOMY, coded(code, "SCT", meaning), meaning), organ))
    return marked


def _segment(number: int, item: tuple[Item, Item, str]) -> Item:
    category, kind, label = item
    return {
        "SegmentNumber": number,
        "SegmentLabel": label,
        "SegmentedPropertyCategoryCodeSequence": [category],
        "SegmentedPropertyTypeCodeSequence": [kind],
        "SegmentAlgorithmType": "AUTOMATIC",
        "SegmentAlgorithmName": "hanse synth",
    }


def _reference(scene: Scene, place: int) -> Item:
    return {
        "ReferencedSOPClassUID": scene.sop_class,
        "ReferencedSOPInstanceUID": scene.instance(place + 1),
    }


def _all_slices(scene: Scene) -> list[Item]:
    return [_reference(scene, place) for place in range(scene.shape[0])]


def _shared(scene: Scene) -> Item:
    """Functional groups that all frames share."""
    measures = {
        "PixelSpacing": [scene.pixel_spacing] * 2,
        "SliceThickness": scene.series.protocol.thickness,
        "SpacingBetweenSlices": scene.series.protocol.spacing,
    }
    orientation = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    return {"PixelMeasuresSequence": [measures], "PlaneOrientationSequence": [orientation]}


def _dimensions(organisation: str) -> Item:
    """Frames are indexed by segment and position (multi-frame dimension module)."""
    indices = [
        {
            "DimensionOrganizationUID": organisation,
            "DimensionIndexPointer": pointer,
            "FunctionalGroupPointer": group,
        }
        for pointer, group in ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))
    ]
    return {
        "DimensionOrganizationSequence": [{"DimensionOrganizationUID": organisation}],
        "DimensionIndexSequence": indices,
    }


def _frame(scene: Scene, segment: int, place: int) -> Item:
    """Functional groups of one frame: which segment, where, and from which slice."""
    source = _reference(scene, place) | {"PurposeOfReferenceCodeSequence": [_SOURCE]}
    derivation = {"SourceImageSequence": [source], "DerivationCodeSequence": [_SEGMENTATION]}
    return {
        "DerivationImageSequence": [derivation],
        "FrameContentSequence": [{"DimensionIndexValues": [segment, place + 1]}],
        "PlanePositionSequence": [{"ImagePositionPatient": scene.position(place + 1)}],
        "SegmentIdentificationSequence": [{"ReferencedSegmentNumber": segment}],
    }


def _referenced_frame(scene: Scene) -> Item:
    series = {"SeriesInstanceUID": scene.series.uid, "ContourImageSequence": _all_slices(scene)}
    study = {
        "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1",
        "ReferencedSOPInstanceUID": scene.study.uid,
        "RTReferencedSeriesSequence": [series],
    }
    return {"FrameOfReferenceUID": scene.study.frame, "RTReferencedStudySequence": [study]}


# A quarter of the unit circle, written out so that no machine's cosine matters.
_QUARTER = ((1.0, 0.0), (0.92388, 0.38268), (0.70711, 0.70711), (0.38268, 0.92388))
_CIRCLE = (
    *_QUARTER,
    *((-y, x) for x, y in _QUARTER),
    *((-x, -y) for x, y in _QUARTER),
    *((y, -x) for x, y in _QUARTER),
)


def _contour(scene: Scene, place: int) -> Item:
    """The ellipse around the marked voxels of one slice."""
    rows, columns = np.nonzero(scene.lesion[place])
    left, top, height = scene.position(place + 1)
    spacing = scene.pixel_spacing
    middle = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    radii = (np.ptp(columns) + 1) / 2, (np.ptp(rows) + 1) / 2
    points = [
        (left + spacing * (middle[0] + radii[0] * x), top + spacing * (middle[1] + radii[1] * y), height)
        for x, y in _CIRCLE
    ]
    return {
        "ContourImageSequence": [_reference(scene, place)],
        "ContourGeometricType": "CLOSED_PLANAR",
        "NumberOfContourPoints": len(points),
        "ContourData": [f"{value:.2f}" for point in points for value in point],
    }
