"""The story of one synthetic patient: who, which cancer, when, what was imaged. Nothing is written here."""

from dataclasses import dataclass
from datetime import date, timedelta

from hanse.synth.cancers import CANCERS, Cancer, Plan
from hanse.synth.chance import Chance, uid
from hanse.synth.protocols import PROTOCOLS, Protocol
from hanse.synth.sites import SCANNERS, Scanner, Site
from hanse.synth.volumes import Ellipsoid

_FIRST = date(2014, 1, 7)
_DAYS = 3650
_SEGMENTED = 0.5  # of the patients
_CONTOURED = 0.12


@dataclass(frozen=True, slots=True)
class Series:
    number: int
    name: str
    protocol: Protocol
    uid: str


@dataclass(frozen=True, slots=True)
class Study:
    number: int
    plan: Plan
    day: date
    scanner: Scanner
    series: tuple[Series, ...]
    uid: str
    frame: str  # FrameOfReferenceUID, one for all series of the study


@dataclass(frozen=True, slots=True)
class Patient:
    """`age` is in years at the diagnosis, one decimal; `annotated` says which objects mark the lesion."""

    site: Site
    number: int
    id: str
    sex: str  # DICOM: F or M
    born: date
    age: float
    cancer_type: str
    cancer: Cancer
    topography: str
    morphology: str
    diagnosed: date
    lesion: Ellipsoid
    studies: tuple[Study, ...]
    annotated: frozenset[str]

    def chance(self, about: str) -> Chance:
        """Draws about one thing, which stay when others are added."""
        return Chance(self.id, self.born, about)


def draw(site: Site, number: int, seed: int) -> Patient:
    """Patient `number` (from 1) of a site: the same for the same seed, whoever else is drawn."""
    chance = Chance(seed, site.name, number)
    cancer_type = chance.pick(site.cancers)
    cancer = CANCERS[cancer_type]
    diagnosed = _FIRST + timedelta(days=chance.whole(0, _DAYS))
    lived = round(chance.around(*cancer.ages) * 365.25)
    id = f"{site.prefix}-{seed:02d}-{number:05d}"
    return Patient(
        site=site,
        number=number,
        id=id,
        sex="F" if chance.happens(cancer.female) else "M",
        born=diagnosed - timedelta(days=lived),
        age=round(lived / 365.25, 1),
        cancer_type=cancer_type,
        cancer=cancer,
        topography=chance.pick(cancer.topography),
        morphology=chance.pick(cancer.morphology),
        diagnosed=diagnosed,
        lesion=_lesion(cancer, chance),
        studies=_studies(site, cancer, diagnosed, chance, id),
        annotated=frozenset(
            kind for kind, share in (("SEG", _SEGMENTED), ("RTSTRUCT", _CONTOURED)) if chance.happens(share)
        ),
    )


def _lesion(cancer: Cancer, chance: Chance) -> Ellipsoid:
    radius = chance.between(*cancer.radius)
    centre = tuple(place + chance.between(-0.06, 0.06) for place in cancer.lesion)
    return Ellipsoid("lesion", centre, (2.2 * radius, radius, radius * chance.between(0.7, 1.3)))


def _studies(site: Site, cancer: Cancer, diagnosed: date, chance: Chance, patient: str) -> tuple[Study, ...]:
    """At least the first plan's study, so that every patient has images."""
    plans = [plan for plan in cancer.plans if chance.happens(plan.share)] or [cancer.plans[0]]
    studies = []
    for number, plan in enumerate(plans, start=1):
        names = [name for name, share in plan.series.items() if chance.happens(share)] or list(plan.series)[
            :1
        ]
        series = tuple(
            Series(place, name, PROTOCOLS[name], uid(patient, number, place))
            for place, name in enumerate(names, start=1)
        )
        studies.append(
            Study(
                number=number,
                plan=plan,
                day=diagnosed + timedelta(days=chance.whole(*plan.days)),
                scanner=SCANNERS[chance.pick(site.scanners[plan.modality])],
                series=series,
                uid=uid(patient, number),
                frame=uid(patient, number, "frame of reference"),
            )
        )
    return tuple(studies)
