"""Clinical tables as three hospitals would export them: same story, other columns, separators, dates and words."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hanse.synth.chance import Chance
from hanse.synth.patients import Patient
from hanse.synth.sites import Site

Row = dict[str, Any]

_EXPORTED = date(2025, 9, 30)

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "person": ("patient_id", "sex", "age", "population", "vital_status", "last_contact"),
    "condition": (
        "patient_id", "cancer_type", "code", "morphology", "laterality", "day", "age_at_diagnosis", "ct", "cn",
        "cm", "stage_group", "grade", "er", "pr", "her2", "ki67", "psa", "gleason", "isup", "birads", "pirads",
    ),
    "treatment": ("patient_id", "code", "agent", "day"),
    "observation": ("patient_id", "code", "value", "unit", "day"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a hospital writes its tables. `names` translates columns, `words` values of a column; both are undone by the
    mapping file that the hospital then has."""

    separator: str
    suffix: str
    encoding: str = "utf-8"
    dates: str = "%Y-%m-%d"
    decimal: str = "."
    names: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mapping: str = ""

    def column(self, entity: str, column: str) -> str:
        """The column's name in this hospital."""
        return self.names.get(f"{entity}.{column}", self.names.get(column, column))

    def write(self, column: str, value: Any) -> str:
        """A value as this hospital writes it."""
        if isinstance(value, date):
            return value.strftime(self.dates)
        if isinstance(value, float):
            return f"{value:.1f}".replace(".", self.decimal)
        text = "" if value is None else str(value)
        return self.words.get(column, {}).get(text, text)


_DUTCH_MAPPING = """# The tables of this hospital in the words of the vocabulary.

[[table]]
file = "person.csv"
entity = "person"
patient = "pseudoniem"
date_format = "DD/MM/YYYY"
values.geslacht = { V = "female", M = "male" }
values.status = { levend = "alive", overleden = "dead" }

[table.columns]
geslacht = "sex"
leeftijd = "age"
populatie = "population"
status = "vital_status"
laatste_contact = "last_contact"

[[table]]
file = "condition.csv"
entity = "condition"
patient = "pseudoniem"
date_format = "DD/MM/YYYY"

[table.columns]
kanker = "cancer_type"
topografie = "code"
morfologie = "morphology"
zijde = "laterality"
datum = "day"
leeftijd_diagnose = "age_at_diagnosis"
cT = "ct"
cN = "cn"
cM = "cm"
stadium = "stage_group"
graad = "grade"
ER = "er"
PR = "pr"
HER2 = "her2"
gleason = "gleason"
isup = "isup"
birads = "birads"

[table.values]
zijde = { links = "left", rechts = "right" }

[[table]]
file = "treatment.csv"
entity = "treatment"
patient = "pseudoniem"
date_format = "DD/MM/YYYY"
columns = { behandeling = "code", middel = "agent", datum = "day" }
values.behandeling = { operatie = "surgery", bestraling = "radiotherapy", chemotherapie = "chemotherapy" }

[[table]]
file = "observation.csv"
entity = "observation"
patient = "pseudoniem"
date_format = "DD/MM/YYYY"
columns = { meting = "code", waarde = "value", eenheid = "unit", datum = "day" }
"""

DIALECTS: Mapping[str, Dialect] = {
    "commas": Dialect(",", ".csv"),
    "tabs": Dialect("\t", ".tsv"),
    "dutch": Dialect(
        ";", ".csv", "utf-8-sig", "%d/%m/%Y", ",",
        {"patient_id": "pseudoniem", "sex": "geslacht", "age": "leeftijd", "population": "populatie",
         "vital_status": "status", "last_contact": "laatste_contact", "cancer_type": "kanker",
         "condition.code": "topografie", "morphology": "morfologie", "laterality": "zijde", "day": "datum",
         "age_at_diagnosis": "leeftijd_diagnose", "ct": "cT", "cn": "cN", "cm": "cM",
         "stage_group": "stadium", "grade": "graad", "er": "ER", "pr": "PR", "her2": "HER2",
         "treatment.code": "behandeling", "agent": "middel", "observation.code": "meting", "value": "waarde",
         "unit": "eenheid"},
        {"sex": {"female": "V", "male": "M"}, "vital_status": {"alive": "levend", "dead": "overleden"},
         "laterality": {"left": "links", "right": "rechts"},
         "code": {"surgery": "operatie", "radiotherapy": "bestraling", "chemotherapy": "chemotherapie"}},
        _DUTCH_MAPPING,
    ),
}  # fmt: skip


