"""A portal whose nodes always answer the same (`tests.canned`): everything else of it is real."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from tests import canned

from hanse.core.answer import NodeAnswer, NodeState, totals
from hanse.core.plain import answer_to_plain
from hanse.hub import config as hubs
from hanse.hub.app import Hub, make_app
from hanse.hub.config import HubConfig
from hanse.hub.search import Asked, Search
from hanse.web.site import of_hub


@dataclass(frozen=True)
class CannedSearch(Search):
    """Reads and checks questions, and answers each with what nodes once said."""

    answers: tuple[NodeAnswer, ...] = canned.ANSWERS
    pause_s: float = 0.01

    async def ask(self, asked: Asked) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        waiting = [
            replace(one, state=NodeState.WAITING, took_ms=None, datasets=(), problem=None)
            for one in self.answers
        ]
        yield (
            "asked",
            {
                "search": "search_01",
                "question": {"text": asked.question.text, "json": asked.question.json},
                "asked": canned.AT,
                "warnings": [*asked.warnings, "Ages of protected data are answered in bands of 5 years."],
                "nodes": [answer_to_plain(one) for one in waiting],
            },
        )
        for one in self.answers:
            await asyncio.sleep(self.pause_s)
            yield "node", answer_to_plain(one)
        yield "done", {"search": "search_01", "totals": asdict(totals(self.answers))}


def application(home: Path, answers: tuple[NodeAnswer, ...] = canned.ANSWERS) -> FastAPI:
    """A hub with its portal, whose nodes say `answers`."""
    settings = HubConfig(home)
    hubs.init(settings)

    def pages(hub: Hub) -> list[Any]:
        search = CannedSearch(hub.records, hub.mailbox, hub.search.signer, hub.vocabulary, answers=answers)
        return of_hub(replace(hub, search=search))

    return make_app(settings, pages)
