"""Which number may leave a node: one engine for counts, breakdowns, extremes and the catalogue's figures.

An asker without a permit learns a number through `decide` or `breakdown`, and in no other way. What is decided
depends on the words of the question, on the number of questions, and on numbers that carry noise; nothing depends on
whether two questions select the same persons, because each rule that does can be asked about one person
(benchmarks/attacks.py asks; docs/adr/0002-disclosure.md has the figures).

- *Noise* is drawn once for a question, added to the persons, and rounded with them.
- *Threshold*: a number is withheld unless it stands, whatever the noise, for `threshold` persons or more. Zero is
  withheld like one. Studies and series are withheld with their persons.
- *The same question* gets the same answer until the dataset as a whole has changed by more than a few persons.
- *The cap*: so many questions of several criteria are answered, over all askers and versions, as the noise can bear.
  Afterwards a question gets the answer that it got before, or none.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hanse.core.answer import Counts, Rule
from hanse.core.policy import Access, Policy

Ordinals = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Cohort:
    """What a question, or one cell of a breakdown, selects in one version of a dataset.

    `persons` are sorted ordinals, each once; `studies` and `series` say of each how many of the selected ones are the
    person's.
    """

    persons: Ordinals
    studies: Ordinals
    series: Ordinals


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the rules see it.

    `text` is its canonical form, a breakdown's field included. `single` says that it has one criterion or none, and
    that the criterion is one of few that can be asked: a code, a truth value or a band; not a list, a pattern or a
    bound of one's own choice. `value` is that of the cell, when it asks for one cell of a breakdown: it then gets what
    the breakdown gets. `cells` bounds in how many cells of a breakdown one person may be: 1 for fields of the person,
    about 3 for fields of rows of which a person has several.
    """

    text: str
    single: bool = False
    cells: int = 1
    value: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """The answer that a question got in an epoch of its dataset."""

    counts: Counts
    epoch: int


class Ledger(Protocol):
    """What one dataset, in all its versions, has answered to anybody."""

    secret: bytes  # the node's own, a different one for each dataset
    epoch: int  # how often the dataset has changed so much that questions are answered afresh
    persons: int  # the released number of persons in this epoch; 0 when it is withheld
    spent: int  # what the answered questions of several criteria were charged

    def given(self, text: str) -> Mapping[str, Given]:
        """What a question got when it was answered last, by value; values never answered are missing."""

    def note(self, text: str, answers: Mapping[str, Counts], charge: int) -> None:
        """Keeps a question's fresh answers of this epoch, and adds `charge` to what is spent."""


def decide(cohort: Cohort, policy: Policy, ledger: Ledger, asked: Asked) -> Counts:
    """The answer to a question about one dataset; the ledger must have kept it before it leaves."""
    return breakdown({asked.value: cohort}, policy, ledger, asked)[asked.value]


def breakdown(cells: Mapping[str, Cohort], policy: Policy, ledger: Ledger, asked: Asked) -> dict[str, Counts]:
    """The answers to a question by the values of one field: for the cap one question, or `asked.cells` of them.

    A person is in few cells, so that all of them together tell about that person what a few answers do. Who shows
    the cells shows either all values that the field can have or only those with numbers: that a value occurs is a
    number too.
    """
    if policy.access is Access.NONE:
        return {value: Counts(Rule.NOT_COUNTED) for value in cells}
    if policy.access is Access.OPEN:
        return {value: exact(cohort) for value, cohort in cells.items()}
    given = ledger.given(asked.text)
    current = {value: one.counts for value, one in given.items() if one.epoch == ledger.epoch}
    fresh = {value: cohort for value, cohort in cells.items() if value not in current}
    # A value that somebody brought since is no new question: the cap would tell that somebody came.
    charge = asked.cells if fresh and not current and not asked.single else 0
    if charge and not policy.questions(ledger.persons):  # too few persons for any number of several criteria
        return {value: _withheld(policy, ledger.persons) for value in cells}
    if charge and ledger.spent + charge > policy.questions(ledger.persons):
        return {value: _after_the_cap(given.get(value)) for value in cells}
    if fresh:
        made = _release(fresh, policy, ledger, asked.text)
        ledger.note(asked.text, made, charge)
        current |= made
    return {value: current[value] for value in cells}


