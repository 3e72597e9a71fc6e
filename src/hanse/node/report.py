"""The quality report of prepared data: what was read, what is wrong with it, what to do; as JSON and as one HTML page.

Five dimensions, as EUCAIM's handbook names them (section 5.2). The report stays with the holder: it names files, and it
never holds a value of a header or a cell, nor a patient.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hanse.core.fields import PERSON, Field, Type, Vocabulary
from hanse.domains import VOCABULARY

FORMAT = 1
PLACES = 5  # named for each kind of finding; its count says how many there are
LISTED_FILES = 10_000  # quarantined files in the JSON
SHOWN_FILES = 200  # quarantined files of one reason in the HTML
SHOWN_VALUES = 12

# Dimension: (what it asks, what its findings are counted against).
DIMENSIONS: Mapping[str, tuple[str, str]] = {
    "completeness": ("Is a value there where one belongs?", "values"),
    "uniqueness": ("Is everything there only once?", "rows"),
    "validity": (
        "Is every value of its type, within its range, and a code that the vocabulary knows?",
        "values",
    ),
    "consistency": ("Do things that belong together agree?", "rows"),
    "integrity": ("Is every file whole, and does it find what it refers to?", "files"),
}

# The fields that EUCAIM asks of every holder (handbook, minimum data); the others may stay empty.
EXPECTED = frozenset(
    {
        "person.sex",
        "person.age",
        "condition.cancer_type",
        "condition.code",
        "image.modality",
        "image.body_part",
        "image.manufacturer",
        "image.patient_age",
        "image.study_year",
    }
)


# What to do about findings of images, by their code; a code may end with the attribute or column it is about.
HINTS: Mapping[str, str] = {
    "no-": "set the attribute in the archive or at the console; questions about it do not count these series",
    "unknown-": "use a defined term of DICOM, or propose the spelling as a synonym for the vocabulary",
    "missing-slices": "send the study again from the archive",
    "copies": "remove one of the copies",
    "repeated-slices": "nothing, if the series has phases or echoes; otherwise remove what was sent twice",
    "unreadable-value": "mend the header; the value is not used",
    "impossible-date": "mend the date in the archive; the series is not placed in time",
    "field-strength-unit": "nothing: it was read as gauss or millitesla and converted",
    "several-": "check which patient and study these images belong to; mixed identities must not be published",
    "mixed-": "split the series, or send it again from the archive",
    "sex-differs": "check which is right, and whether these are the images of this person",
    "age-differs": "check which is right, and whether these are the images of this person",
    "no-table-row": "add the person to the table of persons",
    "no-images": "nothing, if there are none; otherwise check that the patient ids are spelled alike",
    "unresolved-reference": "add the series that the object was made from",
}


@dataclass(slots=True)
class _Kind:
    """Findings of one reason: in how many rows, how often in all, and the first places."""

    hint: str
    rows: int = 0
    count: int = 0
    places: list[str] = field(default_factory=list)


class Quality:
    """Counts what passes by, row after row; what it keeps does not grow with the data."""

    def __init__(self, vocabulary: Vocabulary = VOCABULARY) -> None:
        self._vocabulary = vocabulary
        self._rows: Counter[str] = Counter()
        self._filled: Counter[str] = Counter()
        self._values: dict[str, Counter[Any]] = defaultdict(Counter)
        self._findings: dict[tuple[str, str], _Kind] = {}
        self._files: Counter[str] = Counter()
        self._bytes = 0
        self._quarantine: list[dict[str, str]] = []
        self._quarantined = 0
        self._counted = {one.name for one in vocabulary.fields.values() if one.breakdown}

    def row(self, entity: str, values: Mapping[str, Any]) -> None:
        """One row of an entity, by the vocabulary's column names; None and columns left out are empty."""
        self._rows[entity] += 1
        for column, value in values.items():
            if value is None:
                continue
            name = f"{entity}.{column}"
            self._filled[name] += 1
            if name in self._counted:
                self._values[name][value] += 1

    def finding(
        self, dimension: str, reason: str, place: str, hint: str = "", count: int = 1, code: str = ""
    ) -> None:
        """Something wrong with one row (a line of a table, a series), `count` times in it.

        Findings of one reason are told together; `place` is where: a line, a file of the series. Without a `hint` of
        its own, what to do is looked up by `code`.
        """
        kind = self._findings.setdefault((dimension, reason), _Kind(hint or hint_for(code)))
        kind.rows += 1
        kind.count += count
        if len(kind.places) < PLACES:
            kind.places.append(place)

    def file(self, kind: str, size: int) -> None:
        """A file that was read: `image`, `clinical`."""
        self._files[kind] += 1
        self._bytes += size

    def quarantine(self, path: str, reason: str, hint: str = "") -> None:
        """A file that was not taken in."""
        self._quarantined += 1
        if len(self._quarantine) < LISTED_FILES:
            self._quarantine.append({"path": path, "reason": reason, "hint": hint})

    def report(self, dataset: str, at: str, software: str, totals: Mapping[str, int]) -> dict[str, Any]:
        """The report as plain JSON. `at` is a time as text; `totals` are numbers that the caller knows (persons,
        studies, series, instances); files, bytes, rows and quarantine are added."""
        return {
            "format": FORMAT,
            "dataset": dataset,
            "created": at,
            "software": software,
            "vocabulary": self._vocabulary.version,
            "totals": {**totals, **self._totals()},
            "dimensions": [self._dimension(name) for name in DIMENSIONS],
            "completeness": self._completeness(),
            "values": [
                self._distribution(name) for name in self._vocabulary.fields if self._values.get(name)
            ],
            "quarantine": self._quarantine,
        }

    def _totals(self) -> dict[str, int]:
        rows = sum(count for entity, count in self._rows.items() if entity not in (PERSON, "image"))
        return {
            "clinical_rows": rows,
            "files": self._files.total() + self._quarantined,
            "bytes": self._bytes,
            "quarantined": self._quarantined,
        }

    def _dimension(self, name: str) -> dict[str, Any]:
        """`share` of what was checked is as it should be; None where there was nothing to check."""
        findings = [
            {"reason": reason, **asdict(kind)}
            for (dimension, reason), kind in self._findings.items()
            if dimension == name
        ]
        problems = sum(one["rows"] for one in findings)
        checked = self._checked(DIMENSIONS[name][1])
        if name == "completeness":
            expected = [one for one in self._completeness() if one["expected"]]
            problems = sum(one["rows"] - one["filled"] for one in expected)
            checked = sum(one["rows"] for one in expected)
        if name == "integrity":
            problems += self._quarantined
        return {
            "name": name,
            "asks": DIMENSIONS[name][0],
            "checked": checked,
            "counted_in": DIMENSIONS[name][1],
            "problems": problems,
            "share": max(0.0, 1 - problems / checked) if checked else None,
            "findings": sorted(findings, key=lambda one: -one["rows"]),
        }

    def _checked(self, what: str) -> int:
        """How many there are of what a dimension's findings are counted against."""
        if what == "files":
            return self._files.total() + self._quarantined
        if what == "rows":
            return self._rows.total()
        wrong = sum(kind.rows for (dimension, _), kind in self._findings.items() if dimension == "validity")
        return self._filled.total() + wrong

    def _completeness(self) -> list[dict[str, Any]]:
        """Fields of entities that have rows: in how many rows they hold a value."""
        return [
            {
                "field": one.name,
                "label": one.label["en"],
                "rows": self._rows[one.entity],
                "filled": self._filled[one.name],
                "expected": one.name in EXPECTED,
            }
            for one in self._vocabulary.fields.values()
            if self._rows[one.entity] and one.type is not Type.KEY
        ]

    def _distribution(self, name: str) -> dict[str, Any]:
        """How many rows have each value: codes by frequency, numbers in bands and in their order."""
        one = self._vocabulary.fields[name]
        numeric = one.type in (Type.INTEGER, Type.NUMBER)
        counts = _bands(one, self._values[name]) if numeric else self._values[name].most_common()
        return {
            "field": name,
            "label": one.label["en"],
            "row": self._vocabulary.entities[one.entity].row,
            "ordered": numeric,
            "counts": [
                {"value": str(value), "label": _label(one, value), "rows": rows} for value, rows in counts
            ],
        }


