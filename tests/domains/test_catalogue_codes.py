"""The code lists with which datasets are described: complete, in two languages, and those of their authorities."""

import csv
from pathlib import Path

import pytest

from hanse.domains.catalogue import WORDS

OWN = ("category", "country", "frequency", "language", "theme", "use_condition")


@pytest.mark.parametrize("name", OWN)
def test_every_code_has_a_label_in_english_and_french(name: str) -> None:
    for code in WORDS[name].codes.values():
        assert code.label["en"]
        assert code.label["fr"]


@pytest.mark.parametrize("name", ["country", "language"])
def test_countries_and_languages_have_the_codes_of_the_union(name: str) -> None:
    foreign = [code.systems["authority"] for code in WORDS[name].codes.values()]
    assert all(len(one) == 3 and one.isupper() for one in foreign)
    assert len(set(foreign)) == len(foreign)


@pytest.mark.shared
def test_the_codes_are_those_of_their_authorities(shared: Path) -> None:
    folder = shared / "metadata"
    rows = csv.DictReader((folder / "health-category.csv").read_text().splitlines())
    categories = {row["code"]: row["ehds_article"].rpartition("(")[2].rstrip(")") for row in rows}
    assert {one.code: one.systems["article"] for one in WORDS["category"].codes.values()} == categories
    assert set(WORDS["theme"].codes) == set((folder / "health-theme.txt").read_text().split())
    duo = {
        row["id"]: row["shorthand"] for row in csv.DictReader((folder / "duo.csv").read_text().splitlines())
    }
    short = {one.code: one.synonyms[0] for one in WORDS["use_condition"].codes.values()}
    assert short == {id: name for id, name in duo.items() if name}
