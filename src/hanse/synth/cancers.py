"""The cancers of the synthetic patients: who has them, what is imaged, what is written down.

Shares are rough figures of European registries, chosen so that a search finds what a clinician expects; they carry no
claim. Codes are ICD-O-3 (topography, morphology); names are those of the vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """One study: `days` after the diagnosis; each of `series` is a protocol with the share of studies that have it."""

    title: str
    modality: str
    share: float
    days: tuple[int, int]
    series: Mapping[str, float]
    body: str
    field_of_view: float  # mm


@dataclass(frozen=True, slots=True)
class Cancer:
    """`organ` names the body part in a site's dialect; `lesion` is its place and the range of its radius as shares of
    the half width of the body, `segment` and `anatomy` are coded (SNOMED CT code, meaning)."""

    organ: str
    female: float
    ages: tuple[int, int]
    topography: Mapping[str, float]
    morphology: Mapping[str, float]
    lesion: tuple[float, float, float]
    radius: tuple[float, float]
    anatomy: tuple[str, str]
    plans: tuple[Plan, ...]
    treatments: Mapping[str, float]
    stages: Mapping[str, float] = field(default_factory=dict)
    markers: tuple[str, ...] = ()


_STAGES = {"I": 0.34, "II": 0.30, "III": 0.22, "IV": 0.14}
_BRAIN_SERIES = {
    "mr-t1": 0.85, "mr-t1-contrast": 0.95, "mr-t2": 1.0, "mr-flair": 0.9, "mr-dwi": 0.45, "mr-adc": 0.35,
}  # fmt: skip
_PELVIS_SERIES = {"mr-t2-body": 1.0, "mr-dwi-body": 0.9, "mr-adc-body": 0.8, "mr-dce": 0.45}


def _brain(share: float, days: tuple[int, int], title: str = "MR brain") -> Plan:
    return Plan(title, "MR", share, days, _BRAIN_SERIES, "head", 240)


def _pet_ct(share: float) -> Plan:
    return Plan("PET/CT FDG", "PT", share, (2, 40), {"ct-attenuation": 1.0, "pt-fdg": 1.0}, "chest", 420)


def _ct_abdomen(share: float, days: tuple[int, int]) -> Plan:
    series = {"ct-abdomen-portal": 1.0, "ct-abdomen-arterial": 0.3}
    return Plan("CT abdomen", "CT", share, days, series, "abdomen", 400)


def _ct_chest(share: float, days: tuple[int, int], contrast: float) -> Plan:
    series = {"ct-chest": 1.0, "ct-chest-contrast": contrast}
    return Plan("CT chest", "CT", share, days, series, "chest", 400)


CANCERS: Mapping[str, Cancer] = {
    "breast": Cancer(
        "breast", 0.99, (32, 86), {"C50.4": 0.5, "C50.2": 0.15, "C50.9": 0.35}, {"8500/3": 0.8, "8520/3": 0.2},
        (0.0, 0.12, -0.46), (0.12, 0.26), ("76752008", "Breast"),
        (
            Plan("Mammography", "MG", 0.8, (-40, 0), dict.fromkeys(("mg-rcc", "mg-lcc", "mg-rmlo", "mg-lmlo"), 1.0),
                 "mammogram", 240),
            Plan("Breast ultrasound", "US", 0.35, (-20, 5), {"us-breast": 1.0}, "sonogram", 60),
            Plan("MR breast", "MR", 0.72, (2, 80), {"mr-t1-body": 0.8, "mr-t2-body": 1.0, "mr-dwi-body": 0.6,
                                                    "mr-dce": 0.9}, "breast", 340),
            Plan("MR breast follow-up", "MR", 0.3, (120, 420), {"mr-t2-body": 1.0, "mr-dce": 0.9}, "breast", 340),
        ),
        {"surgery": 0.85, "chemotherapy": 0.45, "radiotherapy": 0.6, "hormone-therapy": 0.65},
        _STAGES, ("er", "pr", "her2", "ki67", "birads"),
    ),
    "prostate": Cancer(
        "prostate", 0.0, (48, 84), {"C61.9": 1.0}, {"8140/3": 1.0},
        (0.1, 0.10, 0.10), (0.07, 0.13), ("41216001", "Prostate"),
        (
            Plan("MR prostate", "MR", 0.95, (-20, 80), _PELVIS_SERIES, "pelvis", 220),
            Plan("MR prostate follow-up", "MR", 0.3, (180, 500), _PELVIS_SERIES, "pelvis", 220),
            _ct_abdomen(0.2, (0, 60)),
        ),
        {"surgery": 0.4, "radiotherapy": 0.4, "hormone-therapy": 0.35},
        _STAGES, ("psa", "gleason", "isup", "pirads"),
    ),
    "lung": Cancer(
        "lung", 0.42, (45, 86), {"C34.1": 0.55, "C34.3": 0.3, "C34.9": 0.15},
        {"8140/3": 0.55, "8070/3": 0.3, "8041/3": 0.15},
        (0.1, -0.02, 0.42), (0.08, 0.22), ("39607008", "Lung"),
        (
            Plan("Chest radiograph", "DX", 0.4, (-30, 0), {"dx-chest": 1.0}, "chest", 400),
            _ct_chest(0.95, (-10, 45), 0.7),
            _pet_ct(0.6),
            _ct_chest(0.4, (100, 400), 0.8),
        ),
        {"surgery": 0.3, "chemotherapy": 0.55, "radiotherapy": 0.4, "immunotherapy": 0.35},
        {"I": 0.2, "II": 0.13, "III": 0.27, "IV": 0.4},
    ),
    "colon": Cancer(
        "colon", 0.47, (42, 88), {"C18.7": 0.45, "C18.2": 0.3, "C18.9": 0.25}, {"8140/3": 0.9, "8480/3": 0.1},
        (0.1, 0.12, 0.52), (0.10, 0.18), ("71854001", "Colon"),
        (_ct_abdomen(0.98, (-10, 40)), _ct_abdomen(0.45, (120, 420)), _ct_chest(0.5, (0, 40), 0.6)),
        {"surgery": 0.85, "chemotherapy": 0.45}, _STAGES,
    ),
    "rectum": Cancer(
        "rectum", 0.4, (40, 86), {"C20.9": 1.0}, {"8140/3": 1.0},
        (0.1, 0.10, 0.0), (0.10, 0.18), ("34402009", "Rectum"),
        (
            Plan("MR rectum", "MR", 0.95, (0, 45), _PELVIS_SERIES, "pelvis", 240),
            Plan("MR rectum restaging", "MR", 0.55, (70, 200), _PELVIS_SERIES, "pelvis", 240),
            _ct_abdomen(0.5, (0, 40)),
        ),
        {"surgery": 0.75, "chemotherapy": 0.6, "radiotherapy": 0.65}, _STAGES,
    ),
    "liver": Cancer(
        "liver", 0.28, (40, 84), {"C22.0": 1.0}, {"8170/3": 1.0},
        (0.0, -0.08, -0.34), (0.10, 0.22), ("10200004", "Liver"),
        (
            Plan("Abdominal ultrasound", "US", 0.35, (-60, 0), {"us-abdomen": 1.0}, "sonogram", 150),
            _ct_abdomen(0.75, (-10, 30)),
            Plan("MR liver", "MR", 0.6, (0, 60), {"mr-t1-body": 1.0, "mr-t2-body": 1.0, "mr-dwi-body": 0.7,
                                                  "mr-dce": 0.8}, "abdomen", 380),
        ),
        {"surgery": 0.35, "ablation": 0.3, "immunotherapy": 0.25}, _STAGES,
    ),
    "glioma": Cancer(
        "brain", 0.44, (18, 70), {"C71.1": 0.4, "C71.2": 0.35, "C71.9": 0.25}, {"9400/3": 0.6, "9450/3": 0.4},
        (0.1, -0.1, 0.34), (0.12, 0.26), ("12738006", "Brain"),
        (_brain(0.97, (-4, 40)), _brain(0.5, (90, 420), "MR brain follow-up")),
        {"surgery": 0.8, "radiotherapy": 0.5, "chemotherapy": 0.45},
    ),
    "glioblastoma": Cancer(
        "brain", 0.41, (38, 84), {"C71.1": 0.35, "C71.2": 0.4, "C71.8": 0.25}, {"9440/3": 1.0},
        (0.0, 0.1, -0.34), (0.18, 0.34), ("12738006", "Brain"),
        (_brain(0.98, (-3, 25)), _brain(0.6, (60, 300), "MR brain follow-up")),
        {"surgery": 0.75, "radiotherapy": 0.8, "chemotherapy": 0.75},
    ),
    "dipg": Cancer(
        "brain", 0.5, (3, 13), {"C71.7": 1.0}, {"9385/3": 1.0},
        (0.35, 0.28, 0.0), (0.14, 0.24), ("15926001", "Brainstem"),
        (_brain(1.0, (-2, 20)), _brain(0.6, (60, 240), "MR brain follow-up")),
        {"radiotherapy": 0.95, "chemotherapy": 0.3},
    ),
    "neuroblastoma": Cancer(
        "adrenal", 0.46, (0, 8), {"C74.9": 0.6, "C48.0": 0.4}, {"9500/3": 1.0},
        (0.1, 0.10, 0.30), (0.14, 0.28), ("23451007", "Adrenal gland"),
        (
            Plan("MR abdomen", "MR", 0.85, (-5, 30), {"mr-t1-body": 0.9, "mr-t2-body": 1.0, "mr-dwi-body": 0.6},
                 "abdomen", 260),
            _ct_abdomen(0.4, (-5, 20)),
            Plan("MR abdomen follow-up", "MR", 0.45, (80, 300), {"mr-t2-body": 1.0, "mr-dwi-body": 0.6},
                 "abdomen", 260),
        ),
        {"surgery": 0.7, "chemotherapy": 0.8, "immunotherapy": 0.3},
    ),
}  # fmt: skip
