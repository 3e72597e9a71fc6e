"""The file in which a data manager describes a dataset: what it may hold, and how mistakes are said."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.records import NASTY
from tests.core.test_profile import FULL, MINIMAL

from hanse.core import profile
from hanse.core.errors import BadInput
from hanse.core.profile import Facts
from hanse.core.record import Agent, Description, Rights, english
from hanse.domains.catalogue import WORDS
from hanse.node import describe
from hanse.node.members import MEMBERS

FACTS = Facts()


def wrong(tmp_path: Path, text: str) -> list[str]:
    """What is said to be wrong in a file."""
    path = tmp_path / "breast.yaml"
    path.write_text(text, encoding="utf-8")
    written = describe.load(path, "breast")
    return [f"{written.place(one)}: {describe.sentence(one)}" for one in written.check(FACTS) if one.forbids]


def test_every_member_of_a_description_can_be_written() -> None:
    assert set(MEMBERS) == {one.name for one in fields(Description)} - {"name"}


@pytest.mark.parametrize("said", [FULL, MINIMAL])
def test_what_is_written_is_read_again(tmp_path: Path, said: Description) -> None:
    path = describe.path_of(tmp_path, said.name)
    describe.save(path, said)
    assert describe.load(path, said.name).description == said
    assert set(describe.load(path, said.name).check(FACTS)) == set(profile.check(said, FACTS, WORDS))


def test_every_example_can_be_used_as_it_stands(tmp_path: Path) -> None:
    assert wrong(tmp_path, "\n".join(one.example_line for one in MEMBERS.values())) == []
    describe.save(tmp_path / "empty.yaml", MINIMAL)
    shown = (tmp_path / "empty.yaml").read_text()
    assert all(f"\n# {one.example_line}\n" in shown for one in MEMBERS.values() if one.name != "title")


def test_a_text_is_english_and_one_word_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "title: Breast MR\nkeywords: [breast, MR]\ncategories: EHRS\ncountry: NO\nsynthetic: yes\n"
    )
    said = describe.load(path, "a").description
    assert (said.title, said.keywords) == ({"en": "Breast MR"}, {"en": ("breast", "MR")})
    assert (said.categories, said.country, said.synthetic) == (("EHRS",), "NO", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: A\ncountry: Finland", "breast.yaml, line 2: country: 'Finland' is not a country."),
        (
            "title: A\nholder:\n  name: B\n  email: nobody",
            "line 4: holder.email: 'nobody' is not an e-mail address.",
        ),
        ("title: A\nholder:\n  name: B", "line 2: holder.email: It cannot be reached."),
        (
            "title: A\ncategories:\n- EHRS\n- IMAGES",
            "line 4: categories.2: 'IMAGES' is not a category of Article 51.",
        ),
        ("titel: A", "line 1: titel: There is no member 'titel'. Write: title, if you meant that."),
        ("title: [A]", "line 1: title: It is not one text."),
        ("title: A\nholder: B", "line 2: holder: It is not something with the members name, email"),
        ("title: A\nrights: open", "line 2: rights: It is not one of PUBLIC, RESTRICTED, NON_PUBLIC."),
        ("title: A\nsynthetic: maybe", "line 2: synthetic: It is not yes or no."),
        ("title: A\nkept: {end: soon}", "line 2: kept.end: 'soon' is no date."),
        ("title: A\nabout:\n  klingon: b", "line 3: about.klingon: 'klingon' is no language."),
        ("- a", "breast.yaml: It is no list of members."),
        ("about: b", "breast.yaml: title: There is no title."),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(wrong(tmp_path, text))


def test_more_than_the_catalogue_takes_is_wrong(tmp_path: Path) -> None:
    (one,) = wrong(tmp_path, f"title: A\nabout: {'x' * 20_000}")
    assert "10000 characters" in one


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"breast\.yaml, line 2: .*end of stream"):
        wrong(tmp_path, "title: A\nabout: 'b")
    with pytest.raises(BadInput, match="No such file"):
        describe.load(tmp_path / "nothing.yaml", "nothing")


def test_nothing_wrong_is_let_through_and_much_of_it_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "breast.yaml"
    path.write_text("title: A\ncountry: X\nlink: b\nfrequency: c\nlicense: d\nthemes: [e]")
    with pytest.raises(BadInput, match=r"line 4.*And 2 more") as caught:
        describe.forbid(describe.load(path, "breast"), FACTS)
    assert "--check" in caught.value.hint


def test_a_text_with_html_stays_a_text(tmp_path: Path) -> None:
    said = replace(MINIMAL, about=english("<b onclick='x'>\"Bold\"</b>\n\n- &amp; *more*: #1"))
    describe.save(tmp_path / "a.yaml", said)
    assert describe.load(tmp_path / "a.yaml", said.name).description == said


@given(st.text(max_size=40) | st.just(NASTY))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_said_can_be_written(tmp_path: Path, text: str) -> None:
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    said = replace(
        MINIMAL, title={"en": text or "x"}, holder=Agent(text or "x"), citation=text, rights=Rights.PUBLIC
    )
    describe.save(tmp_path / "a.yaml", said)
    assert describe.load(tmp_path / "a.yaml", said.name).description == said
