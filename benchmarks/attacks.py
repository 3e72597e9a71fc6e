"""Attack programs: what somebody without a permit can learn about one patient of a simulated hospital.

A hospital has 600 patients. The attacker knows four facts that single out one of them, and wants to know a fifth,
which half of the patients have. Each program asks as many questions as the default policy allows and then guesses;
guessing blindly is right in 50 % of cases. Beside our rules stand the plain rule (threshold 10, rounding to 10) and
the rule of earlier answers (the plain rule, and a cohort that differs from an answered one by fewer than 10 persons
gets its answer). The attacker knows the rules and their parameters, and weighs what is seen accordingly.

`python -m benchmarks.attacks` plays them against the rule of earlier answers.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hanse.core.answer import Counts, Rule
from hanse.core.disclosure import (
    Asked,
    Cohort,
    Given,
    Roster,
    breakdown,
    decide,
    is_new_epoch,
    next_tick,
    rounded,
)
from hanse.core.policy import Policy

PATIENTS = 600
POLICY = Policy()
BUDGET = POLICY.questions(PATIENTS)
BAR = 0.60
Mask = NDArray[np.bool_]

# The values of the attributes that questions are made of; the first four are the facts that the attacker knows.
ATTRIBUTES = {"sex": 2, "age": 14, "cancer": 9, "year": 8, "part": 6, "maker": 5, "stage": 4}
FACTS = ("sex", "age", "cancer", "year")
MODALITIES = 5


class Hospital:
    """Patients with attributes, a secret, and one to three studies of one to eight series each."""

    def __init__(self, rng: np.random.Generator, patients: int = PATIENTS) -> None:
        self.size = patients
        self.values = {name: rng.integers(0, count, patients) for name, count in ATTRIBUTES.items()}
        self.secret = rng.random(patients) < 0.5
        self.study_person = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
        series = rng.integers(1, 9, len(self.study_person))
        self.series_study = np.repeat(np.arange(len(series)), series)
        self.series_person = self.study_person[self.series_study]
        self.modality = rng.integers(0, MODALITIES, len(self.series_study))
        self.each = np.stack(
            [np.ones(patients), np.bincount(self.study_person), np.bincount(self.series_person)], axis=1
        )
        facts = np.stack([self.values[name] for name in FACTS], axis=1)
        _, place, times = np.unique(facts, axis=0, return_index=True, return_counts=True)
        self.target = int(rng.choice(place[times == 1]))

    def everybody(self) -> Mask:
        return np.ones(self.size, bool)

    def only_target(self) -> Mask:
        """Who matches the four facts and has the secret: the target or nobody."""
        return (np.arange(self.size) == self.target) & self.secret

    def some(self, rng: np.random.Generator, share: float) -> Mask:
        """A cohort of about this share of the patients: some combinations of the values of two attributes."""
        first, second = rng.choice(list(ATTRIBUTES), 2, replace=False)
        cells = self.values[first] * ATTRIBUTES[second] + self.values[second]
        return rng.random(ATTRIBUTES[first] * ATTRIBUTES[second])[cells] < share

    def cohort(self, persons: Mask, series: Mask | None = None) -> Cohort:
        chosen = persons[self.series_person] if series is None else persons[self.series_person] & series
        rows = np.flatnonzero(chosen)
        opens = rows[np.diff(self.series_study[rows], prepend=-1) != 0]
        studies, series = (
            np.bincount(self.series_person[some], minlength=self.size) for some in (opens, rows)
        )
        return Cohort(np.flatnonzero(persons), studies[persons], series[persons])


# The rules under attack. Each counts alike: `ask` is one question in new words, `cells` one breakdown.


class Rules:
    """Numbers that leave a hospital; `noise` is the variance of the dice, `most` what one person can add."""

    name = ""
    lowest = 10  # the least number that is released
    noise = 0.0

    def __init__(self, hospital: Hospital, rng: np.random.Generator) -> None:
        self.hospital = hospital
        self.rng = rng
        self.most = np.ceil(np.mean(np.sort(hospital.each[::2], axis=0)[-19:-9], axis=0))
        self.asked = 0

    def ask(self, persons: Mask, series: Mask | None = None, words: str = "") -> Counts:
        """The answer to a question that selects this; in words that nobody used before, when none are given."""
        self.asked += 1
        return self.answer(self.hospital.cohort(persons, series), words or f"question {self.asked}")

    def cells(self, persons: Mask, values: NDArray[np.integer]) -> dict[str, Counts]:
        """A question by modality: persons who have it, and their series of it."""
        self.asked += 1
        cells = {}
        for value in range(MODALITIES):
            has = np.zeros(self.hospital.size, bool)
            has[self.hospital.series_person[values == value]] = True
            cells[str(value)] = self.hospital.cohort(persons & has, values == value)
        return self.answer_cells(cells, f"question {self.asked}")

    def answer_cells(self, cells: Mapping[str, Cohort], words: str) -> dict[str, Counts]:
        return {value: self.answer(cohort, f"{words} {value}") for value, cohort in cells.items()}

    def answer(self, cohort: Cohort, words: str) -> Counts:
        raise RuntimeError("one of the three rules answers")

    def publish(self, present: Mask, stamps: NDArray[np.integer]) -> None:
        """A new version of the dataset with these persons."""

    def evidence(self, change: NDArray[np.floating], adds: NDArray[np.floating], answers: int) -> float:
        """How much likelier this change of the three numbers is when the target adds `adds` than when nothing was
        added; each of the numbers is a sum or difference of so many answers."""
        adds = np.minimum(adds, self.most)
        scale = np.outer(self.most, self.most) * (np.ones((3, 3)) + np.eye(3)) / 2
        spread = answers * (self.noise * scale + np.eye(3) * POLICY.rounding**2 / 12)
        return float(np.linalg.solve(spread, adds) @ (change - adds / 2))


class Plain(Rules):
    """Threshold 10 and rounding to 10, without a cap."""

    name = "plain rule"

    def answer(self, cohort: Cohort, words: str) -> Counts:
        if len(cohort.persons) < POLICY.threshold:
            return Counts(Rule.WITHHELD)
        numbers = (len(cohort.persons), cohort.studies.sum(), cohort.series.sum())
        return Counts(Rule.ROUNDED, *(rounded(int(number), POLICY.rounding) for number in numbers))


class Earlier(Plain):
    """The plain rule; a cohort that differs from an answered one by fewer than 10 persons gets its answer."""

    name = "earlier answers"

    def __init__(self, hospital: Hospital, rng: np.random.Generator) -> None:
        super().__init__(hospital, rng)
        self.answered: list[tuple[NDArray[np.integer], Counts]] = []

    def answer(self, cohort: Cohort, words: str) -> Counts:
        having = np.full(
            self.hospital.size, -1
        )  # series of each person, -1 of those who are not in the cohort
        having[cohort.persons] = cohort.series
        for earlier, counts in self.answered:
            if np.count_nonzero(earlier != having) < POLICY.threshold:
                return counts
        counts = super().answer(cohort, words)
        self.answered.append((having, counts))
        return counts


@dataclass
class Memory:
    """A ledger in memory."""

    secret: bytes
    persons: int
    epoch: int = 0
    spent: int = 0
    answers: dict[str, dict[str, Given]] = field(default_factory=dict)

    def given(self, text: str) -> Mapping[str, Given]:
        return self.answers.get(text, {})

    def note(self, text: str, answers: Mapping[str, Counts], charge: int) -> None:
        noted = {value: Given(counts, self.epoch) for value, counts in answers.items()}
        self.answers[text] = {**self.given(text), **noted}
        self.spent += charge


class Ours(Rules):
    """The disclosure engine with its default policy."""

    name = "ours"
    lowest = rounded(POLICY.floor(PATIENTS), POLICY.rounding)
    noise = 2 * POLICY.noise(PATIENTS) * (POLICY.noise(PATIENTS) + 1) / 3

    def __init__(self, hospital: Hospital, rng: np.random.Generator) -> None:
        super().__init__(hospital, rng)
        self.ledger = Memory(rng.bytes(16), PATIENTS)
        self.roster: Roster | None = None

    def answer(self, cohort: Cohort, words: str) -> Counts:
        return decide(cohort, POLICY, self.ledger, Asked(words))

    def answer_cells(self, cells: Mapping[str, Cohort], words: str) -> dict[str, Counts]:
        return breakdown(cells, POLICY, self.ledger, Asked(words, cells=3))

    def publish(self, present: Mask, stamps: NDArray[np.integer]) -> None:
        roster = Roster(np.flatnonzero(present), stamps[present].astype(np.uint64))
        if self.roster is None or is_new_epoch(self.roster, roster, POLICY, self.ledger.secret):
            self.ledger.epoch += self.roster is not None
            self.roster = roster


def numbers(counts: Counts, rules: Rules) -> NDArray[np.floating]:
    """What an answer says; a withheld one stands for what lies below the least number."""
    if not counts.known:
        return np.array([rules.lowest - POLICY.rounding / 2, math.nan, math.nan])
    return np.array([counts.persons, counts.studies, counts.series], float)


def change(more: Counts, less: Counts, rules: Rules) -> NDArray[np.floating]:
    """By how much one answer is above another, number by number."""
    return np.nan_to_num(numbers(more, rules) - numbers(less, rules))


def pair(more: Counts, less: Counts, rules: Rules, adds: NDArray[np.floating]) -> float:
    """The evidence of two answers about the same persons and images, but for what the target may add. Without noise
    any change is proof."""
    if rules.noise == 0:
        return 10.0 if more != less else -0.1
    return rules.evidence(change(more, less, rules), adds, 2)


def _others(hospital: Hospital, rng: np.random.Generator, count: int) -> Mask:
    """So many persons, the target not among them."""
    candidates = np.delete(np.arange(hospital.size), hospital.target)
    return np.isin(np.arange(hospital.size), rng.choice(candidates, count, replace=False))


# The attacks. Each yields, after every few questions, how much likelier it is that the target has the secret.
Attack = Callable[[Hospital, Rules, np.random.Generator], Iterator[float]]


def difference(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """A cohort, and the cohort without the target if the target has the secret."""
    score = 0.0
    while True:
        whole = hospital.some(rng, 0.5)
        whole[hospital.target] = True
        more, less = rules.ask(whole), rules.ask(whole & ~hospital.only_target())
        score += pair(more, less, rules, hospital.each[hospital.target])
        yield score


def padding(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """Small groups about as large as the least number, without and with the target if the target has the secret."""
    score = 0.0
    while True:
        group = hospital.some(rng, rng.uniform(0.5, 1.3) * rules.lowest / hospital.size)
        group[hospital.target] = False
        less, more = rules.ask(group), rules.ask(group | hospital.only_target())
        score += pair(more, less, rules, hospital.each[hospital.target])
        yield score


def threshold_shift(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """A window around the target grows person by person until it is answered; then the target is left out if the
    target has the secret, and, to compare, the same window is asked for once more."""
    others = np.delete(np.arange(hospital.size), hospital.target)
    score = 0.0
    while True:
        order = np.concatenate([[hospital.target], rng.permutation(others)])
        for size in range(rules.lowest - 4, hospital.size):
            window = np.isin(np.arange(hospital.size), order[:size])
            if rules.ask(window).rule is not Rule.WITHHELD:
                break
            yield score - 0.5 * (rules.noise == 0)
        without, again = rules.ask(window & ~hospital.only_target()), rules.ask(window)
        score += float(again.known) - float(without.known)
        yield score - 0.5 * (rules.noise == 0)


def rewriting(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """The difference of two cohorts, each asked for again and again in other words."""
    whole = hospital.some(rng, 0.5)
    whole[hospital.target] = True
    score = 0.0
    while True:
        more, less = rules.ask(whole), rules.ask(whole & ~hospital.only_target())
        score += pair(more, less, rules, hospital.each[hospital.target])
        yield score


def series_count(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """The same persons twice, the second time without the target's images if the target has the secret."""
    hidden = hospital.only_target()[hospital.series_person]
    score = 0.0
    while True:
        whole = hospital.some(rng, 0.5)
        whole[hospital.target] = True
        more, less = rules.ask(whole), rules.ask(whole, ~hidden)
        adds = hospital.each[hospital.target] * [0, 1, 1]
        score += pair(more, less, rules, adds)
        yield score


