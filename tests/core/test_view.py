"""A view of the catalogue and its address say the same, and no address breaks a view."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from hanse.core.view import FACETS, MAX_PAGE, MAX_SIZE, MAX_TEXT, MAX_VALUES, Sort, View, clean, parse

PAIRS = st.lists(
    st.tuples(st.sampled_from([*FACETS, "q", "sort", "page", "size", "whole", "zeros", "x"]), st.text())
)
TEXT = st.text(max_size=MAX_TEXT).map(lambda text: clean(text, MAX_TEXT))
CHOSEN = st.dictionaries(st.sampled_from([*FACETS]), st.lists(st.text(max_size=20), max_size=4))
VIEWS = st.builds(
    View,
    text=TEXT,
    sort=st.sampled_from(Sort),
    zeros=st.booleans(),
    whole=st.sampled_from(["", *FACETS]),
    size=st.integers(1, MAX_SIZE),
)


@given(VIEWS, CHOSEN, st.integers(1, MAX_PAGE))
def test_an_address_says_the_view_that_it_was_made_from(
    plain: View, chosen: dict[str, list[str]], page: int
) -> None:
    view = plain.choosing(chosen).on(page)
    assert parse(parse_qsl(view.address())) == (view, ())


@given(PAIRS)
def test_whatever_is_sent_there_is_a_view_within_bounds(pairs: list[tuple[str, str]]) -> None:
    view, unknown = parse(pairs)
    assert len(view.text) <= MAX_TEXT
    assert 1 <= view.page <= MAX_PAGE
    assert 1 <= view.size <= MAX_SIZE
    assert all(0 < len(values) <= MAX_VALUES for values in view.chosen.values())
    assert set(unknown) <= {"x"}
    assert parse(parse_qsl(view.address()))[0] == view


def test_what_says_nothing_here_is_named_and_otherwise_ignored() -> None:
    view, unknown = parse(
        [("colour", "red"), ("page", "minus one"), ("sort", "price"), ("dataset", "x")], also={"dataset"}
    )
    assert (view, unknown) == (View(), ("colour",))


def test_a_value_is_chosen_and_let_go_on_the_first_page() -> None:
    view = View(text="brain", page=3).toggled("modality", "MR").toggled("modality", "CT")
    assert view.address() == "q=brain&modality=CT&modality=MR"
    assert view.toggled("modality", "CT").chosen == {"modality": ("MR",)}
    assert view.toggled("modality", "CT").toggled("modality", "MR") == View(text="brain")


def test_control_characters_and_line_breaks_are_no_part_of_a_search() -> None:
    assert parse([("q", " a\x00b\u202e\nc  d ")])[0].text == "a b c d"
