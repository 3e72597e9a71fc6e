"""Records as search engines read them."""

import json
from dataclasses import replace

from tests.core import records
from tests.core.records import SPACE

from hanse.core import schemaorg
from hanse.core.record import english


def test_a_full_record_says_what_a_search_engine_shows() -> None:
    body = schemaorg.dataset(records.full(), "Node", SPACE, "fr")
    assert body["name"] == "IRM du sein, 2015 à 2025"
    assert body["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert body["creator"]["email"] == "data@hospital.example"
    assert body["spatialCoverage"] == ["Finlande"]
    assert body["measurementTechnique"] == ["Imagerie par résonance magnétique (IRM)", "Mammographie"]
    assert (body["version"], body["dateModified"]) == ("2", "2026-02-03")


def test_a_description_has_50_to_5000_characters() -> None:
    long = replace(records.full(), said=replace(records.full().said, about=english("x" * 9000)))
    for record in (records.small(), records.full(), records.hostile(), long):
        assert 50 <= len(schemaorg.dataset(record, "Node", SPACE)["description"]) <= 5000


def test_what_is_not_known_is_left_out() -> None:
    body = schemaorg.dataset(records.small(), "Node", SPACE)
    assert {"license", "citation", "keywords", "version", "isAccessibleForFree"}.isdisjoint(body)


def test_ten_thousand_variables_do_not_fill_a_page() -> None:
    assert len(schemaorg.dataset(records.hostile(10_000), "Node", SPACE)["variableMeasured"]) == 200
    assert json.dumps(schemaorg.dataset(records.hostile(), "Node", SPACE))
