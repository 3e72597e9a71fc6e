"""What strangers, nodes and a hub that was taken over try, and what they get."""

import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.link.running import HELLO, Calling, Running, echo

from hanse.core import clock, envelope, greeting, ids, plain
from hanse.core.answer import Counts, Rule
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadEnvelope, NotFound, Refused
from hanse.core.policy import Access
from hanse.core.record import Description, Record, english
from hanse.lib.jws import FileKey
from hanse.link import enrolment, inbound
from hanse.link.caller import Caller
from hanse.link.mailbox import Letter
from hanse.link.outbound import Reply

MINUTE = timedelta(minutes=1)


@pytest.fixture
def key(hub: Running) -> FileKey:
    """The key of a node that takes part."""
    one = FileKey.generate()
    hub.enrol(one)
    return one


def signed(
    hub: Running, key: FileKey, kind: Kind = Kind.POLL, signer: FileKey | None = None, **changes: Any
) -> str:
    """A message of the node with this key, and what an attacker changed in it."""
    made = {
        "sender": ids.of_node(key.public.kid),
        "audience": ids.of_hub(hub.key.public.kid),
        "body": {"hold_s": 0, "got": []},
        "at": clock.now(),
        "life": MINUTE,
        "typ": envelope.TYP,
    } | changes
    typ = made.pop("typ")
    return (signer or key).sign(envelope.encode(envelope.new(kind, **made)), typ)


def refusal(hub: Running, token: str) -> str:
    """Why a poll was refused."""
    status, problem = hub.post("poll", token)
    assert status in (401, 403)
    return str(problem["detail"])


def result(hub: Running, token: str) -> str:
    """What became of a message in a batch: its state, or why it was refused."""
    status, body = hub.post("answers", [token])
    assert status == 200
    (one,) = body["results"]
    return str(one["problem"]["detail"] if one["state"] == "refused" else one["state"])


def test_an_honest_message_is_accepted(hub: Running, key: FileKey) -> None:
    assert hub.post("poll", signed(hub, key)) == (200, {"messages": []})


def test_a_message_counts_once(hub: Running, key: FileKey) -> None:
    poll, hello = signed(hub, key), signed(hub, key, Kind.HELLO, body=HELLO.as_dict())
    hub.post("poll", poll)
    assert refusal(hub, poll) == "This message came before."
    assert result(hub, hello) == "accepted"
    assert result(hub, hello) == "This message came before."


def test_a_message_from_before_a_restart_does_not_count_again(hub: Running, key: FileKey) -> None:
    poll = signed(hub, key)
    time.sleep(0.01)
    hub.stop()
    hub.start(hub.port)
    assert refusal(hub, poll) == "This message came before."


def test_unknown_and_unapproved_and_removed_look_equal(hub: Running) -> None:
    stranger, pending = FileKey.generate(), FileKey.generate()
    enrolment.request(hub.address, pending, hub.invite(), "Turku", "FI", HELLO)
    unknown = hub.post("poll", signed(hub, stranger))
    assert unknown[0] == 403
    assert hub.post("poll", signed(hub, pending)) == unknown


def test_a_signature_of_another_key_is_refused(hub: Running, key: FileKey) -> None:
    other = FileKey.generate()
    hub.enrol(other, "Oulu")
    token = signed(hub, key, signer=other)
    assert "not from the key's own node" in refusal(hub, token)
    head, _, signature = token.split(".")
    body = signed(hub, key).split(".")[1]
    assert refusal(hub, f"{head}.{body}.{signature}") == "The signature does not verify."


@pytest.mark.parametrize("path", ["poll", "answers"])
def test_a_message_for_another_hub_is_refused(hub: Running, key: FileKey, path: str) -> None:
    elsewhere = ids.of_hub(FileKey.generate().public.kid)
    if path == "poll":
        assert refusal(hub, signed(hub, key, audience=elsewhere)) == "The message is for somebody else."
    else:
        token = signed(hub, key, Kind.HELLO, body=HELLO.as_dict(), audience=elsewhere)
        assert result(hub, token) == "The message is for somebody else."