def shares(folder: Path) -> dict[str, float]:
    """What share of the values is sound in each dimension, of the report in a folder; empty when there is none."""
    path = folder / "report.json"
    body = json.loads(path.read_bytes()) if path.exists() else {"dimensions": []}
    return {one["name"]: round(one["share"], 4) for one in body["dimensions"] if one["share"] is not None}


def hint_for(code: str) -> str:
    """What to do about a finding of this code; an empty text when nothing is known."""
    family = f"{code.partition('-')[0]}-"
    return HINTS.get(code, HINTS.get(family, ""))


def _bands(field: Field, counts: Counter[Any]) -> list[tuple[str, int]]:
    """Counts in bands of the field's width, empty bands between others included."""
    width = field.band or 1
    by_start: Counter[int] = Counter()
    for value, rows in counts.items():
        by_start[int(value // width) * width] += rows
    if not by_start:
        return []
    steps: range | list[int] = range(min(by_start), max(by_start) + width, width)
    if len(steps) > 4 * len(by_start) + 40:  # one impossible year does not make a chart of centuries
        steps = sorted(by_start)
    return [
        (str(start) if width == 1 else f"{start}–{start + width - 1}", by_start[start]) for start in steps
    ]


def _label(field: Field, value: Any) -> str:
    code = field.codes.codes.get(str(value)) if field.codes else None
    return code.label["en"] if code else str(value)


def html(report: Mapping[str, Any]) -> str:
    """The report as one HTML page that loads nothing: no script, no font, no image from elsewhere."""
    from jinja2 import (  # loaded when a report is written, not when a node serves
        Environment,
        FileSystemLoader,
    )

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "percent": _percent, "size": _size, "moment": _moment}
    return environment.get_template("report.html").render(
        report=report,
        entities=_by_entity(report["completeness"]),
        quarantine=_by_reason(report["quarantine"]),
        shown_files=SHOWN_FILES,
        shown_values=SHOWN_VALUES,
    )


def _by_entity(fields: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    entities: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in fields:
        entities[one["field"].partition(".")[0]].append(one)
    return dict(entities)


def _by_reason(files: Iterable[Mapping[str, str]]) -> list[tuple[str, str, list[str]]]:
    """(reason, hint, paths), the most frequent reason first."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in files:
        reasons[one["reason"], one["hint"]].append(one["path"])
    return sorted(((*key, paths) for key, paths in reasons.items()), key=lambda one: -len(one[2]))


def _number(value: int) -> str:
    """Groups of three with a narrow space, as SI writes them."""
    return f"{value:,}".replace(",", "\u202f")


def _moment(at: str) -> str:
    """`2026-11-22 07:15 UTC` of a time that `clock.text` wrote."""
    return f"{at[:10]} {at[11:16]} UTC"


def _percent(share: float | None) -> str:
    """Whole percent, but 100 % only when nothing is missing, and 0 % only when nothing is there."""
    if share is None:
        return "–"
    rounded = 99 if 0.99 < share < 1 else 1 if 0 < share < 0.01 else round(100 * share)
    return f"{rounded}\u202f%"


def _size(value: float) -> str:
    """Bytes with a decimal prefix."""
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= 1000 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{value:.{0 if unit in ('B', 'kB') else 1}f}\u202f{unit}"
