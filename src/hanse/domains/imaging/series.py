"""The row of a series: what its instances say together, in the vocabulary's fields, and what is wrong with them."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hanse.domains import VOCABULARY
from hanse.domains.imaging import acquisition
from hanse.domains.imaging.acquisition import day, text
from hanse.domains.imaging.attributes import Value
from hanse.domains.imaging.geometry import Geometry, geometry, normal_of, plane_of
from hanse.domains.imaging.instances import Instance
from hanse.domains.imaging.references import Structure

_SHARED = "SharedFunctionalGroupsSequence."
_MEASURES = f"{_SHARED}PixelMeasuresSequence."
MIXED = "mixed"


class Dimension(StrEnum):
    """The dimensions of data quality that EUCAIM's handbook names (section 5.2)."""

    COMPLETENESS = "completeness"
    UNIQUENESS = "uniqueness"
    VALIDITY = "validity"
    CONSISTENCY = "consistency"
    INTEGRITY = "integrity"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in `count` places of one series or study; `words` hold no value of any header."""

    dimension: Dimension
    code: str
    words: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ImageRow:
    """`columns` are fields of `image` by their column names, those without a value left out. The other members
    identify the patient and stay in the prepared data; dates are ISO 8601, `sex` is the code that the header holds."""

    columns: Mapping[str, Any]
    patient_id: str
    sex: str
    birth_date: str
    study_uid: str
    series_uid: str
    study_date: str
    series_date: str
    findings: tuple[Finding, ...]


def image_row(instances: Sequence[Instance], present: Container[str] | None = None) -> ImageRow:
    """The row of the series that `instances` are; the first one speaks where all should agree.

    `present` holds the UIDs of all series and instances of the dataset; references to others are a finding. Without
    it references are not checked.
    """
    first = instances[0].values
    headers = [instance.values for instance in instances]
    shape = geometry(headers)
    findings: list[Finding] = []
    columns = {
        "instances": len(instances),
        "size_mb": round(sum(instance.size for instance in instances) / 1e6, 3),
        **{column: _most(headers, keyword) for column, keyword in _TEXTS.items()},
        **{
            column: _integer(_most(headers, keyword), least) for column, (keyword, least) in _INTEGERS.items()
        },
        **_codes(headers, findings),
        **_acquired(headers, findings),
        **_lengths(first, headers, shape),
        **_annotation(instances, findings),
    }
    findings += [finding for check in _CHECKS for finding in check(instances, shape)]
    findings += _unresolved(instances, present)
    return ImageRow(
        {column: value for column, value in columns.items() if value is not None},
        text(first, "PatientID"),
        text(first, "PatientSex"),
        _iso(first, "PatientBirthDate"),
        text(first, "StudyInstanceUID"),
        text(first, "SeriesInstanceUID"),
        _iso(first, "StudyDate"),
        _iso(first, "SeriesDate"),
        tuple(findings),
    )


_TEXTS = {
    "model": "ManufacturerModelName",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
}
_LEAST, _MOST = -(2**31), 2**31 - 1  # of an IS value (PS3.5 6.2), and of an integer in a table
_INTEGERS = {"series_number": ("SeriesNumber", _LEAST), "rows": ("Rows", 1), "columns": ("Columns", 1)}

# Fields with a code list, and the attributes that hold the code, the first one that is there.
_CODED = {
    "modality": ("Modality",),
    "body_part": ("BodyPartExamined", "AnatomicRegionSequence.CodeValue"),
    "laterality": ("Laterality", "ImageLaterality"),
    "manufacturer": ("Manufacturer",),
    "sop_class": ("SOPClassUID",),
    "transfer_syntax": ("TransferSyntaxUID",),
    "photometric_interpretation": ("PhotometricInterpretation",),
    "pixel_representation": ("PixelRepresentation",),
}
_MAY_MIX = frozenset({"transfer_syntax", "photometric_interpretation", "pixel_representation"})
_EXPECTED = frozenset({"modality", "body_part", "manufacturer", "sop_class"})
_NO_BODY_PART = frozenset(
    {"RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "KO", "PR", "REG"}
)  # their IODs lack the attribute
_NO_VALUE = {"laterality": frozenset({"U"})}  # "unpaired body part" is no side


def _codes(headers: Sequence[Mapping[str, Value]], findings: list[Finding]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for column, keywords in _CODED.items():
        raw = next((value for keyword in keywords if (value := _most(headers, keyword)) is not None), None)
        if raw is None or raw in _NO_VALUE.get(column, ()):
            of_no_body = column == "body_part" and found.get("modality") in _NO_BODY_PART
            if column in _EXPECTED and not of_no_body:
                findings.append(_missing(keywords[0], len(headers)))
            continue
        found[column] = _code(column, raw)
        if found[column] is None:
            words = f"{keywords[0]} holds no code that the vocabulary knows"
            findings.append(Finding(Dimension.VALIDITY, f"unknown-{column}", words, len(headers)))
        elif column in _MAY_MIX and len({header.get(keywords[0]) for header in headers} - {None}) > 1:
            found[column] = MIXED
    return found


def _code(column: str, raw: object) -> str | None:
    codes = VOCABULARY.fields[f"image.{column}"].codes
    return codes.find(str(raw)) if codes else None


def _missing(keyword: str, count: int) -> Finding:
    return Finding(Dimension.COMPLETENESS, f"no-{keyword}", f"{keyword} is missing", count)


def _most(headers: Sequence[Mapping[str, Value]], keyword: str) -> Value | None:
    """The value that most instances have."""
    values = Counter(value for header in headers if (value := header.get(keyword)) is not None)
    value = values.most_common(1)[0][0] if values else None
    return "\\".join(map(str, value)) if isinstance(value, tuple) else value


def _acquired(headers: Sequence[Mapping[str, Value]], findings: list[Finding]) -> dict[str, Any]:
    first = headers[0]
    study = day(first, "StudyDate")
    # A diffusion series begins with images without diffusion weighting.
    weights = [
        weight for header in headers if isinstance(weight := header.get("DiffusionBValue"), int | float)
    ]
    weighted = {**first, "DiffusionBValue": max(weights)} if weights else first
    sequence, confidence = acquisition.sequence(weighted) or (None, None)
    strength = acquisition.field_strength(first)
    if "MagneticFieldStrength" in first and not (strength and strength[1]):
        words = "MagneticFieldStrength is not in tesla"
        findings.append(Finding(Dimension.VALIDITY, "field-strength-unit", words))
    return {
        "study_year": study and study.year,
        "patient_age": acquisition.patient_age(first),
        "sequence": sequence,
        "sequence_confidence": confidence,
        "contrast": acquisition.contrast(first),
        "field_strength": strength and strength[0],
    }


def _lengths(
    first: Mapping[str, Value], headers: Sequence[Mapping[str, Value]], shape: Geometry
) -> dict[str, Any]:
    """Slices and lengths in mm: from the positions of images, from the shared measures of multi-frame objects."""
    spacing = (
        first.get("PixelSpacing") or first.get(f"{_MEASURES}PixelSpacing") or first.get("ImagerPixelSpacing")
    )
    frames = first.get("NumberOfFrames")
    several = len(headers) == 1 and isinstance(frames, int) and frames > 1
    cosines = first.get(f"{_SHARED}PlaneOrientationSequence.ImageOrientationPatient")
    normal = normal_of(cosines) if isinstance(cosines, tuple) and len(cosines) == 6 else None
    return {
        "pixel_spacing": _positive(spacing[0] if isinstance(spacing, tuple) else spacing),
        "slice_thickness": _positive(
            _most(headers, "SliceThickness") or first.get(f"{_MEASURES}SliceThickness")
        ),
        "slice_spacing": shape.spacing or _positive(first.get(f"{_MEASURES}SpacingBetweenSlices")),
        "slices": _integer(frames, 1) if several else shape.slices,
        "orientation": shape.orientation or (plane_of(normal) if normal else None),
        "regular_geometry": shape.regular,
    }


def _positive(value: object) -> float | None:
    """A length; headers carry rounding noise such as 3.26999999999998."""
    return round(float(value), 6) if isinstance(value, int | float) and value > 0 else None


def _integer(value: object, least: int) -> int | None:
    return value if isinstance(value, int) and least <= value <= _MOST else None


def _iso(values: Mapping[str, Value], keyword: str) -> str:
    found = day(values, keyword)
    return found.isoformat() if found else ""


def _annotation(instances: Sequence[Instance], findings: list[Finding]) -> dict[str, str | None]:
    structures = [
        one for instance in instances if instance.references for one in instance.references.structures
    ]
    codes = {code for structure in structures if (code := _structure(structure))}
    if structures and not codes:
        words = "no outlined structure has a name that the vocabulary knows"
        findings.append(Finding(Dimension.VALIDITY, "unknown-annotated_structure", words, len(structures)))
    methods = {method for one in structures if (method := _code("annotation_method", one.method))}
    return {
        "annotated_structure": min(codes, key=_specificity, default=None),
        "annotation_method": methods.pop() if len(methods) == 1 else None,
    }


def _structure(structure: Structure) -> str | None:
    """The code of the first name that is known, whole or by one of its words (`GTV_Mass_CT`)."""
    whole = [_code("annotated_structure", name) for name in structure.names]
    words = [_code("annotated_structure", word) for name in structure.names for word in name.split("_")]
    return next((code for code in (*whole, *words) if code), None)


def _specificity(code: str) -> tuple[bool, int, str]:
    """Lesions before organs, the deepest in the tree before those above it."""
    codes = VOCABULARY.fields["image.annotated_structure"].codes
    above = [code]
    while codes and (parent := codes.codes[above[-1]].parent):
        above.append(parent)
    return "lesion" not in above, -len(above), code


def _completeness(instances: Sequence[Instance], shape: Geometry) -> Iterable[Finding]:
    for keyword in ("PatientID", "StudyDate"):
        if missing := sum(keyword not in instance.values for instance in instances):
            yield _missing(keyword, missing)
    if shape.missing:
        yield Finding(
            Dimension.COMPLETENESS, "missing-slices", "slices are missing between others", shape.missing
        )


def _uniqueness(instances: Sequence[Instance], shape: Geometry) -> Iterable[Finding]:
    uids = Counter(instance.values["SOPInstanceUID"] for instance in instances)
    if copies := sum(count - 1 for count in uids.values()):
        yield Finding(Dimension.UNIQUENESS, "copies", "instances are there more than once", copies)
    if shape.repeated:
        yield Finding(
            Dimension.UNIQUENESS, "repeated-slices", "images share a position with others", shape.repeated
        )


def _validity(instances: Sequence[Instance], shape: Geometry) -> Iterable[Finding]:
    unreadable = Counter(keyword for instance in instances for keyword in instance.unreadable)
    for keyword, count in sorted(unreadable.items()):
        words = f"{keyword} holds what its type does not allow"
        yield Finding(Dimension.VALIDITY, "unreadable-value", words, count)
    for keyword in ("StudyDate", "PatientBirthDate"):
        wrong = sum(keyword in one.values and day(one.values, keyword) is None for one in instances)
        if wrong:
            yield Finding(
                Dimension.VALIDITY, "impossible-date", f"{keyword} is no day of the calendar", wrong
            )


# What all instances of a series have in common (PS3.3 A.1.2.3, C.7.3.1, C.7.4.1).
_COMMON = {
    "PatientID": "several-patients",
    "StudyInstanceUID": "several-studies",
    "Modality": "mixed-modality",
    "FrameOfReferenceUID": "mixed-frame-of-reference",
}


def _consistency(instances: Sequence[Instance], shape: Geometry) -> Iterable[Finding]:
    for keyword, code in _COMMON.items():
        values = Counter(instance.values.get(keyword) for instance in instances)
        if len(values) > 1:
            odd = len(instances) - values.most_common(1)[0][1]
            yield Finding(Dimension.CONSISTENCY, code, f"{keyword} differs within the series", odd)
    if not shape.parallel and not any("LOCALIZER" in text(one.values, "ImageType") for one in instances):
        yield Finding(Dimension.CONSISTENCY, "mixed-orientation", "its slices are not parallel")


_CHECKS: tuple[Callable[[Sequence[Instance], Geometry], Iterable[Finding]], ...] = (
    _completeness,
    _uniqueness,
    _validity,
    _consistency,
)


def _unresolved(instances: Sequence[Instance], present: Container[str] | None) -> list[Finding]:
    if present is None:
        return []
    named = {
        uid
        for instance in instances
        if (references := instance.references)
        for uid in references.series or references.instances
    }
    missing = sum(uid not in present for uid in named)
    words = "it was made from series or instances that are not there"
    return [Finding(Dimension.INTEGRITY, "unresolved-reference", words, missing)] if missing else []


def study_findings(rows: Sequence[ImageRow]) -> list[Finding]:
    """What contradicts itself between the series of one study."""
    checks = (
        ("several-patients", "PatientID differs within the study", {row.patient_id for row in rows}),
        ("several-study-dates", "StudyDate differs within the study", {row.study_date for row in rows}),
        ("several-sexes", "PatientSex differs within the study", {row.sex for row in rows}),
    )
    return [
        Finding(Dimension.CONSISTENCY, code, words, len(values) - 1)
        for code, words, values in checks
        if len(values) > 1
    ]
