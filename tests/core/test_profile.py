"""What a description must say, and what it must not."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core.profile import EUCAIM, HEALTH, Facts, Finding, check, forbidding
from hanse.core.record import Agent, Description, Period, Rights, english
from hanse.domains.catalogue import WORDS

FULL = Description(
    name="breast-mr",
    title={"en": "Breast MR, 2015 to 2025", "fr": "IRM du sein, 2015 à 2025"},
    about={"en": "Women who came to screening, with their MR series and lesions."},
    keywords={"en": ("breast", "MR"), "fr": ("sein",)},
    license="CC-BY-4.0",
    link="https://hospital.example/breast",
    documentation=("https://hospital.example/breast/guide",),
    country="FI",
    cancer_types=("breast",),
    languages=("fi", "en"),
    holder=Agent("Hospital", "data@hospital.example", "", "https://hospital.example", "FI"),
    contact=Agent("Data office", page="https://hospital.example/contact"),
    access_body=Agent("Health data authority", "permits@authority.example", country="FI"),
    categories=("EHRS", "EMRD"),
    themes=("CANCER_DISEASE",),
    legal_bases=("eu-gdpr:A9-2-j",),
    purposes=("dpv:ScientificResearch",),
    personal_data=("pd:MedicalHealth",),
    conditions=("DUO:0000042", "DUO:0000046"),
    provenance=english("Taken from the archive, and de-identified there."),
    population=english("Women of 40 to 70 years in one region."),
    collection=("SPEC1000003",),
    collected=Period("2015", "2025-06"),
    kept=Period(end="2040-12-31"),
    frequency="ANNUAL",
    conforms_to=("https://www.dicomstandard.org/",),
    identifiers=("10.5281/zenodo.123", "https://doi.org/10.5281/zenodo.124"),
    citation="A study of breasts. Journal, 2026.",
)
MINIMAL = Description("breast-mr", english("Breast MR"))


def found(said: Description, rights: Rights = Rights.NON_PUBLIC, **facts: Any) -> tuple[Finding, ...]:
    return check(said, Facts(rights, **facts), WORDS)


@pytest.mark.parametrize("rights", Rights)
def test_nothing_is_wrong_with_a_full_description(rights: Rights) -> None:
    assert found(FULL, rights) == ()


@pytest.mark.parametrize("rights", Rights)
def test_a_name_and_a_title_are_enough_to_publish(rights: Rights) -> None:
    assert forbidding(found(MINIMAL, rights)) == ()
    assert found(MINIMAL, rights)


MANDATORY = {
    "about": {},
    "categories": (),
    "access_body": None,
    "keywords": {},
    "provenance": {},
    "holder": None,
    "collection": (),
    "cancer_types": (),
}


@pytest.mark.parametrize(("member", "nothing"), MANDATORY.items())
@pytest.mark.parametrize("rights", Rights)
def test_what_a_profile_demands_is_named_when_it_is_missing(
    member: str, nothing: Any, rights: Rights
) -> None:
    (one,) = found(replace(FULL, **{member: nothing}), rights)
    assert (one.member.partition(".")[0], one.forbids) == (member, False)
    assert one.hint


def test_only_data_that_are_not_public_need_a_contact_in_healthdcat_ap() -> None:
    said = replace(FULL, contact=None, holder=None)
    assert [(one.member, one.profile) for one in found(said)] == [("contact", HEALTH), ("holder", EUCAIM)]
    assert {one.profile for one in found(said, Rights.PUBLIC)} == {EUCAIM}


def test_the_holder_answers_questions_when_nobody_else_does() -> None:
    assert found(replace(FULL, contact=None)) == ()


def test_data_without_images_need_nothing_that_eucaim_says_of_images() -> None:
    said = replace(FULL, collection=(), cancer_types=())
    assert found(said, kinds=frozenset({"person"})) == ()


WRONG = [
    ("name", {"name": "Breast MR"}),
    ("title", {"title": {}}),
    ("title.en", {"title": english("  ")}),
    ("title.klingon", {"title": {"en": "a", "klingon": "b"}}),
    ("about.fr", {"about": {"en": "a", "fr": " "}}),
    ("keywords.fr", {"keywords": {"en": ("a",), "fr": ()}}),
    ("license", {"license": "free for all"}),
    ("license", {"license": "CC-BY-4.0, none"}),
    ("link", {"link": "javascript:alert(1)"}),
    ("link", {"link": "https://a b"}),
    ("link", {"link": "https:///path"}),
    ("documentation.2", {"documentation": ("https://a.example", "b")}),
    ("country", {"country": "XX"}),
    ("country", {"country": "fi"}),
    ("cancer_types.1", {"cancer_types": ("brest",)}),
    ("languages.1", {"languages": ("English",)}),
    ("categories.2", {"categories": ("EHRS", "IMAGES")}),
    ("themes.1", {"themes": ("CANCER",)}),
    ("conditions.1", {"conditions": ("GRU",)}),
    ("frequency", {"frequency": "yearly"}),
    ("legal_bases.1", {"legal_bases": ("consent",)}),
    ("purposes.1", {"purposes": ("dpv:<b>",)}),
    ("collection.1", {"collection": ("prospective",)}),
    ("identifiers.1", {"identifiers": ("12",)}),
    ("holder.name", {"holder": Agent("", "a@b.example")}),
    ("holder.email", {"holder": Agent("A")}),
    ("contact.email", {"contact": Agent("A", "nobody")}),
    ("contact.email", {"contact": Agent("A", "a@b.example>, <c@d.example")}),
    ("access_body.page", {"access_body": Agent("A", page="ftp://a.example")}),
    ("holder.country", {"holder": Agent("A", "a@b.example", country="Finland")}),
    ("collected.start", {"collected": Period("2015-13")}),
    ("collected.start", {"collected": Period("last year")}),
    ("collected.end", {"collected": Period("2016", "2015")}),
    ("kept", {"kept": Period()}),
    ("kept.end", {"kept": Period(end="2023-02-29")}),
]


@pytest.mark.parametrize(("member", "change"), WRONG)
def test_what_is_wrong_forbids_publishing_and_is_named_with_what_to_write(
    member: str, change: dict[str, Any]
) -> None:
    (one,) = forbidding(found(replace(FULL, **change)))
    assert one.member == member
    assert one.detail.endswith(".")
    assert one.hint


def test_a_slip_gets_the_word_that_was_meant() -> None:
    (one,) = forbidding(found(replace(FULL, cancer_types=("brest cancer",))))
    assert one.hint.startswith("breast, if you meant that")


TEXT = st.text(max_size=30)
LINES = st.lists(TEXT, max_size=3).map(tuple)


@given(st.sampled_from(["license", "link", "country", "frequency"]), TEXT, LINES)
@settings(max_examples=100)
def test_no_text_breaks_the_check(member: str, text: str, lines: tuple[str, ...]) -> None:
    said = replace(
        FULL, **{member: text}, categories=lines, identifiers=lines, holder=Agent(text, text, text)
    )
    for one in found(said):
        assert one.member
