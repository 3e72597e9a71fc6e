"""The three synthetic hospitals: their patients, their machines, their dialects, and what they do not write down."""

from collections.abc import Mapping
from dataclasses import dataclass

from hanse.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Scanner:
    """`console` selects the words of the series descriptions: 0 Siemens, 1 GE, 2 Philips."""

    manufacturer: str
    model: str
    console: int
    tesla: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """`body_parts` is how the site spells BodyPartExamined, `missing` the clinical columns that it does not keep;
    `tables` is how its clinical tables are written (`tables.DIALECTS`)."""

    name: str
    title: str
    country: str
    patients: int
    prefix: str
    cancers: Mapping[str, float]
    scanners: Mapping[str, Mapping[str, float]]
    body_parts: Mapping[str, str]
    missing: frozenset[str]
    tables: str


SCANNERS: Mapping[str, Scanner] = {
    "skyra": Scanner("SIEMENS", "Skyra", 0, 3.0),
    "aera": Scanner("Siemens Healthineers", "MAGNETOM Aera", 0, 1.5),
    "signa": Scanner("GE MEDICAL SYSTEMS", "SIGNA Architect", 1, 3.0),
    "optima": Scanner("GE MEDICAL SYSTEMS", "Optima MR450w", 1, 1.5),
    "ingenia": Scanner("Philips Medical Systems", "Ingenia", 2, 3.0),
    "achieva": Scanner("Philips", "Achieva", 2, 1.5),
    "force": Scanner("SIEMENS", "SOMATOM Force", 0),
    "revolution": Scanner("GE MEDICAL SYSTEMS", "Revolution CT", 1),
    "brilliance": Scanner("Philips", "Brilliance 64", 2),
    "aquilion": Scanner("TOSHIBA", "Aquilion ONE", 1),
    "biograph": Scanner("SIEMENS", "Biograph128", 0),
    "discovery": Scanner("GE MEDICAL SYSTEMS", "Discovery MI", 1),
    "gemini": Scanner("Philips Medical Systems", "GEMINI TF", 2),
    "selenia": Scanner("HOLOGIC, Inc.", "Selenia Dimensions", 1),
    "inspiration": Scanner("SIEMENS", "Mammomat Inspiration", 0),
    "pristina": Scanner("GE MEDICAL SYSTEMS", "Senographe Pristina", 1),
    "logiq": Scanner("GE Healthcare", "LOGIQ E9", 1),
    "epiq": Scanner("Philips Medical Systems", "EPIQ 7G", 2),
    "digitaldiagnost": Scanner("Philips Medical Systems", "DigitalDiagnost", 2),
    "definium": Scanner("GE Healthcare", "Definium 8000", 1),
}

_SITES = (
    Site(
        "synthetic-hospital-lisbon", "Synthetic hospital Lisbon", "PT", 260, "LIS",
        {"breast": 4, "prostate": 2.5, "colon": 2, "rectum": 1, "lung": 2, "liver": 1, "glioma": 0.6,
         "glioblastoma": 0.6, "neuroblastoma": 0.2, "dipg": 0.15},
        {"MR": {"skyra": 3, "aera": 2, "optima": 1}, "CT": {"force": 3, "brilliance": 1}, "PT": {"biograph": 1},
         "MG": {"selenia": 2, "inspiration": 1}, "US": {"logiq": 1}, "DX": {"digitaldiagnost": 1}},
        {"breast": "BREAST", "prostate": "PROSTATE", "lung": "CHEST", "colon": "ABDOMEN", "rectum": "RECTUM",
         "liver": "LIVER", "brain": "BRAIN", "adrenal": "ABDOMEN"},
        frozenset(), "commas",
    ),
    Site(
        "synthetic-hospital-ghent", "Synthetic hospital Ghent", "BE", 190, "GNT",
        {"breast": 2.5, "prostate": 3, "colon": 1, "rectum": 1.5, "lung": 2.5, "liver": 1, "glioma": 1,
         "glioblastoma": 1},
        {"MR": {"ingenia": 3, "achieva": 2, "signa": 1}, "CT": {"brilliance": 2, "aquilion": 2, "force": 1},
         "PT": {"gemini": 1}, "MG": {"pristina": 1}, "US": {"epiq": 1}, "DX": {"definium": 1}},
        {"breast": "SEIN", "prostate": "PROSTATE", "lung": "POUMON", "colon": "ABDOMEN", "rectum": "BEKKEN",
         "liver": "FOIE", "brain": "ENCEPHALON", "adrenal": "ABDOMEN"},
        frozenset({"psa", "ki67", "pirads"}), "dutch",
    ),
    Site(
        "synthetic-hospital-turku", "Synthetic hospital Turku", "FI", 150, "TKU",
        {"breast": 1.5, "lung": 1, "colon": 1, "prostate": 1, "glioma": 1.5, "glioblastoma": 1.2, "neuroblastoma": 1.6,
         "dipg": 1.0, "liver": 0.6},
        {"MR": {"signa": 2, "optima": 1, "skyra": 2}, "CT": {"revolution": 3, "aquilion": 1}, "PT": {"discovery": 1},
         "MG": {"inspiration": 1}, "US": {"logiq": 1}, "DX": {"definium": 1}},
        {"breast": "MAMMA", "prostate": "PROSTATE GLAND", "lung": "THORAX", "colon": "ABD", "rectum": "PELVIS",
         "liver": "HEPATIC", "brain": "CEREBRUM", "adrenal": "ABD"},
        frozenset({"her2", "birads", "gleason", "stage_group"}), "tabs",
    ),
)  # fmt: skip


def sites() -> tuple[Site, ...]:
    """All synthetic hospitals, the largest first; together 600 patients."""
    return _SITES


def site(name: str) -> Site:
    """The hospital of this name, with or without `synthetic-hospital-`; `BadInput` when there is none."""
    for one in _SITES:
        if name in (one.name, one.name.rpartition("-")[2]):
            return one
    raise BadInput(
        f"there is no synthetic hospital {name!r}",
        hint=f"choose one of {', '.join(one.name for one in _SITES)}",
    )
