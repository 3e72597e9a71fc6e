"""What a data holder allows askers to learn from a dataset, whatever their permits say: a small table of numbers."""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from hanse.core.errors import BadInput
from hanse.core.scope import Purpose


class Access(StrEnum):
    OPEN = "open"  # public data: exact numbers
    PROTECTED = "protected"  # numbers pass disclosure control
    NONE = "none"  # listed in the catalogue, answers no question


@dataclass(frozen=True, slots=True)
class Policy:
    """`threshold` counts persons: no number stands for fewer, and answers stay as they are until at least so many
    persons of the dataset have changed. `rounding` is the base of released counts. `grid_ms` is the step of the time
    at which answers leave.

    `distinct_share` and `distinct_most` say how many distinct questions of several criteria are answered. More
    questions need more noise: a holder who wants more exact numbers allows fewer questions. What a person risks is the
    number of answers over their variance: with `variance` for each question that is allowed, the attacks of
    benchmarks/attacks.py guess right in fewer than 60 % of cases (docs/adr/0002-disclosure.md); with less, in more.

    `analyses` is how many different tables are counted for analyses, over all permits and versions, and
    `analysis_noise` the least noise on their counts, as a permit has it (docs/adr/0015-one-ledger.md).

    `consented` are the purposes to which the persons agreed when their data were collected, each by itself; empty where
    use does not rest on consent.
    """

    access: Access = Access.PROTECTED
    threshold: int = 10
    rounding: int = 10
    distinct_share: float = 0.1  # distinct questions answered, as a share of the dataset's persons
    distinct_most: int = 100  # and never more than this
    variance: float = 2.0  # of the noise, for each question that is allowed
    grid_ms: int = 100
    analyses: int = 1000
    analysis_noise: int = 0
    consented: tuple[Purpose, ...] = ()

    def __post_init__(self) -> None:
        least = {
            "threshold": 2,
            "rounding": 1,
            "distinct_share": 0,
            "distinct_most": 0,
            "variance": 0,
            "grid_ms": 1,
            "analyses": 0,
            "analysis_noise": 0,
        }
        for name, value in least.items():
            if getattr(self, name) < value:
                raise BadInput(f"{name} of a policy must be at least {value}.")

    def questions(self, persons: int) -> int:
        """How many distinct questions of several criteria a dataset of so many persons answers."""
        return min(int(self.distinct_share * persons), self.distinct_most)

    @lru_cache(maxsize=1000)  # noqa: B019 - a policy is a value, and there are few of them
    def noise(self, persons: int) -> int:
        """The sides of the noise: each of its two dice shows -h to h with equal chance, h at least half the
        rounding. Their sum has variance 2 h (h + 1) / 3; rounding adds the square of its base over 12."""
        variance = self.variance * self.questions(persons) - self.rounding**2 / 12
        needed = (math.sqrt(1 + 6 * max(0.0, variance)) - 1) / 2
        return max(math.ceil(needed), math.ceil(self.rounding / 2))

    def floor(self, persons: int) -> int:
        """The least number that is released: whatever the noise, it stands for `threshold` persons or more."""
        return self.threshold + 2 * self.noise(persons)
