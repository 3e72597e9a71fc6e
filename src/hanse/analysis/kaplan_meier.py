"""`kaplan_meier`: how many persons are still without an event after so many days, in groups, on a fixed grid of days.

Exact days are data of one person, so a node counts by the intervals of the grid: (g0, g1], (g1, g2], ...; the first one
holds its lower end too. An event counts at the end of its interval, before those who are censored in it. With a grid of
every day this is the estimator of Kaplan and Meier (J. Amer. Statist. Assoc. 53, 1958) on whole days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.analysis import method, survival, variable
from hanse.analysis.data import Table
from hanse.analysis.method import Aggregate, Method
from hanse.analysis.result import Column, Figure, Line, Number, Point, Result, Sheet
from hanse.analysis.survival import Curve
from hanse.analysis.variable import CODED, Variable
from hanse.core import release as rules
from hanse.core import shape
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Type, Vocabulary
from hanse.core.release import Counts, Draw, Limits, Steps, Why

MAX_GRID = 4000
EVERYBODY = "all"
_DAYS = frozenset({Type.DAY})


@dataclass(frozen=True, slots=True)
class Followed:
    """Persons are followed from day `start` (a field, or the baseline when it is empty) to day `until`; there the event
    has happened when `event` is one of `happened`, and has not when it is another code. `grid` are days since the
    start."""

    until: str
    event: str
    happened: tuple[str, ...]
    grid: tuple[float, ...]
    start: str = ""
    groups: Variable | None = None

    @property
    def intervals(self) -> int:
        return len(self.grid) - 1

    @property
    def parts(self) -> int:
        """How many groups are counted; all persons are one."""
        return self.groups.categories if self.groups else 1

    def label(self, at: int) -> str:
        return self.groups.label((at,)) if self.groups else EVERYBODY


@dataclass(frozen=True, slots=True)
class Counted:
    """Events and censored persons by group and interval, and how many persons of each group passed the grid's end."""

    events: Counts
    censored: Counts
    beyond: Counts

    @property
    def persons(self) -> Counts:
        """Of each group, at the start."""
        found: Counts = self.events.sum(axis=1) + self.censored.sum(axis=1) + self.beyond
        return found


def _parameters(body: Any, vocabulary: Vocabulary) -> Followed:
    known = frozenset({"until", "start", "event", "happened", "grid", "groups"})
    body = shape.members(body, "parameters", known)
    until = variable.known(shape.text(body, "until", least=1), vocabulary, _DAYS).name
    start = shape.text(body, "start", default="")
    event = variable.known(shape.text(body, "event", least=1), vocabulary, CODED)
    happened = variable.read({"field": event.name, "values": body.get("happened")}, "happened", vocabulary)
    groups = variable.read(body["groups"], "groups", vocabulary) if "groups" in body else None
    found = Followed(
        until,
        event.name,
        happened.values,
        _grid(body),
        variable.known(start, vocabulary, _DAYS).name if start else "",
        groups,
    )
    method.bounded(2 * found.parts * found.intervals)
    return found


def _grid(body: Mapping[str, Any]) -> tuple[float, ...]:
    grid = variable.numbers(body, "grid", most=MAX_GRID + 1)
    if len(grid) < 2 or grid[0] != 0 or any(not low < high for low, high in pairwise(grid)):
        raise BadAnalysis(
            "The grid is not a list of rising days that begins with 0.",
            hint='Write "grid": [0, 90, 180, 365].',
        )
    if any(day != int(day) for day in grid):
        raise BadAnalysis("The grid has a part of a day.", hint="Use whole days.")
    return grid


def _canonical(parameters: Followed) -> dict[str, Any]:
    found: dict[str, Any] = {
        "until": parameters.until,
        "event": parameters.event,
        "happened": list(parameters.happened),
        "grid": list(parameters.grid),
    }
    found |= {"start": parameters.start} if parameters.start else {}
    return found | ({"groups": parameters.groups.as_dict()} if parameters.groups else {})


