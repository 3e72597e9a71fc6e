"""Attack programs: what people with permits learn about one patient by subtracting analyses from each other.

They choose the persons of every table, hold several permits, and read the intermediates, which nobody is shown: a
client of their own tells them. They know of everybody all but one thing: whether one patient, the target, died. Half
of the targets did, so that guessing blindly is right in 50 % of cases. A dataset gives out so many tables over all
permits (`Policy.analyses`), with noise of two and a half times the root of that number. Beside it stands no noise.
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
    return math.ceil(2.5 * math.sqrt(tables))


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
        part = METHODS[method].carried(self._table(persons), PARAMETERS[method], self.sides, draw)
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


def datasets(hospital: Hospital) -> float:
    """Two datasets of one holder that both hold the target: each has an account of its own."""
    return difference(hospital) + difference(
        Hospital(hospital.rng, hospital.sides, hospital.dead, b"another")
    )


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
    """Selections of known dead persons about as many as an intermediate needs, and the target if dead: given or not?"""
    told, limits = 0.0, hospital.limits
    least = limits.minimum + 2 * limits.noise
    for question in range(TABLES):
        known = least - 1 if not limits.noise else int(hospital.rng.integers(limits.minimum, least))
        draw = dice(hospital.secret, f"few {question}".encode(), limits)
        given = False
        with suppress(Refused):
            check_intermediate(known + int(hospital.dead[0]), 0, limits, draw)
            given = True
        told += (1 if given else -1) + (_refused(known, limits) - 0.5) * 2
    return told


def _refused(known: int, limits: Limits) -> float:
    """How likely so many persons, and half a person more, are refused."""
    if not limits.noise:
        return 0.5
    faces = 2 * limits.noise + 1
    thrown = np.convolve(np.ones(faces), np.ones(faces)) / faces**2  # the sum of two dice, from -2 noise on
    need = limits.minimum + 2 * limits.noise - known + 2 * limits.noise
    return float(thrown[:need].sum() + thrown[: need - 1].sum()) / 2


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
    "two datasets that both hold the target": datasets,
    "difference of tables as they are shown": shown,
    "so few persons that the node may refuse": refusals,
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
