"""Permits: what it costs to verify an order and to decide about it, with keys that are already loaded.

Times are of the CPU, for one use. The peer of verifying is joserfc itself, called as its documentation shows it.
"""

import importlib.metadata
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from joserfc import jws as joserfc
from joserfc.jwk import ECKey
from tests.core import permits
from tests.node import permitted

from hanse.core import decision, order, permit_words
from hanse.core.decision import Facts, Use
from hanse.core.document import Signed
from hanse.core.order import Order
from hanse.core.permit import TYP as PERMIT_TYP
from hanse.core.permit import Kind, Permit
from hanse.core.scope import Key, KeyUse, Person, Role
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey, seal

VERIFY_MS, DECIDE_MS = 0.5, 1.0
PERSONS = 40  # with two keys each: a large project


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Measurements, each with a name, a number and its unit."""
    times = 20 if small else 1000
    key, holder = FileKey.generate(), FileKey.generate()
    permit = crowded(key)
    order_token = jws.issue(key, ordered(permit), order.TYP)
    facts = known(permit, holder)
    peer_key = ECKey.import_key(key.public.jwk)
    reply = ReplyKey.generate()
    answer = b"x" * 10_000
    signed = jws.read(order_token, key.public, order.TYP, order.decode)
    assert decision.decide(Use(signed), facts).allowed

    def gate() -> None:
        """All that a node does between the bytes of an order and the data, without its database."""
        read = jws.read(order_token, key.public, order.TYP, order.decode)
        assert decision.decide(Use(read), facts).allowed

    verifying = cpu_ms(lambda: jws.verify(order_token, key.public, order.TYP), times)
    peer = cpu_ms(lambda: joserfc.deserialize_compact(order_token, peer_key, algorithms=["ES256"]), times)
    payload = jws.verify(jws.issue(key, permit, PERMIT_TYP), key.public, PERMIT_TYP)
    return [
        row("verifying an order", verifying, bar=VERIFY_MS, peer=peer),
        row(
            "verifying and reading an order",
            cpu_ms(lambda: read_order(order_token, key), times),
            bar=VERIFY_MS,
        ),
        row(
            f"deciding, {PERSONS} persons",
            cpu_ms(lambda: decision.decide(Use(signed), facts), times),
            bar=DECIDE_MS,
        ),
        row("verifying, reading and deciding", cpu_ms(gate, times), bar=DECIDE_MS),
        row("the same with all that a node's records say", recorded_ms(times), bar=DECIDE_MS),
        row("saying a permit in words", cpu_ms(lambda: permit_words.say(payload, PERMIT_TYP), times // 10)),
        row("signing an order", cpu_ms(lambda: jws.issue(key, signed.document, order.TYP), times)),
        row("sealing an answer of 10 kB", cpu_ms(lambda: seal(answer, reply.jwk), times // 4)),
    ]


def recorded_ms(times: int) -> float:
    """A node's decision about an order: permit, status, approval, veto and earlier uses come from its database."""
    with tempfile.TemporaryDirectory() as home:
        node = permitted.make(Path(home))
        permit = permitted.allow(node, permitted.permit_for(node))
        token = permitted.ordered(permitted.order(node, permit))
        (published,) = node.store.live()

        def decide(connection: sa.Connection) -> None:
            use, facts = node.uses.known(connection, token, "", published)
            assert decision.decide(use, facts).allowed

        with sql.read(node.store.records) as connection:
            return cpu_ms(lambda: decide(connection), times)


def read_order(token: str, key: FileKey) -> Signed[Order]:
    return jws.read(token, key.public, order.TYP, order.decode)


def crowded(key: FileKey) -> Permit:
    """A permit of many persons, of whom the last orders."""
    login = permits.PERSONS[0].login
    others = [
        Person(
            f"Person {number}",
            "University",
            "FI",
            Role.MEMBER,
            tuple(Key(permits.jwk(f"{number}{use}"), use, False) for use in KeyUse),
            login,
        )
        for number in range(PERSONS - 1)
    ]
    me = replace(permits.PERSONS[0], keys=(Key(key.public.jwk, KeyUse.WORKING, False),))
    return permits.with_scope(persons=(*others, me))


def ordered(permit: Permit) -> Order:
    return replace(permits.ORDER, permit=permits.hash_of(permit))


def known(permit: Permit, holder: FileKey) -> Facts:
    """Everything that allows the order."""
    hash, authority = permits.hash_of(permit), permit.authority.kid
    status = replace(permits.STATUS, current={permit.id: hash})
    approval = replace(permits.APPROVAL, permit=hash, at=permits.AT - timedelta(days=1))
    return Facts(
        at=permits.AT,
        node=permits.NODE,
        authorities={authority: frozenset({Kind.EHDS})},
        holders=frozenset({holder.public.kid}),
        permit=Signed(permit, authority, hash),
        status=Signed(status, authority, ""),
        status_number=1,
        approval=Signed(approval, holder.public.kid, ""),
        veto=None,
        versions=(3,),
        opt_out=permit.scope.datasets[0].opt_out,
    )


def cpu_ms(do: Callable[[], Any], times: int) -> float:
    """Milliseconds of CPU for one call, after one that does not count."""
    do()
    began = time.process_time()
    for _ in range(times):
        do()
    return 1000 * (time.process_time() - began) / times


def row(name: str, ours: float, *, bar: float | None = None, peer: float | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "unit": "ms CPU",
        "peer": peer,
        "peer_name": "joserfc" if peer else None,
        "peer_version": importlib.metadata.version("joserfc") if peer else None,
        "ratio": peer / ours if peer else None,
        "bar": bar,
        "holds": None if bar is None else ours <= bar,
    }
