"""Analyses: the steps of 27 nodes with 10 000 persons each, their merge, and what may be shown of large tables."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from hanse.analysis import METHODS
from hanse.analysis.data import Coded, Numbers, Table
from hanse.core.release import Limits, cross
from hanse.domains import VOCABULARY

NODES, PERSONS = 27, 10_000
RELEASE_MS = 50
LIMITS = Limits()

PARAMETERS: dict[str, Any] = {
    "describe": {
        "variables": [
            {"field": "person.age", "edges": list(range(0, 121, 5))},
            {"field": "condition.stage_group"},
        ]
    },
    "crosstab": {
        "rows": {"field": "condition.stage_group"},
        "columns": {"field": "person.age", "edges": [0, 40, 50, 60, 70, 80, 120]},
    },
    "histogram": {"variable": {"field": "person.age", "edges": list(range(121))}},
    "kaplan_meier": {
        "until": "person.last_contact",
        "event": "person.vital_status",
        "happened": ["dead"],
        "grid": list(range(0, 3651, 30)),
        "groups": {"field": "condition.stage_group"},
    },
}


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Milliseconds of a node's step, of a merge, and of making tables that may be shown; of each the median of runs."""
    nodes, persons = (3, 500) if small else (NODES, PERSONS)
    tables = [people(persons, seed) for seed in range(nodes)]
    found = []
    for name, body in PARAMETERS.items():
        method = METHODS[name]
        parameters = method.read(body, VOCABULARY)
        parts = [method.step(table, parameters) for table in tables]
        at_node = median_ms(lambda: method.step(tables[0], parameters))  # noqa: B023 - called before it changes
        at_hub = median_ms(
            lambda: method.release(method.merge(parts, parameters), parameters, LIMITS)  # noqa: B023
        )
        found.append(row(f"{name}: a step over {persons} persons", at_node))
        found.append(row(f"{name}: merging and releasing {nodes} steps", at_hub))
    for mean in (12, 200):
        chance = np.random.default_rng(mean)
        counts = chance.poisson(mean * chance.gamma(1, 1, (100, 100)))
        taken = median_ms(lambda: cross(counts, LIMITS, ordered=(False, False)))  # noqa: B023
        name = f"disclosure control of a 100 x 100 table, {int((counts < 10).sum())} small cells"
        found.append(row(name, taken, RELEASE_MS))
    return found


def people(count: int, seed: int) -> Table:
    """Persons who do not exist."""
    chance = np.random.default_rng(seed)
    stages = VOCABULARY.fields["condition.stage_group"].codes
    assert stages is not None
    return Table(
        count,
        {
            "person.age": Numbers(np.floor(chance.normal(63, 13, count).clip(0, 119))),
            "person.last_contact": Numbers(np.floor(chance.exponential(900, count))),
            "person.vital_status": Coded(chance.integers(-1, 2, count).astype(np.int16), ("alive", "dead")),
            "condition.stage_group": Coded(
                chance.integers(-1, len(stages.codes), count).astype(np.int16), tuple(stages.codes)
            ),
        },
    )


def median_ms(act: Callable[[], object], runs: int = 9) -> float:
    """The median time of several runs, by the clock."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken)) * 1000


def row(name: str, ours: float, bar: float | None = None) -> dict[str, Any]:
    """A bar is the most milliseconds it may take."""
    return {
        "name": name,
        "ours": round(ours, 2),
        "unit": "ms",
        "bar": bar,
        "holds": None if bar is None else ours < bar,
    }


if __name__ == "__main__":
    for measured in rows():
        print(measured)
