"""`/nodes`, `/nodes/ID` and `/status`: who takes part, what each node is able to do, and how it has answered lately."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse import __version__
from hanse.core import clock
from hanse.core.errors import NotFound
from hanse.core.record import Tier
from hanse.hub import registry
from hanse.hub.app import Hub
from hanse.hub.card import Card
from hanse.hub.health import Times
from hanse.hub.registry import Node, State
from hanse.lib import sql
from hanse.web import charts, saying
from hanse.web.charts import Bar
from hanse.web.language import N_, address
from hanse.web.language import gettext as _
from hanse.web.render import render

SHOWN = 50  # datasets on a node's page


@dataclass(frozen=True, slots=True)
class Member:
    """A node as the pages show it. `tier` is the highest of its datasets."""

    node: Node
    online: bool
    tier: Tier
    datasets: Sequence[Card]
    times: Times | None

    @property
    def state(self) -> tuple[str, str]:
        """Whether it calls, as a word and as a tone."""
        return (_("online"), "good") if self.online else (_("offline"), "warn")


def routes(hub: Hub) -> list[Route]:
    """The nodes, one node, and the status page."""

    async def list_(request: Request) -> Response:
        found = await run_in_threadpool(members, hub)
        return render(request, "nodes/list.html", members=found, map=by_country(found))

    async def one(request: Request) -> Response:
        found = await run_in_threadpool(members, hub)
        wanted = request.path_params["node"]
        member = next((one for one in found if one.node.id == wanted), None)
        if member is None:
            raise NotFound(N_("There is no such node."))
        return render(request, "nodes/one.html", member=member, shown=SHOWN, holders=holders(member))

    async def status(request: Request) -> Response:
        found = await run_in_threadpool(members, hub)
        return render(
            request,
            "nodes/status.html",
            members=found,
            states=states(found),
            software=__version__,
            vocabulary=hub.vocabulary.version,
            under_way=hub.search.asking,
        )

    return [Route("/nodes", list_), Route("/nodes/{node}", one), Route("/status", status)]


def members(hub: Hub) -> list[Member]:
    """The approved nodes, by name."""
    at = clock.now()
    with sql.read(hub.records) as connection:
        nodes = registry.nodes(connection, State.ACTIVE)
    held: dict[str, list[Card]] = {}
    for card in hub.library.shelf().cards:
        held.setdefault(card.source.id, []).append(card)
    return [
        Member(
            node,
            node.online(at),
            max((card.tier for card in held.get(node.id, ())), key=list(Tier).index, default=Tier.CATALOGUE),
            held.get(node.id, ()),
            hub.search.health.times(node.id),
        )
        for node in nodes
    ]


def by_country(found: Sequence[Member]) -> charts.Map:
    """How many nodes there are in each country; a country of one node leads to it."""
    counts = Counter(one.node.country for one in found)
    leads = {
        one.node.country: address(f"/nodes/{one.node.id}") for one in found if counts[one.node.country] == 1
    }
    return charts.country_map(_("Nodes by country"), _("nodes"), counts, leads)


def states(found: Sequence[Member]) -> charts.Chart:
    """How many nodes call, and how many do not."""
    online = sum(one.online for one in found)
    told = ((_("online"), online, "good"), (_("offline"), len(found) - online, "warn"))
    rows = (Bar(label, count, saying.number(count), tone=tone) for label, count, tone in told)
    return charts.parts(_("Nodes by state"), _("nodes"), rows)


def holders(member: Member) -> list[str]:
    """The organisations that hold the node's datasets, those with most of them first."""
    return [name for name, _count in Counter(card.holder for card in member.datasets).most_common(10)]
