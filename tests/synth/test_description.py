"""The descriptions of what the demo publishes are full, and make records that conform."""

from dataclasses import replace

import duckdb
import pytest
from tests.core import records
from tests.core.test_dcat import DCAT_AP, HEALTH, of, shapes, violations

from hanse.core import profile
from hanse.core.policy import Access
from hanse.core.profile import Facts
from hanse.domains.catalogue import WORDS
from hanse.domains.imaging import idc
from hanse.synth.description import describe
from hanse.synth.sites import Site, sites


@pytest.mark.parametrize("site", sites(), ids=lambda site: site.country)
def test_a_synthetic_hospital_is_described_in_full(site: Site) -> None:
    assert profile.check(describe(site, "cancer-images"), Facts(), WORDS) == ()


@pytest.mark.shared
@pytest.mark.parametrize("site", sites(), ids=lambda site: site.country)
def test_the_record_of_a_synthetic_hospital_conforms(site: Site) -> None:
    graph = of(replace(records.full(), said=describe(site, "cancer-images")))
    assert violations(graph, shapes(HEALTH)) == ""
    assert violations(graph, shapes(*DCAT_AP)) == ""


@pytest.mark.shared
def test_the_record_of_a_collection_of_the_idc_conforms_to_dcat_ap() -> None:
    with duckdb.connect() as connection:
        idc.load(connection, *idc.installed())
        said = {one.name: one for one in idc.collections(connection)}["idc-nlst"]
    record = replace(records.full(), said=said, access=Access.OPEN)
    assert violations(of(record), shapes(*DCAT_AP)) == ""
