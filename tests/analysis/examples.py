"""Persons to analyse: a table of any size, parts of it, and parameters for each method."""

from collections.abc import Sequence

import numpy as np

from hanse.analysis.data import Coded, Numbers, Table

SEX = ("female", "male", "other")
STAGE = ("0", "I", "II", "III", "IV")
STATUS = ("alive", "dead")

PARAMETERS = {
    "describe": {
        "variables": [
            {"field": "person.sex"},
            {"field": "person.age", "edges": [0, 40, 50, 60, 70, 80, 120]},
        ]
    },
    "crosstab": {
        "rows": {"field": "condition.stage_group", "values": ["I", "II", "III", "IV"]},
        "columns": {"field": "person.sex", "values": ["female", "male"]},
    },
    "histogram": {"variable": {"field": "person.age", "edges": [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 120]}},
    "kaplan_meier": {
        "until": "person.last_contact",
        "event": "person.vital_status",
        "happened": ["dead"],
        "grid": [0, 90, 180, 365, 730, 1825],
        "groups": {"field": "person.sex", "values": ["female", "male"]},
    },
}


def people(count: int, seed: int = 7, missing: float = 0.05) -> Table:
    """Persons who do not exist; `missing` is the share of values that nobody knows."""
    chance = np.random.default_rng(seed)

    def coded(names: Sequence[str], weights: Sequence[float]) -> Coded:
        places = chance.choice(len(names), count, p=np.array(weights) / sum(weights))
        return Coded(np.where(chance.random(count) < missing, -1, places).astype(np.int16), tuple(names))

    def numbers(values: np.ndarray) -> Numbers:
        return Numbers(np.where(chance.random(count) < missing, np.nan, np.floor(values)))

    return Table(
        count,
        {
            "person.sex": coded(SEX, [50, 48, 2]),
            "person.age": numbers(chance.normal(63, 13, count).clip(0, 119)),
            "condition.stage_group": coded(STAGE, [1, 30, 30, 25, 14]),
            "person.vital_status": coded(STATUS, [60, 40]),
            "person.last_contact": numbers(chance.exponential(700, count)),
        },
    )


def part(table: Table, chosen: np.ndarray) -> Table:
    """The persons of a table at these places."""
    columns = {
        name: Coded(one.places[chosen], one.names) if isinstance(one, Coded) else Numbers(one.values[chosen])
        for name, one in table.columns.items()
    }
    return Table(len(chosen), columns)


def split(table: Table, parts: int, seed: int = 3) -> list[Table]:
    """The same persons at several nodes, of which some may hold nobody."""
    node = np.random.default_rng(seed).integers(0, parts, table.persons)
    return [part(table, np.flatnonzero(node == at)) for at in range(parts)]