@pytest.mark.parametrize("kind", [Kind.POLL, Kind.FETCH, Kind.ENROL, Kind.QUESTION])
def test_a_message_of_one_kind_is_no_message_of_another(hub: Running, key: FileKey, kind: Kind) -> None:
    assert "belongs elsewhere" in result(hub, signed(hub, key, kind))
    if kind is not Kind.POLL:
        assert "belongs elsewhere" in refusal(hub, signed(hub, key, kind))


def test_an_enrolment_is_no_answer_and_an_answer_is_no_enrolment(hub: Running, key: FileKey) -> None:
    assert "another use" in result(hub, signed(hub, key, Kind.ENROL, typ=envelope.ENROL_TYP))
    body = {"jwk": key.public.jwk}
    status, problem = hub.post("enrol", signed(hub, key, Kind.ENROL, body=body))
    assert (status, problem["detail"]) == (401, "This token was made for another use.")


@pytest.mark.parametrize("wrong_by", [-10 * MINUTE, 10 * MINUTE])
def test_a_wrong_clock_is_told_both_times(hub: Running, key: FileKey, wrong_by: timedelta) -> None:
    at = clock.now() + wrong_by
    status, problem = hub.post("poll", signed(hub, key, at=at))
    assert (status, problem["type"]) == (401, "/problems/wrong-clock")
    assert clock.text(at) in problem["detail"]
    assert "time server" in problem["hint"]


def test_one_bad_message_spoils_no_other(hub: Running, key: FileKey) -> None:
    good = signed(hub, key, Kind.HELLO, body=HELLO.as_dict())
    bad: list[Any] = ["", "a.b.c", 7, None, True, signed(hub, FileKey.generate(), Kind.HELLO)]
    status, body = hub.post("answers", [*bad, good, signed(hub, key, Kind.HELLO, body={"hello": []})])
    assert status == 200
    assert [one["state"] for one in body["results"]] == ["refused"] * 6 + ["accepted", "refused"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"messages": 3}',
        '{"messages": [' + '"x",' * 70 + '"x"]}',
        '{"messages": [{}]}',
        '{"messages": [' + "[]," * 1_000_000 + "[]]}",
        "\xff",
    ],
    ids=lambda body: body[:20],
)
def test_what_is_no_batch_is_refused_whole(hub: Running, body: str) -> None:
    assert hub.post("answers", body)[0] == 401


def test_giant_requests_are_not_read_to_their_end(hub: Running) -> None:
    assert hub.post("poll", "x" * 100_000)[0] == 413
    assert hub.post("enrol", "x" * 100_000)[0] == 413
    assert hub.post("answers", b"x" * (9 << 20))[0] == 413


def test_a_request_that_trickles_in_is_dropped_and_holds_up_nobody(
    hub: Running, key: FileKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "READ_WITHIN_S", 0.2)
    with socket.create_connection(("127.0.0.1", hub.port)) as slow:
        slow.sendall(b"POST /link/v1/poll HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n\r\nx")
        assert hub.post("poll", signed(hub, key))[0] == 200
        slow.settimeout(5)
        assert slow.recv(1000).startswith(b"HTTP/1.1 401")


def test_a_node_cannot_answer_the_question_of_another(
    hub: Running, key: FileKey, call: Callable[..., Calling]
) -> None:
    thief = FileKey.generate()
    hub.enrol(thief, "Thief")
    outcome: list[str] = []

    def steal(message: Envelope) -> Reply:
        forged = signed(hub, thief, Kind.ANSWER, body={"persons": 10**6}, reply_to=message.id)
        outcome.append(result(hub, forged))
        return echo(message)

    call(key, steal)
    (reply,) = hub.ask([ids.of_node(key.public.kid)], {"search": "search_1"})
    assert outcome == ["late"]
    assert reply.body == {"search": "search_1"}


