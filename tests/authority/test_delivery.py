"""What nodes confirm with their own signature, and what is sent again until they do."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.authority.office import OFFICER, Office, application, signed

from hanse.authority import delivery, refusals
from hanse.authority.delivery import PATIENCE, Repeating
from hanse.core import clock, ids, refusal, status
from hanse.core import permit as permits
from hanse.core.document import encode, identity
from hanse.core.errors import BadEnvelope, Refused
from hanse.core.permit import Permit
from hanse.core.status import RECEIPT_TYP, STATUS_TYP, Receipt
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey

NODE = FileKey.generate()
ADDRESS = ids.of_node(NODE.public.kid)


@pytest.fixture
def given(here: Office) -> Permit:
    """A permit for one dataset of the node, which the hub has taken."""
    asked = application(here.settings.id)
    dataset = replace(asked.scope.datasets[0], node=ADDRESS)
    said = here.given(
        replace(asked, scope=replace(asked.scope, datasets=(dataset,))), opt_out={dataset.dataset: "0" * 64}
    )
    here.sent()
    return said


def receipt(here: Office, *held: Permit, number: int = 1, signer: FileKey = NODE, **changes: object) -> str:
    with sql.read(here.records) as connection:
        last = connection.scalar(delivery.STATUS.select().with_only_columns(delivery.STATUS.c.number)) or 0
    hashes = {one.id: identity(encode(one)) for one in held}
    said = Receipt(here.settings.id, ADDRESS, NODE.public.jwk, number, last, hashes)
    return jws.issue(signer, replace(said, **changes), RECEIPT_TYP)


def waiting(here: Office, types: Iterable[str] = (permits.TYP, STATUS_TYP)) -> list[int]:
    return [len(here.outgoing(one)) for one in types]


def test_what_nobody_confirmed_is_sent_again_until_somebody_does(here: Office, given: Permit) -> None:
    now = clock.now()
    repeating = Repeating(now)
    assert repeating.look(here.records, here.settings, here.key, now) == 0
    for round in (1, 2):
        repeating.look(here.records, here.settings, here.key, now + round * PATIENCE)
        assert waiting(here) == [1, 1]
        here.sent()
    assert delivery.take(here.records, here.settings.id, receipt(here, given))
    assert repeating.look(here.records, here.settings, here.key, now + 3 * PATIENCE) == 0


def test_a_node_that_holds_an_older_version_or_status_gets_the_new_one(here: Office, given: Permit) -> None:
    older = receipt(here, replace(given, project="Another"), status=7)
    assert delivery.take(here.records, here.settings.id, older)
    with sql.read(here.records) as connection:
        hashes, nodes = delivery.missing(connection, clock.now())
    assert (hashes, nodes) == ([identity(encode(given))], [ADDRESS])


def test_an_older_receipt_does_not_take_the_place_of_a_newer_one(here: Office, given: Permit) -> None:
    assert delivery.take(here.records, here.settings.id, receipt(here, given, number=9))
    for number in (8, 9):
        assert not delivery.take(here.records, here.settings.id, receipt(here, number=number))
    with sql.read(here.records) as connection:
        assert delivery.held(connection) == {ADDRESS: {given.id: identity(encode(given))}}


def test_nobody_confirms_for_a_node(here: Office, given: Permit) -> None:
    hub = FileKey.generate()
    with pytest.raises(BadEnvelope):
        delivery.take(here.records, here.settings.id, receipt(here, given, signer=hub))
    with pytest.raises(BadEnvelope, match="key of the node"):
        delivery.take(here.records, here.settings.id, receipt(here, given, signer=hub, jwk=hub.public.jwk))
    with pytest.raises(Refused, match="another authority"):
        delivery.take(here.records, permits.authority_id(hub.public.kid), receipt(here, given))
    own = {"jwk": hub.public.jwk, "node": ids.of_node(hub.public.kid)}
    with pytest.raises(Refused, match="no permit names"):
        delivery.take(here.records, here.settings.id, receipt(here, given, signer=hub, **own))


def test_everything_is_sent_again_when_a_hub_was_restored(here: Office, given: Permit) -> None:
    delivery.take(here.records, here.settings.id, receipt(here, given))
    assert delivery.again(here.records, here.settings, here.key, clock.now()) == 2
    assert waiting(here) == [1, 1]
    assert (
        delivery.again(here.records, here.settings, here.key, clock.now()) == 1
    )  # what waits is not put twice
    assert waiting(here) == [1, 1]
    ended = clock.now() + timedelta(days=4000)
    here.sent()
    assert delivery.again(here.records, here.settings, here.key, ended) == 1
    assert status.decode(here.outgoing(STATUS_TYP)[0]).current == {}


def test_refusals_are_sent_again_too(here: Office) -> None:
    asked = application(here.settings.id)
    here.take(signed(asked))
    at = clock.now()
    refusals.refuse(
        here.records, here.settings, here.key, identity(encode(asked)), OFFICER, "No purpose is named.", at
    )
    (said,) = here.outgoing(refusal.TYP)
    here.sent()
    assert delivery.again(here.records, here.settings, here.key, at) == 1
    assert here.outgoing(refusal.TYP) == [said]