def bound(counts: Counts, policy: Policy, threshold: int, rounding: int, persons: int) -> Counts:
    """An answer of a dataset of `persons` released persons, for somebody whom a permit binds to a higher threshold or a
    coarser rounding than `policy`. It is made of the answer that everybody gets: however many permits somebody has,
    together they tell no more than that."""
    if counts.persons is None or counts.rounding is None:
        return counts
    error = 2 * policy.noise(persons) + counts.rounding // 2
    if threshold > policy.threshold and counts.persons < threshold + error:
        return Counts(Rule.WITHHELD, threshold=threshold + 2 * error)
    base = max(counts.rounding, rounding)
    numbers = np.array([counts.persons, counts.studies, counts.series])
    some, studies, series = rounded(numbers, base).tolist()
    return replace(counts, persons=some, studies=studies, series=series, rounding=base)


def exact(cohort: Cohort) -> Counts:
    """The true numbers, of public data."""
    return open_counts(len(cohort.persons), int(cohort.studies.sum()), int(cohort.series.sum()))


def open_counts(persons: int, studies: int, series: int) -> Counts:
    """True numbers that were counted elsewhere, of public data."""
    return Counts(Rule.EXACT, persons, studies, series)


def _after_the_cap(given: Given | None) -> Counts:
    if given is None:
        return Counts(Rule.CAPPED)
    return replace(given.counts, rule=Rule.EARLIER) if given.counts.known else given.counts


def _release(cells: Mapping[str, Cohort], policy: Policy, ledger: Ledger, text: str) -> dict[str, Counts]:
    """For every cell the three numbers with their noise, or none of them.

    Each number has a die of its own and one die that all three of a cell share, so that together they tell about a
    person half of what three separate answers would.
    """
    withheld = _withheld(policy, ledger.persons)
    dice = _dice(ledger.secret, _seed(cells, ledger.epoch, text), policy.noise(ledger.persons), len(cells))
    errors = dice[:, :1] + dice[:, 1:]
    persons = np.array([len(one.persons) for one in cells.values()]) + errors[:, 0]
    known = np.flatnonzero(persons >= policy.floor(ledger.persons))
    released = dict.fromkeys(cells, withheld)
    if len(known):
        values, cohorts = list(cells), list(cells.values())
        images = [
            _images([getattr(cohorts[at], unit) for at in known], policy.threshold, errors[known, place])
            for place, unit in ((1, "studies"), (2, "series"))
        ]
        numbers = rounded(np.array([persons[known], *images]), policy.rounding)
        for at, (some, studies, series) in zip(known, numbers.T.tolist(), strict=True):
            released[values[at]] = Counts(Rule.ROUNDED, some, studies, series, rounding=policy.rounding)
    return released


def _withheld(policy: Policy, persons: int) -> Counts:
    """No number; the threshold says below what the persons certainly are."""
    return Counts(Rule.WITHHELD, threshold=policy.floor(persons) + 2 * policy.noise(persons))


