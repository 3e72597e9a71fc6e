"""Tables and images of one person, held against each other."""

from datetime import date
from typing import Any

import pytest

from hanse.domains import VOCABULARY
from hanse.node.agreement import AGE, NO_IMAGES, NO_TABLE, SEX, disagreements
from hanse.node.prepared import Known
from hanse.node.timeline import Timeline

LINE = Timeline(date(2019, 1, 1), None)


def person(**values: Any) -> dict[str, list[dict[str, Any]]]:
    return {"person": [{"values": values, "dates": {}}]}


def image(sex: str = "F", age: int | None = None, day: str = "2019-01-01") -> dict[str, Any]:
    return {"values": {"patient_age": age}, "dates": {"day": day}, "sex": sex}


@pytest.mark.parametrize(
    ("told", "images", "found"),
    [
        (person(sex="female", age=60), [image("F", 60)], []),
        (person(sex="male"), [image("F")], [SEX]),
        (person(sex="female"), [image("F"), image("M")], [SEX]),
        (person(sex="female"), [image("")], []),
        (person(age=60), [image(age=66)], [AGE]),
        (person(age=60), [image(age=61)], []),
        (person(age=60), [image(age=66, day="2025-01-01")], []),
        (person(age=60), [image(age=60, day="2025-01-01")], [AGE]),
        ({}, [image()], []),
        ({"condition": [{"values": {}, "dates": {}}]}, [image()], [NO_TABLE]),
        (person(sex="female"), [], [NO_IMAGES]),
    ],
)
def test_what_contradicts_is_found_and_what_is_unknown_contradicts_nothing(
    told: dict, images: list, found: list
) -> None:
    assert list(disagreements(Known(0, "", told, images, LINE), VOCABULARY)) == found
