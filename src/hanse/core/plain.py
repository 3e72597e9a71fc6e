"""Answers and catalogue records as plain JSON, and back.

The same JSON passes from node to hub and from hub to client. Reading is strict: whoever reads an answer of
a hostile node gets well-typed data within bounds, or a `BadEnvelope` that names the member. Members that are not known
here are passed over: the other side may be newer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
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
from hanse.core.record import (
    Agent,
    Description,
    Period,
    Quality,
    Record,
    Rights,
    Variable,
    Version,
    english,
)

MAX_DATASETS = 2000
MAX_CRITERIA = 1000
MAX_BREAKDOWNS = 50
MAX_CELLS = 500
MAX_VARIABLES = 10_000
MAX_VERSIONS = 1000
MAX_QUALITY = 50
MAX_LANGUAGES = 50
MAX_WORDS = 200  # codes, keywords or addresses in one list
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
        "breakdowns": _breakdowns_to_plain(dataset.breakdowns),
    }


def _breakdowns_to_plain(breakdowns: Mapping[str, tuple[Cell, ...]]) -> dict[str, Any]:
    return {
        field: [{"value": cell.value, "counts": counts_to_plain(cell.counts)} for cell in cells]
        for field, cells in breakdowns.items()
    }


def counts_to_plain(counts: Counts) -> dict[str, Any]:
    """The JSON object of counts; members without a number are left out."""
    plain: dict[str, Any] = {"rule": counts.rule.value}
    for name in _NUMBERS:
        if (value := getattr(counts, name)) is not None:
            plain[name] = value
    return plain


_NUMBERS = ("persons", "studies", "series", "threshold", "rounding")


def answer_from_plain(body: Any) -> NodeAnswer:
    """The node's answer in a JSON object. Which node it speaks for is a claim: the hub knows the sender."""
    body = shape.mapping(body, "answer")
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
    body = shape.mapping(body, "dataset")
    return DatasetAnswer(
        dataset=shape.text(body, "dataset", least=1, most=64),
        name=shape.text(body, "name", most=100),
        title=shape.text(body, "title"),
        version=shape.number(body, "version"),
        access=shape.choice(body, "access", Access),
        criteria=shape.items(body, "criteria", _criterion, most=MAX_CRITERIA),
        counts=counts_from_plain(body.get("counts")),
        breakdowns=_breakdowns_from_plain(body),
    )


def _breakdowns_from_plain(body: Mapping[str, Any]) -> dict[str, tuple[Cell, ...]]:
    breakdowns = shape.mapping(body.get("breakdowns", {}), "breakdowns")
    if len(breakdowns) > MAX_BREAKDOWNS:
        raise shape.wrong("breakdowns", f"an object of at most {MAX_BREAKDOWNS} members")
    return {
        shape.text({"field": field}, "field", most=100): shape.items(breakdowns, field, _cell, most=MAX_CELLS)
        for field in breakdowns
    }


def _criterion(body: Any) -> CriterionAnswer:
    body = shape.mapping(body, "criteria")
    return CriterionAnswer(
        criterion=shape.text(body, "criterion", most=5000),
        state=shape.choice(body, "state", CriterionState),
        note=shape.text(body, "note", most=1000, default=""),
    )


def _cell(body: Any) -> Cell:
    body = shape.mapping(body, "breakdowns")
    return Cell(shape.text(body, "value"), counts_from_plain(body.get("counts")))


def counts_from_plain(body: Any) -> Counts:
    """Counts whose numbers agree with their rule: a withheld count has none, an exact or rounded one has
    persons."""
    # Written out rather than with `shape`, because an answer may hold tens of thousands of counts.
    body = shape.mapping(body, "counts")
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


def record_to_plain(record: Record) -> dict[str, Any]:
    """The JSON object of a catalogue record: the members of its description beside its own."""
    return {
        "id": record.id,
        "access": record.access.value,
        "counts": counts_to_plain(record.counts),
        **description_to_plain(record.said),
        "breakdowns": _breakdowns_to_plain(record.breakdowns),
        "variables": [
            {"field": one.field, "counts": counts_to_plain(one.counts)} for one in record.variables
        ],
        "quality": [asdict(one) for one in record.quality],
        "vocabulary": record.vocabulary,
        "versions": [asdict(one) for one in record.versions],
    }


def record_from_plain(body: Any) -> Record:
    """The catalogue record in a JSON object. Members that are not known here were added since, and are left out."""
    body = shape.mapping(body, "dataset")
    return Record(
        id=shape.text(body, "id", least=1, most=64),
        access=shape.choice(body, "access", Access),
        counts=counts_from_plain(body.get("counts")),
        said=description_from_plain(body),
        breakdowns=_breakdowns_from_plain(body),
        variables=shape.items(body, "variables", _variable, most=MAX_VARIABLES),
        quality=shape.items(body, "quality", _quality, most=MAX_QUALITY),
        vocabulary=shape.text(body, "vocabulary", most=100, default=""),
        versions=shape.items(body, "versions", _version, most=MAX_VERSIONS),
    )


