"""Words are found however they are written, by their start, all together, and the better match comes first."""

import pytest

from hanse.hub.fulltext import FullText

TEXTS = [
    ("Breast MR of Turku", "Cancer du sein"),
    ("Lung CT", "Cancer du poumon; Größe"),
    ("Brain", "treated after breast cancer"),
]
INDEX = FullText(TEXTS, (10, 1))


def found(text: str) -> list[int]:
    mask, scores = INDEX.find(text)
    return sorted((row for row in range(len(TEXTS)) if mask[row]), key=lambda row: -scores[row])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("breast", [0, 2]),
        ("BREAST cancer", [0, 2]),
        ("SEIN", [0]),
        ("größe", [1]),
        ("GROSSE", [1]),
        ("canc", [0, 1, 2]),
        ("cancer du poumon", [1]),
        ("breast lung", []),
        ("du", [0, 1]),
        ('"*:^-', []),
        ("a AND b OR NEAR(", []),
        ("", [0, 1, 2]),
    ],
)
def test_a_search_finds(text: str, rows: list[int]) -> None:
    assert sorted(found(text)) == sorted(rows)


def test_a_title_is_worth_more_than_a_description_and_a_word_more_than_its_start() -> None:
    assert found("breast") == [0, 2]
    index = FullText([("brainstem",), ("brain",)], (1,))
    assert index.find("brain")[1].argmax() == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("brest", "breast"),
        ("braest", "breast"),
        ("breastt mr", "breast mr"),
        ("bryyst", ""),
        ("zz lung", ""),
        ("lung", ""),
    ],
)
def test_a_word_with_one_wrong_letter_has_a_suggestion(text: str, meant: str) -> None:
    assert INDEX.meant(text) == meant


def test_an_index_of_nothing_finds_nothing() -> None:
    assert not FullText([], (1,)).find("breast")[0].any()
    assert FullText([], (1,)).meant("breast") == ""
