"""One question to a real hub and real nodes: whoever asks, and in whatever way, gets the same truthful answer."""

import json
import re

import httpx
import pytest

from hanse.cli import main
from hanse.client import Hanse
from hanse.core.answer import DatasetAnswer, NodeState, Rule

QUESTION = "image.modality = 'MR' AND condition.cancer_type = 'breast' AND person.age >= 50"
PUBLIC = 400 * 30 // 50  # 30 of the 50 years of age are from 50 on


def by_name(url: str, question: str = QUESTION) -> dict[str, DatasetAnswer]:
    return {one.name: one for node in Hanse(url).search(question) for one in node.datasets}


def test_public_data_are_counted_exactly(federation: str) -> None:
    counts = by_name(federation)["breast-mr"].counts
    assert (counts.rule, counts.persons, counts.studies, counts.series) == (
        Rule.EXACT,
        PUBLIC,
        PUBLIC,
        PUBLIC,
    )


def test_protected_data_are_not(federation: str) -> None:
    counts = by_name(federation)["screening"].counts
    assert counts.rule is Rule.ROUNDED
    assert counts.persons is not None
    assert abs(counts.persons - 900 * 30 // 50) < 150


def test_a_dataset_that_cannot_apply_a_criterion_says_which_and_is_not_counted(federation: str) -> None:
    answer = by_name(federation)["any-mr"]
    assert answer.counts.rule is Rule.NOT_COUNTED
    states = {one.criterion: one.state.value for one in answer.criteria}
    assert states["condition.cancer_type = 'breast'"] == "unsupported"
    assert states["image.modality = 'MR'"] == "applied"


def test_a_node_that_is_silent_is_a_row_of_the_answer(federation: str) -> None:
    states = {node.name: node.state for node in Hanse(federation).search(QUESTION)}
    assert states["Hospital Ghent"] in (NodeState.OFFLINE, NodeState.LATE)
    assert states["Public archive"] is states["Hospital Turku"] is NodeState.ANSWERED


def test_python_http_the_command_line_and_the_page_give_the_same_numbers(
    federation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    totals = Hanse(federation).search(QUESTION).totals
    http = httpx.post(
        f"{federation}/api/v1/search", json={"question": QUESTION}, trust_env=False, timeout=30
    ).json()
    with pytest.raises(SystemExit):
        main(["search", QUESTION, "--hub", federation, "--json"])
    command = json.loads(capsys.readouterr().out)
    asked = {"q": QUESTION, "live": "no"}
    page = httpx.get(f"{federation}/en/cohort", params=asked, trust_env=False, timeout=30).text
    figures = [int(one.replace(",", "")) for one in re.findall(r'class="value">~([\d,]+)', page)]
    assert http["totals"] == command["totals"]
    assert figures == [totals.persons, totals.studies, totals.series]
    assert figures == [http["totals"][unit] for unit in ("persons", "studies", "series")]


def test_a_question_with_a_mistake_is_refused_by_the_hub_at_its_place(federation: str) -> None:
    body = {"question": "image.modalty = 'MR'"}
    answer = httpx.post(f"{federation}/api/v1/search", json=body, trust_env=False)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["at"]) == ("/problems/bad-question", 1)


def test_datasets_are_in_the_catalogue_with_their_node(federation: str) -> None:
    found = {one["name"]: one for one in Hanse(federation).datasets()}
    assert found["breast-mr"]["node_name"] == "Public archive"
    assert found["breast-mr"]["counts"]["persons"] == 400
    assert "condition.cancer_type" not in found["any-mr"]["fields"]
