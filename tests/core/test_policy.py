"""The numbers of a policy: what they may be, and what follows from them."""

import pytest

from hanse.core.errors import BadInput
from hanse.core.policy import Policy


@pytest.mark.parametrize("wrong", [{"threshold": 1}, {"rounding": 0}, {"variance": -1}, {"grid_ms": 0}])
def test_a_policy_that_would_protect_nobody_cannot_be_made(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        Policy(**wrong)  # type: ignore[arg-type]


def test_more_questions_need_more_noise_and_withhold_more() -> None:
    few, many = Policy(distinct_share=0.05), Policy(distinct_share=0.5, distinct_most=1000)
    assert few.noise(600) < many.noise(600)
    assert few.floor(600) < many.floor(600)


def test_no_released_number_stands_for_fewer_than_the_threshold_whatever_the_noise() -> None:
    for persons in (50, 600, 100_000):
        policy = Policy()
        assert policy.floor(persons) - 2 * policy.noise(persons) >= policy.threshold