def _fields(parameters: Followed) -> tuple[str, ...]:
    named = (parameters.until, parameters.start, parameters.event)
    grouped = (parameters.groups.field,) if parameters.groups else ()
    return tuple(dict.fromkeys(name for name in (*named, *grouped) if name))


def step(data: Table, parameters: Followed) -> dict[str, Any]:
    """Events, censored and still followed persons; those without a day, a known event or a group are in none."""
    days = data.numbers(parameters.until).values.copy()
    if parameters.start:
        days -= data.numbers(parameters.start).values
    status = data.coded(parameters.event)
    dead = np.array([*(name in parameters.happened for name in status.names), False])[status.places]
    group = parameters.groups.places(data) if parameters.groups else np.zeros(data.persons, np.int64)
    used = (days >= 0) & (status.places >= 0) & (group < parameters.parts)  # NaN is not >= 0
    # The place of an interval; persons who pass the grid's end get the one after the last.
    place = np.searchsorted(parameters.grid[1:], days[used], side="left")
    width = parameters.intervals + 1
    where = group[used] * width + place

    def by_interval(chosen: NDArray[np.bool_]) -> Counts:
        found = np.bincount(where[chosen], minlength=parameters.parts * width)
        return found.reshape(parameters.parts, width)

    events, censored = by_interval(dead[used]), by_interval(~dead[used])
    return {
        "persons": data.persons,
        "events": events[:, :-1].tolist(),
        "censored": censored[:, :-1].tolist(),
        "beyond": (events[:, -1] + censored[:, -1]).tolist(),
    }


def blur(aggregate: Aggregate, parameters: Followed, draw: Draw) -> dict[str, Any]:
    """The same with noise on each count."""
    return method.blurred(aggregate, draw, "events", "censored", "beyond")


def merge(aggregates: Sequence[Aggregate], parameters: Followed) -> Counted:
    """The counts over all nodes."""
    size = parameters.parts, parameters.intervals
    return Counted(
        method.merged_counts(aggregates, "events", *size),
        method.merged_counts(aggregates, "censored", *size),
        method.merged_counts(aggregates, "beyond", parameters.parts),
    )


def exact(merged: Counted, parameters: Followed) -> tuple[Curve, ...]:
    """The curve of each group from exact counts: what is compared with the pooled data, and never shown."""
    at_risk = survival.at_risk(merged.events, merged.censored, merged.persons)
    return tuple(
        survival.curve(np.array(parameters.grid), *one) for one in zip(at_risk, merged.events, strict=True)
    )


def release(merged: Counted, parameters: Followed, limits: Limits) -> Result:
    """The curves that the shown counts give, and the log-rank test when every group is shown and no count carries
    noise."""
    steps = [
        rules.steps(events, censored, int(persons), limits)
        for events, censored, persons in zip(merged.events, merged.censored, merged.persons, strict=True)
    ]
    shown = {at: one for at, one in enumerate(steps) if one is not None}
    curves = {at: _curve(one, parameters) for at, one in shown.items()}
    rows = [row for at, one in shown.items() for row in _rows(parameters, at, one, curves[at], limits)]
    summary = [
        _summary(parameters.label(at), shown.get(at), curves.get(at), limits)
        for at in range(parameters.parts)
    ]
    sheets = [Sheet("Summary", _SUMMARY, tuple(summary)), Sheet("Curve", _CURVE, tuple(rows))]
    if parameters.parts > 1:
        sheets.append(_test(merged, not limits.noise and all(one and one.points for one in steps)))
    lines = tuple(_line(parameters.label(at), one) for at, one in curves.items())
    figure = Figure(
        "steps", "Survival", Column("time", "days"), Column("share without the event"), lines=lines
    )
    return Result("kaplan_meier", tuple(sheets), figure, limits, _notes(steps))


