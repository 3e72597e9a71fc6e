"""How the hub asks: one signed question per node, and the replies as they come."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import timedelta
from typing import Any

from hanse.core import clock, envelope, ids, strict_json
from hanse.core.blob import blob_of
from hanse.core.envelope import Kind
from hanse.core.errors import Problem
from hanse.lib.jws import Signer
from hanse.link.mailbox import Letter, Mailbox, Reply


async def ask(
    mailbox: Mailbox, signer: Signer, nodes: Iterable[str], body: Mapping[str, Any], wait_s: float
) -> AsyncGenerator[Reply, None]:
    """Puts one question to several nodes and yields each node's reply (`answer` or `problem`) as it comes,
    at most one per node, until all have replied or `wait_s` seconds are over. A node that cannot be asked
    is a `problem`.

    Use it under `contextlib.aclosing`, so that leaving early stops the waiting.
    """
    hub = ids.of_hub(signer.public.kid)
    at, life = clock.now(), timedelta(seconds=wait_s)
    end = asyncio.get_running_loop().time() + wait_s
    content = strict_json.dump(body)
    carried = body if len(content) <= envelope.MAX_BODY else blob_of(content)
    questions = {node: envelope.new(Kind.QUESTION, hub, node, carried, at=at, life=life) for node in nodes}
    waiting = set(questions)
    async with mailbox.expect({one.id: node for node, one in questions.items()}, at + life) as replies:
        for node, one in questions.items():
            try:
                if one.blob:
                    await mailbox.store(node, one.blob.sha256, content, one.expires + envelope.SKEW)
                await mailbox.put(
                    Letter(one.id, node, signer.sign(envelope.encode(one), envelope.TYP), one.expires)
                )
            except Problem as problem:
                waiting.discard(node)
                yield Reply(one.id, node, Kind.PROBLEM, problem.as_dict())
        while waiting and (reply := await replies.next(end - asyncio.get_running_loop().time())):
            waiting.discard(reply.node)
            yield reply
