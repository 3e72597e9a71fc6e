"""The pages of the portal: each is a module whose `routes(hub)` gives routes below the language, `/datasets` for
`/en/datasets`."""

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from hanse.hub.app import Hub
from hanse.web import (
    api,
    application,
    apply,
    cohort,
    components,
    datasets,
    home,
    mine,
    nodes,
    operator,
    permit,
    reading,
    run,
)

Pages = Callable[[Hub], Sequence[BaseRoute]]

PAGES: tuple[Pages, ...] = (
    home.routes,
    datasets.routes,
    cohort.routes,
    apply.routes,
    application.routes,
    permit.routes,
    run.routes,
    mine.routes,
    nodes.routes,
    reading.routes,
    api.routes,
    components.routes,
    operator.routes,
)
