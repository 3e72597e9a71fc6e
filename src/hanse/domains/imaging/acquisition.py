"""How an image was acquired, in the vocabulary's terms, from what its header says.

Each rule is a line of a table. What no rule covers stays unknown: a value is never guessed to fill a column.
Parameters are those of PS3.3 C.8.3 (MR) and C.7.2 (patient study); times in ms, field strength in tesla.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hanse.domains.imaging.attributes import Value

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Physics:
    """A kind of MR sequence by its parameters: one of `scanning` is used, every range holds, ends included."""

    code: str
    confidence: float
    scanning: frozenset[str]
    ranges: Mapping[str, tuple[float, float]]


_SPIN, _GRADIENT, _INVERSION = frozenset({"SE"}), frozenset({"GR"}), frozenset({"IR"})
_ANY: frozenset[str] = frozenset()
_BEYOND = 1e9

# The first line that fits counts. Windows as in radiology textbooks, with gaps where contrasts overlap.
PHYSICS = (
    Physics("DWI", 0.95, _ANY, {"DiffusionBValue": (1, _BEYOND)}),
    Physics(
        "FLAIR",
        0.85,
        _ANY,
        {"InversionTime": (1500, 3500), "EchoTime": (60, 500), "RepetitionTime": (4000, _BEYOND)},
    ),
    Physics("STIR", 0.75, _INVERSION, {"InversionTime": (80, 300), "RepetitionTime": (1500, _BEYOND)}),
    Physics("T1", 0.75, _GRADIENT, {"InversionTime": (500, 1400), "EchoTime": (0.5, 12)}),
    Physics("T2", 0.8, _SPIN, {"EchoTime": (65, 500), "RepetitionTime": (1500, _BEYOND)}),
    Physics("PD", 0.7, _SPIN, {"EchoTime": (1, 45), "RepetitionTime": (1500, _BEYOND)}),
    Physics("T1", 0.8, _SPIN, {"EchoTime": (1, 35), "RepetitionTime": (100, 1100)}),
    Physics(
        "T2STAR",
        0.6,
        _GRADIENT,
        {"EchoTime": (12, 80), "FlipAngle": (1, 40), "RepetitionTime": (200, _BEYOND)},
    ),
    Physics("T1", 0.6, _GRADIENT, {"EchoTime": (0.5, 8), "RepetitionTime": (2, 400), "FlipAngle": (8, 90)}),
)


def _words(pattern: str) -> re.Pattern[str]:
    """The pattern as whole words; digits, underscores and signs end a word."""
    return re.compile(rf"(?<![A-Z])(?:{pattern})(?![A-Z])")


# By what Image Type (0008,0008) says, which the scanner writes.
IMAGE_TYPES = (
    ("ADC", 0.95, frozenset({"ADC", "ADC_UNSPECIFIED"})),
    ("LOCALIZER", 0.95, frozenset({"LOCALIZER"})),
    ("SUBTRACTION", 0.9, frozenset({"SUB", "SUBTRACT", "SUBTRACTION"})),
    ("DTI", 0.85, frozenset({"FA", "TENSOR"})),
    ("DWI", 0.9, frozenset({"DIFFUSION", "TRACEW", "TRACE"})),
    ("SWI", 0.9, frozenset({"SWI", "MNIP"})),
    ("ASL", 0.9, frozenset({"ASL"})),
    ("PWI", 0.85, frozenset({"PERFUSION", "RCBV", "RCBF", "MTT", "TTP"})),
    ("MRA", 0.85, frozenset({"TOF"})),
    ("BOLD", 0.85, frozenset({"FMRI"})),
)

# By what people write in descriptions; the first line that fits counts, the specific before the general.
WORDS = (
    ("LOCALIZER", _words(r"LOC|LOCALI[SZ]ERS?|SCOUT|SURVEY|3[- ]?PLANE|TOPOGRAM|PLAN SCAN")),
    ("CALIBRATION", _words(r"CAL|CALIB|CALIBRATION|ASSET CAL|COIL SENS(ITIVITY)?")),
    ("ADC", _words(r"E?ADC|APPARENT DIFFUSION")),
    ("DTI", _words(r"DTI|TENSOR")),
    ("DWI", _words(r"DWI?|DIFF|DIFFUSION|TRACEW?|B[- _]?(VAL(UE)?|\d{3,4})|EP_B\d+")),
    ("SUBTRACTION", _words(r"SUB|SUBS|SUBTRACT(ED|ION)?")),
    ("ASL", _words(r"P?C?ASL|ARTERIAL SPIN")),
    ("PWI", _words(r"DSC|PERF|PERFUSION|RCBV|RCBF|PWI")),
    ("DCE", _words(r"DCE|DYN|DYNAMIC|DYNAMICS|VIBRANT")),
    ("SWI", _words(r"SWI|SWAN|SWIP|SUSCEPTIBILITY")),
    ("MRA", _words(r"MRA|TOF|ANGIO|ANGIOGRAPHY")),
    ("MRS", _words(r"MRS|SPECTRO|SPECTROSCOPY|SVS|CSI")),
    ("BOLD", _words(r"BOLD|FMRI|RESTING")),
    ("DIXON", _words(r"DIXON|MDIXON|IDEAL|FAT FRACTION")),
    ("FLAIR", _words(r"FLAIR|DARK[- _]?FLUID|TIRM DARK")),
    ("STIR", _words(r"STIR|TIRM")),
    ("T2STAR", _words(r"T2[- _]?(\*|STAR)|FFE T2|GRE T2|MEDIC|HEMO")),
    ("T2", _words(r"T2W?I?|HASTE|SSFSE")),
    ("T1", _words(r"T1W?I?|MP[- ]?RAGE|BRAVO|SPGR|VIBE|LAVA|THRIVE|E?THRIVE")),
    ("PD", _words(r"PDW?I?|PROTON DENSITY")),
)
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "SequenceName")
_BY_WORDS, _CONTRADICTED, _AGREED = 0.75, 0.5, 0.95
_LIKE = {
    "DCE": "T1",
    "DIXON": "T1",
    "MRA": "T1",
    "DTI": "DWI",
    "STIR": "T2",
    "SWI": "T2STAR",
}  # physics that fits


def sequence(values: Values) -> tuple[str, float] | None:
    """The kind of an MR series (`image.sequence`) and the confidence in it; None when nothing tells."""
    if text(values, "Modality") != "MR":
        return None
    kinds = {part.upper() for part in _parts(values, "ImageType")}
    for code, confidence, words in IMAGE_TYPES:
        if kinds & words:
            return code, confidence
    said = _said(values)
    measured = next((rule for rule in PHYSICS if _fits(rule, values)), None)
    if not said:
        return (measured.code, measured.confidence) if measured else None
    if not measured:
        return said, _BY_WORDS
    return said, _AGREED if measured.code in (said, _LIKE.get(said)) else _CONTRADICTED


def _said(values: Values) -> str | None:
    """What the first description that says anything says."""
    for keyword in _DESCRIPTIONS:
        description = text(values, keyword).upper()
        for code, pattern in WORDS:
            if pattern.search(description):
                return code
    return None


def _fits(rule: Physics, values: Values) -> bool:
    if rule.scanning and not rule.scanning & set(_parts(values, "ScanningSequence")):
        return False
    for keyword, (least, most) in rule.ranges.items():
        value = values.get(keyword)
        if not isinstance(value, int | float) or not least <= value <= most:
            return False
    return True


_NO_AGENT = frozenset({"NO", "NONE", "N", "0", "NO CONTRAST", "WITHOUT", "NATIVE", "OHNE", "SANS"})
_GIVEN = r"(CONTRAST|GAD\w*|GD)"
_WITHOUT = _words(rf"(NON|WITHOUT|W/?O|PRE)[- _]*{_GIVEN}|WITHOUT|W/?O( C)?|NATIVE|UNENHANCED|C-")
_WITH = _words(
    rf"{_GIVEN}|\+ ?C|C ?\+|CE|ENHANCED|DCE|DSC|ARTERIAL PHASE|PORTAL|VENOUS PHASE|PORTAL[- ]?VENOUS( PHASE)?"
)
_CONTRAST_MODALITIES = frozenset({"CT", "MR"})


def contrast(values: Values) -> bool | None:
    """Whether a contrast agent was given (`image.contrast`): by the agent that is named, else by the description."""
    if text(values, "Modality") not in _CONTRAST_MODALITIES:
        return None
    if agent := text(values, "ContrastBolusAgent"):
        return agent.upper() not in _NO_AGENT
    description = text(values, "SeriesDescription").upper()
    if _WITHOUT.search(description):
        return False
    return True if _WITH.search(description) else None


# Units in which (0018,0087) is found although the standard says tesla: least and most value, and the divisor.
_FIELD_UNITS = ((0.01, 25, 1.0), (50, 7_500, 1_000.0), (9_500, 120_000, 10_000.0))


def field_strength(values: Values) -> tuple[float, bool] | None:
    """Tesla, and whether the header gives tesla, as it should; otherwise it gave millitesla or gauss.

    None when the value is absent, or of no magnet in any of the three units.
    """
    value = values.get("MagneticFieldStrength")
    if not isinstance(value, int | float):
        return None
    for least, most, divisor in _FIELD_UNITS:
        if least <= value <= most:
            return round(value / divisor, 3), divisor == 1
    return None


_AGE = re.compile(r"(\d{1,3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1}
_MOST_YEARS = 120


def patient_age(values: Values) -> int | None:
    """Completed years at the study: `061Y`, `018M` (PS3.5 6.2, AS), or from the date of birth."""
    age: int | None = None
    if match := _AGE.fullmatch(text(values, "PatientAge").upper()):
        age = int(int(match[1]) * _YEARS[match[2]] + 1e-9)
    else:
        born, seen = day(values, "PatientBirthDate"), day(values, "StudyDate")
        if born and seen:
            age = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    return age if age is not None and 0 <= age <= _MOST_YEARS else None


def day(values: Values, keyword: str) -> date | None:
    """A DA value (`20261122`; `2026.11.22` before 1993); None when it is absent or no day of the calendar."""
    digits = text(values, keyword).replace(".", "")
    if len(digits) != 8 or not digits.isdecimal():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def text(values: Values, keyword: str) -> str:
    """An attribute as one text, several values with `\\` between them as in the file; empty when it is absent."""
    return "\\".join(_parts(values, keyword))


def _parts(values: Values, keyword: str) -> Sequence[str]:
    value = values.get(keyword)
    if isinstance(value, str):
        return (value,)
    return tuple(str(part) for part in value) if isinstance(value, tuple) else ()