def test_a_node_answers_a_question_once(hub: Running, key: FileKey, call: Callable[..., Calling]) -> None:
    node = ids.of_node(key.public.kid)
    states: list[str] = []

    def twice(message: Envelope) -> None:
        states.extend(
            result(hub, signed(hub, key, Kind.ANSWER, body={"persons": persons}, reply_to=message.id))
            for persons in (1, 2)
        )

    calling = call(key, twice)
    assert [reply.body for reply in hub.ask([node], {})] == [{"persons": 1}]
    calling.stop()
    assert states == ["accepted", "late"]


def test_a_node_cannot_describe_the_dataset_of_another(hub: Running, key: FileKey) -> None:
    theirs = ids.of_dataset(FileKey.generate().public.kid, "breast")
    record = Record(theirs, Access.OPEN, Counts(Rule.EXACT, 3), Description("breast", english("Breast MR")))
    body = plain.catalogue_to_plain((record,))
    assert "not the id" in result(hub, signed(hub, key, Kind.CATALOGUE, body=body))


def test_a_blob_is_for_its_node_and_one_use(hub: Running, key: FileKey) -> None:
    other = FileKey.generate()
    hub.enrol(other, "Oulu")
    mine, theirs = Caller(hub.address, key), Caller(hub.address, other)
    blob = mine.write(b"content")
    assert mine.read(blob) == b"content"
    with pytest.raises(NotFound):
        theirs.read(blob)
    message = signed(hub, other, Kind.ANSWER, body=blob, reply_to="message_1")
    assert "not here" in result(hub, message)
    with pytest.raises(BadEnvelope, match="another blob"):
        mine._request("PUT", f"/blobs/{'0' * 64}", b"content", mine._allow(blob, write=True))
    with pytest.raises(BadEnvelope, match="other direction"):
        mine._request("GET", f"/blobs/{blob.sha256}", b"", mine._allow(blob, write=True))
    with pytest.raises(BadEnvelope, match="not what the message names"):
        mine._request("PUT", f"/blobs/{blob.sha256}", b"changed", mine._allow(blob, write=True))
    with pytest.raises(BadEnvelope, match="Authorization"):
        mine._request("GET", f"/blobs/{blob.sha256}", b"", {})
    mine.close()
    theirs.close()


def test_a_node_obeys_nobody_but_its_hub(hub: Running, key: FileKey, call: Callable[..., Calling]) -> None:
    """Messages as a man in the middle, or a hub's thief without the key, would lay them before a node."""
    node, hub_id, stranger = ids.of_node(key.public.kid), ids.of_hub(hub.key.public.kid), FileKey.generate()
    handled: list[str] = []

    def question(
        signer: FileKey, sender: str, audience: str, ago: timedelta, kind: Kind = Kind.QUESTION
    ) -> Letter:
        message = envelope.new(kind, sender, audience, {}, at=clock.now() - ago, life=MINUTE)
        token = signer.sign(envelope.encode(message), envelope.TYP)
        return Letter(message.id, node, token, clock.now() + MINUTE)

    def note(message: Envelope) -> Reply:
        handled.append(message.id)
        return echo(message)

    now = timedelta(0)
    for bad in (
        question(stranger, hub_id, node, now),
        question(key, hub_id, node, now),
        question(hub.key, hub_id, ids.of_node(stranger.public.kid), now),
        question(hub.key, node, node, now),
        question(hub.key, hub_id, node, now, Kind.ANSWER),
        question(hub.key, hub_id, node, 5 * MINUTE),
        question(hub.key, hub_id, node, -5 * MINUTE),
        Letter("message_x", node, "garbage", clock.now() + MINUTE),
    ):
        hub.put(bad)
    call(key, note)
    (reply,) = hub.ask([node], {"search": "search_1"}, wait_s=10.0)
    assert reply.body == {"search": "search_1"}
    assert len(handled) == 1


def test_a_hub_with_another_key_is_not_the_hub(hub: Running, key: FileKey) -> None:
    pinned = FileKey.generate().public
    caller = Caller(type(hub.address)(hub.url, pinned.kid), key)
    with pytest.raises(Refused, match=pinned.fingerprint):
        caller.meet(greeting.PROTOCOLS)
    caller.close()
