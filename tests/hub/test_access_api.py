"""The API of runs, as who ordered one and looks on sees it."""

from collections.abc import Callable
from pathlib import Path

import httpx
from starlette.types import ASGIApp
from tests.hub import papers
from tests.hub.papers import AUTHORITY, NODES, now, participant

from hanse.client import events
from hanse.core.bodies import Carried
from hanse.hub import config
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.hub.office import Office
from hanse.lib import sql


def test_a_permit_that_is_revoked_closes_the_runs_that_are_open(
    tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    settings = HubConfig(tmp_path)
    config.init(settings)
    url = serve(make_app(settings))
    records = sql.engine(settings.database_url)
    papers.let_all_in(records)
    office = Office(records, settings.key())
    given, signed = papers.permitted(papers.applied())
    office.receive(participant(AUTHORITY), [signed], now())
    run, _ = office.place([Carried(papers.ordered(given))], now())
    headers = {"Authorization": f"Hanse {papers.visiting(run)}", "Accept": "text/event-stream"}
    address = f"{url}/api/v1/runs/{run}"
    with httpx.Client(trust_env=False, timeout=60) as web:
        with web.stream("GET", address, headers=headers) as answer:
            seen = events.read(answer.iter_bytes())
            assert next(seen)[0] == "order"
            revoked = papers.said_status(NODES[0], 2, revoked=(given.id,))
            office.receive(participant(AUTHORITY), [revoked], now())
            name, problem = next(seen)
            assert (name, problem["rule"]) == ("problem", "revocation")
            assert list(seen) == []
        assert web.get(address, headers=headers).json() == problem
