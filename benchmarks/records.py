"""Records of the catalogue: checking one against the official shapes, and writing and checking a thousand.

The peer of writing is rdflib's own serialiser. The official shapes lie beside the checkout; without them, checking is
left out.
"""

import importlib.metadata
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import rdflib
from pyshacl import validate
from tests.core import records

from hanse.core import dcat, plain
from hanse.core.dcat import Page
from hanse.core.profile import Facts, check
from hanse.core.record import Record
from hanse.domains.catalogue import WORDS
from hanse.lib.rdf import FORMATS, write

SHAPES = Path(__file__).parents[2] / "shared" / "data" / "metadata"
FILES = (
    "healthdcat-ap-r8/non-public-shapes.ttl",
    "dcat-ap-3.0.1/dcatap301-shapes.ttl",
    "dcat-ap-3.0.1/dcatap301-range.ttl",
)
ONE_RECORD_MS = 300
RUNS = 15


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Measurements, each with a name, a number and its unit."""
    many = [replace(records.full(), id=f"dataset_{number}") for number in range(20 if small else 1000)]
    found = [row("our own check of one description", median_ms(own_check), "ms")]
    if SHAPES.is_dir():
        shapes = official_shapes()
        one = median_ms(lambda: conforms(many[:1], shapes), runs=3 if small else RUNS)
        found.append(row("SHACL validation of one record", one, "ms", bar=ONE_RECORD_MS))
        seconds = taken(lambda: conforms(many, shapes))
        found.append(row(f"SHACL validation of {len(many):,} records at once", seconds, "s"))
    triples = dcat.catalogue(((one, "Node") for one in many), page(len(many)), records.SPACE)
    found.append(row(f"mapping {len(many):,} records", taken(lambda: mapped(many)), "s"))
    for name in ("turtle", "json-ld", "rdf-xml"):
        found.append(beside_rdflib(name, triples))
    found.append(row(f"reading {len(many):,} records of a node", taken(lambda: read_again(many)), "s"))
    return found


def row(
    name: str, ours: float, unit: str, *, bar: float | None = None, peer: float | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "unit": unit,
        "peer": peer,
        "peer_name": "rdflib" if peer else None,
        "peer_version": importlib.metadata.version("rdflib") if peer else None,
        "ratio": peer / ours if peer else None,
        "bar": bar,
        "holds": None if bar is None else ours <= bar,
    }


def beside_rdflib(name: str, triples: tuple[Any, ...]) -> dict[str, Any]:
    """Writing a page of the catalogue, and rdflib writing the same."""
    graph = rdflib.Graph().parse(data=write(triples, FORMATS["n-triples"]), format="nt")
    ours = taken(lambda: write(triples, FORMATS[name]))
    peer = taken(lambda: graph.serialize(format={"rdf-xml": "xml"}.get(name, name)))
    return row(f"writing them as {name}", ours, "s", peer=peer)


def official_shapes() -> rdflib.Graph:
    graph = rdflib.Graph()
    for name in FILES:
        text = (SHAPES / name).read_text(encoding="utf-8")
        graph.parse(data=text.replace("<http://data.europa.eu/r5r>", "<http://data.europa.eu/r5r/>"))
    return graph


def conforms(some: list[Record], shapes: rdflib.Graph) -> None:
    """From records to the verdict, as a catalogue would do it when they come in."""
    triples = [triple for one in some for triple in dcat.dataset(one, "Node", records.SPACE)]
    graph = rdflib.Graph().parse(data=write(triples, FORMATS["n-triples"]), format="nt")
    verdict, _, words = validate(graph, shacl_graph=shapes, inplace=True)
    assert verdict, words


def own_check() -> None:
    check(records.full().said, Facts(), WORDS)


def mapped(many: list[Record]) -> None:
    for one in many:
        dcat.dataset(one, "Node", records.SPACE)


def read_again(many: list[Record]) -> None:
    plain.catalogue_from_plain(plain.catalogue_to_plain(tuple(many)))


def page(total: int) -> Page:
    here = f"{records.SPACE.url}/api/v1/datasets"
    return Page(here, here, here, total)


def taken(act: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def median_ms(act: Callable[[], object], runs: int = RUNS) -> float:
    act()
    return 1000 * statistics.median(taken(act) for _ in range(runs))
