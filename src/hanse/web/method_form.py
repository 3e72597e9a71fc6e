"""The form of a method of analysis: inputs for each of its parameters, and the JSON that they make.

A variable is a field with its categories: codes to tick, or edges to type. Which of the two, the field chosen decides,
so a choice sends the form, and the page comes back with the inputs for it.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hanse import analysis
from hanse.analysis import variable
from hanse.analysis.variable import CODED, NUMBERED
from hanse.client import count
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Field, Type, Vocabulary
from hanse.web.filled import Wrong
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.saying import spoken
from hanse.web.sent import Sent, first

TICKED = 60  # codes; longer lists are typed
BINS = 12


class Kind(StrEnum):
    """What an input takes: a field with categories of either sort, one of numbers, of codes, a day, a grid of days."""

    VARIABLE = "variable"
    NUMBERS = "numbers"
    CODES = "codes"
    DAY = "day"
    GRID = "grid"


TYPES: Mapping[Kind, frozenset[Type]] = {
    Kind.VARIABLE: CODED | NUMBERED,
    Kind.NUMBERS: NUMBERED,
    Kind.CODES: CODED,
    Kind.DAY: frozenset({Type.DAY}),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One parameter. Of `most` variables, one more than are chosen is shown."""

    name: str
    label: str
    kind: Kind
    needed: bool = True
    most: int = 1
    plain: str = ""  # what it holds at first
    hint: str = ""


SLOTS: Mapping[str, tuple[Slot, ...]] = {
    count.METHOD: (),
    "describe": (Slot("variables", N_("Variable"), Kind.VARIABLE, most=10, plain="person.sex"),),
    "crosstab": (
        Slot("rows", N_("Rows"), Kind.VARIABLE, plain="person.sex"),
        Slot("columns", N_("Columns"), Kind.VARIABLE, plain="person.vital_status"),
    ),
    "histogram": (Slot("variable", N_("Variable"), Kind.NUMBERS, plain="person.age"),),
    "kaplan_meier": (
        Slot("until", N_("Followed until"), Kind.DAY, plain="person.last_contact"),
        Slot(
            "start",
            N_("Followed from"),
            Kind.DAY,
            needed=False,
            hint=N_("The baseline, when nothing is chosen."),
        ),
        Slot("event", N_("The event has happened when"), Kind.CODES, plain="person.vital_status"),
        Slot(
            "grid",
            N_("Days at which the curve may fall"),
            Kind.GRID,
            plain="0, 90, 180, 365, 730, 1095, 1825",
        ),
        Slot("groups", N_("Compare groups"), Kind.VARIABLE, needed=False),
    ),
}
TITLES = {
    count.METHOD: N_("Count"),
    "describe": N_("Describe variables"),
    "crosstab": N_("Cross table"),
    "histogram": N_("Histogram"),
    "kaplan_meier": N_("Survival (Kaplan–Meier)"),
}
ABOUT = {
    count.METHOD: N_("How many persons, studies and series there are in each dataset."),
    "describe": N_("How many persons have which value; of numbers the mean, the spread and quantiles."),
    "crosstab": N_("Persons by two variables, and whether the two go together."),
    "histogram": N_("How many persons have a number between given edges."),
    "kaplan_meier": N_("The share of persons without an event over time, also by group."),
}
# Of the event of a survival curve, codes that are ticked at first.
HAPPENED = frozenset({"dead"})


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one variable: `codes` are (code, label, ticked); `typed` stands in the input of `part`, for edges
    or the codes of a long list."""

    name: str
    slot: Slot
    field: str
    codes: Sequence[tuple[str, str, bool]] = ()
    typed: str = ""
    part: str = ""
    unit: str = ""


def inputs(method: str, sent: Sent, vocabulary: Vocabulary) -> list[Inputs]:
    """All inputs of a method, with what was sent in them or what they hold at first."""
    return [one for slot in SLOTS[method] for one in _of(slot, sent, vocabulary)]


def names(slot: Slot, sent: Sent) -> list[str]:
    """The names under which a slot is sent: of several variables those that are chosen, and one more."""
    if slot.most == 1:
        return [slot.name]
    every = [f"{slot.name}.{place}" for place in range(slot.most)]
    shown = [name for name in every if first(sent, name)] or every[:1]
    return shown + [name for name in every if name not in shown][:1]


def _of(slot: Slot, sent: Sent, vocabulary: Vocabulary) -> Iterator[Inputs]:
    for place, name in enumerate(names(slot, sent)):
        was = name in sent
        chosen = first(sent, name) if was else (slot.plain if place == 0 else "")
        if slot.kind is Kind.GRID:
            yield Inputs(name, slot, "", typed=chosen)
            continue
        field = vocabulary.get(chosen)
        if field is None or slot.kind is Kind.DAY:
            yield Inputs(name, slot, chosen)
        else:
            yield _categories(name, slot, field, sent)


def _categories(name: str, slot: Slot, field: Field, sent: Sent) -> Inputs:
    """The categories of a field: those that were sent for this very field, else those that suggest themselves."""
    same = first(sent, f"{name}.of") == field.name
    if field.type in NUMBERED:
        typed = first(sent, f"{name}.edges") if same else _written(edges(field))
        return Inputs(name, slot, field.name, typed=typed, part="edges", unit=field.unit)
    known = {one.code: spoken(one.label) for one in field.codes.codes.values()} if field.codes else TRUTH
    if len(known) > TICKED:
        typed = first(sent, f"{name}.codes") if same else ""
        return Inputs(name, slot, field.name, typed=typed, part="codes")
    ticked = frozenset(sent.get(f"{name}.values", ())) if same else _first_ticked(slot, known)
    return Inputs(
        name, slot, field.name, codes=[(code, _(label), code in ticked) for code, label in known.items()]
    )


TRUTH = {"true": N_("yes"), "false": N_("no")}


def _first_ticked(slot: Slot, known: Mapping[str, str]) -> frozenset[str]:
    return HAPPENED & known.keys() if slot.kind is Kind.CODES else frozenset(known)


def edges(field: Field) -> tuple[float, ...]:
    """Round edges over the values that a field can have; none where nobody knows them."""
    if field.least is None or field.most is None:
        return ()
    rough = (field.most - field.least) / BINS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
    start = math.floor(field.least / step)
    return tuple(step * (start + place) for place in range(math.ceil(field.most / step) - start + 1))


def _written(values: Sequence[float]) -> str:
    return ", ".join(f"{one:g}" for one in values)


def parameters(method: str, sent: Sent, vocabulary: Vocabulary) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters as JSON, complete and in their canonical form, or what is wrong by the name of the input."""
    body: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for slot in SLOTS[method]:
        chosen = [name for name in names(slot, sent) if first(sent, name)]
        if not chosen and slot.needed:
            wrong[names(slot, sent)[0]] = (
                _("Choose a field.") if slot.kind is not Kind.GRID else _("Type some days.")
            )
        for name in chosen:
            try:
                _put(body, slot, _value(name, slot, sent, vocabulary))
            except Wrong as error:
                wrong[name] = str(error)
            except BadAnalysis as error:
                wrong[name] = f"{error.detail} {error.hint}".strip()
    return (body, wrong) if wrong else _canonical(method, body, vocabulary)


