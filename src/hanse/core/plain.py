"""Answers and catalogue records as plain JSON, and back.

The same JSON passes from node to hub and from hub to client. Reading is strict: whoever reads an answer of
a hostile node gets well-typed data within bounds, or a `BadEnvelope` that names the member.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanse.core import shape
from hanse.core.answer import (
    Cell,
    Counts,
    CriterionAnswer,
    CriterionState,
    DatasetAnswer,
    NodeAnswer,
    NodeState,
    Rule,
)
from hanse.core.policy import Access

MAX_DATASETS = 2000
MAX_CRITERIA = 1000
MAX_BREAKDOWNS = 50
MAX_CELLS = 500
MAX_FIELDS = 1000
MAX_VERSIONS = 1000
NUMBERLESS = frozenset({Rule.WITHHELD, Rule.CAPPED, Rule.NOT_COUNTED})


def answer_to_plain(answer: NodeAnswer) -> dict[str, Any]:
    """The JSON object of a node's answer."""
    plain: dict[str, Any] = {
        "node": answer.node,
        "name": answer.name,
        "country": answer.country,
        "state": answer.state.value,
        "at": answer.at,
        "took_ms": answer.took_ms,
        "vocabulary": answer.vocabulary,
        "software": answer.software,
        "datasets": [dataset_to_plain(dataset) for dataset in answer.datasets],
    }
    if answer.problem is not None:
        plain["problem"] = dict(answer.problem)
    return plain


def dataset_to_plain(dataset: DatasetAnswer) -> dict[str, Any]:
    """The JSON object of one dataset's part of an answer."""
    return {
        "dataset": dataset.dataset,
        "name": dataset.name,
        "title": dataset.title,
        "version": dataset.version,
        "access": str(dataset.access),
        "criteria": [
            {"criterion": one.criterion, "state": one.state.value} | ({"note": one.note} if one.note else {})
            for one in dataset.criteria
        ],
        "counts": counts_to_plain(dataset.counts),
        "breakdowns": {
            field: [{"value": cell.value, "counts": counts_to_plain(cell.counts)} for cell in cells]
            for field, cells in dataset.breakdowns.items()
        },
    }


def counts_to_plain(counts: Counts) -> dict[str, Any]:
    """The JSON object of counts; members without a number are left out."""
    plain: dict[str, Any] = {"rule": counts.rule.value}
    for name in _NUMBERS:
        if (value := getattr(counts, name)) is not None:
            plain[name] = value
    return plain


_NUMBERS = ("persons", "studies", "series", "threshold", "rounding")
_ANSWER = frozenset(NodeAnswer.__dataclass_fields__)
_DATASET = frozenset(DatasetAnswer.__dataclass_fields__)
_CRITERION = frozenset({"criterion", "state", "note"})
_CELL = frozenset({"value", "counts"})
_COUNTS = frozenset({"rule", *_NUMBERS})


def answer_from_plain(body: Any) -> NodeAnswer:
    """The node's answer in a JSON object. Which node it speaks for is a claim: the hub knows the sender."""
    body = shape.members(body, "answer", _ANSWER)
    return NodeAnswer(
        node=shape.text(body, "node", most=64),
        name=shape.text(body, "name", most=100),
        country=shape.text(body, "country", most=2),
        state=shape.choice(body, "state", NodeState),
        at=shape.text(body, "at", most=40),
        took_ms=shape.perhaps(body, "took_ms"),
        vocabulary=shape.text(body, "vocabulary", most=100, default=""),
        software=shape.text(body, "software", most=100, default=""),
        datasets=shape.items(body, "datasets", dataset_from_plain, most=MAX_DATASETS),
        problem=shape.problem(body["problem"]) if body.get("problem") is not None else None,
    )


def dataset_from_plain(body: Any) -> DatasetAnswer:
    """One dataset's part of an answer."""
    body = shape.members(body, "dataset", _DATASET)
    breakdowns = body.get("breakdowns", {})
    if not isinstance(breakdowns, dict) or len(breakdowns) > MAX_BREAKDOWNS:
        raise shape.wrong("breakdowns", f"an object of at most {MAX_BREAKDOWNS} members")
    return DatasetAnswer(
        dataset=shape.text(body, "dataset", least=1, most=64),
        name=shape.text(body, "name", most=100),
        title=shape.text(body, "title"),
        version=shape.number(body, "version"),
        access=shape.choice(body, "access", Access),
        criteria=shape.items(body, "criteria", _criterion, most=MAX_CRITERIA),
        counts=counts_from_plain(body.get("counts")),
        breakdowns={
            shape.text({"field": field}, "field", most=100): shape.items(
                breakdowns, field, _cell, most=MAX_CELLS
            )
            for field in breakdowns
        },
    )


def _criterion(body: Any) -> CriterionAnswer:
    body = shape.members(body, "criteria", _CRITERION)
    return CriterionAnswer(
        criterion=shape.text(body, "criterion", most=5000),
        state=shape.choice(body, "state", CriterionState),
        note=shape.text(body, "note", most=1000, default=""),
    )


