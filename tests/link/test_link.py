"""Questions and answers between a hub and its nodes, over real connections."""

from collections.abc import Callable

from tests.link.running import Calling, Running, echo

from hanse.core import wire
from hanse.lib.jws import FileKey


def test_every_node_answers_and_the_hub_knows_who_said_what(
    hub: Running, call: Callable[..., Calling]
) -> None:
    keys = [FileKey.generate() for _ in range(3)]
    for key in keys:
        hub.enrol(key)
        call(key, echo)
    nodes = [wire.node_id(key.public.kid) for key in keys]
    replies = hub.ask(nodes, {"search": "search_1"})
    assert sorted(reply.node for reply in replies) == sorted(nodes)
    assert all(reply.body == {"search": "search_1"} for reply in replies)
