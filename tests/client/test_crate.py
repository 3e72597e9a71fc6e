"""A result's RO-Crate verifies without asking anybody; nothing in it can be changed, and no intermediate is in it."""

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.examples import PARAMETERS, people, split
from tests.hub import papers
from tests.hub.papers import AUTHORITY, NODES, RESEARCHER, participant

from hanse import analysis
from hanse.analysis import crate as crates
from hanse.analysis.crate import ATTESTATION, DOCUMENTS, METADATA, PROVENANCE, RESULT, Documents
from hanse.analysis.result import Number
from hanse.client import crate, provenance, reply, run
from hanse.client.access import Granted
from hanse.client.run import Analysis, Started
from hanse.core import clock, ids, order, result
from hanse.core.errors import BadEnvelope, BadInput, Damaged, Problem, Refused
from hanse.core.order import Delegation
from hanse.core.permit import Permit
from hanse.core.release import Why
from hanse.core.scope import Operation
from hanse.domains import VOCABULARY
from hanse.lib import jws
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey, seal

METHOD = "histogram"
PARTS = split(people(900), 2)
REPLY = ReplyKey.generate()
DEVICE = FileKey.generate()
Answer = Callable[[str, int, bool], str]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def intermediate(at: int) -> dict[str, Any]:
    method = analysis.find(METHOD)
    return method.step(PARTS[at], method.read(PARAMETERS[METHOD], VOCABULARY))


def answered(token: str, at: int, sealed: bool) -> str:
    """What a node answers to an order, as `node/uses.py` makes it."""
    node = NODES[at]
    whole = result.decode(jws.unverified(papers.carried_out(token, node, intermediate(at))))
    said, disclosure = result.apart(whole, b"sixteen or more bytes")
    beside = seal(disclosure.encode(), REPLY.jwk) if sealed else disclosure
    return result.join(jws.issue(node, said, result.TYP), beside)


def answered_before(token: str, at: int, sealed: bool) -> str:
    """What an earlier node answers: the aggregate stands in what it signed, or sealed in it."""
    said = papers.carried_out(token, NODES[at], intermediate(at))
    if not sealed:
        return said
    outer = replace(reply.claimed(said), aggregate=None, sealed=seal(said.encode(), REPLY.jwk))
    return jws.issue(NODES[at], outer, result.TYP)


@cache
def given_permit() -> tuple[Permit, Granted]:
    said, token = papers.permitted(papers.applied())
    nodes = [{"node": participant(key), "jwk": key.public.jwk} for key in NODES]
    return said, Granted(said, jws.identity(token), token, nodes, AUTHORITY.public)


def ran(
    sealed: bool = True, away: tuple[int, ...] = (), by_device: bool = False, answer: Answer = answered
) -> Analysis:
    """A run over two nodes of which some are away."""
    said, granted = given_permit()
    asked = {
        "method": METHOD,
        "parameters": analysis.find(METHOD).canonical(
            analysis.find(METHOD).read(PARAMETERS[METHOD], VOCABULARY)
        ),
    }
    signer = DEVICE if by_device else RESEARCHER
    reply = REPLY.jwk if sealed else None
    tokens = [papers.ordered(said, node, signer, version=3, reply_key=reply, **asked) for node in NODES]
    rows = [
        {"order": jws.identity(one), "state": "carried out", "result": answer(one, at, sealed)}
        for at, one in enumerate(tokens)
        if at not in away
    ]
    handed = delegation(said) if by_device else ""
    started = Started("run", granted.hash, REPLY.pem().decode(), tuple(tokens), handed)
    return run.finish(granted, run.collect(started, granted, rows))


def delegation(said: Permit) -> str:
    at = papers.now() - timedelta(hours=1)
    made = Delegation(
        ids.new("delegation"), said.id, DEVICE.public.jwk, (Operation.ANALYSE,), at, at + order.MAX_DELEGATION
    )
    return jws.issue(RESEARCHER, made, order.DELEGATION_TYP)


def files(found: Analysis) -> dict[str, bytes]:
    return crates.crate(found.result, found.provenance, found.documents)


@cache
def small() -> dict[str, bytes]:
    return attested(ran(sealed=False), RESEARCHER)


@pytest.mark.parametrize("sealed", [True, False])
def test_a_crate_verifies_without_asking_anybody(tmp_path: Path, sealed: bool) -> None:
    found = ran(sealed)
    (tmp_path / "crate.zip").write_bytes(found.crate())
    seen = crate.verify(crate.read(tmp_path / "crate.zip"))
    assert seen.granted.hash == found.provenance.permit
    assert seen.granted.signer == AUTHORITY.public
    assert [one.state for one in seen.parts] == ["carried out"] * 2
    assert (seen.result, seen.provenance) == (found.result, found.provenance)
    assert seen.provenance.person == "Principal Investigator (University of the North)"


def test_a_crate_may_be_a_folder_and_is_written_the_same_way_each_time(tmp_path: Path) -> None:
    found = ran()
    for name, content in files(found).items():
        (tmp_path / name).write_bytes(content)
    assert crate.verify(crate.read(tmp_path)).result == found.result
    assert found.crate() == found.crate()


