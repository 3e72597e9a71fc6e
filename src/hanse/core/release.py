"""Which numbers of an analysis may be seen: the rules for intermediates, tables, sums and curves.

Two kinds of numbers leave a node. An *intermediate* belongs to one step of a registered method, and is shown to nobody:
`check_intermediate` asks for enough persons and a budget. It is exact, or, where the permit asks for it, carries noise
that the node added: nobody else is trusted with that, since whoever merges sees what was there before. A *released*
number is made from merged intermediates by suppression, then rounding. With noise everything is computed from the noisy
counts, so that it tells nothing more than they do.

- *Threshold*: no count, margin, total or difference of shown numbers stands for fewer persons. None at all is
  withheld like one.
- *Categories* with fewer persons go together with their neighbours where they have an order; otherwise the small ones
  go together, and are left out, of the totals too, when even together they are too few.
- *Complementary suppression*: a withheld cell lies in a block of withheld cells whose lines leave it an interval at
  least as wide as the threshold (Fréchet bounds; Cox, J. Amer. Statist. Assoc. 75, 1980, on cycles of cells).
- *Dominance* for sums: (n, k) and p % (Hundepool et al., Statistical Disclosure Control, 2012, 4.2), with the bounds
  that bins give, since no value of a person leaves a node.
"""

import hashlib
import hmac
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hanse.core.disclosure import rounded
from hanse.core.errors import BadInput, Refused

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
Groups = tuple[tuple[int, ...], ...]  # of categories that are shown as one; categories in none are left out
Draw = Callable[[str, int], Counts]  # so many errors for what has this name, drawn once for a question

WITHHELD = -1
_NEVER = 10**12


class Why(StrEnum):
    """Why a number of a result is what it is."""

    EXACT = "exact"
    ROUNDED = "rounded"  # rounded, of counts with noise where the permit asks for it
    COMPUTED = "computed"  # from rounded numbers
    COARSE = "coarse"  # from exact numbers, to few digits
    WITHHELD = "withheld"  # too few persons, or needed to hide a number of too few
    DOMINANCE = "dominance"  # one or two persons may make up most of the sum


