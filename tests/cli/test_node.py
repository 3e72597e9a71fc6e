"""`hanse node`: the data manager's way from files to versions, each command with what to do next."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.node.dicom import write_patients

from hanse.cli.node import node
from hanse.core.errors import BadInput, Damaged, NotSetUp, Problem
from hanse.node.store import Store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_patients(tmp_path / "files", range(2))
    return tmp_path / "node"


def run(home: Path, *words: str, given: str = "") -> Result:
    """The command's result; a `Problem` is raised, as `hanse` prints it."""
    result = CliRunner().invoke(node, [*words, "--home", str(home)], input=given)
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def published(home: Path) -> Path:
    run(home, "prepare", str(home.parent / "files"), "--dataset", "lung")
    run(home, "publish", "lung", "--title", "Lung CT", "--country", "FI")
    return home


def test_from_a_folder_to_a_version(home: Path) -> None:
    prepared = run(home, "prepare", str(home.parent / "files"), "--dataset", "lung")
    assert prepared.stdout.startswith("lung: 2 persons, 2 studies, 4 series in 12 files (12 read now, 0 gone")
    assert (home / "prepared" / "lung" / "report.html").exists()
    after = f"Next: look at the report, then hanse node publish lung (--home {home})\n"
    assert prepared.stderr.endswith(after)
    published = run(home, "publish", "lung", "--title", "Lung CT")
    assert published.stdout == "lung@1 is published: 2 persons, protected; 3 parts written, 0 kept.\n"
    assert run(home, "publish", "lung").stdout.startswith("Nothing changed since lung@1")


def test_what_is_not_said_again_stays(published: Path) -> None:
    run(published, "publish", "lung", "--access", "none")
    run(published, "publish", "lung", "--license", "CC-BY-4.0")
    (one,) = Store(published).live()
    said = one.description
    assert (said.title, said.country, said.license, one.policy.access) == (
        {"en": "Lung CT"},
        "FI",
        "CC-BY-4.0",
        "none",
    )


def test_nobody_opens_data_by_a_slip(published: Path) -> None:
    with pytest.raises(BadInput, match="becomes open: everybody gets exact numbers"):
        run(published, "publish", "lung", "--access", "open")
    assert Store(published).live()[0].policy.access == "protected"
    run(published, "publish", "lung", "--access", "open", "--yes")
    assert Store(published).live()[0].policy.access == "open"


def test_a_version_is_withdrawn_and_stays_listed(published: Path) -> None:
    run(published, "withdraw", "lung@1", "--reason", "wrong scanner")
    listed = json.loads(run(published, "status", "--json").stdout)
    assert listed["versions"][0]["state"].endswith("wrong scanner")
    assert listed["prepared"] == ["lung"]


def test_a_person_is_withdrawn_by_an_id_from_standard_input(published: Path) -> None:
    words = ("withdraw", "lung", "--person-id", "-", "--reason", "consent withdrawn")
    result = run(published, *words, given="MRN-1\n")
    assert result.stdout.startswith(
        "The person is withdrawn: version 2 is without, 1 earlier ones are tombstones."
    )
    assert "MRN-1" not in result.output
    assert Store(published).live()[0].manifest.persons == 1


def test_verify_says_what_is_damaged(published: Path) -> None:
    assert "Everything is as it was published." in run(published, "verify").stderr
    path = Store(published).live()[0].tables["image"][0]
    path.write_bytes(b"something else")
    with pytest.raises(Damaged, match="1 things are not as they were published"):
        run(published, "verify")


def test_status_tells_what_to_do_first(published: Path, tmp_path: Path) -> None:
    shown = run(published, "status").stdout
    assert "lung@1" in shown
    assert "0 of 1,000" in shown
    with pytest.raises(NotSetUp, match="there is no node in"):
        run(tmp_path / "elsewhere", "status")


def test_the_numbers_of_the_policy_are_set_one_by_one_and_stay(published: Path) -> None:
    run(published, "publish", "lung", "--policy", "threshold=20", "--policy", "distinct_share=0.05")
    run(published, "publish", "lung", "--keyword", "screening", "--cancer-type", "lung")
    (one,) = Store(published).live()
    assert (one.policy.threshold, one.policy.distinct_share, one.policy.rounding) == (20, 0.05, 10)
    assert (one.description.keywords, one.description.cancer_types) == ({"en": ("screening",)}, ("lung",))


def test_what_the_persons_consented_to_is_said_at_publishing_and_stays(published: Path) -> None:
    both = ("--consent", "53(1)(e)", "--consent", "53(1)(a)")
    for words, expected in (
        (both, ("53(1)(a)", "53(1)(e)")),
        (("--policy", "threshold=20"), ("53(1)(a)", "53(1)(e)")),
        (("--consent", "any"), ()),
    ):
        run(published, "publish", "lung", *words)
        assert Store(published).live()[0].policy.consented == expected
    with pytest.raises(BadInput, match="any, or names purposes"):
        run(published, "publish", "lung", *both, "--consent", "any")


@pytest.mark.parametrize(
    "wrong", ["threshold", "treshold=20", "threshold=many", "threshold=1", "access=open"]
)
def test_a_number_that_the_policy_does_not_have_is_refused(published: Path, wrong: str) -> None:
    with pytest.raises(BadInput):
        run(published, "publish", "lung", "--policy", wrong)


def test_the_log_shows_what_was_decided_newest_last(published: Path) -> None:
    kinds = [entry["kind"] for entry in json.loads(run(published, "log", "--json").stdout)]
    assert kinds == ["describe", "publish"]
    assert "publish" in run(published, "log", "--last", "1").stdout
    assert "describe" not in run(published, "log", "--last", "1").stdout
