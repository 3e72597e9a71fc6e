"""A result leaves with where it comes from: an RO-Crate whose parts are all named and can be checked."""

import hashlib
import json

from tests.analysis.examples import PARAMETERS, people
from tests.analysis.test_methods import released

from hanse.analysis.crate import METADATA, Answer, Documents, Provenance, crate, documents

PROVENANCE = Provenance(
    permit="ab" * 32,
    person="A researcher",
    software="hanse 0.4.0",
    selection="person.age > 50",
    parameters=PARAMETERS["crosstab"],
    began="2026-11-22T10:00:00Z",
    ended="2026-11-22T10:00:02Z",
    answers=(
        Answer("node_one", "dataset_a@3", "cd" * 32, "ab" * 32, "hanse 0.4.0", "17", "ef" * 32),
        Answer("node_two", "dataset_b@1", "ef" * 32, "cd" * 32, "hanse 0.4.0", "5", "01" * 32),
    ),
    missing=("node_three",),
)
KEY = {"kty": "EC", "crv": "P-256", "x": "x" * 43, "y": "y" * 43}
DOCUMENTS = Documents(KEY, "e30.e30.c2ln", "", ("e30.e31.c2ln",), (KEY, KEY), ("e30.e32.c2ln",))


def made() -> tuple[dict[str, bytes], list[dict]]:
    files = crate(released("crosstab", people(900)), PROVENANCE, DOCUMENTS)
    return files, json.loads(files[METADATA])["@graph"]


def test_every_file_is_in_the_metadata_with_its_checksum() -> None:
    files, graph = made()
    described = {one["@id"]: one for one in graph if one["@type"] == "File"}
    assert set(described) == set(files) - {METADATA}
    for name, one in described.items():
        assert one["sha256"] == hashlib.sha256(files[name]).hexdigest()
    root = next(one for one in graph if one["@id"] == "./")
    assert {one["@id"] for one in root["hasPart"]} == set(described)


def test_everything_that_is_referred_to_is_described() -> None:
    _, graph = made()
    ids = {one["@id"] for one in graph}
    assert len(ids) == len(graph)

    def references(body: object) -> set[str]:
        if isinstance(body, list):
            return set().union(*map(references, body))
        if isinstance(body, dict) and set(body) == {"@id"}:
            return {body["@id"]}
        return set().union(*map(references, body.values())) if isinstance(body, dict) else set()

    assert {one for one in references(graph) if not one.startswith("http")} <= ids


def test_the_run_names_permit_person_software_and_every_dataset() -> None:
    files, graph = made()
    run = next(one for one in graph if one["@type"] == "CreateAction")
    assert PROVENANCE.permit in run["name"]
    assert [one["@id"] for one in run["object"]] == ["#dataset_a@3", "#dataset_b@1"]
    told = json.loads(files["provenance.json"])
    assert [one["log_entry"] for one in told["answers"]] == ["17", "5"]
    assert told["missing"] == ["node_three"]


def test_the_signed_documents_are_read_back() -> None:
    files, _ = made()
    assert documents(files["documents.json"]) == DOCUMENTS
