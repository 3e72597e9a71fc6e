"""The languages of the portal are complete."""

import re

import pytest

from hanse.web import reading
from hanse.web.language import LANGUAGES, SOURCE, catalogue, missing, source, speaking, updated
from hanse.web.saying import ago, country, day, number, size, spoken, tongue

OTHERS = [language for language in LANGUAGES if language != SOURCE]
FREE = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    left = [message.id for message in missing(language)]
    assert left == [], "run: python -m hanse.web.language, and translate what it names"


@pytest.mark.parametrize("language", OTHERS)
def test_translations_fill_in_the_same_names(language: str) -> None:
    for message in updated(language):
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(FREE.findall(texts[-1]))
        assert all(not text or set(FREE.findall(text)) <= wanted for text in said), message.id
        assert not said[-1] or set(FREE.findall(said[-1])) == wanted, message.id


@pytest.mark.parametrize("language", OTHERS)
def test_the_file_of_translations_is_as_the_command_writes_it(language: str) -> None:
    known = {message.id for message in catalogue(language)}
    assert {message.id for message in source()} <= known, "run: python -m hanse.web.language"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*reading.GUIDES, "glossary", "accessibility"])
def test_every_text_to_read_is_there_in_every_language(language: str, name: str) -> None:
    text, english = reading.read(name, language), reading.read(name, SOURCE)
    assert text.title
    assert len(text.parts) == len(english.parts)


@pytest.mark.parametrize("version", reading.versions())
def test_every_version_of_the_rules_says_as_much_in_every_language(version: str) -> None:
    lines = {len(reading.rules(version, language).splitlines()) for language in LANGUAGES}
    assert len(lines) == 1


def test_the_glossary_of_the_page_is_that_of_the_repository() -> None:
    ours = (reading._CONTENT / "en" / "glossary.md").read_text(encoding="utf-8")
    root = reading._CONTENT.parents[3]
    assert ours == (root / "GLOSSARY.md").read_text(encoding="utf-8"), (
        "copy GLOSSARY.md to content/en/glossary.md"
    )


@pytest.mark.parametrize("language", OTHERS)
def test_the_glossary_has_every_word_in_every_language(language: str) -> None:
    english = re.findall(r"^\| \*\*(.+?)\*\*", (reading._CONTENT / "en/glossary.md").read_text(), re.M)
    other = re.findall(r"\| ([^|]+) \|$", (reading._CONTENT / language / "glossary.md").read_text(), re.M)
    assert set(other) - {"anglais", "---"} == set(english)


def test_numbers_dates_and_names_follow_the_language() -> None:
    with speaking("fr"):
        assert number(1204567) == "1\u202f204\u202f567"
        assert day("2026-11-22T06:30:00.000Z") == "22 novembre 2026"
        assert country("FI") == "Finlande"
        assert tongue("fr-BE") == "français (Belgique)"
        assert spoken({"en": "Breast", "fr": "Sein"}) == "Sein"
        assert ago(None) == "jamais"
    assert number(1204567) == "1,204,567"
    assert day("2026-11") == "November 2026"
    assert day("soon") == "soon"
    assert size(1_234_567) == "1.2 MB"
    assert tongue("no such tongue") == "no such tongue"
    assert spoken({"fr": "Sein"}) == "Sein"


def test_a_text_in_another_language_says_which() -> None:
    from hanse.web.saying import spoken_in

    assert spoken_in({"fr": "Sein"}) == ("fr", "Sein")
    assert spoken_in({}) == ("", "")