def write_tables(folder: Path, site: Site, patients: Iterable[Patient]) -> None:
    """One table for each clinical entity, and a mapping file where the site uses its own names."""
    folder.mkdir(parents=True, exist_ok=True)
    dialect = DIALECTS[site.tables]
    people = list(patients)
    for entity, columns in COLUMNS.items():
        kept = [column for column in columns if column not in site.missing]
        path = folder / f"{entity}{dialect.suffix}"
        with path.open("w", encoding=dialect.encoding, newline="") as lines:
            writer = csv.writer(lines, delimiter=dialect.separator, lineterminator="\n")
            writer.writerow(dialect.column(entity, column) for column in kept)
            for patient in people:
                for row in ROWS[entity](patient):
                    writer.writerow(dialect.write(column, row.get(column)) for column in kept)
    if dialect.mapping:
        (folder / "mapping.toml").write_text(dialect.mapping, encoding="utf-8")


def _person(patient: Patient) -> Iterable[Row]:
    status = patient.chance("vital status").pick({"alive": 0.68, "dead": 0.2, "": 0.12})
    yield {
        "patient_id": patient.id,
        "sex": {"F": "female", "M": "male"}[patient.sex],
        "age": int(patient.age),
        "population": "case",
        "vital_status": status,
        "last_contact": _last_contact(patient, status),
    }


def _last_contact(patient: Patient, status: str) -> date | None:
    """Not before the last image, and not after the day on which the hospital made its tables."""
    if not status:
        return None
    days = patient.chance("last contact").whole(*((30, 1500) if status == "dead" else (200, 2500)))
    imaged = max(study.day for study in patient.studies)
    return min(max(patient.diagnosed + timedelta(days=days), imaged), _EXPORTED)


def _condition(patient: Patient) -> Iterable[Row]:
    chance = patient.chance("condition")
    row: Row = {
        "patient_id": patient.id,
        "cancer_type": patient.cancer_type,
        "code": patient.topography,
        "morphology": patient.morphology,
        "day": patient.diagnosed,
        "age_at_diagnosis": int(patient.age),
    }
    if patient.cancer_type in ("breast", "lung"):  # where the lesion was painted
        row["laterality"] = "right" if patient.lesion.centre[2] < 0 else "left"
    if patient.cancer.stages and chance.happens(0.9):
        row |= _staged(chance.pick(patient.cancer.stages), chance)
    yield row | {
        marker: _MARKERS[marker](chance) for marker in patient.cancer.markers if chance.happens(0.88)
    }


def _staged(stage: str, chance: Chance) -> Row:
    """Categories that go with a stage group, roughly."""
    advanced = stage in ("III", "IV")
    return {
        "stage_group": stage,
        "ct": chance.pick({"cT3": 0.6, "cT4": 0.4} if advanced else {"cT1": 0.5, "cT2": 0.5}),
        "cn": chance.pick({"cN1": 0.6, "cN2": 0.4} if advanced else {"cN0": 0.9, "cN1": 0.1}),
        "cm": "cM1" if stage == "IV" else "cM0",
        "grade": chance.pick({"G1": 0.2, "G2": 0.5, "G3": 0.3}),
    }


