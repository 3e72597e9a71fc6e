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

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hanse.core.answer import Counts, Rule
from hanse.core.policy import Access, Policy

Ordinals = NDArray[np.integer]

_NO_ROWS: Ordinals = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Cohort:
    """What a question, or one cell of a breakdown, selects in one version of a dataset.

    `persons` are sorted ordinals, each once. The other three have one value for each selected series: the ordinals of
    its person (one of `persons`), its study and itself. Series of one study stand together.
    """

    persons: Ordinals
    image_person: Ordinals = field(default_factory=lambda: _NO_ROWS)
    image_study: Ordinals = field(default_factory=lambda: _NO_ROWS)
    image_series: Ordinals = field(default_factory=lambda: _NO_ROWS)

    @cached_property
    def series_each(self) -> Ordinals:
        """How many of the selected series each person has."""
        return np.bincount(self._places, minlength=len(self.persons))

    @cached_property
    def studies_each(self) -> Ordinals:
        """In how many studies these series are, for each person."""
        first = np.flatnonzero(np.diff(self.image_study, prepend=-1))
        return np.bincount(self._places[first], minlength=len(self.persons))

    @cached_property
    def _places(self) -> Ordinals:
        table = np.zeros(int(self.persons[-1]) + 1 if len(self.persons) else 0, np.int64)
        table[self.persons] = np.arange(len(self.persons))
        return table[self.image_person]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the rules see it.

    `text` is its canonical form, a breakdown's field included. `single` says that it has one criterion or none, and
    that the criterion is one of few that can be asked: a code, a truth value, a band or the lack of a value; not a
    list, a pattern or a bound of one's own choice. `cells` bounds in how many cells of a breakdown one person may
    be: 1 for fields of the person, about 3 for fields of rows of which a person has several.
    """

    text: str
    single: bool = False
    cells: int = 1


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

    def given(self, texts: list[str]) -> Mapping[str, Given]:
        """What these questions got when they were answered last; those never answered are missing."""

    def note(self, answers: Mapping[str, Counts], charge: int) -> None:
        """Keeps fresh answers of this epoch, and adds `charge` to what is spent."""


def decide(cohort: Cohort, policy: Policy, ledger: Ledger, asked: Asked) -> Counts:
    """The answer to a question about one dataset; the ledger must have kept it before it leaves."""
    return breakdown({"": cohort}, policy, ledger, asked)[""]


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
    texts = texts_of(cells, asked)
    given = ledger.given(list(texts.values()))
    current = {text: one.counts for text, one in given.items() if one.epoch == ledger.epoch}
    fresh = {value: text for value, text in texts.items() if text not in current}
    # A value that somebody brought since is no new question: the cap would tell that somebody came.
    charge = asked.cells if fresh and not current and not asked.single else 0
    if charge and not policy.questions(ledger.persons):  # too few persons for any number of several criteria
        return {value: _withheld(policy, ledger.persons) for value in cells}
    if charge and ledger.spent + charge > policy.questions(ledger.persons):
        return {value: _after_the_cap(given.get(text)) for value, text in texts.items()}
    made = {text: _release(cells[value], policy, ledger, text) for value, text in fresh.items()}
    if made:
        ledger.note(made, charge)
    return {value: (current | made)[text] for value, text in texts.items()}


def texts_of(cells: Iterable[str], asked: Asked) -> dict[str, str]:
    """Under which text the ledger keeps the answer for each value."""
    return {value: f"{asked.text}\n{value}" for value in cells}


def exact(cohort: Cohort) -> Counts:
    """The true numbers, of public data."""
    return open_counts(len(cohort.persons), int(np.sum(cohort.studies_each)), len(cohort.image_series))


def open_counts(persons: int, studies: int, series: int) -> Counts:
    """True numbers that were counted elsewhere, of public data."""
    return Counts(Rule.EXACT, persons, studies, series)


def _after_the_cap(given: Given | None) -> Counts:
    if given is None:
        return Counts(Rule.CAPPED)
    return replace(given.counts, rule=Rule.EARLIER) if given.counts.known else given.counts


def _release(cohort: Cohort, policy: Policy, ledger: Ledger, text: str) -> Counts:
    """The three numbers with their noise, or none of them.

    Each number has a die of its own and one die that all three share, so that together they tell about a person
    half of what three separate answers would.
    """
    noise = policy.noise(ledger.persons)
    shared, *own = _dice(ledger.secret, _seed(cohort, ledger.epoch, text), noise)
    persons = len(cohort.persons) + shared + own[0]
    if persons < policy.floor(ledger.persons):
        return _withheld(policy, ledger.persons)
    images = [
        _images(each, policy.threshold, shared + die)
        for each, die in zip((cohort.studies_each, cohort.series_each), own[1:], strict=True)
    ]
    numbers = [rounded(number, policy.rounding) for number in (persons, *images)]
    return Counts(Rule.ROUNDED, numbers[0], numbers[1], numbers[2], rounding=policy.rounding)


def _withheld(policy: Policy, persons: int) -> Counts:
    """No number; the threshold says below what the persons certainly are."""
    return Counts(Rule.WITHHELD, threshold=policy.floor(persons) + 2 * policy.noise(persons))


def _images(each: Ordinals, threshold: int, error: int) -> int:
    """The sum of what each person has, with noise for as much as one person can add to it.

    Nobody stands out: the persons with the most are counted with no more than the next `threshold` have on average.
    """
    ranked = np.sort(each)[::-1]
    most = max(1, int(np.ceil(np.mean(ranked[threshold - 1 : 2 * threshold - 1]))))
    return max(0, int(np.minimum(each, most).sum()) + most * error)


def rounded(number: int, base: int) -> int:
    """The nearest multiple of `base`, the upper one from the middle on."""
    return (number + base // 2) // base * base


def _seed(cohort: Cohort, epoch: int, text: str) -> bytes:
    # The persons and images are in it so that a ledger restored from a backup does not use the same noise for other
    # people: two answers with the same noise can be subtracted.
    rows = cohort.persons.astype("<i4").tobytes() + cohort.image_series.astype("<i4").tobytes()
    return b"answer" + epoch.to_bytes(8, "big") + text.encode() + b"\0" + rows


def _dice(secret: bytes, seed: bytes, half: int) -> list[int]:
    """Four numbers from -half to half that nobody without the secret can foresee."""
    drawn = hmac.digest(secret, seed, "sha256")
    return [int.from_bytes(drawn[at : at + 8], "big") % (2 * half + 1) - half for at in (0, 8, 16, 24)]


def released_size(persons: int, policy: Policy, secret: bytes, epoch: int) -> int:
    """The number of persons in a dataset as the other rules may use it: with noise and rounded, 0 when withheld."""
    first, second, *_ = _dice(secret, b"size" + epoch.to_bytes(8, "big"), policy.noise(persons))
    noisy = persons + first + second
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
    first, second, *_ = _dice(secret, b"epoch" + before.stamps.astype("<u8").tobytes(), policy.threshold)
    return _changed(before, after) >= policy.threshold + (abs(first) + abs(second)) // 2


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