def _canonical(method: str, body: Any, vocabulary: Vocabulary) -> tuple[dict[str, Any], dict[str, str]]:
    if method == count.METHOD:
        return {}, {}
    chosen = analysis.find(method)
    try:
        return chosen.canonical(chosen.read(body, vocabulary)), {}
    except BadAnalysis as error:
        return {}, {"form": f"{error.detail} {error.hint}".strip()}


def _put(body: dict[str, Any], slot: Slot, value: Any) -> None:
    if slot.kind is Kind.CODES:
        body |= {slot.name: value["field"], "happened": value["values"]}
    elif slot.most > 1:
        body.setdefault(slot.name, []).append(value)
    else:
        body[slot.name] = value


def _value(name: str, slot: Slot, sent: Sent, vocabulary: Vocabulary) -> Any:
    """One parameter as JSON. Raises `Wrong` or `BadAnalysis`."""
    if slot.kind is Kind.GRID:
        return _numbers(first(sent, name))
    field = variable.known(first(sent, name), vocabulary, TYPES[slot.kind])
    if slot.kind is Kind.DAY:
        return field.name
    if field.type in NUMBERED:
        made = {"field": field.name, "edges": _numbers(first(sent, f"{name}.edges"))}
    else:
        made = {"field": field.name} | _values(name, slot, sent)
    variable.read(made, slot.name, vocabulary)
    return made


def _values(name: str, slot: Slot, sent: Sent) -> dict[str, list[str]]:
    """The codes that were ticked or typed; where a long list was left empty, all of them."""
    typed = [one for one in re.split(r"[,;\s]+", first(sent, f"{name}.codes")) if one]
    found = typed or list(sent.get(f"{name}.values", ()))
    if not found and (f"{name}.codes" not in sent or slot.kind is Kind.CODES):
        raise Wrong(_("Choose one value at least."))
    return {"values": found} if found else {}


def _numbers(text: str) -> list[float]:
    """Numbers that were typed, whole ones as such: `0, 50, 70.5`."""
    try:
        found = [float(one) for one in re.split(r"[,;\s]+", text[:20_000]) if one]
    except ValueError:
        raise Wrong(_("Write numbers with commas between them, such as 0, 50, 70.")) from None
    return [int(one) if one.is_integer() else one for one in found]


def is_usable(field: Field, types: frozenset[Type], vocabulary: Vocabulary) -> bool:
    """Whether an analysis may use a field as one of these types."""
    try:
        variable.known(field.name, vocabulary, types)
    except BadAnalysis:
        return False
    return True
