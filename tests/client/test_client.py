import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import canned

from hanse.client import Hanse, events
from hanse.core.answer import NodeState, totals
from hanse.core.errors import BadInput, BadQuestion, NotFound, Problem, Unreachable


@pytest.fixture(scope="module")
def hub(serve: Callable[..., str]) -> Iterator[Hanse]:
    with Hanse(serve(canned.hub())) as hub:
        yield hub


def test_answers_come_node_by_node_and_may_be_read_again(hub: Hanse) -> None:
    answer = hub.search(canned.QUESTION)
    assert [node.state for node in answer.waiting] == [NodeState.WAITING] * 4
    first = next(iter(answer))
    assert first == canned.ANSWERS[0]
    assert tuple(answer) == tuple(answer.nodes) == canned.ANSWERS
    assert answer.totals == totals(canned.ANSWERS)


def test_totals_wait_for_the_last_node(hub: Hanse) -> None:
    assert hub.search(canned.QUESTION).totals.nodes == 4


def test_the_table_has_a_row_for_every_dataset_and_every_silent_node(hub: Hanse) -> None:
    table = hub.search(canned.QUESTION).table()
    assert len(table) == 179 + 3 + 2
    assert table.persons.sum() == totals(canned.ANSWERS).persons
    withheld = table[table.rule == "withheld"].iloc[0]
    assert withheld[["persons", "studies", "series"]].isna().all()
    assert table[table.dataset == "pacs"].not_applied.item() == ("person.age >= 52",)
    assert list(table[table.dataset.isna()].state) == ["offline", "failed"]


def test_a_notebook_shows_an_answer_without_running_what_a_node_says(hub: Hanse) -> None:
    html = hub.search(canned.QUESTION)._repr_html_()
    assert "Duke breast cancer MRI" in html
    assert "&lt; 10" in html
    assert "<img" not in html
    assert "<script" not in html


def test_a_bad_question_is_raised_when_it_is_asked(hub: Hanse) -> None:
    with pytest.raises(BadQuestion, match="no field") as raised:
        hub.search("image.modalty = 'MR'")
    assert (raised.value.at, raised.value.hint) == (1, "Did you mean image.modality?")


def test_a_stream_that_ends_early_is_no_short_answer(hub: Hanse) -> None:
    answer = hub.search("person.sex = 'cut'")
    with pytest.raises(Unreachable, match="before all answers"):
        _ = answer.totals


def test_what_there_is_to_ask(hub: Hanse) -> None:
    assert hub.datasets() == canned.DATASETS
    assert hub.dataset("dataset_rare")["name"] == "rare"
    assert hub.nodes() == canned.NODES
    assert hub.vocabulary() == canned.VOCABULARY
    with pytest.raises(NotFound):
        hub.dataset("dataset_unknown")


def test_a_hub_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        Hanse("http://127.0.0.1:1").search("person.age > 1")


def test_what_is_no_hub_is_not_taken_for_one(hub: Hanse) -> None:
    with pytest.raises(Problem, match="not as a hub does"):
        Hanse(f"{hub.url}/elsewhere").nodes()
    with pytest.raises(BadInput):
        Hanse("hub.example.org")


@given(st.lists(st.text()), st.integers(1, 7))
def test_events_survive_any_cut_and_any_character(values: list[str], size: int) -> None:
    sent = [f": ping\n\nevent: node\r\ndata: {json.dumps(one, ensure_ascii=False)}\n\n" for one in values]
    raw = "".join(sent).encode(errors="surrogatepass")
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert list(events.read(chunks)) == [("node", one) for one in values]