def _variable(body: Any) -> Variable:
    body = shape.mapping(body, "variables")
    return Variable(shape.text(body, "field", least=1, most=100), counts_from_plain(body.get("counts")))


def _quality(body: Any) -> Quality:
    body = shape.mapping(body, "quality")
    return Quality(
        dimension=shape.text(body, "dimension", least=1, most=100),
        share=shape.number(body, "share", most=100),
        words=shape.text(body, "words", most=1000, default=""),
    )


def _version(body: Any) -> Version:
    body = shape.mapping(body, "versions")
    return Version(
        version=shape.number(body, "version", least=1),
        digest=shape.text(body, "digest", most=64),
        created=shape.text(body, "created", most=40),
        withdrawn=shape.truth(body, "withdrawn"),
    )


def description_to_plain(said: Description) -> dict[str, Any]:
    """The JSON object of what a holder says; texts are objects by language."""
    return {name: _listed(value) for name, value in asdict(said).items()}


def _listed(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return {name: _listed(one) for name, one in value.items()} if isinstance(value, dict) else value


def description_from_plain(body: Any) -> Description:
    """The description in a JSON object. What is an address in it is one of the web, and nothing that a browser
    runs. A text without languages is English: so it was written until texts had languages."""
    body = shape.mapping(body, "dataset")
    return Description(**{name: read(body, name) for name, read in _SAID.items()})


Read = Callable[[Mapping[str, Any], str], Any]


def _text(*, most: int = 300, least: int = 0) -> Read:
    """By language, in few languages; in one at least when there must be a text."""

    def read(body: Mapping[str, Any], name: str) -> dict[str, str]:
        texts = _languages(body, name, lambda one: one if isinstance(one, dict) else english(one))
        if least and not texts:
            raise shape.wrong(name, "a text in at least one language")
        return {language: shape.text(texts, language, most=most, least=1) for language in texts}

    return read


def _words(body: Mapping[str, Any], name: str) -> dict[str, tuple[str, ...]]:
    words = _languages(body, name, lambda one: {"en": one} if isinstance(one, list) and one else one or {})
    return {language: shape.texts(words, language, most=MAX_WORDS, length=100) for language in words}


def _languages(body: Mapping[str, Any], name: str, spread: Callable[[Any], Any]) -> Mapping[str, Any]:
    texts = shape.mapping(spread(body.get(name) or {}), name)
    if len(texts) > MAX_LANGUAGES or not all(_LANGUAGE.fullmatch(one) for one in texts):
        raise shape.wrong(name, f"an object by language, with at most {MAX_LANGUAGES} languages")
    return texts


def _line(most: int, least: int = 0) -> Read:
    return lambda body, name: shape.text(
        body, name, most=most, least=least, default="" if not least else None
    )


def _codes(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return shape.texts(body, name, most=MAX_WORDS, length=300)


def _address(body: Mapping[str, Any], name: str) -> str:
    address = shape.text(body, name, most=1000, default="")
    if address and not address.startswith(("https://", "http://")):
        raise shape.wrong(name, "an address that starts with https:// or http://")
    return address


def _addresses(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return shape.items(body, name, lambda one: _address({name: one}, name), most=MAX_WORDS)


def _agent(body: Mapping[str, Any], name: str) -> Agent | None:
    if body.get(name) is None:
        return None
    agent = shape.mapping(body[name], name)
    return Agent(
        name=shape.text(agent, "name", least=1),
        email=shape.text(agent, "email", default=""),
        page=_address(agent, "page"),
        homepage=_address(agent, "homepage"),
        country=shape.text(agent, "country", most=2, default=""),
    )


def _period(body: Mapping[str, Any], name: str) -> Period | None:
    if body.get(name) is None:
        return None
    period = shape.mapping(body[name], name)
    return Period(*(shape.text(period, end, most=10, default="") for end in ("start", "end")))


def _rights(body: Mapping[str, Any], name: str) -> Rights | None:
    return None if body.get(name) is None else shape.choice(body, name, Rights)


_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_SAID: Mapping[str, Read] = {
    "name": _line(100, least=1),
    "title": _text(least=1),
    "about": _text(most=shape.MAX_TEXT),
    "keywords": _words,
    "license": _line(300),
    "link": _address,
    "documentation": _addresses,
    "country": _line(2),
    "synthetic": shape.truth,
    "cancer_types": _codes,
    "languages": _codes,
    "holder": _agent,
    "contact": _agent,
    "access_body": _agent,
    "rights": _rights,
    "categories": _codes,
    "themes": _codes,
    "legal_bases": _codes,
    "purposes": _codes,
    "personal_data": _codes,
    "conditions": _codes,
    "provenance": _text(most=shape.MAX_TEXT),
    "population": _text(most=2000),
    "collection": _codes,
    "collected": _period,
    "kept": _period,
    "frequency": _line(100),
    "conforms_to": _addresses,
    "identifiers": _codes,
    "citation": _line(2000),
}


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