_MARKERS: Mapping[str, Callable[[Chance], Any]] = {
    "er": lambda chance: chance.pick({"positive": 0.78, "negative": 0.22}),
    "pr": lambda chance: chance.pick({"positive": 0.66, "negative": 0.34}),
    "her2": lambda chance: chance.pick({"0": 0.4, "1+": 0.3, "2+": 0.15, "3+": 0.15}),
    "ki67": lambda chance: float(chance.whole(2, 70)),
    "psa": lambda chance: chance.around(1.0, 28.0),
    "gleason": lambda chance: chance.whole(6, 9),
    "isup": lambda chance: chance.whole(1, 5),
    "birads": lambda chance: chance.pick({"3": 0.08, "4": 0.35, "5": 0.42, "6": 0.15}),
    "pirads": lambda chance: chance.pick({"2": 0.05, "3": 0.2, "4": 0.4, "5": 0.35}),
}
_AGENTS = {
    "chemotherapy": {
        "breast": ("paclitaxel", "epirubicin"),
        "lung": ("cisplatin", "carboplatin"),
        "glioblastoma": ("temozolomide",),
        "glioma": ("temozolomide",),
        "dipg": ("temozolomide",),
        "neuroblastoma": ("vincristine", "etoposide"),
        "colon": ("oxaliplatin", "capecitabine"),
        "rectum": ("capecitabine", "fluorouracil"),
    },
    "hormone-therapy": {"breast": ("tamoxifen", "letrozole"), "prostate": ("leuprorelin", "goserelin")},
    "immunotherapy": {"lung": ("pembrolizumab", "nivolumab"), "neuroblastoma": ("dinutuximab-beta",)},
}


def _treatments(patient: Patient) -> Iterable[Row]:
    chance = patient.chance("treatment")
    day = patient.diagnosed
    for code, share in patient.cancer.treatments.items():
        if not chance.happens(share):
            continue
        day += timedelta(days=chance.whole(10, 60))
        agents = _AGENTS.get(code, {}).get(patient.cancer_type, ())
        yield {
            "patient_id": patient.id,
            "code": code,
            "agent": chance.one(agents) if agents else "",
            "day": day,
        }


_MEASURED = (
    ("haemoglobin", 9.5, 16.5, "g/dL", 1.0),
    ("body-weight", 48.0, 104.0, "kg", 0.8),
    ("creatinine", 52.0, 130.0, "umol/L", 0.5),
    ("ecog", 0.0, 3.0, "{score}", 0.5),
)
_MEASURED_BY_CANCER = {
    "prostate": (("psa", 1.0, 28.0, "ng/mL", 0.9),),
    "colon": (("cea", 0.5, 40.0, "ng/mL", 0.8),),
    "rectum": (("cea", 0.5, 40.0, "ng/mL", 0.8),),
    "liver": (("afp", 3.0, 900.0, "ng/mL", 0.8),),
    "neuroblastoma": (("nse", 15.0, 240.0, "ng/mL", 0.7), ("ldh", 220.0, 1400.0, "U/L", 0.7)),
}
_CHILDREN = frozenset({"neuroblastoma", "dipg"})


def _observations(patient: Patient) -> Iterable[Row]:
    """At the diagnosis, and for half of the patients again months later."""
    chance = patient.chance("observation")
    common = () if patient.cancer_type in _CHILDREN else _MEASURED
    days = [0, chance.whole(90, 300)] if chance.happens(0.5) else [0]
    for after in days:
        for code, low, high, unit, share in (*common, *_MEASURED_BY_CANCER.get(patient.cancer_type, ())):
            if chance.happens(share):
                value = chance.around(low, high)
                yield {
                    "patient_id": patient.id,
                    "code": code,
                    "value": round(value) if unit == "{score}" else value,
                    "unit": unit,
                    "day": patient.diagnosed + timedelta(days=after + chance.whole(0, 7)),
                }


ROWS: Mapping[str, Callable[[Patient], Iterable[Row]]] = {
    "person": _person,
    "condition": _condition,
    "treatment": _treatments,
    "observation": _observations,
}