_CURVE = (
    Column("group"), Column("time", "days"), Column("at risk", "persons"), Column("events", "persons"),
    Column("censored", "persons"), Column("survival"), Column("95 % from"), Column("95 % to"),
)  # fmt: skip
_SUMMARY = (
    Column("group"), Column("persons"), Column("events", "persons"), Column("median", "days"),
    Column("restricted mean", "days"), Column("up to", "days"),
)  # fmt: skip


def _curve(steps: Steps, parameters: Followed) -> Curve:
    """The estimator with the shown points as its grid, and the shown counts."""
    grid = np.array([parameters.grid[0], *(parameters.grid[at + 1] for at in steps.points)])
    events, censored = (np.diff(one, prepend=0) for one in (steps.events, steps.censored))
    gone = events + censored
    at_risk = steps.persons - (np.cumsum(gone) - gone)
    return survival.curve(grid, np.maximum(at_risk, events), events)


def _rows(
    parameters: Followed, at: int, steps: Steps, curve: Curve, limits: Limits
) -> list[tuple[str | Number, ...]]:
    events, censored = (np.diff(one, prepend=0) for one in (steps.events, steps.censored))
    found: list[tuple[str | Number, ...]] = []
    for place in range(len(steps.points)):
        counts = (int(one[place]) for one in (curve.at_risk, events, censored))
        risk, dead, gone = (Number(one, limits.counted) for one in counts)
        estimates = (curve.survival[place + 1], curve.low[place + 1], curve.high[place + 1])
        day = Number(curve.grid[place + 1], Why.EXACT)
        shares = (Number(round(float(one), 3), Why.COMPUTED) for one in estimates)
        found.append((parameters.label(at), day, risk, dead, gone, *shares))
    return found


def _summary(
    label: str, steps: Steps | None, curve: Curve | None, limits: Limits
) -> tuple[str | Number, ...]:
    if steps is None or curve is None:
        return (label, *[Number(None, Why.WITHHELD)] * 5)
    total = Number(steps.persons, limits.counted)
    if not steps.points:
        return (label, total, *[Number(None, Why.WITHHELD)] * 4)
    events = Number(int(steps.events[-1]), limits.counted)
    mean = Number(round(survival.restricted_mean(curve), 1), Why.COMPUTED)
    median, last = Number(survival.median(curve), Why.COMPUTED), Number(float(curve.grid[-1]), Why.EXACT)
    return label, total, events, median, mean, last


def _test(merged: Counted, complete: bool) -> Sheet:
    at_risk = survival.at_risk(merged.events, merged.censored, merged.persons)
    found = survival.log_rank(at_risk, merged.events) if complete else None
    why = Why.COARSE if complete else Why.WITHHELD
    values = (
        ("chi-square", rules.significant(found.chi_square) if found else None),
        ("degrees of freedom", found.freedom if found else None),
        ("p", rules.significant(found.p) if found else None),
    )
    rows = tuple((name, Number(one, why)) for name, one in values)
    return Sheet("Log-rank test", (Column("statistic"), Column("value")), rows)


def _line(label: str, curve: Curve) -> Line:
    points = zip(curve.grid, curve.survival, curve.low, curve.high, strict=True)
    return Line(label, tuple(Point(*(round(float(one), 3) for one in point)) for point in points))


def _notes(steps: Sequence[Steps | None]) -> tuple[str, ...]:
    found = [
        "A curve falls only where enough persons had the event, and ends where too few are still followed."
    ]
    if any(one is None for one in steps):
        found.append("Groups with too few persons are not shown.")
    return tuple(found)


KAPLAN_MEIER: Method[Followed, Counted] = Method(
    "kaplan_meier",
    "How many persons are still without an event after so many days, in groups, with the log-rank test.",
    _parameters,
    _canonical,
    _fields,
    step,
    blur,
    merge,
    release,
)