def _cell(body: Any) -> Cell:
    body = shape.members(body, "breakdowns", _CELL)
    return Cell(shape.text(body, "value"), counts_from_plain(body.get("counts")))


def counts_from_plain(body: Any) -> Counts:
    """Counts whose numbers agree with their rule: a withheld count has none, an exact or rounded one has
    persons."""
    # Written out rather than with `shape`, because an answer may hold tens of thousands of counts.
    body = shape.members(body, "counts", _COUNTS)
    rule = _RULES.get(body["rule"]) if isinstance(body.get("rule"), str) else None
    if rule is None:
        raise shape.wrong("rule", f"one of {', '.join(_RULES)}")
    numbers = [body.get(name) for name in _NUMBERS]
    for name, value in zip(_NUMBERS, numbers, strict=True):
        if value is not None and (type(value) is not int or not 0 <= value <= shape.MAX_COUNT):
            raise shape.wrong(name, f"a whole number from 0 to {shape.MAX_COUNT}")
    if rule.value in _NUMBERLESS and numbers[:3] != [None, None, None]:
        raise shape.wrong("counts", f"without numbers, as the rule {rule.value!r} says")
    if numbers[0] is None and (rule is Rule.EXACT or rule is Rule.ROUNDED):
        raise shape.wrong("counts", f"a number of persons, as the rule {rule.value!r} says")
    return Counts(rule, *numbers)


_RULES = {rule.value: rule for rule in Rule}
_NUMBERLESS = {rule.value for rule in NUMBERLESS}


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a dataset, as the catalogue knows it; a withdrawn one keeps its place."""

    version: int
    digest: str  # of the manifest
    created: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A dataset as its node describes it to the catalogue."""

    id: str  # dataset_...
    name: str
    title: str
    access: Access
    counts: Counts  # of all persons, under the dataset's policy
    about: str = ""
    license: str = ""
    link: str = ""
    country: str = ""
    synthetic: bool = False
    cancer_types: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # of the vocabulary, those with data
    vocabulary: str = ""
    versions: tuple[Version, ...] = ()


def record_to_plain(record: Record) -> dict[str, Any]:
    """The JSON object of a catalogue record."""
    return {
        "id": record.id,
        "name": record.name,
        "title": record.title,
        "access": record.access.value,
        "counts": counts_to_plain(record.counts),
        "about": record.about,
        "license": record.license,
        "link": record.link,
        "country": record.country,
        "synthetic": record.synthetic,
        "cancer_types": list(record.cancer_types),
        "keywords": list(record.keywords),
        "fields": list(record.fields),
        "vocabulary": record.vocabulary,
        "versions": [
            {"version": one.version, "digest": one.digest, "created": one.created, "withdrawn": one.withdrawn}
            for one in record.versions
        ],
    }


_RECORD = frozenset(Record.__dataclass_fields__)
_VERSION = frozenset(Version.__dataclass_fields__)


def record_from_plain(body: Any) -> Record:
    """The catalogue record in a JSON object. A link is an address of the web and nothing that a browser
    runs."""
    body = shape.members(body, "dataset", _RECORD)
    link = shape.text(body, "link", most=1000, default="")
    if link and not link.startswith(("https://", "http://")):
        raise shape.wrong("link", "an address that starts with https:// or http://")
    return Record(
        id=shape.text(body, "id", least=1, most=64),
        name=shape.text(body, "name", least=1, most=100),
        title=shape.text(body, "title", least=1),
        access=shape.choice(body, "access", Access),
        counts=counts_from_plain(body.get("counts")),
        about=shape.text(body, "about", most=shape.MAX_TEXT, default=""),
        license=shape.text(body, "license", default=""),
        link=link,
        country=shape.text(body, "country", most=2, default=""),
        synthetic=shape.truth(body, "synthetic"),
        cancer_types=shape.texts(body, "cancer_types", most=100, length=100),
        keywords=shape.texts(body, "keywords", most=100, length=100),
        fields=shape.texts(body, "fields", most=MAX_FIELDS, length=100),
        vocabulary=shape.text(body, "vocabulary", most=100, default=""),
        versions=shape.items(body, "versions", _version, most=MAX_VERSIONS),
    )


def _version(body: Any) -> Version:
    body = shape.members(body, "versions", _VERSION)
    return Version(
        version=shape.number(body, "version", least=1),
        digest=shape.text(body, "digest", most=64),
        created=shape.text(body, "created", most=40),
        withdrawn=shape.truth(body, "withdrawn"),
    )


def catalogue_to_plain(records: tuple[Record, ...]) -> dict[str, Any]:
    """The body of a `catalogue` message: all datasets of the node."""
    return {"datasets": [record_to_plain(record) for record in records]}


def catalogue_from_plain(body: Mapping[str, Any]) -> tuple[Record, ...]:
    """The records in the body of a `catalogue` message, each dataset once."""
    records = shape.items(
        shape.members(body, "catalogue", frozenset({"datasets"})),
        "datasets",
        record_from_plain,
        most=MAX_DATASETS,
    )
    if len({record.id for record in records}) < len(records):
        raise shape.wrong("datasets", "a list that names each dataset once")
    return records
