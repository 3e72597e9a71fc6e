"""`/components`: every component of `templates/parts.html`, for those who make pages."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.hub.app import Hub
from hanse.web import charts
from hanse.web.charts import Bar
from hanse.web.language import address
from hanse.web.language import gettext as _
from hanse.web.render import render


def routes(hub: Hub) -> list[Route]:
    """The page of components."""

    async def components(request: Request) -> Response:
        return render(request, "components.html", charts=examples(), facet=FACET)

    return [Route("/components", components)]


FACET = (
    {"value": "MR", "label": "MR", "count": 77, "chosen": True},
    {"value": "CT", "label": "CT", "count": 1204, "chosen": False},
    {"value": "PT", "label": "PET", "count": 0, "chosen": False},
)


def examples() -> list[charts.Chart | charts.Map]:
    """One chart of each kind, with a number that is not shown."""
    kinds = (Bar("MR", 120, "~120", address("/datasets")), Bar("CT", 60, "~60"), Bar("PET", None, "< 10"))
    ages = ((30, 20), (35, 60), (40, 110), (45, 140), (50, 130), (55, 90), (60, None), (65, 20))
    years = [
        Bar(f"{age}–{age + 4}", count, "< 10" if count is None else f"~{count}", short=str(age))
        for age, count in ages
    ]
    states = (Bar(_("online"), 3, "3", tone="good"), Bar(_("offline"), 1, "1", tone="warn"))
    return [
        charts.bars(_("Modality"), _("persons"), kinds),
        charts.histogram(_("Age"), _("persons"), years),
        charts.parts(_("Nodes by state"), _("nodes"), states),
        charts.country_map(
            _("Nodes by country"), _("nodes"), {"FI": 1, "BE": 2, "US": 1}, {"FI": address("/nodes")}
        ),
    ]