@pytest.mark.parametrize(
    "folder", sorted((Path(__file__).parent / "crates").iterdir()), ids=lambda one: one.name
)
def test_what_was_written_before_goes_on_to_verify(folder: Path) -> None:
    """A crate of each way in which they were ever written: whoever changes the way adds one here."""
    seen = crate.verify(crate.read(folder))
    assert seen.attested
    assert [one.state for one in seen.parts] == ["carried out"] * 2


def test_who_is_missing_was_asked_and_signed_nothing() -> None:
    seen = crate.verify(files(ran(away=(1,))))
    assert [one.state for one in seen.parts] == ["carried out", "waiting"]
    assert seen.provenance.missing == (participant(NODES[1]),)


def test_what_a_device_ordered_verifies_with_the_delegation() -> None:
    found = ran(by_device=True)
    assert crate.verify(files(found)).provenance.person == "Principal Investigator (University of the North)"
    without = replace(found, documents=replace(found.documents, delegation=""))
    with pytest.raises(BadEnvelope, match="a key that the permit does not name"):
        crate.verify(files(without))


@pytest.mark.parametrize("sealed", [True, False])
def test_no_intermediate_is_in_a_crate(sealed: bool) -> None:
    made = files(ran(sealed))
    for token in json.loads(made[DOCUMENTS])["results"]:
        assert isinstance(reply.claimed(token).aggregate, str)
        assert not reply.sealed(token)
    disclosures = [
        result.split(answered(one, at, False))[1] for at, one in enumerate(ran(False).documents.orders)
    ]
    assert not any(one.encode() in content for one in disclosures for content in made.values())


@pytest.mark.parametrize("sealed", [True, False])
def test_what_an_earlier_node_signed_is_read_as_ever(sealed: bool) -> None:
    assert ran(sealed, answer=answered_before).result == ran(sealed).result


def test_a_result_that_holds_its_intermediate_makes_no_crate() -> None:
    found = ran(sealed=False, answer=answered_before)
    assert found.documents.results == ()
    with pytest.raises(Refused, match="cannot be shown"):
        found.crate()


def attested(found: Analysis, signer: FileKey) -> dict[str, bytes]:
    made = files(found)
    token = provenance.attest(made[METADATA], found.provenance.permit, signer)
    return {**made, ATTESTATION: token.encode()}


@pytest.mark.parametrize(("by_device", "signer"), [(False, RESEARCHER), (True, DEVICE), (True, RESEARCHER)])
def test_a_person_of_the_permit_vouches_for_the_numbers(by_device: bool, signer: FileKey) -> None:
    found = ran(by_device=by_device)
    seen = crate.verify(attested(found, signer)).attested
    assert seen
    assert (seen.person, seen.key) == ("Principal Investigator (University of the North)", signer.public)
    assert crate.verify(files(found)).attested is None


def test_numbers_that_somebody_changed_are_vouched_for_by_nobody() -> None:
    """Whoever changes a number can make a crate that fits together, and cannot sign for it."""
    found = ran()
    sheet = found.result.sheets[0]
    forged = replace(sheet, rows=(("a number", Number(7, Why.ROUNDED)), *sheet.rows[1:]))
    other = replace(found, result=replace(found.result, sheets=(forged,)))
    assert crate.verify(files(other)).attested is None
    with pytest.raises(BadEnvelope, match="for another crate"):
        crate.verify({**files(other), ATTESTATION: attested(found, RESEARCHER)[ATTESTATION]})
    with pytest.raises(BadEnvelope, match="attestation does not verify"):
        crate.verify(attested(other, FileKey.generate()))


def test_the_crate_of_a_run_is_vouched_for_by_whoever_reads_its_result(tmp_path: Path) -> None:
    (tmp_path / "crate.zip").write_bytes(ran().crate(RESEARCHER))
    assert crate.verify(crate.read(tmp_path / "crate.zip")).attested


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(small())), st.integers(0), st.integers(0, 7))
def test_every_flipped_bit_is_found(name: str, place: int, bit: int) -> None:
    content = bytearray(small()[name])
    content[place % len(content)] ^= 1 << bit
    with pytest.raises(Problem):
        crate.verify({**small(), name: bytes(content)})


@settings(max_examples=60, deadline=None)
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_of_the_zip_file_is_found_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("flipped") / "crate.zip"
    content = bytearray(provenance.zipped(small()))
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        found = crate.read(path)
        crate.verify(found)
    except Problem:
        return
    assert found == small()


@pytest.mark.parametrize("name", sorted({*small()} - {ATTESTATION}))
def test_a_file_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(Damaged, match=name):
        crate.verify({one: content for one, content in small().items() if one != name})


def test_a_file_that_does_not_belong_is_named() -> None:
    with pytest.raises(Damaged, match="does not belong"):
        crate.verify({**small(), "more.csv": b"1,2\n"})


