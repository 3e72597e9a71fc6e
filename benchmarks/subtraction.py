"""Attack programs: what people with permits learn about one patient by subtracting analyses from each other.

They choose the persons of every table, hold several permits, and read the intermediates, which nobody is shown: a
client of their own tells them. They know of everybody all but one thing: whether one patient, the target, died. Half
of the targets did, so that guessing blindly is right in 50 % of cases. A dataset gives out so many tables over all
permits (`Policy.analyses`), with noise of five times the root of that number. Beside it stands no noise.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks import BAR, Success, success
from hanse.analysis import METHODS
from hanse.analysis.data import Coded, Numbers, Table
from hanse.core.errors import Refused
from hanse.core.release import Limits, check_intermediate, dice
from hanse.domains import VOCABULARY

PATIENTS, TABLES = 300, 20
DEAD, ALIVE = "dead", "alive"
STATUS = {"field": "person.vital_status", "values": [ALIVE, DEAD]}
SEX = {"field": "person.sex", "values": ["female", "male"]}
BODIES: Mapping[str, Any] = {
    "crosstab": {"rows": STATUS, "columns": SEX},
    "describe": {"variables": [STATUS]},
    "kaplan_meier": {
        "until": "person.last_contact",
        "event": "person.vital_status",
        "happened": [DEAD],
        "grid": [0, 365, 730],
    },
}
PARAMETERS = {name: METHODS[name].read(body, VOCABULARY) for name, body in BODIES.items()}


def noise(tables: int) -> int:
    """The sides of the dice that bear so many tables."""
    return math.ceil(5 * math.sqrt(tables))


@dataclass(frozen=True)
class Hospital:
    """Patients who do not exist, of whom the first one is the target, and the secret of the node."""

    rng: np.random.Generator
    sides: int
    dead: NDArray[np.bool_]
    secret: bytes

    @classmethod
    def made(cls, rng: np.random.Generator, sides: int) -> "Hospital":
        return cls(rng, sides, rng.random(PATIENTS) < 0.5, rng.bytes(16))

    def some(self, target: bool = False) -> NDArray[np.intp]:
        """About half of the others, and the target where it is asked for."""
        chosen = self.rng.random(PATIENTS) < 0.5
        chosen[0] = target
        return np.flatnonzero(chosen)

    @property
    def limits(self) -> Limits:
        return Limits(noise=self.sides)

    def seen(self, method: str, persons: NDArray[np.intp], words: str) -> Any:
        """What one analysis of these persons gives away, merged."""
        draw = dice(self.secret, words.encode(), self.limits)
        exact = METHODS[method].step(self._table(persons), PARAMETERS[method])
        part = METHODS[method].carried(exact, PARAMETERS[method], self.sides, draw)
        return METHODS[method].merge([part], PARAMETERS[method])

    def _table(self, persons: NDArray[np.intp]) -> Table:
        count = len(persons)
        return Table(
            count,
            {
                "person.vital_status": Coded(self.dead[persons].astype(np.int16), (ALIVE, DEAD)),
                "person.sex": Coded((persons % 2).astype(np.int16), ("female", "male")),
                "person.last_contact": Numbers(100.0 + persons),
            },
        )


def difference(hospital: Hospital, method: str = "crosstab") -> float:
    """Two selections, one with the target, of other persons each time, under whichever permit has orders left."""
    told = 0.0
    for pair in range(TABLES // 2):
        others = hospital.some()
        told += _dead(hospital.seen(method, np.append(others, 0), f"{pair} with"), method)
        told -= _dead(hospital.seen(method, others, f"{pair} without"), method)
    return told


def described(hospital: Hospital) -> float:
    """The same with another method."""
    return difference(hospital, "describe")


def survival(hospital: Hospital) -> float:
    """The same with a curve: an event, or one censored."""
    return difference(hospital, "kaplan_meier")


def versions(hospital: Hospital) -> float:
    """The same questions of a version with the target and of one without: each version counts as a question."""
    told = 0.0
    for question in range(TABLES // 2):
        others = hospital.some()
        told += _dead(hospital.seen("crosstab", np.append(others, 0), f"version 1 {question}"))
        told -= _dead(hospital.seen("crosstab", others, f"version 2 {question}"))
    return told


def known(hospital: Hospital, tables: int = TABLES) -> float:
    """How many died among persons of whom everything else is known: no table without the target is needed."""
    told = 0.0
    for question in range(tables):
        others = hospital.some()
        told += _dead(hospital.seen("describe", np.append(others, 0), f"known {question}"), "describe")
        told -= float(hospital.dead[others].sum() - (~hospital.dead[others]).sum())
    return told


def datasets(hospital: Hospital) -> float:
    """Two datasets of one holder that both hold the target, each of which gives out half of the tables."""
    twin = Hospital(hospital.rng, hospital.sides, hospital.dead, b"another")
    return known(hospital, TABLES // 2) + known(twin, TABLES // 2)


def shown(hospital: Hospital) -> float:
    """What an honest client shows of the same pairs: suppressed and rounded."""
    told = 0.0
    for pair in range(TABLES // 2):
        others = hospital.some()
        for sign, persons in ((1, np.append(others, 0)), (-1, others)):
            seen = hospital.seen("crosstab", persons, f"{pair} {sign}")
            result = METHODS["crosstab"].release(seen, PARAMETERS["crosstab"], hospital.limits)
            rows = {str(row[0]): row[-1].value for row in result.sheets[0].rows}  # type: ignore[union-attr]
            told += sign * ((rows.get(DEAD) or 0) - (rows.get(ALIVE) or 0))
    return told


def refusals(hospital: Hospital) -> float:
    """Selections of known dead persons about as many as an intermediate needs, and the target if dead: is there a
    table, and which?"""
    told, limits = 0.0, hospital.limits
    least, variance = limits.minimum + 2 * limits.noise, 2 * limits.noise * (limits.noise + 1) / 3
    dead = np.flatnonzero(hospital.dead[1:]) + 1
    for question in range(TABLES):
        count = least - 1 if not limits.noise else int(hospital.rng.integers(limits.minimum, least))
        persons = np.append(hospital.rng.choice(dead, count), np.flatnonzero(hospital.dead[:1]))
        likely, given = _refused(count, limits), False
        with suppress(Refused):
            draw = dice(hospital.secret, f"few {question}".encode(), limits)
            check_intermediate(len(persons), 0, limits, draw)
            given = True
        told += (given - 1 + likely) / max(likely * (1 - likely), 0.01) * _moves(count, limits)
        if given:
            counted = hospital.seen("crosstab", persons, f"few {question}")[1, :2].sum()
            told += (float(counted) - count - 0.5) / max(2 * variance, 1)
    return told


def _refused(count: int, limits: Limits) -> float:
    """How likely so many persons, and half a person more, are refused."""
    thrown = _thrown(limits)
    need = limits.minimum + 2 * limits.noise - count + 2 * limits.noise
    return float(thrown[:need].sum() + thrown[: need - 1].sum()) / 2


def _moves(count: int, limits: Limits) -> float:
    """How much likelier a table is with one person more."""
    return float(_thrown(limits)[limits.minimum + 4 * limits.noise - count - 1])


def _thrown(limits: Limits) -> NDArray[np.floating]:
    """How likely the sum of the two dice is each of its values, from -2 noise on."""
    faces = 2 * limits.noise + 1
    return np.convolve(np.ones(faces), np.ones(faces)) / faces**2


def _dead(seen: Any, method: str = "crosstab") -> float:
    """By how much the dead are more than the others in what was merged."""
    if method == "kaplan_meier":
        return float(seen.events.sum() - seen.censored.sum())
    counts = seen[0].counts if method == "describe" else seen[:, :2].sum(axis=1)
    return float(counts[1] - counts[0])


ATTACKS: Mapping[str, Callable[[Hospital], float]] = {
    "difference of two tables": difference,
    "difference of two descriptions": described,
    "difference of two curves": survival,
    "two versions that differ by the target": versions,
    "all others are known": known,
    "all others are known, half of the tables in another dataset": datasets,
    "difference of tables as they are shown": shown,
    "all others are known, and so few that the node may refuse": refusals,
}


def play(attack: Callable[[Hospital], float], sides: int, trials: int, seed: int = 1) -> Success:
    """One attack on many hospitals."""
    rng = np.random.default_rng(seed)
    scores, truth = np.zeros(trials), np.zeros(trials, bool)
    for trial in range(trials):
        hospital = Hospital.made(rng, sides)
        scores[trial], truth[trial] = attack(hospital), hospital.dead[0]
    return success(TABLES, scores, truth, rng)


def rows(small: bool = False) -> list[dict[str, object]]:
    """One row an attack, when a dataset has given out all its tables."""
    trials, plain = (50, 10) if small else (1500, 100)
    return [
        _row(name, play(one, noise(TABLES), trials), play(one, 0, plain), small)
        for name, one in ATTACKS.items()
    ]


def _row(name: str, ours: Success, plain: Success, small: bool) -> dict[str, object]:
    low, high = ours.interval
    # A short run shows only what is plainly broken.
    judged = low if small else ours.right
    return {
        "name": f"attack: {name}",
        "ours": round(ours.right, 3),
        "peer": round(plain.right, 3),
        "unit": f"right guesses ({low:.2f} to {high:.2f}, n = {ours.n}), tables: {ours.questions}",
        "ratio": round(ours.right / plain.right, 2),
        "peer_name": "no noise",
        "peer_version": "",
        "bar": BAR,
        "holds": judged <= BAR,
    }
