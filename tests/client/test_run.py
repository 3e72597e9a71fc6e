"""A run from order to released result: over a real hub, with nodes that answer over the link as nodes do."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.analysis.examples import PARAMETERS, people, split
from tests.hub import papers
from tests.hub.papers import AUTHORITY, HELLO, NODES, RESEARCHER, participant
from tests.link.running import Calling

from hanse import analysis
from hanse.client import Hanse, run
from hanse.client.access import Applicant, Granted, Wish
from hanse.core import bodies, ids, order, plain, result
from hanse.core.answer import Counts, Rule
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadAnalysis, Refused, Unreachable
from hanse.core.permit import authority_id
from hanse.core.policy import Access
from hanse.core.record import Description, Record, Version, english
from hanse.core.release import Limits, dice
from hanse.domains import VOCABULARY
from hanse.hub import config
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.lib import jws
from hanse.lib.jws import FileKey
from hanse.lib.seal import seal
from hanse.link.caller import Hub
from hanse.link.outbound import Outbound, Reply

METHOD = "kaplan_meier"
PEOPLE = people(900)
PARTS = split(PEOPLE, 2)
APPLICANT = Applicant("Principal Investigator", "University of the North", "FI")


def step(at: int) -> dict[str, Any]:
    method = analysis.find(METHOD)
    return method.step(PARTS[at], method.read(PARAMETERS[METHOD], VOCABULARY))


def answered(token: str, at: int, signer: FileKey | None = None, **changes: Any) -> Reply:
    """A node's result to an order, sealed to its reply key."""
    node, asked = NODES[at], order.decode(jws.unverified(token))
    found = result.decode(jws.unverified(papers.carried_out(token, node, step(at)), limit=result.MAX_TOKEN))
    found = replace(found, **changes)
    assert asked.reply_key
    shown, disclosure = result.apart(found, b"sixteen or more bytes")
    token = jws.issue(signer or node, shown, result.TYP)
    return Reply(Kind.RESULT, {"result": result.join(token, seal(disclosure.encode(), asked.reply_key))})


def beside(said: Reply, other: Reply) -> Reply:
    """What a node signed, and beside it what came with another answer."""
    token, _ = result.split(said.body["result"])
    _, disclosure = result.split(other.body["result"])
    return Reply(Kind.RESULT, {"result": result.join(token, disclosure)})


@dataclass
class Connection:
    """To an app; when it is cut, what is told of runs ends after its first word."""

    app: ASGIApp
    cut: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def some(message: Message) -> None:
            if message["type"] == "http.response.body" and message.get("body"):
                await send({**message, "more_body": False})
                raise ConnectionResetError
            await send(message)

        cut = self.cut and scope.get("path", "").startswith("/api/v1/runs/")
        with suppress(ConnectionResetError):
            await self.app(scope, receive, some if cut else send)


def refused(*_: Any) -> Reply:
    return Reply(Kind.PROBLEM, Refused("The holder stopped the use of its data.", rule="veto").as_dict())


@dataclass
class Space:
    """A hub with two nodes and an authority; tests say how the nodes answer."""

    hub: Hanse
    send: Callable[[Kind, dict[str, Any]], None]
    connection: "Connection"
    answers: dict[int, Callable[[str, int], Reply]] = field(
        default_factory=lambda: {0: answered, 1: answered}
    )

    def permitted(self) -> Granted:
        wish = Wish(
            authority_id(AUTHORITY.public.kid),
            tuple(ids.of_dataset(key.public.kid, "registry") for key in NODES),
            "Survival",
            ("To learn how long patients live.",),
        )
        hash = self.hub.apply(wish, APPLICANT, RESEARCHER)
        given, _ = papers.permitted(self.hub.application(hash)["token"])
        given = replace(given, scope=replace(given.scope, persons=_checked(given.scope.persons)))
        self.send(Kind.DOCUMENTS, {"documents": [jws.issue(AUTHORITY, given, "hanse-permit+jws")]})
        while not self.hub.application(hash)["permit"]:
            threading.Event().wait(0.05)
        return self.hub.permit(given.id)

    def run(self, granted: Granted, **chosen: Any) -> run.Analysis:
        return self.hub.run(granted.hash, METHOD, PARAMETERS[METHOD], RESEARCHER, **chosen)


def _checked(persons: Any) -> Any:
    return tuple(replace(one, name=APPLICANT.name) for one in persons)


@pytest.fixture
def space(tmp_path: Path, serve: Callable[[ASGIApp], str]) -> Iterator[Space]:
    settings = HubConfig(tmp_path / "hub")
    config.init(settings)
    app = make_app(settings)
    connection = Connection(app)
    url = serve(connection)
    papers.let_all_in(app.state.hub.records)
    address = Hub(url, settings.key().public.kid)

    def link(key: FileKey, name: str) -> Outbound:
        return Outbound(address, key, HELLO, tmp_path / f"{name}.db", hold_s=2.0)

    authority = link(AUTHORITY, "authority")
    made = Space(Hanse(url), authority.send, connection)
    running = [Calling(authority, lambda _: None)]
    for at, key in enumerate(NODES):
        outbound = link(key, str(at))
        outbound.send(Kind.CATALOGUE, plain.catalogue_to_plain([_record(key)]))
        running.append(Calling(outbound, _handler(made, at)))
    while len(made.hub.datasets()) < len(NODES):
        threading.Event().wait(0.05)
    yield made
    for one in running:
        one.stop()


