"""Datasets that do not exist, in any number: records for tests and benchmarks, and a hub's database full of them."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI

from hanse.core import clock, ids
from hanse.core.answer import Cell, Counts, Rule
from hanse.core.policy import Access
from hanse.core.record import Agent, Description, Quality, Record, Variable, Version
from hanse.domains import VOCABULARY
from hanse.hub import catalogue
from hanse.hub import config as hubs
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.hub.registry import State
from hanse.hub.tables import NODE
from hanse.lib import sql
from hanse.lib.jws import FileKey

COUNTRIES = (
    "AT",
    "BE",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "IE",
    "IT",
    "NL",
    "NO",
    "PL",
    "PT",
    "SE",
    "SI",
)
CITIES = (
    "Turku",
    "Ghent",
    "Lisbon",
    "Lyon",
    "Porto",
    "Graz",
    "Odense",
    "Tartu",
    "Brno",
    "Uppsala",
    "Bergen",
    "Torino",
)
CANCERS = ("breast", "lung", "prostate", "colon", "rectum", "liver", "pancreas", "kidney", "small-cell-lung")
MODALITIES = ("MR", "CT", "PT", "MG", "US", "SEG", "DX")
BODY_PARTS = ("BREAST", "CHEST", "PROSTATE", "ABDOMEN", "BRAIN", "PELVIS", "LIVER")
VARIABLES = tuple(field.name for field in VOCABULARY.fields.values())[:40]
KEY = json.dumps(FileKey.generate().public.jwk)  # all nodes have the same: nobody calls
LICENSES = ("CC-BY-4.0", "CC-BY-NC-4.0", "restricted", "https://hospital.example/terms", "")
WITHHELD = Counts(Rule.WITHHELD, threshold=10)
NODES = 40
"""How many nodes `fill` spreads datasets over."""


def records(number: int, kid: str = "kid", seed: int = 1) -> Iterator[Record]:
    """Records of the node with this key: some open, some of few persons, some not searchable, all different."""
    chance = random.Random(seed)
    for place in range(number):
        yield record(chance, kid, place)


def record(chance: random.Random, kid: str, place: int) -> Record:
    cancers = tuple(chance.sample(CANCERS, chance.choice((1, 1, 1, 2, 3))))
    access = chance.choice((Access.OPEN, Access.PROTECTED, Access.PROTECTED, Access.PROTECTED, Access.NONE))
    persons = int(10 ** chance.uniform(1, 4.5))
    said = description(chance, place, cancers)
    return Record(
        id=ids.of_dataset(kid, said.name),
        access=access,
        counts=counts(access, persons),
        said=said,
        breakdowns=breakdowns(chance, access, persons, cancers) if access is not Access.NONE else {},
        variables=tuple(
            Variable(name, counts(access, persons)) for name in VARIABLES[: chance.randint(3, 40)]
        ),
        quality=(
            Quality("completeness", chance.randint(60, 100)),
            Quality("conformance", chance.randint(80, 100)),
        ),
        vocabulary=VOCABULARY.version,
        versions=tuple(
            Version(number + 1, f"{place:064x}", clock.text(START + timedelta(days=place % 900 + number)))
            for number in range(chance.randint(1, 3))
        ),
    )


START = clock.read("2024-01-01T00:00:00Z")


def description(chance: random.Random, place: int, cancers: tuple[str, ...]) -> Description:
    codes = VOCABULARY.fields["condition.cancer_type"].codes
    assert codes is not None
    labels = [codes.codes[cancer].label for cancer in cancers]
    english = " and ".join(label["en"].lower() for label in labels)
    french = " et ".join(label["fr"].lower() for label in labels)
    city, country = chance.choice(CITIES), chance.choice(COUNTRIES)
    return Description(
        name=f"cohort-{place}",
        title={"en": f"{city} cohort {place} of {english}", "fr": f"Cohorte {place} de {city} : {french}"},
        about={
            "en": f"Images and clinical records of people with {english}, treated in {city}. " + WORDS_EN,
            "fr": f"Images et dossiers cliniques de personnes avec {french}, traitées à {city}. " + WORDS_FR,
        },
        keywords={"en": (*cancers, "imaging", f"study-{place % 50}"), "fr": ("imagerie",)},
        license=chance.choice(LICENSES),
        link=f"https://{city.lower()}.example/datasets/{place}",
        country=country,
        synthetic=True,
        cancer_types=cancers,
        languages=("en",),
        holder=Agent(f"University Hospital {city}", email=f"data@{city.lower()}.example", country=country),
        contact=Agent(f"Data office of {city}", email=f"data@{city.lower()}.example"),
        conditions=("DUO:0000042",),
        citation=f"{city} consortium. A cohort of {english}. 2026.",
    )


WORDS_EN = (
    "Collected over ten years under one protocol, with follow-up, staging and outlines drawn by radiologists."
)
WORDS_FR = "Recueillies pendant dix ans selon un seul protocole, avec suivi, stadification et contours par radiologues."


def breakdowns(
    chance: random.Random, access: Access, persons: int, cancers: tuple[str, ...]
) -> dict[str, tuple[Cell, ...]]:
    values = {
        "image.modality": chance.sample(MODALITIES, chance.randint(1, 3)),
        "image.body_part": chance.sample(BODY_PARTS, chance.randint(1, 3)),
        "condition.cancer_type": list(cancers),
        "person.sex": ["female", "male"],
    }
    return {
        field: tuple(Cell(one, counts(access, persons // (2 + place))) for place, one in enumerate(found))
        for field, found in values.items()
    }


def counts(access: Access, persons: int) -> Counts:
    """Counts as disclosure control would let them go, more or less."""
    if access is Access.NONE:
        return Counts(Rule.NOT_COUNTED)
    if access is Access.OPEN:
        return Counts(Rule.EXACT, persons, persons + persons // 3, persons * 5)
    if persons < 40:
        return WITHHELD
    about = persons // 10 * 10
    return Counts(Rule.ROUNDED, about, about + about // 10 * 2, about * 5, rounding=10)


def hub_of(home: Path, number: int, nodes: int = NODES, pages: Any = lambda hub: ()) -> FastAPI:
    """The application of a new hub that knows so many datasets."""
    settings = HubConfig(home, url="https://hub.example.org")
    hubs.init(settings)
    app = make_app(settings, pages)
    fill(app.state.hub.records, number, nodes)
    return app


def fill(engine: sa.Engine, number: int, nodes: int = NODES) -> None:
    """Approved nodes in a hub's database that describe so many datasets together."""
    at = clock.now()
    for place in range(nodes):
        kid = f"key-{place}"
        held = tuple(records(len(range(place, number, nodes)), kid, seed=place))
        with sql.begin(engine) as connection:
            connection.execute(NODE.insert().values(**node_row(place, kid, clock.text(at))))
            catalogue.describe(connection, ids.of_node(kid), held, at)


def node_row(place: int, kid: str, at: str) -> dict[str, object]:
    """The row of an approved node."""
    return {
        "id": ids.of_node(kid),
        "kid": kid,
        "jwk": KEY,
        "name": f"Hospital {CITIES[place % len(CITIES)]} {place}",
        "country": COUNTRIES[place % len(COUNTRIES)],
        "state": State.ACTIVE,
        "note": "",
        "enrolled": at,
        "seen": at,
        "software": "0.1.0",
        "vocabulary": VOCABULARY.version,
        "protocol": 1,
    }
