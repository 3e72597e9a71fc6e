"""Whatever is planted is found by `prepare`, told by its report, and costs nothing but itself."""

import json

import pytest

from hanse.node.prepare import Prepared, prepare
from hanse.node.store import Store
from hanse.synth.faults import PLANTED, plant
from hanse.synth.generate import generate
from hanse.synth.sites import Site, sites

PATIENTS = 10

# What the report says of a fault of files; faults of rows are called in the report as in PLANTED.
SAID = {
    "a truncated file": "ends in the middle",
    "an empty file": "zero bytes",
    "one SOPInstanceUID, two contents": "the same SOPInstanceUID and other content",
}


@pytest.fixture(scope="module", params=sites(), ids=lambda site: site.name)
def spoiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, str], Prepared, dict]:
    """The planted faults of a site, what prepare says, and its report."""
    site: Site = request.param
    tmp_path = tmp_path_factory.mktemp("spoiled")
    generate(tmp_path / "data", site, PATIENTS, seed=2, workers=1)
    planted = plant(tmp_path / "data", site)
    prepared = prepare(Store(tmp_path / "node"), tmp_path / "data", "spoiled", processes=1)
    report = json.loads((tmp_path / "node" / "prepared" / "spoiled" / "report.json").read_text())
    return planted, prepared, report


def test_every_planted_fault_is_in_the_report_with_its_file(
    spoiled: tuple[dict[str, str], Prepared, dict],
) -> None:
    planted, _, report = spoiled
    told = [(one["reason"], one["path"]) for one in report["quarantine"]] + [
        (finding["reason"], place)
        for dimension in report["dimensions"]
        for finding in dimension["findings"]
        for place in finding["places"]
    ]

    assert set(planted) == set(PLANTED)
    for fault, path in planted.items():
        reason = SAID.get(fault, fault)
        name = path.removeprefix("clinical/") if path.startswith("clinical/") else path.rpartition("/")[0]
        assert any(reason in said and name in place for said, place in told), fault


def test_everybody_and_every_series_is_still_there(spoiled: tuple[dict[str, str], Prepared, dict]) -> None:
    _, prepared, report = spoiled

    assert prepared.persons == PATIENTS
    assert prepared.series == report["totals"]["series"] > PATIENTS
    assert prepared.quarantined == 6  # two of them contradict each other, one is the README
