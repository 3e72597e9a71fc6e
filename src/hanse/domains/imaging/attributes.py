"""The DICOM attributes that indexing keeps, with the VR that PS3.6 gives them."""

from collections.abc import Mapping

Value = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double float, and ordinary

# By tag: keyword and VR.
ATTRIBUTES: Mapping[int, tuple[str, bytes]] = {
    0x00080005: ("SpecificCharacterSet", b"CS"),
    0x00080008: ("ImageType", b"CS"),
    0x00080016: ("SOPClassUID", b"UI"),
    0x00080018: ("SOPInstanceUID", b"UI"),
    0x00080020: ("StudyDate", b"DA"),
    0x00080021: ("SeriesDate", b"DA"),
    0x00080022: ("AcquisitionDate", b"DA"),
    0x00080023: ("ContentDate", b"DA"),
    0x00080060: ("Modality", b"CS"),
    0x00080070: ("Manufacturer", b"LO"),
    0x00081030: ("StudyDescription", b"LO"),
    0x0008103E: ("SeriesDescription", b"LO"),
    0x00081090: ("ManufacturerModelName", b"LO"),
    0x00082218: ("AnatomicRegionSequence", b"SQ"),
    0x00100020: ("PatientID", b"LO"),
    0x00100021: ("IssuerOfPatientID", b"LO"),
    0x00100030: ("PatientBirthDate", b"DA"),
    0x00100040: ("PatientSex", b"CS"),
    0x00101010: ("PatientAge", b"AS"),
    0x00120062: ("PatientIdentityRemoved", b"CS"),
    0x00180010: ("ContrastBolusAgent", b"LO"),
    0x00180015: ("BodyPartExamined", b"CS"),
    0x00180020: ("ScanningSequence", b"CS"),
    0x00180021: ("SequenceVariant", b"CS"),
    0x00180022: ("ScanOptions", b"CS"),
    0x00180023: ("MRAcquisitionType", b"CS"),
    0x00180024: ("SequenceName", b"SH"),
    0x00180050: ("SliceThickness", b"DS"),
    0x00180060: ("KVP", b"DS"),
    0x00180080: ("RepetitionTime", b"DS"),
    0x00180081: ("EchoTime", b"DS"),
    0x00180082: ("InversionTime", b"DS"),
    0x00180087: ("MagneticFieldStrength", b"DS"),
    0x00180088: ("SpacingBetweenSlices", b"DS"),
    0x00181030: ("ProtocolName", b"LO"),
    0x00181164: ("ImagerPixelSpacing", b"DS"),
    0x00181210: ("ConvolutionKernel", b"SH"),
    0x00181314: ("FlipAngle", b"DS"),
    0x00185100: ("PatientPosition", b"CS"),
    0x00185101: ("ViewPosition", b"CS"),
    0x00189087: ("DiffusionBValue", b"FD"),
    0x0020000D: ("StudyInstanceUID", b"UI"),
    0x0020000E: ("SeriesInstanceUID", b"UI"),
    0x00200011: ("SeriesNumber", b"IS"),
    0x00200012: ("AcquisitionNumber", b"IS"),
    0x00200013: ("InstanceNumber", b"IS"),
    0x00200032: ("ImagePositionPatient", b"DS"),
    0x00200037: ("ImageOrientationPatient", b"DS"),
    0x00200052: ("FrameOfReferenceUID", b"UI"),
    0x00200060: ("Laterality", b"CS"),
    0x00200062: ("ImageLaterality", b"CS"),
    0x00200100: ("TemporalPositionIdentifier", b"IS"),
    0x00280002: ("SamplesPerPixel", b"US"),
    0x00280004: ("PhotometricInterpretation", b"CS"),
    0x00280008: ("NumberOfFrames", b"IS"),
    0x00280010: ("Rows", b"US"),
    0x00280011: ("Columns", b"US"),
    0x00280030: ("PixelSpacing", b"DS"),
    0x00280100: ("BitsAllocated", b"US"),
    0x00280103: ("PixelRepresentation", b"US"),
    0x00280301: ("BurnedInAnnotation", b"CS"),
    0x52009229: ("SharedFunctionalGroupsSequence", b"SQ"),
}

# What is kept of the first item of a sequence, under the sequence's keyword: `AnatomicRegionSequence.CodeValue`.
_CODE = {0x00080100: ("CodeValue", b"SH"), 0x00080102: ("CodingSchemeDesignator", b"SH")}
ITEMS: Mapping[str, Mapping[int, tuple[str, bytes]]] = {
    "AnatomicRegionSequence": _CODE,
    "SharedFunctionalGroupsSequence": {
        0x00209116: ("PlaneOrientationSequence", b"SQ"),
        0x00289110: ("PixelMeasuresSequence", b"SQ"),
    },
    "PlaneOrientationSequence": {0x00200037: ("ImageOrientationPatient", b"DS")},
    "PixelMeasuresSequence": {
        0x00180050: ("SliceThickness", b"DS"),
        0x00180088: ("SpacingBetweenSlices", b"DS"),
        0x00280030: ("PixelSpacing", b"DS"),
    },
}