def _handler(space: Space, at: int) -> Callable[[Envelope], Reply | None]:
    def handle(message: Envelope) -> Reply | None:
        if message.kind is not Kind.ORDER:
            return None
        return space.answers[at](bodies.order(message.body).order, at)

    return handle


def _record(key: FileKey) -> Record:
    return Record(
        ids.of_dataset(key.public.kid, "registry"),
        Access.PROTECTED,
        Counts(Rule.ROUNDED, 450, 450, 450, rounding=10),
        Description("registry", english("Registry")),
        versions=(Version(3, "0" * 64, "2026-02-03T04:05:06Z"),),
    )


def test_a_run_over_two_nodes_equals_the_pooled_result(space: Space) -> None:
    granted = space.permitted()
    seen: list[str] = []
    found = space.run(granted, watch=lambda row: seen.append(row["state"]))
    method = analysis.find(METHOD)
    parameters = method.read(PARAMETERS[METHOD], VOCABULARY)
    pooled = method.merge([method.step(PEOPLE, parameters)], parameters)
    limits = run.limits_of(granted)
    assert found.result == method.release(pooled, parameters, limits)
    assert seen[-1] == "carried out"
    assert (found.missing, found.figure is not None) == ((), True)
    with zipfile.ZipFile(io.BytesIO(found.crate())) as archive:
        assert json.loads(archive.read("provenance.json"))["permit"] == granted.hash
    assert found.table().count("\n") > 2


def test_a_result_says_how_much_noise_the_nodes_added(space: Space) -> None:
    method, limits = analysis.find(METHOD), Limits(noise=4)
    parameters = method.read(PARAMETERS[METHOD], VOCABULARY)

    def noisy(token: str, at: int) -> Reply:
        draw = dice(b"secret", bytes([at]), limits)
        return answered(token, at, aggregate=method.carried(step(at), parameters, limits.noise, draw))

    space.answers = {0: noisy, 1: noisy}
    found = space.run(space.permitted())
    assert found.result.limits.noise == 8
    assert any("off by at most 16" in note for note in found.result.notes)


def test_a_partial_result_says_who_is_missing_and_why(space: Space) -> None:
    space.answers[1] = refused
    found = space.run(space.permitted())
    assert found.missing == (participant(NODES[1]),)
    assert [one.state for one in found.parts] == ["carried out", "refused"]
    assert (found.parts[1].problem or {})["rule"] == "veto"


def test_only_the_chosen_nodes_are_asked(space: Space) -> None:
    found = space.run(space.permitted(), nodes=[participant(NODES[1])])
    assert [one.order.node for one in found.parts] == [participant(NODES[1])]


@pytest.mark.parametrize(
    "forged",
    [
        lambda token, at: answered(token, at, FileKey.generate()),  # by the hub
        lambda token, at: answered(token, at, NODES[1 - at]),  # by the other node
        lambda token, at: answered(token, at, version=7),
        lambda token, at: beside(answered(token, at), answered(token, at, aggregate={"persons": 9999})),
        lambda token, at: beside(answered(token, at), Reply(Kind.RESULT, {"result": "nothing"})),
    ],
)
def test_what_the_node_did_not_sign_is_not_in_the_result(
    space: Space, forged: Callable[[str, int], Reply]
) -> None:
    space.answers[1] = forged
    found = space.run(space.permitted())
    assert [one.state for one in found.parts] == ["carried out", "not genuine"]
    assert found.missing == (participant(NODES[1]),)


@pytest.mark.parametrize("aggregate", [{}, {"persons": 10**400}, {"counts": "all"}])
def test_what_a_node_signed_and_nobody_can_merge_spoils_no_other_result(
    space: Space, aggregate: dict[str, Any]
) -> None:
    space.answers[1] = lambda token, at: answered(token, at, aggregate=aggregate)
    found = space.run(space.permitted())
    assert [one.state for one in found.parts] == ["carried out", "unusable"]
    assert found.missing == (participant(NODES[1]),)


def test_a_run_is_read_again_in_another_process(space: Space) -> None:
    granted = space.permitted()
    started = run.start(space.hub, granted, METHOD, PARAMETERS[METHOD], RESEARCHER)
    kept = run.Started.from_json(started.to_json())
    assert space.hub.finish(kept, RESEARCHER).result == space.hub.finish(started, RESEARCHER).result


def test_a_hub_that_is_lost_in_mid_run_is_said_to_be_lost(space: Space) -> None:
    started = run.start(space.hub, space.permitted(), METHOD, PARAMETERS[METHOD], RESEARCHER)
    space.connection.cut = True
    with pytest.raises(Unreachable, match="before all was said"):
        space.hub.finish(started, RESEARCHER)
    space.connection.cut = False
    assert space.hub.finish(started, RESEARCHER).missing == ()


def test_wrong_parameters_are_refused_before_anything_is_sent(space: Space) -> None:
    granted = space.permitted()
    with pytest.raises(BadAnalysis):
        run.start(space.hub, granted, METHOD, {"until": "nothing"}, RESEARCHER)
    space.answers = {0: refused, 1: refused}
    with pytest.raises(Refused, match="No node carried out"):
        space.run(granted, deadline=timedelta(minutes=1))