def by_breakdown(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """The difference of two cohorts in every cell of a breakdown in which the target is."""
    own = hospital.series_person == hospital.target
    score = 0.0
    while True:
        whole = hospital.some(rng, 0.5)
        whole[hospital.target] = True
        more = rules.cells(whole, hospital.modality)
        less = rules.cells(whole & ~hospital.only_target(), hospital.modality)
        for value in np.unique(hospital.modality[own]):
            rows = own & (hospital.modality == value)
            adds = np.array([1, len(np.unique(hospital.series_study[rows])), rows.sum()], float)
            if more[str(value)].rule is Rule.CAPPED:
                return
            score += pair(more[str(value)], less[str(value)], rules, adds)
        yield score


def known_at_threshold(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """Nine persons whom the attacker knows, and the target if the target has the secret."""
    known = _others(hospital, rng, POLICY.threshold - 1)
    seen = 0
    while True:
        seen += rules.ask(known | hospital.only_target()).known
        yield seen - 0.5


def known_members(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """A cohort, and the cohort without nine persons whom the attacker knows and the target if it has the secret."""
    known = _others(hospital, rng, POLICY.threshold - 1)
    score = 0.0
    while True:
        whole = hospital.some(rng, 0.5) | known
        whole[hospital.target] = True
        more, less = rules.ask(whole), rules.ask(whole & ~known & ~hospital.only_target())
        if isinstance(rules, Earlier):
            score += float(more != less) - 0.5
        else:
            left_out = np.minimum(hospital.each[known], rules.most if rules.noise else math.inf).sum(axis=0)
            score += rules.evidence(change(more, less, rules) - left_out, hospital.each[hospital.target], 2)
        yield score


def near_or_same(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """A cohort, the cohort without a few persons, and that without the target if the target has the secret: do the
    last two get one answer?"""
    changed = pairs = 0
    while True:
        whole = hospital.some(rng, 0.5)
        whole[hospital.target] = True
        few = whole & (rng.random(hospital.size) < 18 / hospital.size)
        few[hospital.target] = False
        rules.ask(whole)
        first, second = rules.ask(whole & ~few), rules.ask(whole & ~few & ~hospital.only_target())
        changed += first != second
        pairs += 1
        yield changed - (0.5 if rules.noise == 0 else 0.95 * pairs)


def _versions(
    hospital: Hospital, rules: Rules, rng: np.random.Generator, others: int, added: bool
) -> Iterator[float]:
    """Questions about a version and about the next, between which the target and others came or went."""
    before, after = hospital.everybody(), hospital.everybody()
    fewer = before if added else after
    fewer[_others(hospital, rng, others)] = False
    fewer[hospital.target] = False
    target = np.arange(hospital.size) == hospital.target
    shapes = [hospital.some(rng, 0.5) | target for _ in range(BUDGET // 2)]
    seen = []
    for present in (before, after):
        rules.publish(present, np.zeros(hospital.size, int))
        seen.append(
            [
                rules.ask(present & shape & hospital.secret, words=f"{number}")
                for number, shape in enumerate(shapes)
            ]
        )
    score = 0.0
    churn = others * 0.25 * np.mean(hospital.each, axis=0)
    for first, second in zip(*seen, strict=True):
        more, less = (second, first) if added else (first, second)
        if others == 0:
            score += pair(more, less, rules, hospital.each[hospital.target])
        else:
            score += rules.evidence(change(more, less, rules) - churn, hospital.each[hospital.target], 2)
    yield score


def person_added(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """Questions before and after a version to which only the target was added."""
    return _versions(hospital, rules, rng, others=0, added=True)


def person_withdrawn(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """Questions before and after a version from which only the target was withdrawn."""
    return _versions(hospital, rules, rng, others=0, added=False)


def person_added_with_others(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """Questions before and after a version to which the target and 24 others were added."""
    return _versions(hospital, rules, rng, others=24, added=True)


def known_sizes(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[float]:
    """Groups of which the attacker knows every member and image, and the target if the target has the secret."""
    score = 0.0
    while True:
        group = hospital.some(rng, 0.5)
        group[hospital.target] = False
        seen = numbers(rules.ask(group | hospital.only_target()), rules)
        score += rules.evidence(seen - hospital.each[group].sum(axis=0), hospital.each[hospital.target], 1)
        yield score


def reconstruct(hospital: Hospital, rules: Rules, rng: np.random.Generator) -> Iterator[NDArray[np.floating]]:
    """Who has the secret, for all patients at once: random cohorts of those who have it, solved as equations.

    The attacker knows everything but the secrets. The estimate is the mean of the secrets given all answers, taking
    the errors as normal; yields it, with 0 for even odds.
    """
    matrix, seen, spread = [], [], []
    unit = rules.noise * (np.outer(rules.most, rules.most) * (np.ones((3, 3)) + np.eye(3)) / 2)
    while True:
        group = rng.random(hospital.size) < 0.5
        counts = rules.ask(group & hospital.secret)
        if counts.known:
            contributions = np.minimum(hospital.each, rules.most) if rules.noise else hospital.each
            rows = (contributions * group[:, None]).T
            matrix.append(rows)
            seen.append(numbers(counts, rules) - rows.sum(axis=1) / 2)
            spread.append(unit + np.eye(3) * POLICY.rounding**2 / 12)
        if rules.asked in CHECKPOINTS:
            yield _posterior(np.vstack(matrix), np.concatenate(seen), spread)
        else:
            yield np.zeros(hospital.size)


def _posterior(matrix: NDArray, seen: NDArray, spread: list[NDArray]) -> NDArray[np.floating]:
    gram = matrix @ matrix.T / 4
    for number, block in enumerate(spread):
        place = slice(3 * number, 3 * number + 3)
        gram[place, place] += block
    return matrix.T @ np.linalg.solve(gram, seen)


# Playing the attacks, and what comes out.

CHECKPOINTS = (2, 6, 10, 20, 30, BUDGET)
ATTACKS: Mapping[str, Attack] = {
    "difference": difference,
    "padding": padding,
    "threshold shift": threshold_shift,
    "rewriting and averaging": rewriting,
    "series count": series_count,
    "difference of breakdowns": by_breakdown,
    "known: 9 members, at the threshold": known_at_threshold,
    "known: 9 members, left out": known_members,
    "same or nearly the same": near_or_same,
    "before and after: added": person_added,
    "before and after: withdrawn": person_withdrawn,
    "before and after: added with 24 others": person_added_with_others,
}

# Reported, not held to the bar: the attacker knows every patient of a hospital but for the one fact.
REMAINS = "groups known exactly"
TIMING = "timing"
PLAIN = "threshold 10 and rounding to 10 alone"
LABEL = 56  # width of the first column of what is printed


@dataclass(frozen=True)
class Success:
    """How often guesses were right after so many questions."""

    questions: int
    right: float
    auc: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % (Wilson, 1927)."""
        z, n, p = 1.96, self.n, self.right
        middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def auc(scores: NDArray[np.floating], truth: Mask) -> float:
    """The chance that somebody with the secret has a higher score than somebody without; ties count half."""
    low, high = np.sort(scores[~truth]), scores[truth]
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(np.mean(below) / 2 / len(low))


def success(questions: int, scores: NDArray[np.floating], truth: Mask, rng: np.random.Generator) -> Success:
    """Guesses are the signs of the scores; nothing to go by is a coin."""
    guesses = np.where(scores == 0, rng.random(len(scores)) < 0.5, scores > 0)
    return Success(questions, float(np.mean(guesses == truth)), auc(scores, truth), len(scores))


def play(attack: Attack, kind: type[Rules], trials: int, seed: int = 1) -> list[Success]:
    """One attack on many hospitals, seen after each number of questions of `CHECKPOINTS`."""
    rng = np.random.default_rng(seed)
    scores, truth = np.zeros((trials, len(CHECKPOINTS))), np.zeros(trials, bool)
    for trial in range(trials):
        hospital = Hospital(rng)
        rules = kind(hospital, rng)
        truth[trial] = hospital.secret[hospital.target]
        score, done = 0.0, 0
        for now in attack(hospital, rules, rng):
            while done < len(CHECKPOINTS) and rules.asked > CHECKPOINTS[done]:
                scores[trial, done:] = score
                done += 1
            score = now
            if rules.asked >= BUDGET:
                break
        scores[trial, done:] = score
    return [success(asked, scores[:, at], truth, rng) for at, asked in enumerate(CHECKPOINTS)]


def play_reconstruction(kind: type[Rules], hospitals: int, seed: int = 1) -> list[Success]:
    """The same for the attack on all patients at once: the share of patients guessed right."""
    rng = np.random.default_rng(seed)
    estimates: dict[int, list[NDArray]] = {asked: [] for asked in CHECKPOINTS}
    truth = []
    for _ in range(hospitals):
        hospital = Hospital(rng)
        rules = kind(hospital, rng)
        truth.append(hospital.secret)
        for estimate in reconstruct(hospital, rules, rng):
            if rules.asked in estimates:
                estimates[rules.asked].append(estimate)
            if rules.asked >= BUDGET:
                break
    secret = np.concatenate(truth)
    return [success(asked, np.concatenate(estimates[asked]), secret, rng) for asked in CHECKPOINTS]


def timing(rounds: int, grid_ms: int, seed: int = 1) -> Success:
    """What the time of an answer tells: is it withheld or zero, repeated or computed? The best of the four kinds.

    `grid_ms` 0 is an asker with a perfect clock beside the node; otherwise answers leave on the grid.
    """
    rng = np.random.default_rng(seed)
    hospital = Hospital(rng)
    kinds = {
        "computed": hospital.cohort(hospital.some(rng, 0.7)),
        "repeated": hospital.cohort(hospital.some(rng, 0.7)),
        "few": hospital.cohort(np.arange(hospital.size) < 5),
        "nobody": hospital.cohort(np.zeros(hospital.size, bool)),
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    rules = Ours(hospital, rng)
    for number in range(rounds):
        for kind, cohort in kinds.items():
            rules.ledger.spent = 0
            began = time.perf_counter()
            rules.answer(cohort, kind if kind == "repeated" else f"{kind} {number}")
            elapsed_ms = (time.perf_counter() - began) * 1000
            took[kind].append(next_tick(elapsed_ms, grid_ms) if grid_ms else elapsed_ms)
    found = []
    for one, other in (("few", "nobody"), ("few", "computed"), ("repeated", "computed")):
        times = np.array(took[one] + took[other])
        truth = np.arange(2 * rounds) >= rounds
        found.append(success(1, times - np.median(times), truth, rng))
    return max(found, key=lambda one: one.auc)


SIZES = ((10, 39), (40, 99), (100, PATIENTS))


def utility(kind: type[Rules], hospitals: int, seed: int = 1) -> dict[tuple[int, int], tuple[float, float]]:
    """For honest questions (one to three attributes, in the order in which they come): by true number of persons, the
    share that gets a number, and the median relative error of these numbers; nothing where no question got one."""
    rng = np.random.default_rng(seed)
    errors: dict[tuple[int, int], list[float]] = {size: [] for size in SIZES}
    for _ in range(hospitals):
        hospital = Hospital(rng)
        rules = kind(hospital, rng)
        while rules.asked < BUDGET:
            chosen = rng.choice(list(ATTRIBUTES), rng.integers(1, 4), replace=False)
            bounds = [rng.integers(0, ATTRIBUTES[name], 2) for name in chosen]
            persons = np.all(
                [
                    (hospital.values[name] >= bound.min()) & (hospital.values[name] <= bound.max())
                    for name, bound in zip(chosen, bounds, strict=True)
                ],
                axis=0,
            )
            true, counts = int(persons.sum()), rules.ask(persons)
            for low, high in SIZES:
                if low <= true <= high:
                    errors[low, high].append(abs(counts.persons - true) / true if counts.known else math.inf)
    answered = {size: [one for one in seen if one < math.inf] for size, seen in errors.items()}
    return {
        size: (len(answered[size]) / len(seen), float(np.median(answered[size])))
        for size, seen in errors.items()
        if answered[size]
    }


def rows(small: bool = False) -> list[dict[str, object]]:
    """One row an attack, at the end of the default budget, beside the plain rule; and what honest askers get. Prints
    success and AUC against the number of questions on the way."""
    trials, plain_trials, hospitals = (12, 6, 1) if small else (600, 60, 10)
    print("  right guesses / AUC after".ljust(LABEL) + "".join(f"{asked:>11}" for asked in CHECKPOINTS))
    made = []
    for name, attack in (ATTACKS | {REMAINS: known_sizes}).items():
        made.append(_row(name, play(attack, Ours, trials), play(attack, Plain, plain_trials), small))
    everybody = (play_reconstruction(kind, hospitals) for kind in (Ours, Plain))
    made.append(_row("reconstruction of all patients", *everybody, small))
    made.append(_row(TIMING, [timing(trials, POLICY.grid_ms)], [timing(trials, 0)], small))
    return made + _honest(hospitals)


def _row(name: str, ours: list[Success], peer: list[Success], small: bool) -> dict[str, object]:
    print(_line(name, Ours.name, ours), _line(name, Plain.name, peer), sep="\n", flush=True)
    last, bar = ours[-1], None if name == REMAINS else BAR
    low, high = last.interval
    # A short run shows only what is plainly broken.
    judged = low if small else last.right
    return {
        "name": f"attack: {name}",
        "ours": round(last.right, 3),
        "peer": round(peer[-1].right, 3),
        "unit": f"right guesses ({low:.2f} to {high:.2f}, n = {last.n}), questions: {last.questions}",
        "ratio": round(last.right / peer[-1].right, 2),
        "peer_name": "no time grid" if name == TIMING else PLAIN,
        "peer_version": "",
        "bar": bar,
        "holds": None if bar is None else judged <= bar,
    }


def _line(name: str, rules: str, seen: list[Success]) -> str:
    cells = "".join(f"{one.right:6.2f}/{one.auc:.2f}" for one in seen)
    return f"  {name}, {rules}".ljust(LABEL) + cells


def _honest(hospitals: int) -> list[dict[str, object]]:
    ours, peer = utility(Ours, hospitals), utility(Plain, hospitals)
    names = ("honest questions that get a number", "median error of honest numbers")
    return [
        {
            "name": f"{name}, {low} to {high} of {PATIENTS} persons",
            "ours": round(ours[low, high][at], 3),
            "peer": round(peer[low, high][at], 3),
            "unit": "share" if at == 0 else "relative",
            "ratio": round(ours[low, high][at] / peer[low, high][at], 2),
            "peer_name": PLAIN,
            "peer_version": "",
            "bar": None,
            "holds": None,
        }
        for at, name in enumerate(names)
        for low, high in ours
    ]


if __name__ == "__main__":
    for name, attack in ATTACKS.items():
        print(_line(name, Earlier.name, play(attack, Earlier, 50)), flush=True)
    print(_line("reconstruction of all patients", Earlier.name, play_reconstruction(Earlier, 2)))