def changed(change: Callable[[Documents], dict[str, Any]]) -> dict[str, bytes]:
    """A crate whose documents say something else, and whose other files follow from them."""
    found = ran(sealed=False)
    return files(replace(found, documents=replace(found.documents, **change(found.documents))))


def other_key(token: str, typ: str) -> str:
    return FileKey.generate().sign(jws.unverified(token), typ)


@pytest.mark.parametrize(
    ("forged", "says"),
    [
        (lambda was: {"permit": other_key(was.permit, "hanse-permit+jws")}, "permit does not verify"),
        (lambda was: {"authority": FileKey.generate().public.jwk}, "permit does not verify"),
        (lambda was: {"orders": (other_key(was.orders[0], order.TYP), was.orders[1])}, "Order 1"),
        (lambda was: {"results": (other_key(was.results[0], result.TYP), was.results[1])}, "Result 1"),
        (lambda was: {"results": was.results[::-1], "nodes": was.nodes[:1]}, "Result 1"),
        (lambda was: {"orders": was.orders[:1]}, "Result 2 is of an order that is not in the crate"),
        (lambda was: {"results": ()}, "not those of one run"),
    ],
)
def test_what_somebody_else_signed_is_named(forged: Callable[[Documents], dict[str, Any]], says: str) -> None:
    with pytest.raises(BadEnvelope, match=says):
        crate.verify(changed(forged))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"permit": "0" * 64}, "under another permit"),
        ({"dataset": "dataset_" + "0" * 26}, "does not name its dataset"),
        ({"operation": Operation.TRAIN}, "does not cover its operation"),
        ({"issued": clock.read("2001-01-01T00:00:00Z")}, "before the permit began"),
    ],
)
def test_an_order_that_the_permit_does_not_cover_is_named(changes: dict[str, Any], says: str) -> None:
    said, _ = given_permit()
    with pytest.raises(BadEnvelope, match=f"Order 1 .*{says}"):
        crate.verify(changed(lambda _: {"orders": (papers.ordered(said, **changes),), "results": ()}))


def test_other_words_than_those_of_the_documents_are_found() -> None:
    found = ran()
    for said in (
        replace(found.provenance, person="Somebody else"),
        replace(found.provenance, missing=("node_" + "0" * 26,)),
        replace(found.provenance, answers=found.provenance.answers[:1]),
    ):
        with pytest.raises(Damaged, match=PROVENANCE):
            crate.verify(
                crates.crate(found.result, said, found.documents) | {METADATA: files(found)[METADATA]}
            )


def test_numbers_that_were_changed_do_not_fit_the_tables() -> None:
    made = small()
    body = json.loads(made[RESULT])
    body["sheets"][0]["rows"][0][1]["value"] = 7
    with pytest.raises(Damaged):
        crate.verify({**made, RESULT: json.dumps(body, ensure_ascii=False, indent=1).encode()})


@given(JSON)
def test_no_json_breaks_the_verifying_of_a_crate(body: Any) -> None:
    for name in (RESULT, PROVENANCE, DOCUMENTS):
        with pytest.raises(Problem):
            crate.verify({**small(), name: json.dumps(body).encode()})


def test_what_is_no_crate_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no zip file")
    for path in (tmp_path / "text", tmp_path / "nothing"):
        with pytest.raises(BadInput, match="no RO-Crate") as caught:
            crate.read(path)
        assert "hanse runs show RUN" in caught.value.hint
    with pytest.raises(Damaged, match="holds no"):
        crate.verify({})


def test_a_result_is_read_back_as_it_was_written() -> None:
    for method in ("describe", "crosstab", "histogram", "kaplan_meier"):
        chosen = analysis.find(method)
        parameters = chosen.read(PARAMETERS[method], VOCABULARY)
        merged = chosen.merge([chosen.step(people(300), parameters)], parameters)
        released = chosen.release(merged, parameters, run.limits_of(given_permit()[1]))
        again = type(released).from_dict(json.loads(json.dumps(asdict(released))))
        assert again == released
        assert [one.to_csv() for one in again.sheets] == [one.to_csv() for one in released.sheets]


def test_a_zip_file_that_would_grow_without_end_takes_no_memory(tmp_path: Path) -> None:
    """What it says about the sizes of its files counts for nothing."""
    path = tmp_path / "crate.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RESULT, bytes(64 << 20))
    size = (64 << 20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    tracemalloc.start()
    with pytest.raises(BadInput):
        crate.read(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_file_is_read_in_the_one_form_whose_growth_is_bounded(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "crate.zip", "w", method) as archive:
        for name, content in small().items():
            archive.writestr(name, content)
    with pytest.raises(BadInput):
        crate.read(tmp_path / "crate.zip")


def test_a_folder_leads_to_no_file_elsewhere(tmp_path: Path) -> None:
    for name, content in small().items():
        (tmp_path / name).write_bytes(content)
    crate.verify(crate.read(tmp_path))
    (tmp_path / RESULT).rename(tmp_path.parent / "elsewhere")
    (tmp_path / RESULT).symlink_to(tmp_path.parent / "elsewhere")
    with pytest.raises(BadInput):
        crate.read(tmp_path)