def _images(each: Sequence[Ordinals], threshold: int, errors: Ordinals) -> Ordinals:
    """For every cell the sum of what its persons have, `each`, with noise for as much as one person can add to it.

    Nobody stands out: the persons with the most are counted with no more than the next `threshold` have on average.
    Every cell has at least `threshold` persons.
    """
    sizes = np.array([len(one) for one in each])
    ends = np.cumsum(sizes)
    starts, owned = ends - sizes, np.concatenate(each)
    top = (
        int(owned.max()) + 1
    )  # one number to sort by, since that is much faster than two: the cell, then what is most
    ranked = top - 1 - np.sort(np.repeat(np.arange(len(each)) * top, sizes) + top - 1 - owned) % top
    sums = np.concatenate([[0], np.cumsum(ranked)])
    first, last = starts + threshold - 1, np.minimum(starts + 2 * threshold - 1, ends)
    most = np.maximum(1, np.ceil((sums[last] - sums[first]) / (last - first)).astype(np.int64))
    counted = np.add.reduceat(np.minimum(owned, np.repeat(most, sizes)), starts)
    noisy: Ordinals = np.maximum(0, counted + most * errors)
    return noisy


def rounded(number: Any, base: int) -> Any:
    """The nearest multiple of `base`, the upper one from the middle on; of one number or of an array."""
    return (number + base // 2) // base * base


def _seed(cells: Mapping[str, Cohort], epoch: int, text: str) -> bytes:
    # The persons and images are in it so that a ledger restored from a backup does not use the same noise for other
    # people: two answers with the same noise can be subtracted.
    named = json.dumps([text, epoch, [(value, len(one.persons)) for value, one in cells.items()]])
    rows = (each for one in cells.values() for each in (one.persons, one.series))
    return b"answer" + named.encode() + b"\0" + np.concatenate([*rows]).astype("<i4").tobytes()


def _dice(secret: bytes, seed: bytes, half: int, count: int = 1) -> Ordinals:
    """`count` times four numbers from -half to half that nobody without the secret can foresee."""
    drawn = hashlib.shake_256(hmac.digest(secret, seed, "sha256")).digest(32 * count)
    sides = np.uint64(2 * half + 1)
    return (np.frombuffer(drawn, ">u8") % sides).astype(np.int64).reshape(count, 4) - half


def released_size(persons: int, policy: Policy, secret: bytes, epoch: int) -> int:
    """The number of persons in a dataset as the other rules may use it: with noise and rounded, 0 when withheld."""
    first, second, *_ = _dice(secret, b"size" + epoch.to_bytes(8, "big"), policy.noise(persons))[0]
    noisy = int(persons + first + second)
    return rounded(noisy, policy.rounding) if noisy >= policy.floor(persons) else 0


@dataclass(frozen=True, slots=True)
class Roster:
    """All persons of a version, sorted, each with a number that changes when one of the person's rows does."""

    persons: Ordinals
    stamps: NDArray[np.uint64]


def is_new_epoch(before: Roster, after: Roster, policy: Policy, secret: bytes) -> bool:
    """Whether so many persons came, went or changed that a dataset's questions may be answered afresh.

    Otherwise its answers stand, and one person who came or went changes none of them. How many persons it takes,
    from `threshold` to twice as many, is drawn with the secret: who knows all changes but one cannot use the border.
    """
    first, second, *_ = _dice(secret, b"epoch" + before.stamps.astype("<u8").tobytes(), policy.threshold)[0]
    needed = policy.threshold + int(abs(first) + abs(second)) // 2
    return _changed(before, after) >= needed


def _changed(before: Roster, after: Roster) -> int:
    """How many persons are in one of the two only, or have another stamp."""
    persons = np.union1d(before.persons, after.persons)
    stamps = np.zeros((2, len(persons)), np.uint64)
    present = np.zeros((2, len(persons)), bool)
    for row, roster in enumerate((before, after)):
        places = np.searchsorted(persons, roster.persons)
        stamps[row, places], present[row, places] = roster.stamps, True
    return int(np.sum((stamps[0] != stamps[1]) | (present[0] != present[1])))


def next_tick(elapsed_ms: float, grid_ms: int) -> int:
    """When an answer that is ready after `elapsed_ms` leaves: at the next multiple of `grid_ms`, the first at least."""
    return max(1, -(-int(np.ceil(elapsed_ms)) // grid_ms)) * grid_ms