# In which direction each limit is stricter.
_STRICTER: dict[str, Callable[[Iterable[float]], float]] = {
    "threshold": max,
    "rounding": max,
    "noise": max,
    "minimum": max,
    "steps": min,
    "share": min,
    "remainder": max,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a permit and the holders ask of numbers; `strictest` of several counts.

    `threshold` persons stand behind every shown number, and `rounding` is the base of shown counts. `noise` are the
    sides of the two dice that a node adds to each count (-noise to noise each; 0 is none); of merged counts, the sum
    of those of the nodes. An intermediate needs `minimum` persons at its node, and a permit has `steps` of them there.
    A sum is not shown when two persons may make up more than `share` of it, or when all but the largest two are less
    than `remainder` of the largest.
    """

    threshold: int = 10
    rounding: int = 10
    noise: int = 0
    minimum: int = 10
    steps: int = 100
    share: float = 0.9
    remainder: float = 0.1

    def __post_init__(self) -> None:
        least = {"threshold": 2, "rounding": 1, "minimum": 2}
        for field in fields(self):
            if not getattr(self, field.name) >= least.get(field.name, 0):
                raise BadInput(f"The limit {field.name} must be at least {least.get(field.name, 0)}.")

    def floor(self, members: int = 1) -> int:
        """The least noisy sum of `members` counts that certainly stands for `threshold` persons."""
        return self.threshold + 2 * self.noise * members

    @property
    def counted(self) -> Why:
        """The rule of the counts that are shown."""
        return Why.ROUNDED if self.noise or self.rounding > 1 else Why.EXACT


def strictest(limits: Iterable[Limits]) -> Limits:
    """Limits that satisfy all of these; there must be one at least."""
    every = list(limits)
    chosen = {name: choose(getattr(one, name) for one in every) for name, choose in _STRICTER.items()}
    return Limits(**chosen)  # type: ignore[arg-type]


def check_intermediate(persons: int, spent: int, limits: Limits, draw: Draw) -> None:
    """Whether a node may hand out one more intermediate about so many persons; raises `Refused` that names the rule.

    Where counts carry noise, the number of persons that is compared does too."""
    if spent >= limits.steps:
        raise Refused(
            "The permit's budget of steps on this dataset is spent.",
            hint="Ask for an amendment of the permit, or use the results that were already computed.",
            rule="budget",
        )
    if persons + draw("persons", 1)[0] < limits.minimum + 2 * limits.noise:
        raise Refused(
            f"The selection has fewer than {limits.minimum} persons at this node.",
            hint="Select more persons; the node does not say how many there are.",
            rule="minimum",
        )


def dice(secret: bytes, question: bytes, limits: Limits) -> Draw:
    """The errors of one question: the same for the same words and secret, and foreseen by nobody without the secret."""
    seed = hmac.digest(secret, b"release" + question, "sha256")

    def draw(name: str, count: int) -> Counts:
        if not limits.noise:
            return np.zeros(count, np.int64)
        raw = hashlib.shake_256(seed + name.encode()).digest(16 * count)
        thrown = (np.frombuffer(raw, ">u8") % np.uint64(2 * limits.noise + 1)).astype(np.int64)
        errors: Counts = thrown.reshape(count, 2).sum(axis=1) - 2 * limits.noise
        return errors

    return draw


def groups(counts: Counts, limits: Limits, *, ordered: bool, cells: int = 1) -> Groups:
    """Which categories are shown, and which of them as one, so that each stands for enough persons.

    `counts` are noisy; each is a sum of `cells` noisy counts.
    """
    if ordered:
        return _neighbours(counts, limits, cells)
    small = counts < limits.floor(cells)
    kept: list[tuple[int, ...]] = [(int(at),) for at in np.flatnonzero(~small)]
    if small.any() and counts[small].sum() >= limits.floor(cells * int(small.sum())):
        kept.append(tuple(np.flatnonzero(small).tolist()))
    return tuple(kept)


def _neighbours(counts: Counts, limits: Limits, cells: int) -> Groups:
    kept: list[tuple[int, ...]] = []
    first, persons = 0, 0
    for at, count in enumerate(counts.tolist()):
        persons += count
        if persons >= limits.floor(cells * (at + 1 - first)):
            kept.append(tuple(range(first, at + 1)))
            first, persons = at + 1, 0
    if kept:
        kept[-1] += tuple(range(first, len(counts)))
    return tuple(kept)


def shown(counts: Counts, limits: Limits) -> Counts:
    """Counts that may be shown, rounded."""
    found: Counts = rounded(counts, limits.rounding)
    return found


def summed(counts: Counts, kept: Groups, axis: int = 0) -> Counts:
    """The counts of groups of categories along an axis."""
    parts = [counts.take(one, axis).sum(axis=axis) for one in kept]
    return np.stack(parts, axis) if parts else counts.take([], axis)


@dataclass(frozen=True, slots=True)
class Cross:
    """A released table of two variables. `cells` has a row for each of `rows`; WITHHELD where nothing is shown. The
    margins and the total are over what is in the table; None when there is no table."""

    rows: Groups
    columns: Groups
    cells: Counts
    row_totals: Counts
    column_totals: Counts
    total: int | None


def cross(counts: Counts, limits: Limits, *, ordered: tuple[bool, bool]) -> Cross:
    """What may be shown of a table of noisy counts; `ordered` says of its two variables whether categories have one."""
    rows, columns = _kept(counts, limits, ordered)
    table = summed(summed(counts, rows), columns, 1)
    if not table.size:
        nothing = np.zeros(0, np.int64)
        return Cross((), (), table.reshape(0, 0), nothing, nothing, None)
    sizes = np.outer([len(one) for one in rows], [len(one) for one in columns])
    hidden = withheld(table, table < limits.threshold + 2 * limits.noise * sizes, limits.threshold)
    return Cross(
        rows,
        columns,
        np.where(hidden, WITHHELD, shown(table, limits)),
        shown(table.sum(axis=1), limits),
        shown(table.sum(axis=0), limits),
        int(rounded(int(table.sum()), limits.rounding)),
    )


def _kept(counts: Counts, limits: Limits, ordered: tuple[bool, bool]) -> tuple[Groups, Groups]:
    """The categories of rows and columns. What one leaves out is missing in the other's totals: hence the loop, which
    ends because categories are only ever lost."""
    rows: Groups = tuple((at,) for at in range(counts.shape[0]))
    columns: Groups = tuple((at,) for at in range(counts.shape[1]))
    while True:
        before = rows, columns
        for axis in (0, 1):
            table = summed(summed(counts, rows), columns, 1)
            held = (rows, columns)[axis]
            sizes = sum(map(len, (columns, rows)[axis]))
            again = groups(
                table.sum(axis=1 - axis),
                limits,
                ordered=ordered[axis],
                cells=sizes * max(map(len, held), default=1),
            )
            joined = tuple(sum((held[at] for at in one), ()) for one in again)
            rows, columns = (joined, columns) if axis == 0 else (rows, joined)
        if (rows, columns) == before:
            return rows, columns


def withheld(counts: Counts, small: Mask, threshold: int) -> Mask:
    """The small cells of a table, and the others that must go with them, given that all margins are known.

    Every withheld cell lies in a block of withheld cells (some rows by some columns) whose lines, and the rest of the
    block beside each line, hold at least `threshold` persons; then its value can be moved by as much (Fréchet). All
    margins must stand for `threshold` persons.
    """
    safe = np.zeros_like(small)
    # What it costs to withhold a cell; one more each: of two that hold nobody, fewer cells are cheaper.
    lost = np.where(small, 0, counts + 1)
    for row in np.flatnonzero(small.any(axis=1)).tolist():
        columns = np.flatnonzero(small[row] & ~safe[row])
        if not len(columns):
            continue
        found = _corners(counts, lost, row, columns, threshold)
        if found is None:
            return _block(counts, lost == 0, threshold)
        shared, others = found
        for places in ((row, columns), (others, columns), (row, shared), (others, shared)):
            lost[places], safe[places] = 0, True
    hidden: Mask = lost == 0
    return hidden


def _corners(
    counts: Counts, lost: Counts, row: int, columns: Counts, threshold: int
) -> tuple[int, Counts] | None:
    """What makes safe blocks of two by two of these cells of a row: one more column for all, the cheapest that is
    large, and for each another row, the cheapest with it. None when there is nothing of the kind."""
    large = counts[row] >= threshold
    large[columns] = False
    if not large.any():
        return None
    shared = int(np.where(large, lost[row], _NEVER).argmin())
    below, beside = counts[:, columns], counts[:, [shared]]
    fits = (below >= threshold - counts[row, columns]) & (below >= threshold - beside)
    fits[row] = False
    cost = np.where(fits, lost[:, columns] + lost[:, [shared]], _NEVER)
    others: Counts = cost.argmin(axis=0)
    return (shared, others) if fits[others, np.arange(len(columns))].all() else None


def _block(counts: Counts, hidden: Mask, threshold: int) -> Mask:
    """The block that holds all hidden cells; the whole table when that block would not protect them."""
    rows, columns = hidden.any(axis=1), hidden.any(axis=0)
    block = counts[np.ix_(rows, columns)]
    sums = np.concatenate([block.sum(axis=0), block.sum(axis=1)])
    wide = min(sums.min(), (block.sum() - sums).min()) >= threshold
    return np.outer(rows, columns) if wide else np.ones_like(hidden)


def dominated(counts: Counts, edges: Sequence[float], limits: Limits) -> bool:
    """Whether a sum of values, known by how many lie between which edges, may be mostly that of one or two persons."""
    counts = np.maximum(counts, 0)  # noise can take more from a bin than it holds
    sides = np.abs(np.array(edges, float))
    most = np.maximum(sides[:-1], sides[1:])
    least = np.minimum(sides[:-1], sides[1:]) * (np.sign(edges[:-1]) * np.sign(edges[1:]) >= 0)
    persons = np.repeat(np.arange(len(counts)), np.minimum(counts, 2))  # more of one bin make no other pair
    if len(persons) < 2:
        return True
    # Any two may be those with the most, each with as much as its bin allows, and all others with as little.
    two = np.add.outer(most[persons], most[persons])
    rest = float((counts * least).sum()) - np.add.outer(least[persons], least[persons])
    one = np.maximum.outer(most[persons], most[persons])
    may = (two >= limits.share * (two + rest)) | (rest <= limits.remainder * one)
    np.fill_diagonal(may, False)
    return bool(may.any())


def coarse(value: float, spread: float, persons: int, limits: Limits) -> float:
    """A mean, or a spread, to the power of ten that as many persons as counts are rounded to, each one `spread` away,
    move it by."""
    step = (limits.rounding + 2 * limits.noise) * spread / max(persons, 1)
    return value if step <= 0 else round(value, -math.ceil(math.log10(step)))


def significant(value: float, digits: int = 2) -> float:
    """A test statistic as it is shown: from exact counts, to so few digits that no count follows from it."""
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True, slots=True)
class Steps:
    """A released curve of how many left: cumulative counts at those points of the grid where enough persons did."""

    points: tuple[int, ...]
    events: Counts
    censored: Counts
    persons: int


def steps(events: Counts, censored: Counts, persons: int, limits: Limits) -> Steps | None:
    """The points at which a curve may be seen to fall; None when there are too few persons.

    `events` and `censored` are noisy counts for each interval of the grid. Between two points lie enough events, and
    enough persons are at risk after each; those who were censored are subtracted when they are enough.
    Cumulative counts are rounded, so that errors do not add up.
    """
    if persons < limits.floor(2 * len(events) + 1):
        return None
    points: list[int] = []
    known: list[tuple[int, int]] = []
    happened = left = fallen = since = 0
    waiting = 0
    for at, (dead, gone) in enumerate(zip(events.tolist(), censored.tolist(), strict=True)):
        happened, waiting, since = happened + dead, waiting + gone, since + 1
        enough = limits.floor(since)
        if persons - happened - left - waiting < limits.floor(2 * len(events) + 1):
            break
        if happened - fallen >= enough:
            left, waiting = (left + waiting, 0) if waiting >= limits.floor(at + 1) else (left, waiting)
            fallen, since = happened, 0
            points.append(at)
            known.append((fallen, left))
    counts = shown(np.array(known, np.int64).reshape(-1, 2), limits)
    return Steps(tuple(points), counts[:, 0], counts[:, 1], int(rounded(persons, limits.rounding)))
