"""`hanse node describe`: asked once, written down, checked, published, shown as a record."""

import json
from pathlib import Path

import pytest
from rdflib import DCTERMS, Graph
from tests.cli.test_node import home, published, run  # noqa: F401  (fixtures)

from hanse.core.errors import BadInput
from hanse.node import describe
from hanse.node.store import Store

ANSWERS = [
    "en fr",  # languages
    "Breast MR",
    "IRM du sein",
    "Women of a screening programme.",
    "",
    "breast, MR",
    "",
    "brest",  # no cancer type: asked again
    "breast",
    "FI",
    "Example hospital",
    "nobody",  # no address: asked again
    "data@hospital.example",
    "",
    "",
    "",  # no contact
    "",  # no access body
    "EHRS",
    "",
    "CC-BY-4.0",
    "From the archive.",
    "",
    "",
    "",
    "SPEC1000003",
    "2015",
    "2025",
    "",
]


def test_what_is_missing_is_asked_for_and_written_to_a_file(home: Path) -> None:  # noqa: F811
    run(home, "prepare", str(home.parent / "files"), "--dataset", "breast")
    asked = run(home, "describe", "breast", given="\n".join([*ANSWERS, ""]))
    assert "'brest' is not a cancer type of the vocabulary. Write: breast, if you meant that" in asked.stderr
    assert "'nobody' is not an e-mail address" in asked.stderr
    assert "EHRS  Electronic health records" in asked.stderr
    assert "A full record of health data lacks access_body." in asked.stderr
    assert asked.stdout == f"Written to {describe.path_of(home, 'breast')}.\n"
    said = describe.load(describe.path_of(home, "breast"), "breast").description
    assert said.title == {"en": "Breast MR", "fr": "IRM du sein"}
    assert (said.keywords, said.provenance) == ({"en": ("breast", "MR")}, {"en": "From the archive."})
    assert said.holder is not None
    again = run(home, "describe", "breast", given="\n" * 20)
    assert "What the dataset is called" not in again.stderr


def test_a_file_describes_what_is_published(published: Path) -> None:  # noqa: F811
    path = describe.path_of(published, "lung")
    path.parent.mkdir()
    path.write_text("title: {en: Lung CT, fr: Scanner du poumon}\ncategories: [EHRS]\n")
    result = run(published, "publish", "lung")
    assert "A full record of health data lacks about.en, access_body, contact" in result.stderr
    assert result.stderr.endswith(f"Next: hanse node describe lung (--home {published})\n")
    (one,) = Store(published).live()
    assert (one.description.title["fr"], one.description.country) == ("Scanner du poumon", "")
    with pytest.raises(BadInput, match="describes lung"):
        run(published, "publish", "lung", "--title", "Other")


def test_a_mistake_forbids_publishing_and_is_named_by_its_line(published: Path) -> None:  # noqa: F811
    path = describe.path_of(published, "lung")
    path.parent.mkdir()
    path.write_text("title: Lung CT\n\ncountry: Finland\n")
    with pytest.raises(BadInput, match=r"lung\.yaml, line 3: country: 'Finland' is not a country"):
        run(published, "publish", "lung")
    with pytest.raises(BadInput, match="1 thing to mend in lung"):
        run(published, "describe", "lung", "--check")
    path.unlink()
    with pytest.raises(BadInput, match="'fi' is not a country"):
        run(published, "publish", "lung", "--country", "fi")


def test_a_file_is_only_checked(published: Path) -> None:  # noqa: F811
    path = published / "mine.yaml"
    path.write_text("title: Lung CT\n")
    checked = run(published, "describe", "lung", "--check", "--file", str(path))
    assert (
        "missing: mine.yaml: about.en: It is missing from a HealthDCAT-AP record. Write: a few"
        in checked.stdout
    )
    assert path.read_text() == "title: Lung CT\n"


@pytest.mark.parametrize(("option", "format"), [("--turtle", "turtle"), ("--json-ld", "json-ld")])
def test_the_record_is_printed(published: Path, option: str, format: str) -> None:  # noqa: F811
    path = describe.path_of(published, "lung")
    path.parent.mkdir()
    path.write_text("title: {fr: Scanner du poumon}\n")
    graph = Graph().parse(data=run(published, "describe", "lung", option).stdout, format=format)
    assert {str(one) for one in graph.objects(None, DCTERMS.title)} >= {"Scanner du poumon"}
    path.unlink()
    assert "Scanner" not in run(published, "describe", "lung", option).stdout
    with pytest.raises(BadInput, match="No such file"):
        run(published, "describe", "nothing", option)


def test_a_description_that_changes_makes_no_version(published: Path) -> None:  # noqa: F811
    path = describe.path_of(published, "lung")
    path.parent.mkdir()
    path.write_text("title: Other\n")
    body = json.loads(run(published, "publish", "lung", "--json").stdout)
    assert (body["version"], body["changed"]) == ("lung@1", False)
    assert Store(published).live()[0].description.title == {"en": "Other"}
